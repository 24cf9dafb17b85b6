"""Feedback: receipts and answers are one thing, and what becomes of a report flows back."""

from datetime import timedelta

import pytest

from tests.desks.people import desk, viewer
from tests.desks.test_cases import DEMO, report
from tocsin.desks.response.actions import answer, answer_all, want_feedback
from tocsin.desks.response.actions.hearing import tell_cases
from tocsin.desks.response.actions.reporters import tell_reporters
from tocsin.desks.response.models import Case, Entry, Report
from tocsin.desks.response.queries import case_for, cases_for, fate_for, fates_of
from tocsin.desks.response.queries.reports import reports_for
from tocsin.office import receipts, register
from tocsin.office.models import Deadline, Delivery, Receipt
from tocsin.words.errors import NotFound
from tocsin.words.moments import DAY, iso

pytestmark = pytest.mark.usefixtures("parties")
HOUR = timedelta(hours=1)


@pytest.fixture
def told(route, at, tmp_path) -> list[Case]:
    """Two cases of Meadow Net, told by one delivery that was handed over an hour later."""
    route(
        report(tmp_path, "a.csv", "192.0.2.7", "192.0.2.8"),
        report(tmp_path, "b.csv", "192.0.2.9", infection="heronbot"),
    )
    Delivery.objects.update(state="delivered", delivered_at=at + HOUR)
    tell_cases(by="test", at=at + HOUR)
    return list(Case.objects.filter(party__slug="meadow-net").order_by("family"))


def states() -> list[str]:
    rows = Case.objects.filter(party__slug="meadow-net").order_by("family")
    return list(rows.values_list("state", flat=True))


def clocks() -> list[tuple[str, str, str]]:
    """Rule, state, when it is due, of Meadow Net's clocks."""
    rows = Deadline.objects.filter(party__slug="meadow-net").order_by("due_at")
    return [(row.rule, row.state, iso(row.due_at)) for row in rows]


def test_handing_over_tells_all_cases_of_a_delivery_and_starts_one_clock_each(told, at) -> None:
    assert states() == ["told", "told"]
    assert {case.told_at for case in told} == {at + HOUR}
    assert clocks() == [
        ("response:acknowledge", "ready", "2026-11-25T10:00:00Z"),
        ("response:cure", "ready", "2026-12-07T10:00:00Z"),
    ]
    rows = register.rows(action="response:cases:tell")
    assert {row.facts["party"]: row.facts["cases"] for row in rows} == {
        "meadow-net": 2,
        "csirt-be": 2,
    }
    assert tell_cases(by="test", at=at + 2 * HOUR) == 0


def test_a_receipt_moves_every_case_of_its_delivery(told, at) -> None:
    receipts.add_receipt(
        told[0].told_in,
        kind="received",
        by="meadow-net",
        actor="worker",
        at=at + DAY,
        detail={"message_id": "<1@meadow-net.example>", "sent_at": ""},
    )

    assert states() == ["acknowledged", "acknowledged"]
    thread = told[0].entries.order_by("pk").values_list("kind", "step", "by", "message_id")
    assert list(thread) == [
        ("step", "tell", "test", ""),
        ("mail", "", "meadow-net", "<1@meadow-net.example>"),
        ("step", "acknowledge", "meadow-net", ""),
    ]
    assert clocks()[0][:2] == ("response:acknowledge", "met")
    assert clocks()[1][:2] == ("response:cure", "ready")


def test_an_answer_is_a_receipt_and_moves_its_own_case_alone(told, at) -> None:
    provider = viewer("meadow-net", "response.answer", at=at)

    answer(provider, told[0].uid, step="cure", note="line cleaned", at=at + DAY)

    assert states() == ["cured", "told"]
    receipt = Receipt.objects.get()
    assert (receipt.kind, receipt.by, receipt.delivery) == (
        "cured",
        "meadow-net",
        told[0].told_in,
    )
    assert receipt.detail["case"] == told[0].uid.hex
    assert clocks()[1][:2] == ("response:cure", "ready")  # the other one is not mended

    answer(provider, told[1].uid, step="cure", at=at + DAY)

    assert [row[1] for row in clocks()] == ["met", "met"]


def test_of_many_each_has_its_own_outcome(told, at) -> None:
    provider = viewer("meadow-net", "response.answer", at=at)
    other = Case.objects.filter(party__slug="csirt-be").first()
    answer(provider, told[0].uid, step="cure", at=at)

    uids = [told[0].uid, told[1].uid, other.uid, "no id"]
    done = answer_all(provider, uids, step="acknowledge", at=at)

    assert [(row.case is not None, row.error.split(".")[0]) for row in done] == [
        (False, "case: an isp cannot acknowledge while cured"),
        (True, ""),
        (False, f"there is no case {other.uid}"),
        (False, "there is no case no id"),
    ]
    assert states() == ["cured", "acknowledged"]


