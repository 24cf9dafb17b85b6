"""Retention: every place to the day of its row, holds excepted, the store tidy afterwards."""

import fcntl
import io
from datetime import timedelta

import polars as pl
import pytest

from tests.office.persons import OVERLAY, PARTIES, sinkhole
from tocsin.desks.response.actions import Options, route_reports
from tocsin.desks.response.actions.route import KEEP_EVIDENCE
from tocsin.desks.response.models import Case
from tocsin.flow.store import read_events
from tocsin.office import evidence, holds, register
from tocsin.office.models import Delivery, Evidence, Receipt, RegisterRow, Run, WindowSegment
from tocsin.office.parties import import_parties
from tocsin.office.retention import retain
from tocsin.rules.retention import RETENTION, Place, kept_for
from tocsin.words.errors import Busy

pytestmark = pytest.mark.django_db(transaction=True)

DAY = timedelta(days=1)
YEAR = 365 * DAY


@pytest.fixture
def routed(store, tmp_path, at):
    """One report with a record in quarantine, routed; its deliveries handed over at once."""
    import_parties(PARTIES.read_text("utf-8"), by="test", at=at)
    path = tmp_path / "2026-11-22-event4_sinkhole-a.csv"
    path.write_bytes(sinkhole())
    options = Options(overlay=OVERLAY)
    route_reports([path], store_folder=store.path, options=options, by="test", at=at)
    Delivery.objects.update(state="delivered", delivered_at=at)
    Receipt.objects.create(delivery=Delivery.objects.first(), kind="received", at=at, by="x")
    return store


@pytest.fixture
def kept(store, at):
    """Runs a retention at `at` plus some days; by place, what was due."""

    def run(days: float = 0, **words) -> dict[str, int]:
        dropped = retain(at=at + days * DAY, by="test", store_folder=store.path, **words)
        return {row.place: row.due for row in dropped}

    return run


def files(store) -> dict[str, int]:
    """How many files lie in each folder."""
    return {
        folder.name: sum(path.is_file() for path in folder.rglob("*"))
        for folder in (store.evidence, store.deliveries, store.quarantine, store.window)
    }


def test_nothing_is_due_on_the_first_day(routed, kept):
    assert set(kept().values()) == {0}


@pytest.mark.parametrize(
    ("place", "days", "folder"),
    [
        ("window", 1, "window"),
        ("quarantine", 30, "quarantine"),
        ("evidence", 90, "evidence"),
        ("delivery files", 90, "deliveries"),
    ],
)
def test_files_go_on_their_day_and_not_before(routed, kept, place, days, folder):
    there = files(routed)[folder]

    assert kept(days - 0.01)[place] == 0
    assert files(routed)[folder] == there
    assert kept(days)[place] > 0
    assert files(routed)[folder] == 0
    assert kept(days)[place] == 0


def test_events_go_after_a_year_with_their_day(routed, kept):
    assert kept(364)["events"] == 0
    assert kept(366)["events"] > 0
    assert len(read_events(routed.events).collect()) == 0
    assert list(routed.events.glob("day=*")) == []


def test_rows_go_after_two_years_and_the_register_after_five(routed, kept):
    kept(91)  # the files go first

    assert kept(729) | {"events": 0} == dict.fromkeys(kept(729), 0)
    assert Receipt.objects.count() == 1
    gone = kept(730)
    assert (gone["runs and reports"], gone["deliveries"] > 0) == (1, True)
    assert [m.objects.count() for m in (Delivery, Receipt, Run, Evidence)] == [0, 0, 0, 0]
    before = RegisterRow.objects.filter(action="response:report:route").count()
    kept(5 * 365 + 1)
    assert (before, RegisterRow.objects.filter(action="response:report:route").count()) == (1, 0)


def test_a_case_loses_its_sample_with_the_file_and_goes_two_years_after_its_last_change(
    routed, kept, at
):
    cases = Case.objects.count()
    assert (cases > 0, Case.objects.filter(sample=[]).count()) == (True, 0)

    assert kept(90)["samples of cases"] == cases
    assert Case.objects.filter(sample=[]).count() == cases
    Case.objects.filter(party__slug="meadow-net").update(changed_at=at + DAY)
    kept(730)

    assert set(Case.objects.values_list("party__slug", flat=True)) == {"meadow-net"}


def test_what_waits_is_not_taken_and_what_was_parked_is_withdrawn_out_loud(routed, kept):
    Delivery.objects.update(state="ready", delivered_at=None)
    first = Delivery.objects.first()
    Delivery.objects.filter(pk=first.pk).update(state="parked", last_error="no such mailbox")
    kept(91)
    first.refresh_from_db()

    assert first.state == "withdrawn"
    assert first.last_error == "withdrawn by retention; it was parked: no such mailbox"
    assert [row.subject for row in register.rows(action="office:delivery:withdraw")] == [first.uid]
    assert files(routed)["deliveries"] == 2 * Delivery.objects.filter(state="ready").count()


