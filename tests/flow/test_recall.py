"""Events out of the store by what each file says of itself, and all the same without it."""

from datetime import UTC, date, datetime
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tocsin.flow import footers, store
from tocsin.flow.erasure import check_files, compact, drop_events, erase_events
from tocsin.flow.recall import Selection, _latest, which
from tocsin.flow.subject import accounts, addresses
from tocsin.words.relations import Relation, Side

AT = datetime(2026, 11, 23, 9, tzinfo=UTC)
DAYS = [date(2026, 11, 22), date(2026, 11, 23)]
RUNS = ["a1" * 16, "a2" * 16]
# One party's name begins like another's, and labels come in any line.
LABELS = [
    "csirt:source:csirt-be:country:BE",
    "csirt:source:csirt-be-2:country:BE",
    "network:source:meadow:asn:AS64496",
    "network:source:meadow:prefix:192.0.2.0/25",
    "network:source:meadow-net:asn:AS64496",
]
KINDS = ["infected-system", "scanner"]

ROW = st.tuples(
    st.lists(st.sampled_from(LABELS), max_size=3, unique=True),
    st.sampled_from(KINDS),
    st.sampled_from([64496, 64497, None]),
    st.integers(0, 30),
)
PART = st.tuples(st.sampled_from(RUNS), st.sampled_from(DAYS), st.lists(ROW, max_size=8))
CHANGE = st.sampled_from(["compact", "erase", "retain"])
SELECTIONS = [
    Selection("csirt:source:csirt-be", Relation.CSIRT, Side.SOURCE, *thing)
    for thing in (("infected-system", "", "asn", "AS64496"), ("scanner", "", "rest", "rest"))
] + [
    Selection("network:source:meadow", Relation.NETWORK, Side.SOURCE, *thing)
    for thing in (("infected-system", "", "asn", "AS64496"), ("scanner", "", "rest", "rest"))
]


def table_of(parts, folder: Path) -> Path:
    """A store with these parts, each run committed once."""
    made: dict[str, list[store.Part]] = {run: [] for run in RUNS}
    for number, (run, day, rows) in enumerate(parts):
        if rows:
            events = frame(run, number, rows)
            name = f"{run}-{number:06}"
            made[run].append(store.write_part(events, folder, name=name, day=day))
    for run, written in made.items():
        store.commit(folder, written, run=run, at=AT)
    return folder


def frame(run: str, number: int, rows) -> pl.DataFrame:
    size = len(rows)
    return pl.DataFrame(
        {
            "run": [run] * size,
            "report": [f"{number:032x}"] * size,
            "row": list(range(size)),
            "told": ["\n".join(sorted(labels)) or None for labels, *_ in rows],
            "time.source": [AT] * size,
            "classification.type": [kind for _, kind, *_ in rows],
            "source.asn": [asn for _, _, asn, _ in rows],
            "source.ip": [f"192.0.2.{last}" for *_, last in rows],
            "tlp": ["AMBER"] * size,
        },
        schema_overrides={"told": pl.String, "source.asn": pl.UInt32},
    )


def change(table: Path, how: str) -> None:
    if how == "compact":
        compact(table, at=AT)
    elif how == "erase":
        erase_events(table, addresses(["192.0.2.7"]), at=AT)
    else:
        drop_events(table, before={"scanner": DAYS[1]}, default=date(2026, 1, 1), at=AT)


def silenced(table: Path) -> None:
    """Write each file as an earlier version did, without a word on what is in it."""
    for path in table.glob("day=*/*.parquet"):
        pl.read_parquet(path, hive_partitioning=False).write_parquet(path)


def found(table: Path) -> list[list[tuple[str, int]]]:
    return [
        which(table, [one], runs=runs, days=DAYS, on=DAYS[1])
        .select("report", "row")
        .sort("report", "row")
        .rows()
        for one in SELECTIONS
        for runs in (RUNS, RUNS[:1])
    ]


@settings(max_examples=25, deadline=None)
@given(parts=st.lists(PART, max_size=5), changes=st.lists(CHANGE, max_size=3))
def test_what_files_say_of_themselves_hides_nothing_and_shows_nothing_else(
    tmp_path_factory, parts, changes
) -> None:
    table = table_of(parts, tmp_path_factory.mktemp("store") / "events")
    for how in changes:
        change(table, how)
    rows = store.read_events(table).collect()

    said = found(table)
    some = sorted(table.glob("day=*/*.parquet"))[::2]
    for path in some:
        pl.read_parquet(path, hive_partitioning=False).write_parquet(path)
    mixed = found(table)
    silenced(table)

    assert found(table) == mixed == said
    whole = [row for row in rows.iter_rows(named=True) if is_of_the_network(row)]
    assert sorted(said[4]) == sorted((row["report"], row["row"]) for row in whole)