def test_what_is_denied_is_the_desks_to_review_by_a_clock_of_its_own(told, at) -> None:
    analyst = desk(at)
    provider = viewer("meadow-net", "response.answer", at=at)

    answer(provider, told[0].uid, step="disown", note="not our customer", at=at + DAY)

    (clock,) = Deadline.objects.filter(rule="response:review")
    assert (clock.party.slug, clock.state) == ("csirt-be", "ready")
    assert [row.rule for row in case_for(analyst, told[0].uid).deadlines] == [
        "response:acknowledge",
        "response:review",
        "response:cure",
    ]
    assert [row.rule for row in case_for(provider, told[0].uid).deadlines] == [
        "response:acknowledge",
        "response:cure",
    ]


def test_a_bounce_is_the_desks_to_know(told, at) -> None:
    detail = {"message_id": "<2@mx.example>", "mailbox": "abuse@meadow-net.example", "status": "5"}
    receipts.add_receipt(
        told[0].told_in,
        kind="bounced",
        by="mail server",
        actor="worker",
        at=at + DAY,
        detail=detail,
    )

    assert states() == ["told", "told"]
    provider = viewer("meadow-net", "response.answer", at=at)
    assert [row.kind for row in case_for(provider, told[0].uid).entries] == ["step"]
    assert [row.kind for row in case_for(desk(at), told[0].uid).entries] == ["step", "bounce"]
    assert Entry.objects.filter(kind="bounce").count() == 2


def test_what_may_not_leave_for_a_party_it_does_not_see_here_either(route, at, tmp_path) -> None:
    route(report(tmp_path, "a.csv", "192.0.2.7"))
    provider = viewer("meadow-net", "response.answer", at=at)
    assert len(cases_for(provider).rows) == 1

    Delivery.objects.filter(party__slug="meadow-net").update(state="parked")

    assert cases_for(provider).rows == []
    assert len(cases_for(desk(at)).rows) == 2  # csirt-be was told too, and runs the node


# ── back to the reporter ─────────────────────────────────────────────────────────────────


def test_a_reporter_sees_what_became_of_its_report_and_nothing_of_who_was_told(
    route, at, tmp_path
) -> None:
    route(
        report(tmp_path, "a.csv", "192.0.2.7", "192.0.2.200", infection="quillworm"),
        reporter="harbour-online",
    )
    case = Case.objects.get(party__slug="meadow-net")
    answer(viewer("meadow-net", "response.answer", at=at), case.uid, step="cure", at=at)
    reporter = viewer("harbour-online", "response.answer", at=at)

    (sent,) = reports_for(reporter).rows
    fate = fates_of(reporter, [sent])[sent.pk]

    assert fate.cases == {"cured": 1, "new": 3}
    assert fate.events == {"cured": 1, "new": 3}
    assert fate_for(reporter) == fate
    assert cases_for(reporter).rows == []
    assert fates_of(viewer("brook-telecom", "response.answer", at=at), [sent]) == {}


def test_a_feed_that_one_party_sends_is_its_report(route) -> None:
    route(*DEMO)

    assert set(Report.objects.values_list("reporter__slug", flat=True)) == {"shadowserver-sample"}


def test_who_wants_it_hears_once_a_day_how_many_were_answered(route, store, at, tmp_path) -> None:
    route(report(tmp_path, "a.csv", "192.0.2.7"), reporter="harbour-online")
    reporter = viewer("harbour-online", "response.answer", at=at)
    want_feedback(reporter, "harbour-online", wanted=True, at=at)
    case = Case.objects.get(party__slug="meadow-net")
    answer(
        viewer("meadow-net", "response.answer", at=at),
        case.uid,
        step="cure",
        note="it was Mrs Secret's line",
        at=at + HOUR,
    )

    def tell(moment) -> list[str]:
        return tell_reporters(by="test", at=moment, store_folder=store.path, node="node.example")

    assert tell(at + 2 * HOUR) == []  # not a day yet
    assert tell(at + DAY) == ["harbour-online"]
    assert tell(at + DAY) == []
    assert tell(at + 3 * DAY) == []  # nothing since

    notice = Delivery.objects.get(relation="notice")
    text = (store.path / notice.path).read_text()
    assert "cured: cases 1, events 1" in text
    assert ("Secret" in text, "192.0.2.7" in text, "Meadow" in text) == (False, False, False)


def test_nobody_wishes_for_another_party(at) -> None:
    with pytest.raises(NotFound, match="there is no party meadow-net"):
        want_feedback(
            viewer("harbour-online", "response.answer", at=at), "meadow-net", wanted=True, at=at
        )