def test_a_hold_keeps_evidence_and_the_rows_that_say_so(routed, kept, at):
    digest = Evidence.objects.get().digest
    holds.add(digest, authority="Court", reference="1", until=None, by="test", at=at)
    dropped = retain(at=at + 91 * DAY, by="test", store_folder=routed.path)

    assert {row.place: (row.due, row.held) for row in dropped}["evidence"] == (0, 1)
    kept(6 * 365)
    assert b"".join(evidence.read(digest, store_folder=routed.path)) == sinkhole()
    assert "office:evidence:hold" in {row.action for row in RegisterRow.objects.all()}


def test_a_hold_past_its_end_keeps_nothing(routed, kept, at):
    digest = Evidence.objects.get().digest
    words = {"authority": "Court", "reference": "1", "by": "test"}
    holds.add(digest, until=at + 95 * DAY, at=at, **words)

    assert (kept(94)["evidence"], kept(95)["evidence"]) == (0, 1)


def test_small_files_of_a_day_are_put_together(routed, kept, tmp_path, at):
    other = tmp_path / "2026-11-22-event4_sinkhole-b.csv"
    other.write_bytes(sinkhole().replace(b'"quillworm"', b'"dustloader"'))
    options = Options(overlay=OVERLAY)
    route_reports([other], store_folder=routed.path, options=options, by="test", at=at)
    before = read_events(routed.events).sort("report", "row").collect()

    assert kept()["small files of the event store"] == 1
    assert read_events(routed.events).sort("report", "row").collect().equals(before)
    assert len(list(routed.events.glob("day=*/*.parquet"))) == 1


def touched(store) -> dict[str, int]:
    """When each file was written, but for the lock."""
    files = (path for path in store.path.rglob("*") if path.is_file() and "lock" not in path.name)
    return {str(path): path.stat().st_mtime_ns for path in files}


LEFT = (
    "evidence/.0123.part",
    "evidence/ab/" + "ab" * 32 + ".zst.aes",
    "deliveries/0a/meadow-net/x.csv",
    "window/0a.npy",
    "quarantine/0a.partial",
    "spool/0a/events-000000.arrow",
)


def test_what_a_crash_left_goes_and_nothing_else(routed, kept):
    before = files(routed)
    for name in LEFT:
        (routed.path / name).parent.mkdir(parents=True, exist_ok=True)
        (routed.path / name).write_bytes(b"left")

    assert kept()["leftovers"] == len(LEFT)
    assert files(routed) == before
    assert list(routed.spool.iterdir()) == []


def test_a_dry_run_says_the_same_and_changes_nothing(routed, kept):
    there = touched(routed)
    rows = [model.objects.count() for model in (Delivery, Run, Evidence, RegisterRow)]
    counted = kept(731, dry_run=True)

    assert touched(routed) == there
    assert [model.objects.count() for model in (Delivery, Run, Evidence, RegisterRow)] == rows
    for place in ("events", "evidence", "quarantine", "delivery files", "window", "deliveries"):
        assert counted[place] > 0


def test_every_retention_is_a_row_with_its_counts(routed, kept):
    counted = kept(31)
    row = register.rows(action="office:retention:run").get()

    assert row.facts == {"places": counted}
    assert counted["quarantine"] == 1


def test_nothing_is_dropped_while_a_run_is_under_way(routed, kept):
    with (routed.path / ".route.lock").open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        with pytest.raises(Busy, match="is under way"):
            kept()


def test_the_window_of_the_table_is_that_of_the_run(routed, at):
    assert WindowSegment.objects.get().until == at + kept_for(Place.WINDOW, on=at.date())


def test_evidence_is_kept_as_long_as_the_table_says(at):
    assert kept_for(Place.EVIDENCE, "machine-report", on=at.date()) == KEEP_EVIDENCE


def test_every_class_of_evidence_has_a_row():
    kinds = {row.kind for row in RETENTION if row.place is Place.EVIDENCE}

    assert kinds == {str(kind) for kind in Evidence.Class}


def test_a_file_of_quarantine_whose_run_is_unknown_is_due(store, kept):
    pl.DataFrame({"raw": [b"x"]}).write_parquet(store.quarantine / "0a.parquet")

    assert kept()["quarantine"] == 1


def test_a_citizens_message_goes_on_the_day_that_was_set(store, kept, at):
    evidence.keep(
        io.BytesIO(b"Subject: help"),
        evidence_class="citizen-message",
        media_type="message/rfc822",
        at=at,
        keep_for=10 * DAY,
        store_folder=store.path,
    )

    assert (kept(9)["evidence"], kept(10)["evidence"]) == (0, 1)
