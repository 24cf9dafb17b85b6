"""NIS2 notifications (unverified): steps by their lifecycle, clocks from when the entity knew."""

from datetime import timedelta

import pytest

from tests.desks.people import desk, viewer
from tocsin.desks.response.actions import begin_notification, step_notification
from tocsin.desks.response.queries import notification_for, notifications_for
from tocsin.office.models import Deadline, Party
from tocsin.office.people.viewer import NOBODY
from tocsin.words.errors import NotFound, Refused, Unusable
from tocsin.words.moments import DAY, iso

pytestmark = pytest.mark.usefixtures("parties")
HOUR = timedelta(hours=1)


def entity(at, slug="meadow-net"):
    return viewer(slug, "nis2.notify", at=at)


def authority(at):
    Party.objects.filter(slug="csirt-be").update(runs_node=True)
    return viewer("csirt-be", "nis2.receive", at=at)


def begun(who, at, lifecycle="incident"):
    return begin_notification(
        who,
        party="meadow-net",
        lifecycle=lifecycle,
        subject="billing is down",
        aware_at=at - 2 * HOUR,
        at=at,
    )


def clocks() -> list[tuple[str, str, str]]:
    rows = Deadline.objects.order_by("due_at")
    return [(row.rule, row.state, iso(row.due_at)) for row in rows]


def test_an_incident_is_warned_of_notified_and_reported_in_time(at) -> None:
    who, receives = entity(at), authority(at)
    row = begun(who, at)
    assert clocks() == [
        ("nis2:warn", "ready", "2026-11-24T07:00:00Z"),
        ("nis2:notify", "ready", "2026-11-26T07:00:00Z"),
    ]
    assert notifications_for(receives).rows == []  # nothing was submitted to anybody yet

    step_notification(who, row.uid, step="warn", text="suspected intrusion", at=at + HOUR)
    step_notification(who, row.uid, step="notify", text="first assessment", at=at + DAY)
    step_notification(receives, row.uid, step="ask", text="which systems?", at=at + DAY)
    step_notification(who, row.uid, step="update", text="billing alone", at=at + 2 * DAY)
    done = step_notification(who, row.uid, step="report", text="final", at=at + 10 * DAY)

    assert done.state == "reported"
    assert [row[:2] for row in clocks()] == [
        ("nis2:warn", "met"),
        ("nis2:notify", "met"),
        ("nis2:report", "met"),
    ]
    seen = notification_for(receives, row.uid)
    assert [(one.step, one.text, one.party.slug) for one in seen.submissions] == [
        ("warn", "suspected intrusion", "meadow-net"),
        ("notify", "first assessment", "meadow-net"),
        ("ask", "which systems?", "csirt-be"),
        ("update", "billing alone", "meadow-net"),
        ("report", "final", "meadow-net"),
    ]
    assert seen.steps == ()


def test_each_takes_its_own_steps_alone(at) -> None:
    who, receives = entity(at), authority(at)
    row = begun(who, at)
    with pytest.raises(NotFound):
        step_notification(receives, row.uid, step="ask", text="what?", at=at)
    with pytest.raises(Refused, match="needs a mandate with"):
        step_notification(who, row.uid, step="ask", text="what?", at=at)
    with pytest.raises(Refused, match="cannot report while aware"):
        step_notification(who, row.uid, step="report", text="final", at=at)
    with pytest.raises(Unusable, match="there is nothing in it"):
        step_notification(who, row.uid, step="warn", at=at)
    with pytest.raises(Refused, match="there is no step 'dance'"):
        step_notification(who, row.uid, step="dance", at=at)


def test_other_entities_and_analysts_without_the_competence_see_none(at) -> None:
    who = entity(at)
    row = begun(who, at)
    step_notification(who, row.uid, step="warn", text="suspected intrusion", at=at)

    for other in (entity(at, "brook-telecom"), desk(at), NOBODY):
        assert notifications_for(other).rows == []
        with pytest.raises(NotFound):
            notification_for(other, row.uid)
    with pytest.raises(NotFound):
        begin_notification(
            entity(at, "harbour-online"),
            party="meadow-net",
            lifecycle="incident",
            subject="x",
            aware_at=at,
            at=at,
        )


def test_what_is_not_significant_is_dropped_and_its_clocks_with_it(at) -> None:
    who = entity(at)
    row = begun(who, at)

    step_notification(who, row.uid, step="drop", at=at)

    assert [state for _, state, _ in clocks()] == ["withdrawn", "withdrawn"]
    assert notifications_for(authority(at)).rows == []


def test_a_voluntary_one_has_no_clock(at) -> None:
    who, receives = entity(at), authority(at)
    row = begun(who, at, lifecycle="voluntary")
    step_notification(who, row.uid, step="send", text="a near miss", at=at)
    step_notification(receives, row.uid, step="acknowledge", at=at)

    assert step_notification(receives, row.uid, step="close", at=at).state == "closed"
    assert clocks() == []
