"""The queue by line, one line's history, a ticket or code, figures, and one step over many."""

from datetime import timedelta
from uuid import uuid4

import pytest

from tests.desks.subscribers.conftest import NOON, Report
from tests.desks.subscribers.test_warning import CODE, DAY, NINE, sent, warn
from tocsin.desks.subscribers.actions.settling import CURE, LIFT, MOST, Settled, contact_of, settle
from tocsin.desks.subscribers.models import Finding, Measure
from tocsin.desks.subscribers.queries import desk
from tocsin.node.store import Store
from tocsin.office.models import RegisterRow
from tocsin.words.errors import NotFound, Unusable

pytestmark = pytest.mark.django_db
WHY = "call 17"


@pytest.fixture
def two(reported: Report) -> None:
    """Bruno's line is seen, then Carla's."""
    reported(
        ("192.0.2.30", 4000, NOON - timedelta(hours=1)),
        ("192.0.2.31", 4000, NOON - timedelta(minutes=10)),
    )


def queue(show: str = desk.OPEN, kind: str = "") -> list[desk.Row]:
    return desk.rows_of(desk.lines(show=show, kind=kind), show=show)


def limited(finding: Finding, **more: object) -> Measure:
    return Measure.objects.create(
        finding=finding, line=finding.line, kind="walled garden", asked_at=NOON,
        next_attempt_at=NOON, state="set", set_at=NOON, attempt=1, **more,
    )  # fmt: skip


def entries(action: str) -> list[RegisterRow]:
    return list(RegisterRow.objects.filter(action=action).order_by("pk"))


# ── what is asked ────────────────────────────────────────────────────────────────────────


def test_the_queue_has_each_line_once_and_that_seen_last_first(two: None) -> None:
    first, second = queue()
    Finding.objects.create(
        line=second.finding.line, kind="spam", events=2, first_at=NOON, last_at=NOON,
        changed_at=NOON,
    )  # fmt: skip

    assert first.last_at > second.last_at
    rows = queue()
    assert [len(row.problems) for row in rows] == [2, 1]
    assert (rows[0].finding.kind, rows[0].events, rows[0].last_at) == ("spam", 3, NOON)
    assert [row.finding.kind for row in queue(kind="spam")] == ["spam"]


def test_what_nobody_can_be_told_of_is_in_no_queue(reported: Report) -> None:
    reported(("192.0.2.50", 4000, NINE), ("192.0.2.40", 5000, NINE))

    assert Finding.objects.exclude(fate="one line").exists()
    assert queue() == []


def test_lines_that_are_over_or_limited_have_a_list_of_their_own(two: None) -> None:
    carla, bruno = (row.finding for row in queue())
    limited(bruno)
    settle([carla.uid], step=CURE, why=WHY, by="paula", at=NOON)

    assert [row.finding for row in queue()] == [bruno]
    assert [row.finding for row in queue(desk.OVER)] == [carla]
    (row,) = queue(desk.LIMITED)
    assert (row.finding, [one.kind for one in row.measures]) == (bruno, ["walled garden"])


def test_the_history_of_a_line_is_all_of_it_and_nothing_of_another(
    two: None, provider: Store
) -> None:
    warn(provider, NOON)
    carla, bruno = (row.finding for row in queue())
    limited(bruno)

    history = desk.history_of(bruno.uid)
    assert (history.findings, len(history.warnings)) == ((bruno,), 1)
    assert (history.is_open, history.is_limited) == (True, True)
    assert desk.history_of(carla.uid).measures == ()
    with pytest.raises(NotFound):
        desk.history_of(uuid4())


def test_a_line_is_found_by_a_ticket_or_a_code_and_by_nothing_else(
    two: None, provider: Store
) -> None:
    warn(provider, NOON)
    finding = queue()[0].finding
    codes = [CODE.findall(letter["text"])[0] for letter in sent()]

    def found(text: str) -> Finding | None:
        return desk.found_by(text, store_folder=provider.path)

    assert found(finding.uid.hex[:8].upper()) == found(f" {finding.uid} ") == finding
    by_code = [found(code) for code in codes]
    assert {one and one.line for one in by_code} == {row.finding.line for row in queue()}
    for other in ("", "zzz", finding.uid.hex[:7], "bruno", str(finding.line), "2345-6789-ABCD"):
        assert found(other) is None


