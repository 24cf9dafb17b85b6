"""Notifications of incidents as somebody may see them."""

from dataclasses import dataclass
from uuid import UUID

from django.db.models import Q, QuerySet

from tocsin.desks.response.models import Notification, Submission
from tocsin.desks.response.queries.cases import actor_of
from tocsin.desks.response.queries.listing import Slice, cut
from tocsin.office.models import Deadline
from tocsin.office.people.viewer import Viewer
from tocsin.rules import lifecycle as rules
from tocsin.rules import nis2
from tocsin.words.errors import NotFound

READ, READ_OWN = "response:notification:read", "response:notification:read_own"
SUBMIT, RECEIVE = "response:notification:submit", "response:notification:receive"

LIFECYCLES = {
    Notification.Lifecycle.INCIDENT.value: nis2.NOTIFICATION,
    Notification.Lifecycle.VOLUNTARY.value: nis2.VOLUNTARY,
}


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


def notifications_for(viewer: Viewer, *, state: str = "", page: int = 1) -> Slice:
    """One page, the latest changed first; three queries at most."""
    rows = visible_notifications(viewer).select_related("party")
    rows = rows.filter(state=state) if state else rows
    return cut(rows.order_by("-changed_at", "-pk"), page=page)


def notification_for(viewer: Viewer, uid: UUID | str) -> NotificationFile:
    """One that somebody may see; raises `NotFound`."""
    try:
        wanted = uid if isinstance(uid, UUID) else UUID(uid)
    except ValueError:
        raise NotFound(f"there is no notification {uid}") from None
    row = visible_notifications(viewer).filter(uid=wanted).select_related("party").first()
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
