"""What a decision rested on is kept, and on its dates somebody looks again."""

import json
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.desks.people import viewer
from tests.desks.shield.conftest import BASIS, LURE
from tocsin import __version__
from tocsin.desks.shield.actions.appealing import file_appeal, step_appeal
from tocsin.desks.shield.actions.deciding import approve, step_listing
from tocsin.desks.shield.actions.keeping import export_grounds
from tocsin.desks.shield.actions.rechecking import record_recheck
from tocsin.desks.shield.models import Act, Grounds, Group, Listing, Recheck, Term
from tocsin.desks.shield.queries.grounds import canonical, digest_of, public_grounds
from tocsin.desks.shield.queries.rechecks import due_rechecks, hours_left, missed_rechecks
from tocsin.office import keys
from tocsin.office.models import Deadline, Evidence, RegisterRow
from tocsin.office.people.viewer import Viewer
from tocsin.office.signing import verify_export
from tocsin.rules.shield import LONGER, SPANS, span_of
from tocsin.words.errors import Refused, TocsinError, Unusable

DAY = timedelta(days=1)
People = Callable[[str], Viewer]
MAIL = (
    b"From: Bank <pay@sender.example>\r\nReply-To: a@reply.example\r\n"
    b"Return-Path: <b@bounce.example>\r\nTo: cora@reader.example\r\n"
    b"DKIM-Signature: v=1; a=rsa-sha256; d=signer.example; s=x; b=AAAA\r\n"
    b"Date: Mon, 23 Nov 2026 08:00:00 +0000\r\nSubject: Your account 77\r\n"
    b"Content-Type: text/html\r\n\r\n<p>Dear Cora <a href='https://mybank-login.example/a'>x</a>"
)


def listed(people: People, at: datetime, *, url: str = LURE, group: Any = None) -> Listing:
    words = {"reason": "asks for codes", "basis": BASIS, "group": group.uid if group else None}
    row = approve(people("rita"), url=url, **words, at=at)
    return step_listing(people("rolf"), row.uid, step="confirm", text="", at=at)


# ── the grounds ──────────────────────────────────────────────────────────────────────────


def test_what_the_decision_rested_on_stays_when_the_messages_are_erased(
    people: People, at: datetime, send: Any
):
    send("", data=MAIL, reporter="one")
    send("https://mybank-login.example/b", reporter="two")
    group = Group.objects.get(key="mybank-login.example")
    digest = Evidence.objects.get().digest
    row = listed(people, at, url=group.landing, group=group)
    facts = Grounds.objects.get(listing=row).facts

    assert Evidence.objects.get().key is None or not Evidence.objects.get().key
    assert facts["letters"] == [
        {
            "digest": digest,
            "headers": {
                "from": "sender.example",
                "reply_to": "reply.example",
                "return_path": "bounce.example",
                "dkim": "signer.example",
                "date": "Mon, 23 Nov 2026 08:00:00 +0000",
            },
            "received_at": "2026-11-23T09:00:00Z",
            "size": len(MAIL),
        }
    ]
    assert facts["addresses"] == [
        "https://mybank-login.example/a",
        "https://mybank-login.example/b",
    ]
    assert (facts["messages"], facts["reporters"]) == (2, 2)
    assert facts["reasons"] == group.reasons
    assert "cora" not in json.dumps(facts)
    assert "pay@" not in json.dumps(facts)


def test_the_register_holds_the_digest_of_exactly_what_was_kept(
    people: People, at: datetime, group: Group
):
    row = listed(people, at, group=group)
    grounds = Grounds.objects.get(listing=row)
    kept = RegisterRow.objects.get(action="shield:grounds:keep", subject=row.uid)

    assert kept.facts["digest"] == grounds.digest == digest_of(grounds.facts)


def test_what_anybody_may_know_names_hosts_and_counts_and_no_address(
    people: People, at: datetime, group: Group
):
    shown = public_grounds(listed(people, at, group=group))

    assert shown is not None
    assert (shown.messages, shown.reporters) == (1, 1)
    assert shown.hosts == ("mybank-login[.]example",)
    assert "pay?id=7" not in repr(shown)