def test_the_figures_count_what_fell_into_24_hours_7_and_30_days(
    two: None, provider: Store
) -> None:
    warn(provider, NOON)
    carla, bruno = (row.finding for row in queue())
    limited(bruno)
    settle([carla.uid], step=CURE, why=WHY, by="paula", at=NOON)

    day, week, month = desk.spans(at=NOON + timedelta(minutes=1))
    assert (day.lines, day.problems, day.warned, day.said, day.limited) == (2, 2, 2, 1, 1)
    assert (day.not_seen, day.lifted, day.failed, day.came_back) == (0, 0, 0, 0)
    assert day.fates["exact"] == 2
    assert (week.warned, month.warned) == (2, 2)
    later = desk.spans(at=NOON + 3 * DAY)
    assert [one.warned for one in later] == [0, 2, 2]


# ── one step over many ───────────────────────────────────────────────────────────────────


def test_problems_are_put_right_together_with_the_reason_in_the_register(two: None) -> None:
    uids = [row.finding.uid for row in queue()]

    assert settle(uids, step=CURE, why=WHY, by="paula", at=NOON) == Settled(cured=2)

    assert set(Finding.objects.values_list("state", "cure")) == {
        ("cured", "the subscriber says so")
    }
    assert [(one.actor, one.facts["why"]) for one in entries("subscribers:line:cure")] == [
        ("paula", WHY)
    ] * 2
    assert settle(uids, step=CURE, why=WHY, by="paula", at=NOON) == Settled()


def test_limits_are_lifted_for_the_lines_that_are_chosen_alone(two: None) -> None:
    carla, bruno = (row.finding for row in queue())
    limited(bruno)
    limited(carla)

    done = settle([bruno.uid], step=LIFT, why=WHY, by="paula", at=NOON)

    assert done == Settled(lifted=1)
    assert dict(Measure.objects.values_list("line", "how")) == {
        bruno.line: "assisted",
        carla.line: "",
    }
    assert Finding.objects.filter(state="cured").count() == 0


@pytest.mark.parametrize(
    ("step", "why", "count", "said"),
    [
        ("drop", WHY, 1, "no step 'drop'"),
        (CURE, " ", 1, "needs a reason"),
        (CURE, WHY, 0, "Possible: 1 to"),
        (CURE, WHY, MOST + 1, "Possible: 1 to"),
    ],
)
def test_another_step_no_reason_none_and_too_many_are_refused(
    two: None, step: str, why: str, count: int, said: str
) -> None:
    uids = [queue()[0].finding.uid, *(uuid4() for _ in range(MOST))][:count]

    with pytest.raises(Unusable, match=said):
        settle(uids, step=step, why=why, by="paula", at=NOON)


def test_one_that_is_not_there_leaves_all_others_as_they_are(two: None) -> None:
    with pytest.raises(NotFound):
        settle([queue()[0].finding.uid, uuid4()], step=CURE, why=WHY, by="paula", at=NOON)

    assert len(queue()) == 2


def test_who_a_line_is_is_told_with_a_reason_that_is_written_down(two: None) -> None:
    uid = queue()[0].finding.uid
    with pytest.raises(Unusable, match="needs a reason"):
        contact_of(uid, why="", by="paula", at=NOON)
    assert entries("subscribers:line:consult") == []

    assert contact_of(uid, why=WHY, by="paula", at=NOON).name == "carla"

    (entry,) = entries("subscribers:line:consult")
    assert (entry.actor, entry.facts["why"], entry.facts["shown"]) == ("paula", WHY, 1)
    with pytest.raises(NotFound):
        contact_of(uuid4(), why=WHY, by="paula", at=NOON)
