"""Appeals: those that wait, one with the listing it is against."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import QuerySet

from tocsin.desks.shield.models import Act, Appeal, Listing
from tocsin.desks.shield.queries.listings import actor_of, in_force_over
from tocsin.desks.shield.queries.steps import appeal_steps
from tocsin.office.people.sealing import unseal
from tocsin.office.people.viewer import Viewer
from tocsin.rules.lifecycle import Step
from tocsin.rules.shield import APPEAL, IN_FORCE
from tocsin.words.errors import NotFound, Unreadable

REVIEW = "shield:appeal:review"
SEALED = "shield appeal"


@dataclass(frozen=True)
class AppealFile:
    """One appeal: what was written, what happened, what may be done now."""

    appeal: Appeal
    text: str
    acts: tuple[Act, ...]
    steps: tuple[Step, ...]
    also: tuple[Listing, ...]  # what else covers it, and goes with it
    withheld: tuple[tuple[str, str], ...] = ()  # steps that would be refused, and why


def open_appeals() -> QuerySet[Appeal]:
    """Those without a decision, the oldest first."""
    rows = Appeal.objects.filter(ended_at=None).select_related("listing")
    return rows.order_by("filed_at", "pk")


def find_appeal(viewer: Viewer, uid: UUID | str) -> Appeal:
    """One that somebody may see; raises `NotFound`."""
    try:
        wanted = uid if isinstance(uid, UUID) else UUID(uid)
    except ValueError:
        raise NotFound(f"there is no appeal {uid}") from None
    row = Appeal.objects.select_related("listing").filter(uid=wanted).first()
    if row is None or not viewer.may(REVIEW):
        raise NotFound(f"there is no appeal {uid}")
    return row


def appealed(row: Appeal, *, at: datetime) -> list[Listing]:
    """All in force that covers what somebody appealed against, the listing itself first.

    What was written in the form; of an appeal by reference, what that listing lists.
    """
    sealed = bytes(row.sealed_about)
    about = unseal(sealed, purpose=SEALED).decode() if sealed else row.listing.value
    try:
        found = list(in_force_over(about, at=at))
    except Unreadable:
        found = list(in_force_over(row.listing.value, at=at))
    others = [one for one in found if one.pk != row.listing_id]
    return [row.listing, *others] if row.listing.state in IN_FORCE else others


def appeal_for(viewer: Viewer, uid: UUID | str, *, at: datetime) -> AppealFile:
    """One with everything; raises `NotFound`."""
    row = find_appeal(viewer, uid)
    sealed = bytes(row.sealed)
    text = unseal(sealed, purpose=SEALED).decode() if sealed else ""
    acts = tuple(row.listing.acts.all().select_related("person"))
    covering = appealed(row, at=at) if row.state not in APPEAL.ends else []
    steps = appeal_steps(viewer, actor_of(viewer), row, covering)
    also = [one for one in covering if one.pk != row.listing_id]
    return AppealFile(row, text, acts, steps.offered, tuple(also), steps.withheld)
