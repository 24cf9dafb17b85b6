"""Legal holds: an authority says that evidence must stay; until it ends, nothing erases it.

A hold names the authority, its reference and a day on which it ends or is looked at again. One
past that day no longer protects; it is shown as due, so that a person lifts or renews it.
"""

from datetime import datetime

from django.db import transaction
from django.db.models import QuerySet

from tocsin.office import evidence, register
from tocsin.office.copies import newest_of
from tocsin.office.models import Evidence
from tocsin.words.errors import Refused
from tocsin.words.moments import as_utc, iso


def add(
    digest: str, *, authority: str, reference: str, until: datetime | None, by: str, at: datetime
) -> Evidence:
    """Put a hold on evidence, or give the same one a new end (a review).

    Of evidence that erasures rewrote, the last copy is held. Raises `NotFound`, and `Refused`
    where there is nothing left to hold, for an end in the past or before that of a running hold,
    and where another authority's hold is in force: one must not end the other's.
    """
    with transaction.atomic():
        held = newest_of(digest)
        if not held.key:
            raise Refused(
                f"evidence {held.digest[:12]}… is not stored any more, so nothing can be held"
            )
        _require_later(held, until, at=at)
        same = (held.hold_authority, held.hold_reference) == (authority, reference)
        if is_held(held, at=at) and not same:
            raise Refused(
                f"evidence {held.digest[:12]}… is held already by {words(held)}. Possible: agree "
                "on one hold, or lift that one first"
            )
        return evidence.hold(
            held.digest, authority=authority, reference=reference, until=until, by=by, at=at
        )


def _require_later(held: Evidence, until: datetime | None, *, at: datetime) -> None:
    """A hold ends in the future, and a running one is not ended by a shorter one."""
    if until is not None and as_utc(until) <= as_utc(at):
        raise Refused(
            f"a hold until {iso(until)} would protect nothing. Possible: a day to come, or none"
        )
    if until is None or not is_held(held, at=at):
        return
    if held.hold_until is None or as_utc(until) < held.hold_until:
        raise Refused(
            f"evidence {held.digest[:12]}… is held by {words(held)}, which is longer. Possible: "
            "tocsin hold lift with the reason, then the shorter one"
        )


def lift(digest: str, *, why: str, by: str, at: datetime) -> Evidence:
    """End a hold; raises `NotFound`, and `Refused` where there is none."""
    with transaction.atomic():
        named = newest_of(digest).digest
        held = Evidence.objects.select_for_update().get(digest=named)
        if not held.hold_authority:
            raise Refused(f"evidence {held.digest[:12]}… is under no hold")
        facts: dict[str, register.Fact] = {
            "digest": held.digest,
            "authority": held.hold_authority,
            "reference": held.hold_reference,
            "until": iso(held.hold_until) if held.hold_until else None,
            "why": why,
        }
        held.hold_authority, held.hold_reference, held.hold_until = "", "", None
        held.save(update_fields=["hold_authority", "hold_reference", "hold_until"])
        register.record(action="office:evidence:lift", actor=by, at=at, facts=facts)
    return held


def all_holds() -> QuerySet[Evidence]:
    """Evidence under a hold, the soonest to be looked at first; those without an end last."""
    return Evidence.objects.exclude(hold_authority="").order_by("hold_until", "digest")


def is_held(row: Evidence, *, at: datetime) -> bool:
    """Whether a hold protects evidence at this moment."""
    until = row.hold_until
    return bool(row.hold_authority) and (until is None or until > as_utc(at))


def is_due(row: Evidence, *, at: datetime) -> bool:
    """Whether a hold has run out and waits for a person."""
    return bool(row.hold_authority) and not is_held(row, at=at)


def words(row: Evidence) -> str:
    """`Court of Antwerp (2026/17) until 2027-01-01T00:00:00Z`."""
    until = iso(row.hold_until) if row.hold_until else "it is lifted"
    return f"{row.hold_authority} ({row.hold_reference}) until {until}"
