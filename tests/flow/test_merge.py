"""The same event told twice: against a plain reading, row after row; and keys that never change."""

import time
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import polars as pl
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.flow.world import MANY, events
from tocsin.flow.merge import (
    KEY,
    KEYED,
    SEEN,
    WINDOW,
    Verdict,
    event_keys,
    expire,
    judge,
    keyed,
)

HOUR = 3600 * 1_000_000
DAY_US = 24 * HOUR
Told = list[tuple[int, int]]  # (key, hours)


def key_of(number: int) -> bytes:
    """Keys spread over all slices; two of them differ in their last byte alone."""
    return bytes([number * 40 % 256]) + bytes(14) + bytes([number // 4])


def written(rows: Told, path: Path, dtype: np.dtype = KEYED) -> Path:
    moments = pl.Series([hours * HOUR for _, hours in rows], dtype=pl.Int64)
    table = pl.DataFrame({"time.source": moments.cast(pl.Datetime("us", "UTC"))})
    made = keyed(table, b"".join(key_of(key) for key, _ in rows), 0)
    np.save(path, made if dtype is KEYED else made[list(SEEN.names or ())].astype(SEEN))
    return path


def judged(
    chunks: list[Told], segments: list[Told], folder: Path, *, buckets: int = 1
) -> list[Verdict]:
    told = [written(rows, folder / f"c{n}.npy") for n, rows in enumerate(chunks)]
    seen = [written(rows, folder / f"s{n}.npy", SEEN) for n, rows in enumerate(segments)]
    return [judge(bucket, buckets, told, seen, WINDOW) for bucket in range(buckets)]


def plainly(
    chunks: list[Told], segments: list[Told]
) -> tuple[set[tuple[int, int]], dict[tuple[int, int], int], list[tuple[int, int]]]:
    """Repeats, counts per kept row, kept (key, hours): each row against all kept before it.

    Several kept rows may be near; the nearest counts the repeat, the first told if equally near.
    """
    kept: list[tuple[int, int, tuple[int, int] | None]] = [
        (key, hours, None) for rows in segments for key, hours in rows
    ]
    repeats: set[tuple[int, int]] = set()
    counts: dict[tuple[int, int], int] = {}
    for number, rows in enumerate(chunks):
        for seq, (key, hours) in enumerate(rows):
            near = [
                (abs(hours - when), place)
                for same, when, place in kept
                if same == key and abs(hours - when) < 24
            ]
            if not near:
                kept.append((key, hours, (number, seq)))
                continue
            repeats.add((number, seq))
            gap = min(gap for gap, _ in near)
            holders = [place for distance, place in near if distance == gap]
            if None not in holders:
                holder = min(place for place in holders if place)
                counts[holder] = counts.get(holder, 0) + 1
    return repeats, counts, [(key, hours) for key, hours, place in kept if place]


def pairs(rows: np.ndarray) -> list[tuple[int, ...]]:
    return [tuple(row) for row in rows.tolist()]


told_rows = st.lists(st.tuples(st.integers(0, 6), st.integers(0, 100)), max_size=12)


@given(
    st.lists(told_rows, min_size=1, max_size=3),
    st.lists(told_rows, max_size=2),
    st.sampled_from([1, 4, 7]),
)
@example([[(0, 0), (0, 30), (0, 23), (0, 24), (0, 53)]], [], 1)
@example([[(0, 10)]], [[(0, 10), (0, 10)]], 1)
@MANY
def test_the_first_is_kept_and_every_later_one_within_a_day_of_a_kept_one_is_a_repeat(
    chunks: list[Told], segments: list[Told], buckets: int
) -> None:
    # What earlier runs kept lies a day apart or more; a window with less is no window.
    segments = [plainly([rows], [])[2] for rows in segments]
    with TemporaryDirectory() as name:
        verdicts = judged(chunks, segments, Path(name), buckets=buckets)
    repeats, counts, fresh = plainly(chunks, segments)

    found = [pair for verdict in verdicts for pair in pairs(verdict.repeats)]
    assert (len(found), set(found)) == (len(repeats), repeats)
    kept = [
        (bytes(row.tobytes()[:16]), int(row["time"]) // HOUR)
        for verdict in verdicts
        for row in verdict.fresh
    ]
    assert sorted(kept) == sorted((key_of(key), hours) for key, hours in fresh)
    told = {row[:2]: row[2] for verdict in verdicts for row in pairs(verdict.counts)}
    if not any(segments):
        assert told == counts
    assert sum(told.values()) <= len(repeats)


@given(
    st.lists(told_rows, min_size=1, max_size=3),
    st.lists(told_rows, max_size=2),
    st.lists(told_rows, max_size=2),
    st.sampled_from([1, 4, 7]),
)
@example([[(0, 24), (0, 50)]], [], [[(0, 0)], [(0, 27)]], 1)
@MANY
def test_what_reached_nobody_makes_no_repeats_and_is_known_again(
    chunks: list[Told], segments: list[Told], untold: list[Told], buckets: int
) -> None:
    segments = [plainly([rows], [])[2] for rows in segments]
    with TemporaryDirectory() as name:
        folder = Path(name)
        plain = judged(chunks, segments, folder, buckets=buckets)
        told = [folder / f"c{n}.npy" for n in range(len(chunks))]
        seen = [folder / f"s{n}.npy" for n in range(len(segments))]
        before = [written(rows, folder / f"u{n}.npy", SEEN) for n, rows in enumerate(untold)]
        verdicts = [
            judge(bucket, buckets, told, seen, WINDOW, untold=before) for bucket in range(buckets)
        ]

    for side in ("repeats", "counts", "fresh", "kept"):
        found = [getattr(verdict, side).tolist() for verdict in verdicts]
        assert found == [getattr(verdict, side).tolist() for verdict in plain]
    kept = {pair for verdict in verdicts for pair in pairs(verdict.kept)}
    assert {pair for verdict in verdicts for pair in pairs(verdict.heard)} == {
        (number, seq)
        for number, seq in kept
        for key, hours in [chunks[number][seq]]
        if any(key == same and abs(hours - when) < 24 for rows in untold for same, when in rows)
    }


@given(st.lists(told_rows, min_size=1, max_size=3), st.integers(1, 9))
@MANY
def test_slices_do_not_change_the_judgement_and_their_keys_come_in_order(
    chunks: list[Told], buckets: int
) -> None:
    with TemporaryDirectory() as name:
        (whole,) = judged(chunks, [], Path(name))
        parts = judged(chunks, [], Path(name), buckets=buckets)

    for side in ("repeats", "counts", "kept"):
        joined = [pair for part in parts for pair in pairs(getattr(part, side))]
        assert sorted(joined) == sorted(pairs(getattr(whole, side)))
    assert b"".join(part.fresh.tobytes() for part in parts) == whole.fresh.tobytes()
    assert whole.fresh["k0"].tolist() == sorted(whole.fresh["k0"].tolist())


@pytest.mark.parametrize(("hours", "repeated"), [(0, 1), (23, 1), (24, 0), (-23, 1), (-24, 0)])
def test_a_day_later_or_earlier_is_another_event(hours: int, repeated: int, tmp_path: Path) -> None:
    (verdict,) = judged([[(1, 48), (1, 48 + hours)]], [], tmp_path)

    assert len(verdict.repeats) == repeated


def test_the_window_outlives_the_process_in_its_segment_files(tmp_path: Path) -> None:
    (first,) = judged([[(1, 0), (2, 0), (1, 5)]], [], tmp_path)
    segment = tmp_path / "run-1.npy"
    np.save(segment, first.fresh)
    again = written([(1, 20), (3, 20), (2, 30)], tmp_path / "again.npy")

    verdict = judge(0, 1, [again], [segment], WINDOW)

    assert (pairs(first.repeats), pairs(first.counts)) == ([(0, 2)], [(0, 0, 1)])
    assert (pairs(verdict.repeats), pairs(verdict.counts)) == ([(0, 0)], [])
    assert len(verdict.fresh) == 2


def test_one_key_told_a_hundred_thousand_times_takes_a_moment(tmp_path: Path) -> None:
    """A bot over two years, every ten minutes; quadratic work would take hours."""
    rows = np.zeros(100_000, dtype=KEYED)
    rows["time"] = np.arange(100_000, dtype=np.int64) * (DAY_US // 144)
    rows["seq"] = np.arange(100_000)
    np.save(tmp_path / "c.npy", rows)

    began = time.process_time()
    verdict = judge(0, 1, [tmp_path / "c.npy"], [], WINDOW)

    assert time.process_time() - began < 10
    assert len(verdict.fresh) == -(-100_000 // 144)
    assert int(verdict.counts[:, 2].sum()) == len(verdict.repeats) == 100_000 - len(verdict.fresh)


# ── keys ─────────────────────────────────────────────────────────────────────────────────

BOT = {
    "classification.type": "infected-system",
    "malware.name": "MeadowBot",
    "source.ip": "192.0.2.7",
    "source.port": "50112",
    "destination.ip": "198.51.100.9",
    "destination.port": "80",
    "protocol.transport": "tcp",
    "time.source": "2026-06-17 09:00:00",
}


def test_the_key_of_an_event_is_the_same_for_ever() -> None:
    """Written down on 2026-11-23: if this fails, every window in the field forgets."""
    assert event_keys(events(BOT)).hex() == "463aff823ce86dd68a40d6e5fd36a229"


def test_the_key_is_blake2b_128_of_the_fields_in_their_order() -> None:
    row = events(BOT).row(0, named=True)
    text = "\x1f".join("" if row.get(name) is None else str(row[name]) for name in KEY)

    assert event_keys(events(BOT)) == blake2b(text.encode(), digest_size=16).digest()


@pytest.mark.parametrize("name", [name for name in KEY if name != "classification.type"])
def test_every_field_of_the_key_tells_events_apart(name: str) -> None:
    values = {
        "source.ip": ("192.0.2.8", "192.0.2.9"),
        "source.network": ("192.0.2.0/25", "192.0.2.128/25"),
        "source.port": ("1", "2"),
        "source.url": ("http://a.example/1", "http://a.example/2"),
        "destination.ip": ("192.0.2.8", "2001:db8::1"),
        "destination.port": ("1", "2"),
        "destination.url": ("http://a.example/1", "http://a.example/2"),
        "protocol.transport": ("tcp", "udp"),
        "malware.hash.md5": ("a" * 32, "b" * 32),
        "malware.hash.sha1": ("a" * 40, "b" * 40),
        "malware.hash.sha256": ("a" * 64, "b" * 64),
    }
    one, other = values.get(name, ("a.example", "b.example"))

    keys = {event_keys(events(BOT | {name: value})) for value in (one, other)}

    assert len(keys) == 2
    assert event_keys(events(BOT | {name: one}, BOT | {name: other})) in {
        b"".join(order) for order in (sorted(keys), sorted(keys, reverse=True))
    }


@pytest.mark.parametrize(
    "more",
    [
        {"time.source": "2026-06-17 10:00:00"},
        {"source.asn": "64496"},
        {"extra.sensor": "b"},
        {"feed.provider": "another"},
        {"source.ip": "::ffff:192.0.2.7"},
        {"classification.taxonomy": "other"},
    ],
)
def test_what_is_not_in_the_key_does_not_tell_events_apart(more: dict[str, str]) -> None:
    assert event_keys(events(BOT | more)) == event_keys(events(BOT))


def test_an_event_without_a_time_counts_from_the_moment_of_the_run() -> None:
    table = events(BOT, {name: value for name, value in BOT.items() if name != "time.source"})

    rows = keyed(table, event_keys(table), 77)

    assert sorted(rows["time"].tolist()) == [
        77,
        int(datetime(2026, 6, 17, 9, tzinfo=UTC).timestamp() * 1_000_000),
    ]


def test_a_segment_expires_when_its_window_has_closed() -> None:
    segments = [(Path("old"), 0), (Path("edge"), HOUR), (Path("new"), HOUR + 1)]

    assert expire(segments, 25 * HOUR, timedelta(hours=24)) == [Path("old"), Path("edge")]
