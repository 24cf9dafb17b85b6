"""Re-checks that are due, the longest overdue first."""

from datetime import datetime, timedelta
from uuid import UUID

from django.db.models import QuerySet

from tocsin.desks.shield.models import Recheck
from tocsin.desks.shield.queries.listings import REVIEW
from tocsin.office.people.viewer import Viewer
from tocsin.rules.shield import IN_FORCE, RECHECK_WITHIN
from tocsin.words.errors import NotFound


def due_rechecks(*, at: datetime) -> QuerySet[Recheck]:
    """Whose date has come, of listings in force."""
    rows = Recheck.objects.filter(done_at=None, due_at__lte=at, listing__state__in=IN_FORCE)
    return rows.select_related("listing").order_by("due_at", "pk")


def missed_rechecks(*, at: datetime) -> QuerySet[Recheck]:
    """Those whose clock has run out."""
    return due_rechecks(at=at).filter(due_at__lte=at - RECHECK_WITHIN)


def hours_left(row: Recheck, *, at: datetime) -> int:
    """Until its clock has run out; negative where it has."""
    return int((row.due_at + RECHECK_WITHIN - at) // timedelta(hours=1))


def find_recheck(viewer: Viewer, uid: UUID | str) -> Recheck:
    """One that somebody may see; raises `NotFound`."""
    try:
        wanted = uid if isinstance(uid, UUID) else UUID(uid)
    except ValueError:
        raise NotFound(f"there is no re-check {uid}") from None
    row = Recheck.objects.select_related("listing").filter(uid=wanted).first()
    if row is None or not viewer.may(REVIEW):
        raise NotFound(f"there is no re-check {uid}")
    return row