def test_a_renewal_has_grounds_of_its_own_and_needs_two_people(
    people: People, at: datetime, group: Group
):
    row = listed(people, at, group=group)
    step_listing(people("rita"), row.uid, step="renew", text="still there", at=at + DAY)
    with pytest.raises(Refused, match="two different people"):
        step_listing(people("rita"), row.uid, step="confirm", text="", at=at + DAY)
    step_listing(people("rosa"), row.uid, step="confirm", text="", at=at + DAY)

    assert [one.at for one in row.grounds.all()] == [at + DAY, at]
    assert RegisterRow.objects.filter(action="shield:term:begin").count() == 2
    assert [one.due_at for one in row.rechecks.all()] == [
        at + DAY + days * DAY for days in (1, 7, 30, 90, 150)
    ]


def test_an_export_can_be_verified_anywhere_and_says_who_took_it(
    people: People, at: datetime, group: Group, store: Any, tmp_path: Path
):
    row = listed(people, at, group=group)
    words = {"by": "ada", "at": at, "store_folder": store.path, "version": __version__}
    folder, digest = export_grounds(row.reference, out=tmp_path, why="order 12", **words)
    key = keys.public_text(keys.signing_key(store.path / "keys"))
    facts = verify_export(folder, public_key=key)
    exported = RegisterRow.objects.get(action="shield:grounds:export")

    assert facts["file"]["sha256"] == digest == Grounds.objects.get().digest
    assert (folder / f"{digest}.bin").read_bytes() == canonical(Grounds.objects.get().facts)
    assert [one["action"] for one in facts["register"]] == [
        "shield:listing:approve",
        "office:deadline:start",
        "office:deadline:start",
        "shield:listing:confirm",
        "shield:grounds:keep",
        "shield:term:begin",
        "office:deadline:meet",
        "office:deadline:withdraw",
        "shield:grounds:export",
    ]
    assert exported.facts == {"digest": digest, "size": facts["file"]["bytes"], "why": "order 12"}
    for reference, why, said in (
        (row.reference, " ", "needs a reason"),
        ("7F3K-9QWZ-2M4H", "x", "there are no grounds of"),
        (row.reference, "x", "is there already"),
    ):
        with pytest.raises(TocsinError, match=said):
            export_grounds(reference, out=tmp_path, why=why, **words)


# ── re-checks ────────────────────────────────────────────────────────────────────────────


def test_a_listing_has_its_dates_each_with_a_clock(people: People, at: datetime):
    row = listed(people, at)
    dates = [one.due_at for one in row.rechecks.all()]
    clocks = Deadline.objects.filter(rule="shield:recheck").order_by("started_at")

    assert dates == [at + days * DAY for days in (1, 7, 30, 90, 150)]
    assert [(one.started_at, one.due_at) for one in clocks] == [(d, d + DAY) for d in dates]
    assert list(due_rechecks(at=at + DAY - timedelta(seconds=1))) == []
    assert [one.due_at for one in due_rechecks(at=at + DAY)] == [at + DAY]


def test_one_that_was_missed_shouts(people: People, at: datetime):
    row = listed(people, at)
    first = row.rechecks.first()

    assert list(missed_rechecks(at=at + 2 * DAY - timedelta(seconds=1))) == []
    assert list(missed_rechecks(at=at + 2 * DAY)) == [first]
    assert hours_left(first, at=at + DAY) == 24
    assert hours_left(first, at=at + 2 * DAY + timedelta(minutes=1)) < 0


def test_what_is_clean_is_withdrawn_in_the_same_transaction(people: People, at: datetime):
    row = listed(people, at)
    task = row.rechecks.first()
    record_recheck(people("rosa"), task.uid, found="cleaned", text="a shop again", at=at + DAY)
    row.refresh_from_db()
    task.refresh_from_db()

    assert (row.state, row.ended_at) == ("withdrawn", at + DAY)
    assert not Term.objects.filter(listing=row, removed_in=None).exists()
    assert (task.found, task.done_at, task.text) == ("cleaned", at + DAY, "a shop again")
    assert row.rechecks.filter(done_at=None).count() == 0
    assert Deadline.objects.filter(rule="shield:recheck", state="ready").count() == 0
    ended = RegisterRow.objects.get(action="shield:term:end")
    assert ended.facts == {"scope": "domain", "cause": "cleaned", "within": "unknown"}


