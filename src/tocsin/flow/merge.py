"""Merge: the same event told twice within a window is one event with a count.

Two reports tell the same event when the fields in `KEY` agree; the time is not among them.
An event is a repeat when one with the same key, already kept, lies less than the window
(24 hours) before or after it. The first in order of file and row is kept. The key is
BLAKE2b-128 over the canonical text of the fields, so it is the same on every machine, in
every version of every library, and cannot be forged to collide (RFC 7693).

Window segments are immutable files, up to two per run: sorted keys with the time of the event.
One holds what somebody was told who could act on it. The other holds what reached nobody: it makes
no repeats, but a row that would be one is marked `heard`, so that it flows only if it reaches
somebody now (docs/decisions/0014).
"""

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from hashlib import blake2b
from pathlib import Path

import numpy as np
import polars as pl

WINDOW = timedelta(hours=24)

KEY: tuple[str, ...] = (
    "classification.type",
    "classification.identifier",
    "malware.name",
    "source.ip",
    "source.network",
    "source.port",
    "source.fqdn",
    "source.url",
    "source.account",
    "destination.ip",
    "destination.port",
    "destination.fqdn",
    "destination.url",
    "protocol.transport",
    "protocol.application",
    "malware.hash.md5",
    "malware.hash.sha1",
    "malware.hash.sha256",
    "product.vulnerabilities",
    "event_description.target",
    # Shadowserver tells different weaknesses of one service apart by these alone.
    "extra.tag",
    "extra.detail",
    "extra.category",
)
_SEPARATOR = "\x1f"  # cannot stand in a field: control characters are taken out on reading

KEYED = np.dtype([("k0", ">u8"), ("k1", ">u8"), ("time", "<i8"), ("seq", "<u4")])
SEEN = np.dtype([("k0", ">u8"), ("k1", ">u8"), ("time", "<i8")])


def event_keys(events: pl.DataFrame) -> bytes:
    """16 bytes per row, joined: the BLAKE2b-128 of the fields in `KEY`."""
    parts = [
        pl.col(name).cast(pl.String).fill_null("") if name in events.columns else pl.lit("")
        for name in KEY
    ]
    canonical = events.select(pl.concat_str(parts, separator=_SEPARATOR).alias("key"))
    return b"".join(
        [blake2b(text.encode(), digest_size=16).digest() for text in canonical["key"].to_list()]
    )


def keyed(events: pl.DataFrame, keys: bytes, observed_us: int) -> np.ndarray:
    """Rows of `KEYED` sorted by key, then order; `time` in microseconds since 1970, UTC."""
    rows = np.empty(len(events), dtype=KEYED)
    pairs = np.frombuffer(keys, dtype=">u8").reshape(-1, 2)
    rows["k0"], rows["k1"] = pairs[:, 0], pairs[:, 1]
    if "time.source" in events.columns:
        rows["time"] = events["time.source"].to_physical().fill_null(observed_us).to_numpy()
    else:
        rows["time"] = observed_us
    rows["seq"] = np.arange(len(events), dtype=np.uint32)
    return rows[np.lexsort((rows["seq"], rows["k1"], rows["k0"]))]


@dataclass(frozen=True)
class Verdict:
    """One bucket judged. `repeats`: (chunk, seq) of rows to leave out; `counts`: (chunk, seq,
    number) for kept rows that were told more than once; `fresh`: `SEEN` rows for the window, and
    `kept`: (chunk, seq) of each of them; `heard`: (chunk, seq) of kept rows that an earlier run
    had, and could tell to nobody."""

    repeats: np.ndarray
    counts: np.ndarray
    fresh: np.ndarray
    kept: np.ndarray
    heard: np.ndarray


def bucket_of(path: Path, bucket: int, buckets: int, dtype: np.dtype) -> np.ndarray:
    """The rows of a sorted key file whose key falls into one of `buckets` equal slices."""
    rows = np.load(path, mmap_mode="r")
    width = 2**64 // buckets
    low = bucket * width
    first = np.searchsorted(rows["k0"], np.uint64(low)) if bucket else 0
    last = (
        np.searchsorted(rows["k0"], np.uint64(low + width)) if bucket + 1 < buckets else len(rows)
    )
    return np.array(rows[first:last], dtype=dtype)


def judge(
    bucket: int,
    buckets: int,
    chunks: Sequence[Path],
    segments: Iterable[Path],
    window: timedelta,
    *,
    untold: Iterable[Path] = (),
) -> Verdict:
    """Decide, for one slice of all keys, which rows are repeats.

    `chunks`: key files of this run in order of file and row; `segments`: of earlier runs whose
    window is still open, `untold` those of what reached nobody.
    """
    told = [bucket_of(path, bucket, buckets, KEYED) for path in chunks]
    known = _joined([bucket_of(path, bucket, buckets, SEEN) for path in segments], SEEN)
    before = _joined([bucket_of(path, bucket, buckets, SEEN) for path in untold], SEEN)
    rows = _joined(told, KEYED)
    chunk = np.repeat(np.arange(len(told), dtype=np.int64), [len(part) for part in told])
    window_us = int(window.total_seconds() * 1_000_000)
    order, holders = _anchors(known, rows, chunk, window_us)
    verdict = _verdict(rows, chunk, order, holders)
    return replace(verdict, heard=verdict.kept[_heard(before, verdict.fresh, window_us)])


