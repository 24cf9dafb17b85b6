"""Rows out of the event store, proved in the files themselves."""

import json
from datetime import date
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from tocsin.flow import erasure, merge, store
from tocsin.flow.erasure import (
    check_files,
    compact,
    count_due,
    drop_events,
    erase_events,
    erase_quarantined,
    forget_keys,
    unlink_strays,
)
from tocsin.flow.quarantine import Quarantine
from tocsin.flow.subject import accounts, addresses, ids
from tocsin.flow.tables import Fault

PERSON = addresses(["192.0.2.7"])
DAYS = [date(2026, 11, 20), date(2026, 11, 21), date(2026, 11, 22)]


def events(run: str, rows: int = 20) -> pl.DataFrame:
    """Row 7 of each is the person's, row 9 names the account in what goes to `extra`."""
    return pl.DataFrame(
        {
            "run": [run] * rows,
            "report": [run.replace("a", "b")] * rows,
            "row": list(range(rows)),
            "classification.type": ["test" if at % 5 == 0 else "scanner" for at in range(rows)],
            "source.ip": [f"192.0.2.{at}" for at in range(rows)],
            "source.port": [at + 1000 for at in range(rows)],
            "extra.tag": ['"tag":"anna"' if at == 9 else None for at in range(rows)],
        },
        schema_overrides={"source.port": pl.UInt16},
    )


RUNS = ["a1" * 16, "a2" * 16, "a3" * 16]


@pytest.fixture
def table(tmp_path: Path, at) -> Path:
    """Three runs on three days, two parts each."""
    path = tmp_path / "events"
    for run, day in zip(RUNS, DAYS, strict=True):
        parts = [
            store.write_part(events(run), path, name=f"{run}-{number:06}", day=day)
            for number in range(2)
        ]
        store.commit(path, parts, run=run, at=at)
    return path


def read(table: Path) -> pl.DataFrame:
    return store.read_events(table).sort("day", "run", "row").collect()


def test_a_persons_rows_go_and_no_others(table, at):
    before = read(table)
    gone = erase_events(table, PERSON, at=at)

    assert (gone.rows, len(gone.files)) == (6, 6)
    assert read(table).equals(before.filter(pl.col("source.ip") != "192.0.2.7"))


def test_no_file_of_the_folder_holds_them_afterwards(table, at):
    was = check_files(table, PERSON)
    erase_events(table, PERSON, at=at)
    now = check_files(table, PERSON)

    assert (len(was.left), now.left) == (6, ())
    assert now.files == 6 + 1 + 3 + 1  # parts, and the log: made, three runs, the erasure


def test_the_log_holds_no_values(table, at):
    erase_events(table, PERSON, at=at)
    compact(table, at=at)
    log = "".join(path.read_text() for path in table.glob("_delta_log/*.json"))

    assert "192.0.2." not in log
    assert json.loads(log.splitlines()[-1]) != {}


@pytest.mark.parametrize(
    ("subject", "left"),
    [
        (addresses(["192.0.2.4/30"]), 120 - 6 * 4),
        (accounts(["anna"]), 120 - 6),
        (ids("report", ["b1" * 16]), 80),
        (ids("run", [RUNS[2]]), 80),
    ],
)
def test_networks_accounts_reports_and_runs_go_too(table, at, subject, left):
    erase_events(table, subject, at=at)

    named = [name for name in check_files(table, subject).left if "_delta_log" not in name]
    assert (len(read(table)), named) == (left, [])  # the log names runs, so that none comes twice


def test_the_keys_are_those_that_the_window_has(table, at):
    keys = erase_events(table, PERSON, at=at, dry_run=True).keys
    fresh = events(RUNS[0]).filter(pl.col("source.ip") == "192.0.2.7")

    assert keys == merge.event_keys(fresh.drop("extra.tag")) * 6


def test_the_keys_know_of_the_fields_in_extra(table, at):
    keys = erase_events(table, accounts(["anna"]), at=at, dry_run=True).keys
    fresh = events(RUNS[0]).filter(pl.col("row") == 9)

    assert keys == merge.event_keys(fresh.with_columns(pl.lit("anna").alias("extra.tag"))) * 6


def test_a_dry_run_changes_nothing(table, at):
    before = sorted((p, p.stat().st_mtime_ns) for p in table.rglob("*") if p.is_file())
    assert erase_events(table, PERSON, at=at, dry_run=True).rows == 6
    compact(table, at=at, dry_run=True)
    drop_events(table, before={}, default=date(2027, 1, 1), at=at, dry_run=True)

    assert sorted((p, p.stat().st_mtime_ns) for p in table.rglob("*") if p.is_file()) == before