def is_of_the_network(row) -> bool:
    """By hand: what `meadow` was told of AS64496, infected."""
    lines = (row["told"] or "").split("\n")
    return row["classification.type"] == "infected-system" and LABELS[2] in lines


ALL = [(RUNS[0], DAYS[0], [(LABELS[:1], KINDS[0], 64496, 7)]), (RUNS[1], DAYS[0], [])]


@pytest.mark.parametrize("said", ["", "{", "[]", '{"runs":1}', '{"runs":[],"told":{"a":[1]}}'])
def test_a_file_that_says_nothing_that_can_be_relied_on_is_read_through(tmp_path, said) -> None:
    table = table_of(ALL, tmp_path / "events")
    (path,) = table.glob("day=*/*.parquet")
    rows = pl.read_parquet(path, hive_partitioning=False)
    before = found(table)
    rows.write_parquet(path, metadata={footers.KEY: said})

    assert footers.footer_of(path) is None
    assert found(table) == before
    assert before[0] == [(f"{0:032x}", 0)]


def test_a_file_of_more_texts_than_are_worth_it_says_nothing(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(footers, "MOST_TEXTS", 0)
    table = table_of(ALL, tmp_path / "events")

    assert [footers.footer_of(path) for path in table.glob("day=*/*.parquet")] == [None]
    assert found(table)[0] == [(f"{0:032x}", 0)]


def test_files_that_hold_nothing_of_a_case_are_not_read(tmp_path) -> None:
    other = (RUNS[1], DAYS[1], [(LABELS[1:2], KINDS[0], 64496, 8)])
    table = table_of([*ALL, other], tmp_path / "events")
    files = store.files_of(table, days=DAYS)

    def places(told_as: str, runs: list[str]) -> list[str]:
        looked = footers.places(files, told_as=[told_as], runs=runs)
        return [path.parent.name for place in looked for path in place.files]

    assert places("csirt:source:csirt-be", RUNS) == ["day=2026-11-22"]
    assert places("csirt:source:csirt-be-2", RUNS) == ["day=2026-11-23"]
    assert places("csirt:source:csirt-be-2", RUNS[:1]) == []
    assert places("csirt:source:csirt-b", RUNS) == []
    assert store.files_of(table, days=DAYS[:1]) == files[:1]


def test_what_a_file_says_of_an_erased_account_goes_with_its_rows(tmp_path) -> None:
    """A remit may be somebody's name; it is looked for in the footer's bytes too."""
    told = ["brand:source:shop:domain:anna-miller.example"]
    rows = [(told, KINDS[0], 64496, 7), (LABELS[:1], KINDS[0], 64496, 8)]
    table = table_of([(RUNS[0], DAYS[0], rows)], tmp_path / "events")
    person = accounts(["anna-miller.example"])
    (path,) = table.glob("day=*/*.parquet")

    assert b"anna-miller.example" in footers_bytes(path)
    erase_events(table, person, at=AT)
    (path,) = table.glob("day=*/*.parquet")
    assert b"anna-miller.example" not in path.read_bytes()
    assert check_files(table, person).left == ()
    assert footers.footer_of(path).told == {LABELS[0]}


def footers_bytes(path: Path) -> bytes:
    """What is not packed: the metadata at the end."""
    data = path.read_bytes()
    return data[-8 - int.from_bytes(data[-8:-4], "little") :]


def test_the_latest_come_first_and_those_without_a_moment_last() -> None:
    moments = [AT, None, AT.replace(hour=10), AT, None]
    rows = pl.DataFrame(
        {"time.source": moments, "report": ["b", "a", "c", "a", "a"], "row": [1, 9, 1, 2, 3]},
        schema_overrides={"time.source": pl.Datetime("us", "UTC")},
    )
    order = [("c", 1), ("a", 2), ("b", 1), ("a", 3), ("a", 9)]

    for most in range(1, 7):
        assert _latest(rows, most).select("report", "row").rows() == order[:most]
