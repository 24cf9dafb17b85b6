"""`tocsin retain`, `tocsin hold` and `tocsin evidence` as people use them."""

from datetime import UTC, datetime

import pytest

from tests.node.conftest import SINKHOLE, WITH_PARTIES, Run
from tocsin.office.models import Evidence

STORE = ("--store", "store")
COURT = ("--authority", "Court of Ghent", "--reference", "17/26", *STORE)


@pytest.fixture
def digest(tocsin: Run, tmp_path) -> str:
    """A report was routed; the digest of its evidence."""
    assert tocsin("route", SINKHOLE, *WITH_PARTIES, *STORE, "--out", tmp_path / "out").code == 0
    return tocsin("evidence", "list", *STORE, "--json").json[0]["digest"]


def test_nothing_is_due_today(digest, tocsin):
    said = tocsin("retain", *STORE, "--json")

    assert said.ended == (0, "")
    assert [row for row in said.json["places"] if row["due"]] == []


def test_leftovers_are_counted_and_then_gone(digest, tocsin, tmp_path):
    left = tmp_path / "store" / "spool" / "x" / "events.arrow"
    left.parent.mkdir()
    left.write_bytes(b"left")
    looked = tocsin("retain", *STORE, "--dry-run", "--json").json

    assert ({row["place"]: row["due"] for row in looked["places"]}["leftovers"]) == 1
    assert left.exists()
    assert "leftovers" in tocsin("retain", *STORE).out
    assert not left.exists()


def test_holds_are_added_listed_and_lifted(digest, tocsin):
    added = tocsin("hold", "add", digest, *COURT, "--until", "2099-12-31")
    listed = tocsin("hold", "list", *STORE, "--json").json
    lifted = tocsin("hold", "lift", digest, "--why", "closed", *STORE)

    assert [(row["until"], row["is_due"]) for row in listed] == [("2100-01-01T00:00:00Z", False)]
    assert (added.code, lifted.code) == (0, 0)
    assert tocsin("hold", "list", *STORE).out == "Nothing is held.\n"


def test_a_hold_that_ran_out_waits_for_a_review_and_is_renewed(digest, tocsin):
    tocsin("hold", "add", digest, *COURT, "--until", "2099-12-31")
    Evidence.objects.update(hold_until=datetime(2020, 1, 2, tzinfo=UTC))
    due = tocsin("hold", "list", *STORE, "--json").json
    again = tocsin("hold", "add", digest, *COURT, "--until", "2099-12-31")
    renewed = tocsin("hold", "list", *STORE, "--json").json

    assert [(row["until"], row["is_due"]) for row in due] == [("2020-01-02T00:00:00Z", True)]
    assert again.code == 0
    assert [(row["until"], row["is_due"]) for row in renewed] == [("2100-01-01T00:00:00Z", False)]


def test_a_hold_that_would_protect_nothing_is_refused(digest, tocsin):
    said = tocsin("hold", "add", digest, *COURT, "--until", "2020-01-01")

    assert said.code == 5
    assert "a hold until 2020-01-02T00:00:00Z would protect nothing" in said.err
    assert tocsin("hold", "list", *STORE).out == "Nothing is held.\n"


def test_evidence_is_exported_and_verified(digest, tocsin, tmp_path):
    done = tocsin("evidence", "export", digest, "--out", "court", "--why", "17/26", *STORE)
    folder = tmp_path / "court" / f"evidence-{digest[:12]}"
    text = (folder / "VERIFY.txt").read_text()
    key = text.split("--key ")[1].split()[0]
    said = tocsin("evidence", "verify", folder, "--key", key)

    assert done.code == 0
    assert (folder / f"{digest}.bin").read_bytes() == SINKHOLE.read_bytes()
    assert (said.code, said.out) == (0, f"{digest}: bytes and signature fit\n")
    assert tocsin("evidence", "verify", folder, "--key", "00" * 32).code == 3


def test_evidence_is_shown_with_what_was_done_to_it(digest, tocsin):
    tocsin("hold", "add", digest, *COURT)
    said = tocsin("evidence", "show", digest, *STORE, "--json").json

    assert (said["state"], said["newest_copy"]) == ("held", digest)
    assert [row["action"] for row in said["register"]] == [
        "response:report:route",
        "office:evidence:hold",
    ]
    assert "office:evidence:hold" in tocsin("evidence", "show", digest, *STORE).out
    assert digest[:12] in tocsin("evidence", "list", *STORE).out


def test_an_export_is_verified_without_a_store(digest, tocsin, spawn, tmp_path):
    tocsin("evidence", "export", digest, "--out", "court", "--why", "17/26", *STORE)
    folder = tmp_path / "court" / f"evidence-{digest[:12]}"
    key = (folder / "VERIFY.txt").read_text().split("--key ")[1].split()[0]
    said = spawn("evidence", "verify", folder, "--key", key)

    assert (said.code, said.err) == (0, "")


@pytest.mark.parametrize("word", ["list", "show"])
def test_looking_makes_no_store(tocsin, word):
    named = ("ab" * 32,) if word == "show" else ()

    assert tocsin("evidence", word, *named, *STORE).code == 4
