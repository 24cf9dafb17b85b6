"""`tocsin erase`: asked first, then everywhere, then proved to the byte; the database as well."""

import io
import sys

import pytest
from django.db import connection

from tests.node.conftest import OVERLAY, PARTIES, Run
from tests.office.persons import ACCOUNT, NEIGHBOURS, V4, V6, opened, traces, write_reports
from tocsin.node.store import open_store
from tocsin.office.models import Receipt, RegisterRow

WHY = ("--why", "request 17 of 2026-11-20", "--store", "store")


@pytest.fixture
def everywhere(tocsin: Run, tmp_path):
    """A store with its own database in which the person is everywhere."""
    reports = write_reports(tmp_path / "in")
    done = tocsin(
        "route", *reports, "--parties", PARTIES, "--overlay", OVERLAY, "--store", "store",
        "--out", tmp_path / "out",
    )  # fmt: skip
    assert done.code in (0, 7)
    store = open_store(tmp_path / "store")
    receipt = Receipt(kind="acted", by="meadow-net", detail={"log": [f'"{V4}" {ACCOUNT}']})
    receipt.delivery_id, receipt.at = 1, RegisterRow.objects.first().at
    receipt.save()
    return store


def test_no_byte_of_the_store_names_the_person_afterwards(everywhere, tocsin):
    first = tocsin("erase", "address", V4, V6.upper(), *WHY, "--yes", "--json")
    second = tocsin("erase", "account", ACCOUNT, *WHY, "--yes", "--json")

    assert (first.ended, second.ended) == ((0, ""), (0, ""))
    assert (first.json["is_complete"], second.json["is_complete"]) == (True, True)
    assert traces(everywhere.path) == []
    if connection.vendor == "sqlite":
        assert [name for name in opened(everywhere.path) if "sqlite3" in name] != []


def test_the_database_keeps_the_neighbours(everywhere, tocsin):
    tocsin("erase", "address", V4, V6, *WHY, "--yes")

    left = b"".join(opened(everywhere.path).values())
    assert [ip for ip in NEIGHBOURS if ip.encode() not in left] == []


def test_without_a_terminal_nobody_can_be_asked(everywhere, tocsin):
    said = tocsin("erase", "address", V4, *WHY)

    assert said.code == 5
    assert "Possible: --dry-run to look, --yes to erase" in said.err.replace("\n", " ")
    assert traces(everywhere.path) != []


@pytest.mark.parametrize(("answer", "is_left"), [("n\n", True), ("y\n", False)])
def test_on_a_terminal_it_shows_the_places_and_asks(
    everywhere, tocsin, monkeypatch, answer, is_left
):

    terminal = io.StringIO(answer)
    terminal.isatty = lambda: True
    monkeypatch.setattr(sys, "stdin", terminal)
    said = tocsin("erase", "address", V4, V6, *WHY)

    assert "What would be erased" in said.out
    assert "Erase all of this? It cannot be undone." in said.out
    assert (said.code == 0) is not is_left
    assert ("event store" in said.out, "quarantine" in said.out) == (True, True)


def test_a_dry_run_looks_and_changes_nothing(everywhere, tocsin):
    before = traces(everywhere.path)
    said = tocsin("erase", "address", V4, V6, *WHY, "--dry-run", "--json")

    assert (said.code, said.json["dry_run"]) == (0, True)
    assert traces(everywhere.path) == before


def test_whoever_is_to_be_told_is_listed(everywhere, tocsin):
    said = tocsin("erase", "address", V4, V6, *WHY, "--yes")

    assert "To be told of the erasure (GDPR art. 19):" in said.out
    assert "meadow-net got" in said.out
    assert "backups of the store made before" in said.out


def test_a_hold_is_said_and_changes_the_exit_code(everywhere, tocsin):
    digest = tocsin("evidence", "list", "--store", "store", "--json").json[0]["digest"]
    order = ("--authority", "Court of Ghent", "--reference", "17/26", "--store", "store")
    tocsin("hold", "add", digest, *order)
    said = tocsin("erase", "address", V4, V6, *WHY, "--yes")

    assert said.code == 5
    assert f"evidence {digest[:12]}… is held by Court of Ghent (17/26)" in said.out
    tocsin("erase", "account", ACCOUNT, *WHY, "--yes")
    assert traces(everywhere.path) == [f"evidence {digest[:8]} unsealed"]


def test_a_report_is_erased_by_its_id(everywhere, tocsin):
    from tocsin.desks.response.models import Report

    report = Report.objects.order_by("pk").first().uid
    said = tocsin("erase", "report", report, *WHY, "--yes", "--json")

    assert said.code == 0
    assert {place["name"]: place["found"] for place in said.json["places"]}["evidence"] == 1


@pytest.mark.parametrize(
    ("words", "code", "part"),
    [
        (("address", "example.org"), 2, "is no address and no network"),
        (("address", "10.0.0.0/8"), 2, "is wider than /16"),
        (("report", "17"), 2, "is no id of a report"),
    ],
)
def test_what_cannot_be_erased_is_refused(everywhere, tocsin, words, code, part):
    said = tocsin("erase", *words, *WHY, "--yes")

    assert said.code == code
    assert part in said.err


def test_no_store_is_made_by_looking_for_somebody(tocsin, tmp_path):
    assert tocsin("erase", "address", V4, *WHY, "--yes").code == 4
    assert not (tmp_path / "store").exists()


def test_an_account_is_told_from_a_person_who_signs_in(everywhere, tocsin):
    account = tocsin(
        "erase", "account", "jo.lind@meadow-net.example", *WHY, "--dry-run", "--json"
    ).json
    address = tocsin("erase", "address", V4, *WHY, "--dry-run", "--json").json

    assert any("tocsin people close ADDRESS" in text for text in account["instructions"])
    assert not any("people close" in text for text in address["instructions"])