def _joined(parts: list[np.ndarray], dtype: np.dtype) -> np.ndarray:
    return np.concatenate(parts) if parts else np.empty(0, dtype=dtype)


def _anchors(
    known: np.ndarray, rows: np.ndarray, chunk: np.ndarray, window_us: int
) -> tuple[np.ndarray, np.ndarray]:
    """For each row in `order`, the row it repeats (own index: kept; -1: the window's)."""
    k0 = np.concatenate([known["k0"], rows["k0"]]).astype(np.uint64)
    k1 = np.concatenate([known["k1"], rows["k1"]]).astype(np.uint64)
    rank = np.concatenate([np.full(len(known), -1, dtype=np.int64), chunk])
    seq = np.concatenate([np.zeros(len(known), dtype=np.uint32), rows["seq"]])
    order = np.lexsort((seq, rank, k1, k0))
    if not len(order):
        return order, order
    k0, k1 = k0[order], k1[order]
    time = np.concatenate([known["time"], rows["time"]])[order]
    starts = np.r_[True, (k0[1:] != k0[:-1]) | (k1[1:] != k1[:-1])]
    heads = np.flatnonzero(starts)
    group = np.cumsum(starts) - 1
    holder = heads[group]
    far = np.abs(time - time[holder]) >= window_us
    ends = np.r_[heads[1:], len(order)]
    for number in np.unique(group[far]):
        span = slice(heads[number], ends[number])
        is_known = order[span] < len(known)
        holder[span] = heads[number] + _walk(time[span], is_known, window_us)
    own = order - len(known)
    return own, np.maximum(own[holder], -1)


def _walk(time: np.ndarray, is_known: np.ndarray, window_us: int) -> np.ndarray:
    """One key told over more than a window: row by row against the kept ones, by bisection.

    Per row the place of the row it repeats, its own where it is kept.
    """
    holder = np.arange(len(time))
    kept: list[tuple[int, int]] = []
    for at, moment in enumerate(time.tolist()):
        spot = bisect_left(kept, (moment, -1))
        near = kept[max(0, spot - 1) : spot + 1]
        gap, place = min(
            ((abs(when - moment), where) for when, where in near), default=(window_us, at)
        )
        if gap < window_us and not is_known[at]:
            holder[at] = place
        else:
            kept.insert(spot, (moment, at))
    return holder


def _heard(before: np.ndarray, rows: np.ndarray, window_us: int) -> np.ndarray:
    """True where one of `before` has the row's key and lies less than the window away.

    All in order of key and time: it is enough to look at the nearest one on either side.
    """
    if not len(before) or not len(rows):
        return np.zeros(len(rows), dtype=bool)
    both = np.concatenate([before, rows])
    k0, k1 = both["k0"].astype(np.uint64), both["k1"].astype(np.uint64)
    order = np.lexsort((both["time"], k1, k0))
    k0, k1, time = k0[order], k1[order], both["time"][order]
    places = np.arange(len(both))
    earlier = order < len(before)
    last = np.maximum.accumulate(np.where(earlier, places, 0))
    following = np.where(earlier, places, len(both) - 1)[::-1]
    next_ = np.minimum.accumulate(following)[::-1]
    near = np.zeros(len(both), dtype=bool)
    for side in (last, next_):
        same = earlier[side] & (k0[side] == k0) & (k1[side] == k1)
        near |= same & (np.abs(time - time[side]) < window_us)
    found = np.empty(len(both), dtype=bool)
    found[order] = near
    return found[len(before) :]


def _verdict(
    rows: np.ndarray, chunk: np.ndarray, order: np.ndarray, holders: np.ndarray
) -> Verdict:
    mine = order >= 0
    order, holders = order[mine], holders[mine]
    repeated = holders != order
    held = holders[repeated]
    kept, number = np.unique(held[held >= 0], return_counts=True)
    first = order[~repeated]
    return Verdict(
        _places(rows, chunk, order[repeated]),
        np.column_stack([_places(rows, chunk, kept), number]),
        rows[first][["k0", "k1", "time"]].astype(SEEN),
        _places(rows, chunk, first),
        np.empty((0, 2), dtype=np.int64),
    )


def _places(rows: np.ndarray, chunk: np.ndarray, which: np.ndarray) -> np.ndarray:
    """(chunk, seq) of these rows."""
    return np.stack([chunk[which], rows["seq"][which].astype(np.int64)], axis=1)


def expire(segments: Iterable[tuple[Path, int]], at_us: int, window: timedelta) -> list[Path]:
    """Segments (file, when its run was) whose window has closed at `at_us`."""
    limit = at_us - int(window.total_seconds() * 1_000_000)
    return [path for path, when in segments if when <= limit]
