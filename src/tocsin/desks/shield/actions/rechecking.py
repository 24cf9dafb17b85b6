"""A reviewer looked again: still fraud, cleaned, or gone."""

from datetime import datetime
from uuid import UUID

from django.db import transaction

from tocsin.desks.shield.actions import clocks, deciding
from tocsin.desks.shield.models import Listing, Recheck
from tocsin.desks.shield.queries.listings import REVIEW
from tocsin.desks.shield.queries.rechecks import find_recheck
from tocsin.office import register
from tocsin.office.people.viewer import Viewer
from tocsin.rules.shield import IN_FORCE, RECHECK_WITHIN
from tocsin.words.errors import Refused, Unusable
from tocsin.words.moments import as_utc


def record_recheck(
    viewer: Viewer, uid: UUID | str, *, found: str, text: str, at: datetime
) -> Recheck:
    """Write down what somebody saw; what is cleaned is withdrawn in the same transaction.

    Raises `Refused` for one that was done before or is not due, `Unusable` without what was seen.
    """
    if found not in Recheck.Found.values:
        raise Unusable(f"{found[:30]!r} is nothing to find. Possible: still_fraud, cleaned, gone")
    said = text.strip()[: deciding.LONGEST_REASON]
    if not said:
        raise Unusable("say what you saw: whoever judges the listing reads it")
    with transaction.atomic():
        viewer.require(REVIEW)
        row = Recheck.objects.select_for_update().get(pk=find_recheck(viewer, uid).pk)
        listing = Listing.objects.select_for_update().get(pk=row.listing_id)
        _require_due(row, listing, at=at)
        row.found, row.done_at, row.text = found, as_utc(at), said
        row.by, row.person = viewer.name, viewer.person
        row.save()
        facts: dict[str, register.Fact] = {
            "found": found,
            "is_late": as_utc(at) > row.due_at + RECHECK_WITHIN,
        }
        register.record(
            action="shield:recheck:record",
            actor=viewer.name,
            at=at,
            subject=listing.uid,
            facts=facts,
        )
        clocks.meet("recheck", row.uid, by=viewer.name, at=at)
        if found == Recheck.Found.CLEANED:
            deciding.withdraw(
                listing, by=viewer.name, at=at, text=said, viewer=viewer, cause="cleaned"
            )
    return row


def _require_due(row: Recheck, listing: Listing, *, at: datetime) -> None:
    if row.done_at is not None:
        raise Refused("re-check: it is done already. Possible: the next one, on its date")
    if listing.state not in IN_FORCE:
        raise Refused(f"re-check: the listing is {listing.state}. Possible: nothing now")
    if row.due_at > as_utc(at):
        raise Refused(
            f"re-check: its date is {row.due_at:%Y-%m-%d}. Possible: on that day, or withdraw the "
            "listing now"
        )
