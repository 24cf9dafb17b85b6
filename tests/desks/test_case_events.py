"""The events of a case are read from the store: exactly those it counts, as its party saw them."""

import shutil
from datetime import timedelta

import polars as pl
import pytest
from deltalake import DeltaTable

from tests.desks.people import desk, viewer
from tests.desks.test_cases import DEMO, report
from tocsin.desks.response.actions import consult_case
from tocsin.desks.response.models import Case
from tocsin.flow import tally
from tocsin.flow.store import SCHEMA, read_events
from tocsin.office import register
from tocsin.office.models import Delivery
from tocsin.words.errors import NotFound, Unusable

pytestmark = pytest.mark.usefixtures("parties")


def rows_of(store, delivery: Delivery) -> list[str]:
    """The hashes of the events in a delivery."""
    path = store.path / delivery.path
    reader = pl.read_csv if path.suffix == ".csv" else pl.read_ndjson
    return reader(path)["event_hash"].to_list()


def test_the_events_of_all_cases_are_those_of_their_deliveries_each_once(route, store, at) -> None:
    route(*DEMO)
    analyst = desk(at)

    for delivery in Delivery.objects.filter(relation__in=["network", "csirt", "registry", "brand"]):
        told: list[str] = []
        for case in Case.objects.filter(told_in=delivery):
            seen = consult_case(
                analyst, case.uid, why="test", at=at, store_folder=store.path, size=500
            )
            assert (seen.total, len(seen.rows)) == (case.events, case.events)
            told += [str(row["event_hash"]) for row in seen.rows]
        if delivery.format.startswith(("idf", "intelmq")):
            assert sorted(told) == sorted(rows_of(store, delivery))


def test_the_rest_is_counted_in_one_case_and_read_as_what_has_none_of_its_own(
    route, store, at, monkeypatch
) -> None:
    monkeypatch.setattr(tally, "MOST_THINGS", 2)
    route(*DEMO)
    analyst = desk(at)

    cases = Case.objects.filter(party__slug="csirt-be", kind="infected-system").order_by(
        "about_kind", "-events"
    )
    found = [(case.family, case.about, case.events) for case in cases]
    assert found == [("quillworm", "AS64496", 5), ("heronbot", "AS64497", 4), ("", "rest", 5)]
    assert [
        consult_case(analyst, case.uid, why="test", at=at, store_folder=store.path).total
        for case in cases
    ] == [5, 4, 5]


def test_a_party_sees_its_own_rows_with_the_fields_it_got_and_each_look_is_on_record(
    route, store, at, tmp_path
) -> None:
    route(report(tmp_path, "a.csv", "192.0.2.7", "192.0.2.8", "192.0.2.200"))
    provider = viewer("meadow-net", "response.answer", at=at)
    case = Case.objects.get(party__slug="meadow-net")
    other = Case.objects.get(party__slug="brook-telecom")

    seen = consult_case(provider, case.uid, at=at, store_folder=store.path, size=1, page=2)

    (row,) = seen.rows
    assert (seen.total, seen.pages, row["source.ip"]) == (2, 2, "192.0.2.8")
    for name in set(case.sample_rows[0]) - {"extra.because", "extra"}:
        assert name in row
    looked = register.rows(action="response:case:consult").get()
    assert looked.facts == {"why": f"case {case.reference}", "shown": 1}
    with pytest.raises(NotFound):
        consult_case(provider, other.uid, at=at, store_folder=store.path)
    with pytest.raises(Unusable, match="needs a reason"):
        consult_case(desk(at), case.uid, at=at, store_folder=store.path)


def test_a_store_of_an_earlier_version_gets_the_column_and_keeps_what_it_has(
    route, store, at, tmp_path
) -> None:
    earlier = {name: kind for name, kind in SCHEMA.items() if name != "told"}
    schema = pl.DataFrame(schema=earlier).to_arrow().schema
    store.events.mkdir(parents=True, exist_ok=True)
    DeltaTable.create(str(store.events), schema=schema, partition_by=["day"])

    route(report(tmp_path, "a.csv", "192.0.2.7"))

    analyst, case = desk(at), Case.objects.get(party__slug="meadow-net")
    seen = consult_case(analyst, case.uid, why="test", at=at, store_folder=store.path)
    assert [row["source.ip"] for row in seen.rows] == ["192.0.2.7"]
    assert sorted(SCHEMA) == sorted(read_events(store.events).collect_schema())


def test_what_was_erased_from_the_store_is_not_in_the_list(route, store, at, tmp_path) -> None:
    route(report(tmp_path, "a.csv", "192.0.2.7"))
    shutil.rmtree(store.events)

    case = Case.objects.get(party__slug="meadow-net")
    seen = consult_case(desk(at), case.uid, why="test", at=at, store_folder=store.path)
    assert (seen.rows, seen.total, seen.pages) == ([], 0, 1)


def totals(store, at) -> list[tuple[str, int, int]]:
    """Of every case of one party: family, how many events it counts, how many are read."""
    cases = Case.objects.filter(party__slug="meadow-net").order_by("about_kind", "family")
    return [
        (
            case.family or case.about_kind,
            case.events,
            consult_case(desk(at), case.uid, why="test", at=at, store_folder=store.path).total,
        )
        for case in cases
    ]


def test_a_case_counts_what_its_list_shows_however_many_things_a_chunk_told_apart(
    route, store, at, tmp_path
) -> None:
    lines = [f"192.0.2.{n % 120}:f{n:03}" for n in range(250)]
    first = families(tmp_path, "a.csv", [*lines, *lines, "192.0.2.7:quillworm"])
    second = families(tmp_path, "b.csv", [f"192.0.2.{n}:quillworm" for n in range(60)])

    route(first, second)

    found = totals(store, at)
    assert len(found) == tally.MOST_THINGS + 1
    assert ("quillworm", 61, 61) in found
    assert [counted for _, counted, _ in found] == [read for *_, read in found]
    assert sum(counted for _, counted, _ in found) == 561


def families(folder, name: str, lines: list[str]):
    """A sinkhole report with an address and a malware in each row, one second after the other."""
    path = folder / f"2026-11-22-event4_sinkhole-{name}"
    rows = []
    for number, line in enumerate(lines):
        ip, infection = line.split(":")
        moment = f"2026-11-22 09:{number // 60:02}:{number % 60:02}"
        rows.append(f"{moment},{ip},{4000 + number},sinkhole,{infection}\n")
    path.write_text("timestamp,src_ip,src_port,tag,infection\n" + "".join(rows))
    return path


def test_what_one_run_told_apart_and_another_did_not_is_listed_where_it_is_counted(
    route, store, at, tmp_path, monkeypatch
) -> None:
    monkeypatch.setattr(tally, "MOST_THINGS", 1)
    route(families(tmp_path, "a.csv", [*three("quillworm", 10), *two("heronbot", 20)]))
    later = families(tmp_path, "b.csv", [*three("heronbot", 30), *two("quillworm", 40)])
    route(later, at=at + timedelta(hours=1))

    assert totals(store, at + timedelta(hours=1)) == [
        ("heronbot", 3, 3),
        ("quillworm", 3, 3),
        ("rest", 4, 4),
    ]


def three(infection: str, first: int) -> list[str]:
    return [f"192.0.2.{first + n}:{infection}" for n in range(3)]


def two(infection: str, first: int) -> list[str]:
    return three(infection, first)[:2]