def test_where_the_withdrawal_fails_nothing_is_written_down(
    people: People, at: datetime, monkeypatch: Any
):
    row = listed(people, at)
    task = row.rechecks.first()

    def broken(*_words: Any, **_more: Any) -> None:
        raise RuntimeError("the disk is full")

    monkeypatch.setattr("tocsin.desks.shield.actions.editions.end_term", broken)
    with pytest.raises(RuntimeError):
        record_recheck(people("rosa"), task.uid, found="cleaned", text="x", at=at + DAY)
    task.refresh_from_db()
    row.refresh_from_db()

    assert (task.done_at, row.state) == (None, "listed")
    assert not RegisterRow.objects.filter(action="shield:recheck:record").exists()


@pytest.mark.parametrize("found", ["still_fraud", "gone"])
def test_what_is_still_fraud_or_gone_for_now_stays_until_its_end(
    people: People, at: datetime, found: str
):
    row = listed(people, at)
    late = at + 3 * DAY
    record_recheck(people("rosa"), row.rechecks.first().uid, found=found, text="seen", at=late)
    row.refresh_from_db()
    written = RegisterRow.objects.get(action="shield:recheck:record")

    assert row.state == "listed"
    assert written.facts == {"found": found, "is_late": True}
    assert Deadline.objects.get(rule="shield:recheck", started_at=at + DAY).state == "passed"
    assert Act.objects.filter(listing=row).count() == 2  # no step of the listing


def test_what_cannot_be_recorded_is_refused_with_what_is_possible(people: People, at: datetime):
    row = listed(people, at)
    first, second, *_ = row.rechecks.all()
    rosa, partner = people("rosa"), viewer("meadow-net", "shield.propose", at=at, name="paul")

    def refused(who: Viewer, task: Recheck, fault: type[TocsinError], said: str, **words: Any):
        named = {"found": "gone", "text": "seen", "at": at + DAY, **words}
        with pytest.raises(fault, match=said):
            record_recheck(who, task.uid, **named)

    refused(rosa, first, Unusable, "is nothing to find. Possible: still_fraud", found="maybe")
    refused(rosa, first, Unusable, "say what you saw", text="  ")
    refused(rosa, second, Refused, "its date is 2026-11-30")
    refused(partner, first, Refused, "shield:listing:review")
    record_recheck(rosa, first.uid, found="gone", text="nothing answers", at=at + DAY)
    refused(rosa, first, Refused, "it is done already")


def test_nobody_has_to_look_at_what_has_ended(people: People, at: datetime):
    row = listed(people, at)
    step_listing(people("rosa"), row.uid, step="withdraw", text="a mistake", at=at + DAY)

    assert row.rechecks.count() == 0
    assert {one.state for one in Deadline.objects.filter(rule="shield:recheck")} == {"withdrawn"}


# ── what is counted ──────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(("is_cleaned", "cause"), [(False, "appeal"), (True, "cleaned")])
def test_a_withdrawal_says_why_and_how_long_it_took(
    people: People, at: datetime, group: Group, cause: str, *, is_cleaned: bool
):
    row = listed(people, at + timedelta(minutes=20), group=group)
    words = {"text": "mine", "answer_to": "", "language": "en", "by": "public"}
    appeal = file_appeal(about=row.reference, is_cleaned=is_cleaned, **words, at=at + DAY)
    for step in ("take", "uphold"):
        later = at + DAY + timedelta(minutes=50)
        step_appeal(people("rosa"), appeal.uid, step=step, text="right", at=later)

    began, ended = (
        RegisterRow.objects.get(action=f"shield:term:{word}").facts for word in ("begin", "end")
    )
    assert began == {"scope": "domain", "within": "30 minutes"}
    assert ended == {"scope": "domain", "cause": cause, "within": "1 hour"}


def test_spans_are_in_order_and_none_is_left_out():
    assert [most for _, most in SPANS] == sorted(most for _, most in SPANS)
    assert span_of(timedelta()) == "5 minutes"
    assert span_of(timedelta(minutes=5, seconds=1)) == "15 minutes"
    assert span_of(timedelta(days=7, seconds=1)) == LONGER
