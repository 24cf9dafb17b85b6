"""Appeals: those that wait, one with the listing it is against."""

from dataclasses import dataclass
from uuid import UUID

from django.db.models import QuerySet

from tocsin.desks.shield.models import Act, Appeal
from tocsin.desks.shield.queries.listings import actor_of
from tocsin.office.people.sealing import unseal
from tocsin.office.people.viewer import Viewer
from tocsin.rules import lifecycle
from tocsin.rules.lifecycle import Step
from tocsin.rules.shield import APPEAL
from tocsin.words.errors import NotFound

REVIEW = "shield:appeal:review"
SEALED = "shield appeal"


@dataclass(frozen=True)
class AppealFile:
    """One appeal: what was written, what happened, what may be done now."""

    appeal: Appeal
    text: str
    acts: tuple[Act, ...]
    steps: tuple[Step, ...]


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


def appeal_for(viewer: Viewer, uid: UUID | str) -> AppealFile:
    """One with everything; raises `NotFound`."""
    row = find_appeal(viewer, uid)
    sealed = bytes(row.sealed)
    text = unseal(sealed, purpose=SEALED).decode() if sealed else ""
    acts = tuple(row.listing.acts.all().select_related("person"))
    steps = lifecycle.possible(APPEAL, row.state, actor_of(viewer))
    return AppealFile(row, text, acts, tuple(one for one in steps if one.name != "settle"))
