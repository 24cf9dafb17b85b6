"""`tocsin subject`: what is held about a person, for them; nothing changes, and it is recorded."""

import json

import pytest

from tests.node.conftest import OVERLAY, PARTIES, Run
from tests.office.persons import ACCOUNT, NEIGHBOURS, V4, V6, opened, write_reports
from tocsin.desks.response.models import Case, Entry
from tocsin.flow.subject import addresses
from tocsin.node.store import open_store
from tocsin.office.models import RegisterRow

WHY = ("--why", "request 17 of 2026-11-20", "--store", "store")
FILES = ["README.txt", "events.jsonl", "places.json", "quarantine.jsonl", "recipients.jsonl",
         "texts.jsonl"]  # fmt: skip


@pytest.fixture
def everywhere(tocsin: Run, tmp_path):
    """A store in which the person is in events, quarantine, a case's thread and deliveries."""
    reports = write_reports(tmp_path / "in")
    done = tocsin(
        "route", *reports, "--parties", PARTIES, "--overlay", OVERLAY, "--store", "store",
        "--out", tmp_path / "out",
    )  # fmt: skip
    assert done.code in (0, 7)
    store = open_store(tmp_path / "store")
    case = Case.objects.order_by("pk").first()
    Entry.objects.create(
        case=case, kind="comment", at=case.opened_at, by="test", text=f"{ACCOUNT} says it is clean"
    )
    return store


def lines(path):
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def test_an_address_gets_every_row_that_names_it_and_none_of_others(everywhere, tocsin, tmp_path):
    before = opened(everywhere.path)
    said = tocsin("subject", "address", V4, V6.upper(), *WHY, "--out", "given", "--json")
    (folder,) = (tmp_path / "given").iterdir()
    events = lines(folder / "events.jsonl")

    assert said.ended == (0, "")
    assert said.json["events"] == len(events) > 1
    assert sorted(path.name for path in folder.iterdir()) == FILES
    assert all(addresses([V4, V6]).spans(json.dumps(row)) for row in events)
    assert {row["source.ip"] for row in events}.isdisjoint(NEIGHBOURS)
    assert said.json["recipients"] == len(lines(folder / "recipients.jsonl")) > 0
    assert {name for name in before if "sqlite" not in name} == {
        name for name in opened(everywhere.path) if "sqlite" not in name and "keys/" not in name
    } | {name for name in before if "keys/" in name}


def test_what_stands_in_cases_is_part_of_it(everywhere, tocsin, tmp_path):
    said = tocsin("subject", "account", ACCOUNT, *WHY, "--out", "given")
    (folder,) = (tmp_path / "given").iterdir()
    texts = lines(folder / "texts.jsonl")

    assert said.code == 0
    assert [row["text"] for row in texts if row["record"] == "response.Entry"] == [
        f"{ACCOUNT} says it is clean"
    ]
    assert "read before handing over" in " ".join(said.out.split())


def test_places_are_those_of_an_erasure_and_the_register_names_nobody(everywhere, tocsin, tmp_path):
    tocsin("subject", "address", V4, *WHY, "--out", "given")
    erased = tocsin("erase", "address", V4, *WHY, "--dry-run", "--json").json
    (folder,) = (tmp_path / "given").iterdir()
    places = json.loads((folder / "places.json").read_text("utf-8"))
    row = RegisterRow.objects.get(action="office:subject:export")

    assert [(one["name"], one["found"]) for one in places] == [
        (one["name"], one["found"]) for one in erased["places"]
    ]
    assert V4 not in json.dumps(row.facts)
    assert row.facts["why"] == "request 17 of 2026-11-20"


def test_it_is_for_the_eyes_of_who_made_it(everywhere, tocsin, tmp_path):
    tocsin("subject", "address", V4, *WHY, "--out", "given")
    (folder,) = (tmp_path / "given").iterdir()

    assert folder.stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o777 for path in folder.iterdir()} == {0o600}


@pytest.mark.parametrize(
    ("why", "said"),
    [
        ("", (2, "an export needs a reason")),
        (f"about {V4}", (5, "the reason names the person of the request")),
    ],
)
def test_a_reason_is_needed_and_names_nobody(everywhere, tocsin, why, said):
    done = tocsin("subject", "address", V4, "--why", why, "--store", "store", "--out", "given")

    assert done.code == said[0]
    assert said[1] in " ".join(done.err.split())
    assert [*everywhere.path.parent.glob("given/*")] == []
    assert not RegisterRow.objects.filter(action="office:subject:export").exists()


def test_a_folder_is_not_written_over(everywhere, tocsin):
    first = tocsin("subject", "address", V4, *WHY, "--out", "given")
    again = tocsin("subject", "address", V4, *WHY, "--out", "given")

    assert (first.code, again.code) == (0, 5)
    assert "is there already" in again.err


def test_of_somebody_unknown_nothing_is_held(everywhere, tocsin, tmp_path):
    said = tocsin("subject", "address", "203.0.113.250", *WHY, "--out", "given", "--json")
    (folder,) = (tmp_path / "given").iterdir()

    assert (said.code, said.json["events"], said.json["texts"]) == (0, 0, 0)
    assert "0 rows of reports" in (folder / "README.txt").read_text("utf-8")
