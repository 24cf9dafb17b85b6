"""Notifications of incidents as somebody may see them."""

from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from django.db.models import Q, QuerySet

from tocsin.desks.response.models import Case, Notification, Submission
from tocsin.desks.response.queries.cases import actor_of
from tocsin.desks.response.queries.listing import Slice, cut
from tocsin.office.models import Deadline, Party
from tocsin.office.people.viewer import Viewer
from tocsin.rules import lifecycle as rules
from tocsin.rules import nis2
from tocsin.words.errors import NotFound, Unusable

READ, READ_OWN = "response:notification:read", "response:notification:read_own"
SUBMIT, RECEIVE = "response:notification:submit", "response:notification:receive"
MOST_OF_CASE = 20

LIFECYCLES = {
    Notification.Lifecycle.INCIDENT.value: nis2.NOTIFICATION,
    Notification.Lifecycle.VOLUNTARY.value: nis2.VOLUNTARY,
}


STATES = ("open", "ended", "all")
_ENDS = [end for one in LIFECYCLES.values() for end in one.ends]


@dataclass(frozen=True)
class Listed:
    """One line of the list: a notification, and the clock of it that rings next, if one runs."""

    notification: Notification
    clock: Deadline | None


@dataclass(frozen=True)
class NotificationFile:
    """One notification with what was submitted, its clocks and the steps somebody may take now."""

    notification: Notification
    submissions: list[Submission]
    deadlines: list[Deadline]
    steps: tuple[rules.Step, ...]


def visible_notifications(viewer: Viewer) -> QuerySet[Notification]:
    """One's own, and for whoever receives them all that were submitted."""
    wanted = Q(party_id__in=viewer.parties_where(READ_OWN))
    if viewer.may(READ):
        sent = Submission.objects.exclude(step="drop").values("notification")
        wanted |= Q(pk__in=sent)
    return Notification.objects.filter(wanted)


def notifications_for(viewer: Viewer, *, state: str = "all", page: int = 1) -> Slice:
    """One page of `Listed`, the latest changed first; `state` is one of `STATES`. Three queries."""
    if state not in STATES:
        raise Unusable(f"{state!r} is no state of a notification. Possible: {', '.join(STATES)}")
    rows = visible_notifications(viewer).select_related("party")
    if state != "all":
        rows = rows.filter(state__in=_ENDS) if state == "ended" else rows.exclude(state__in=_ENDS)
    found = cut(rows.order_by("-changed_at", "-pk"), page=page)
    clocks = running_clocks(row.uid for row in found.rows)
    listed = [Listed(row, clocks.get(row.uid)) for row in found.rows]
    return Slice(listed, found.number, found.size, found.total)


def running_clocks(matters: Iterable[UUID]) -> dict[UUID, Deadline]:
    """The clock of each matter that is due next; one that has passed and is not met runs on."""
    rows = Deadline.objects.filter(matter__in=list(matters), met_at=None)
    rows = rows.exclude(state=Deadline.State.WITHDRAWN).order_by("due_at", "pk")
    return {row.matter: row for row in reversed(rows)}


def notifications_of(case: Case, viewer: Viewer) -> list[Notification]:
    """What was notified from a case, as far as somebody may see it."""
    if not (viewer.may(READ) or viewer.may(READ_OWN)):
        return []
    rows = visible_notifications(viewer).filter(case=case).only("uid", "reference", "state")
    return list(rows.order_by("made_at", "pk")[:MOST_OF_CASE])


def may_notify(viewer: Viewer, party: Party) -> bool:
    """Whether somebody notifies incidents for a party."""
    return viewer.may(SUBMIT, party)


def notification_for(viewer: Viewer, uid: UUID | str) -> NotificationFile:
    """One that somebody may see; raises `NotFound`."""
    try:
        wanted = uid if isinstance(uid, UUID) else UUID(uid)
    except ValueError:
        raise NotFound(f"there is no notification {uid}") from None
    rows = visible_notifications(viewer).filter(uid=wanted).select_related("party", "case")
    row = rows.first()
    if row is None:
        raise NotFound(f"there is no notification {uid}")
    return NotificationFile(
        row,
        list(row.submissions.select_related("person", "party").order_by("at", "pk")),
        list(Deadline.objects.filter(matter=row.uid).order_by("due_at", "pk")),
        _steps(viewer, row),
    )


def _steps(viewer: Viewer, row: Notification) -> tuple[rules.Step, ...]:
    found: dict[str, rules.Step] = {}
    for permission in (SUBMIT, RECEIVE):
        if viewer.may(permission, row.party):
            actor = actor_of(viewer, permission, row.party)
            steps = rules.possible(LIFECYCLES[row.lifecycle], row.state, actor)
            found |= {step.name: step for step in steps}
    return tuple(found.values())
