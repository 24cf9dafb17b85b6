"""Whoever brings a report in hears what became of it, and the desk has a day to say it by."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from django.conf import settings as django_settings

from tests.desks.conftest import OVERLAY
from tests.desks.pages import somebody, text
from tests.desks.people import desk, viewer
from tests.desks.test_cases import report
from tocsin.desks.response.actions import answer, answer_reporter, want_feedback
from tocsin.desks.response.actions.hearing import tell_cases
from tocsin.desks.response.actions.moving import Post
from tocsin.desks.response.actions.reporters import tell_reporters
from tocsin.desks.response.actions.take_in import Bench, Brought, forget_old, take_in, work_through
from tocsin.desks.response.models import Case, Intake, Report
from tocsin.desks.response.queries import cases_for
from tocsin.desks.response.queries.reports import report_for, reports_for
from tocsin.flow.subject import ids
from tocsin.office.deadlines import remind
from tocsin.office.erasure import Order, erase
from tocsin.office.models import Deadline, Delivery, Party, RegisterRow
from tocsin.rules import acts
from tocsin.words.errors import NotFound, Refused, Unusable
from tocsin.words.moments import DAY, iso

HOUR = timedelta(hours=1)


@pytest.fixture(autouse=True)
def node(parties) -> None:
    """The CSIRT of the samples runs this node."""
    Party.objects.filter(slug="csirt-be").update(runs_node=True)


@pytest.fixture
def bring(store, tmp_path, at):
    """`bring(slug)`: a party brings a report in; without one, it comes by itself."""

    def bring(slug: str | None = "brook-telecom", name: str = "a.csv", **words: str) -> Intake:
        path: Path = report(tmp_path, name, "192.0.2.7")
        party = Party.objects.get(slug=slug) if slug else None
        common = {"party": party, "by": "ada", "at": at, "store_folder": store.path}
        return take_in(path, name=path.name, brought=Brought(**words), **common)

    return bring


def work(store, at) -> None:
    bench = Bench("worker", store.path, "Node", None, OVERLAY)
    work_through(bench, at=at)


def clocks() -> list[tuple[str, str, str, str]]:
    rows = Deadline.objects.filter(rule="response:answer-reporter").order_by("pk")
    return [(row.party.slug, row.state, iso(row.due_at), iso(row.latest_at)) for row in rows]


RUNS = ("csirt-be", "ready", "2026-11-30T09:00:00Z", "2026-11-30T22:59:59Z")


def test_the_clock_runs_for_what_another_party_brought_in_and_for_nothing_else(bring) -> None:
    bring()
    bring("csirt-be", "b.csv")
    bring(None, "c.csv")
    bring("meadow-net", "d.csv", purpose="preview")

    assert clocks() == [RUNS]


def test_the_desk_answers_and_the_reporter_reads_it_and_gets_a_notice(bring, store, at) -> None:
    row = bring()
    work(store, at + HOUR)
    found = Report.objects.get()
    analyst, reporter = desk(at), viewer("brook-telecom", "response.answer", at=at)
    assert [one.pk for one in reports_for(analyst, state="unanswered").rows] == [found.pk]

    post = Post(store.path, "Node")
    said = {"text": "one line was told", "at": at + DAY, "post": post}
    answer_reporter(analyst, row.uid, **said)

    assert clocks() == [("csirt-be", "met", *RUNS[2:])]
    assert reports_for(analyst, state="unanswered").rows == []
    file = report_for(reporter, found.uid)
    assert (file.intake.answer, file.intake.answered_at) == ("one line was told", at + DAY)
    notice = Delivery.objects.get(party__slug="brook-telecom", relation="notice")
    assert b"one line was told" in (store.path / notice.path).read_bytes()
    told = RegisterRow.objects.get(action="response:report:answer")
    assert (told.actor, told.subject, told.facts) == (
        analyst.name,
        row.uid,
        {"party": "brook-telecom"},
    )

    answer_reporter(analyst, row.uid, text="and it is cured", at=at + 2 * DAY, post=post)
    row.refresh_from_db()
    assert row.answer == "one line was told\n\nand it is cured"


def test_an_answer_that_cannot_be_is_refused(bring, store, at) -> None:
    row, ours = bring(), bring("csirt-be", "b.csv")
    analyst, post = desk(at), Post(store.path, "Node")
    reporter = viewer("brook-telecom", "response.answer", at=at)
    other = viewer("meadow-net", "response.answer", at=at)

    with pytest.raises(Unusable, match="there is nothing in it"):
        answer_reporter(analyst, row.uid, text=" ", at=at, post=post)
    with pytest.raises(Refused, match="nobody waits for an answer"):
        answer_reporter(analyst, ours.uid, text="x", at=at, post=post)
    with pytest.raises(Refused, match="response:report:answer needs a mandate"):
        answer_reporter(reporter, row.uid, text="x", at=at, post=post)
    with pytest.raises(NotFound):
        answer_reporter(other, row.uid, text="x", at=at, post=post)
    assert clocks() == [RUNS]
    assert not Delivery.objects.filter(relation="notice").exists()


def test_a_notice_of_what_was_answered_stops_the_clock_too(bring, store, at) -> None:
    bring()
    bring(name="b.csv")  # the same again: it tells nobody anything and no case is answered for it
    work(store, at)
    Delivery.objects.update(state="delivered", delivered_at=at)
    tell_cases(by="test", at=at)
    reporter = viewer("brook-telecom", "response.answer", at=at)
    want_feedback(reporter, "brook-telecom", wanted=True, at=at)
    provider = viewer("meadow-net", "response.answer", at=at)
    for case in cases_for(provider).rows:
        answer(provider, case.uid, step="cure", at=at + HOUR)
    assert Case.objects.filter(state="cured").exists()

    common = {"by": "worker", "store_folder": store.path, "node": "Node"}
    assert tell_reporters(at=at + DAY + HOUR, **common) == ["brook-telecom"]
    assert [state for _, state, *_ in clocks()] == ["met", "ready"]


def test_it_reminds_a_day_before_and_says_when_it_passed(bring, store, at) -> None:
    bring()
    common = {"owner": "w", "store_folder": store.path, "node": "Node"}

    assert remind(acts.DEADLINES, at=at + DAY, **common) == []
    rang = remind(acts.DEADLINES, at=at + 6 * DAY, **common)
    assert rang == ["response:answer-reporter due 2026-11-30T09:00:00Z: csirt-be"]
    remind(acts.DEADLINES, at=at + 8 * DAY, **common)
    assert [row[1] for row in clocks()] == ["passed"]
    assert Delivery.objects.filter(party__slug="csirt-be", relation="notice").count() == 2


@pytest.mark.django_db(transaction=True)  # an erasure lets go of pages, which no transaction can
def test_it_ends_when_the_report_is_erased(bring, store, at) -> None:
    bring()
    work(store, at)
    uid = Report.objects.get().uid
    order = Order(ids("report", [uid.hex]), "request 2026/17", "test", at + DAY, store.path)

    erase(Order(**{**vars(order), "dry_run": True}))
    assert clocks() == [RUNS]
    erase(order)
    assert [row[1] for row in clocks()] == ["withdrawn"]
    row = RegisterRow.objects.get(action="office:deadline:withdraw")
    assert row.facts["why"] == "the report was erased"


def test_it_ends_with_what_could_not_be_read_when_that_is_forgotten(bring, at) -> None:
    row = bring()
    Intake.objects.filter(pk=row.pk).update(state="failed")

    assert forget_old(by="worker", at=at + 29 * DAY) == 0
    assert forget_old(by="worker", at=at + 31 * DAY) == 1
    assert [row[1] for row in clocks()] == ["withdrawn"]


def test_the_desk_answers_on_the_page_and_only_the_reporter_reads_it(
    bring, store, at, settings, monkeypatch
) -> None:
    monkeypatch.setattr(django_settings._wrapped, "SECRET_KEY", "x" * 60)  # a suite has no store
    settings.STORE = store.path
    row, now = bring(), datetime.now(UTC)
    analyst = somebody("csirt-be", "response.handle", at=now, name="dora")
    reporter = somebody("brook-telecom", "response.answer", at=now, name="bo")
    other = somebody("meadow-net", "response.answer", at=now, name="pia")
    page = f"/response/reports/uploads/{row.uid}"

    assert "Reporters to answer" in text(analyst.get("/"))
    assert page in analyst.get("/response/").content.decode()
    assert row.name in text(analyst.get("/response/reports/?state=unanswered"))
    before = analyst.get(page)
    assert "2026-11-30 09:00" in text(before)
    assert "What became of it, for Brook Telecom" in text(before)
    assert "2026-11-30 09:00" not in text(reporter.get(page))  # what the desk owes is the desk's
    assert other.post(f"{page}/answer", {"text": "x"}).status_code == 403

    analyst.post(f"{page}/answer", {"text": "<b>one line</b> was told"})
    after = analyst.get(page, headers={"If-None-Match": before["ETag"]})
    assert (after.status_code, "<b>one line" in after.content.decode()) == (200, False)
    assert "<b>one line</b> was told last answered" in text(reporter.get(page))
    assert "Reporters to answer" not in text(analyst.get("/"))
    empty = analyst.post(f"{page}/answer", {"text": " "}, follow=True)
    assert "there is nothing in it" in text(empty)