def test_the_same_erasure_again_finds_nothing(table, at):
    erase_events(table, PERSON, at=at)
    version = store.open_table(table).version()

    assert erase_events(table, PERSON, at=at).rows == 0
    assert store.open_table(table).version() == version


def test_a_run_stays_known_after_its_rows_were_erased(table, at):
    erase_events(table, ids("run", [RUNS[0]]), at=at)

    assert store.has_run(table, RUNS[0])


def test_days_go_by_class_and_age(table, at):
    limits = {"test": DAYS[2], "scanner": DAYS[1]}
    gone = drop_events(table, before=limits, default=DAYS[0], at=at)

    left = read(table).group_by("day", "classification.type").len().sort("day", "len")
    assert left.rows() == [
        (DAYS[1], "scanner", 32),
        (DAYS[2], "test", 8),
        (DAYS[2], "scanner", 32),
    ]
    assert gone.rows == 40 + 8
    assert count_due(table, before=limits, default=DAYS[0]) == 0
    events("a9").write_parquet(table / f"day={DAYS[1]}" / "forgotten.parquet")
    assert count_due(table, before=limits, default=DAYS[0]) == 4
    assert not (table / f"day={DAYS[0]}").exists()


def test_small_files_of_a_day_become_one(table, at):
    before = read(table)

    assert compact(table, at=at) == 3
    assert [len(list(table.glob(f"day={day}/*"))) for day in DAYS] == [1, 1, 1]
    assert read(table).equals(before)
    assert compact(table, at=at) == 0


def test_files_that_are_large_enough_stay(table, at, monkeypatch):
    monkeypatch.setattr(erasure, "ROWS_PER_FILE", 30)

    assert compact(table, at=at, small=1) == 0
    assert compact(table, at=at) == 0  # two files of 20 rows would be more than 30


def test_what_no_commit_names_is_unlinked(table, at):
    stray = table / f"day={DAYS[0]}" / "a9-000000.parquet"
    stray.write_bytes((next(table.glob("day=*/*.parquet"))).read_bytes())
    (table / f"day={DAYS[0]}" / "a9-000001.partial").write_bytes(b"PAR1")

    assert len(unlink_strays(table)) == 2
    assert len(read(table)) == 120


def test_a_file_that_still_holds_the_value_is_said(table, at):
    erase_events(table, PERSON, at=at)
    events("a9" * 16).write_parquet(table / f"day={DAYS[0]}" / "forgotten.parquet")
    (table / "note.txt").write_text("192.0.2.7")

    assert check_files(table, PERSON).left == (
        f"events/day={DAYS[0]}/forgotten.parquet",
        "events/note.txt",
    )


def test_a_value_across_two_blocks_of_a_file_is_seen(tmp_path):
    for shift in range(12):
        path = tmp_path / f"{shift}.bin"
        path.write_bytes(b" " * (erasure._BLOCK - shift) + b"192.0.2.7 ")

        assert erasure.holds(path, PERSON)


def test_no_store_no_rows(tmp_path, at):
    assert erase_events(tmp_path / "none", PERSON, at=at).rows == 0
    assert compact(tmp_path / "none", at=at) == 0
    assert unlink_strays(tmp_path / "none") == []


def test_quarantine_loses_records_and_files_with_none_left(tmp_path):
    for run, raws in (("a", [b"192.0.2.7,x", b"other"]), ("b", [b"\xff 192.0.2.7"])):
        kept = Quarantine(tmp_path, run)
        kept.add("r", "f", [Fault(1, "why", raw) for raw in raws])
        kept.close()
    gone = erase_quarantined(tmp_path, PERSON)

    assert (gone.rows, [path.name for path in tmp_path.iterdir()]) == (2, ["a.parquet"])
    assert pl.read_parquet(tmp_path / "a.parquet")["raw"].to_list() == [b"other"]


@pytest.mark.parametrize("size", [1, 10, 50_000])
def test_the_window_forgets_keys_and_keeps_its_order(tmp_path, size):
    rng = np.random.default_rng(7)
    seen = np.zeros(size, dtype=merge.SEEN)
    seen["k0"], seen["k1"] = rng.integers(0, 2**63, (2, size))
    seen = np.sort(seen, order=["k0", "k1"])
    path = tmp_path / "run.npy"
    np.save(path, seen)
    mine = seen[::3]
    keys = b"".join(int(key).to_bytes(8, "big") for row in mine for key in (row["k0"], row["k1"]))

    assert forget_keys(path, keys + bytes(16)) == (len(mine), size - len(mine))
    left = np.load(path)
    assert left.dtype == merge.SEEN
    assert np.array_equal(left, np.delete(seen, np.arange(0, size, 3)))
