"""Appeals by a name that the public list does not have: a list for some alone may stop somebody.

What such a list holds is not to be learned here. So filing looks nothing up but the public list,
writes the same rows and says the same words in every case; the worker looks up the rest later, and
nothing that the appellant can ask changes with what it finds. The page answers and no mail goes
out, or anybody could have this node write to whomever they like.
"""

from datetime import datetime

from django.db import transaction

from tocsin.desks.shield.actions.appealing import file_against, file_appeal
from tocsin.desks.shield.actions.references import reference
from tocsin.desks.shield.models import Claim
from tocsin.desks.shield.queries.appeals import SEALED
from tocsin.desks.shield.queries.listings import in_force_over
from tocsin.flow.urls import read_url
from tocsin.office import register
from tocsin.office.people.sealing import seal, unseal
from tocsin.words.errors import NotFound, Unreadable
from tocsin.words.moments import as_utc


def appeal_by(
    *, about: str, text: str, answer_to: str, language: str, is_cleaned: bool, by: str, at: datetime
) -> str:
    """The reference of an appeal against what all see listed, or of a claim.

    Raises `NotFound` for what is neither a reference in force nor a name, `Unusable` without a
    text.
    """
    try:
        return file_appeal(
            about=about, text=text, answer_to=answer_to, language=language, is_cleaned=is_cleaned,
            by=by, at=at,
        ).reference  # fmt: skip
    except NotFound:
        if not _is_name(about):
            raise
    row = Claim(reference=reference(), language=language, is_cleaned=is_cleaned, filed_at=at)
    row.sealed = seal(text.strip().encode(), purpose=SEALED)
    row.sealed_about = seal(about.strip()[:2000].encode(), purpose=SEALED)
    with transaction.atomic():
        row.save()
        _record(row, "file", by=by, at=at)
    return row.reference


def _is_name(about: str) -> bool:
    try:
        landing = read_url(about.strip())
    except Unreadable:
        return False
    return landing.is_address or "." in landing.host


def take_claims(*, by: str, at: datetime) -> int:
    """Make appeals of the claims that something in force covers; how many were looked at."""
    keys = list(Claim.objects.filter(taken_at=None).values_list("pk", flat=True)[:1000])
    for key in keys:
        with transaction.atomic():
            row = Claim.objects.select_for_update().filter(pk=key, taken_at=None).first()
            if row is not None:
                _take(row, by=by, at=at)
    return len(keys)


def _take(row: Claim, *, by: str, at: datetime) -> None:
    about = unseal(bytes(row.sealed_about), purpose=SEALED).decode()
    try:
        listing = in_force_over(about, at=at).first()
    except Unreadable:  # erased meanwhile
        listing = None
    if listing is not None:
        file_against(
            listing, sealed=bytes(row.sealed), sealed_about=bytes(row.sealed_about),
            language=row.language, is_cleaned=row.is_cleaned, filed_at=row.filed_at, by=by, at=at,
        )  # fmt: skip
    row.sealed, row.sealed_about, row.taken_at = b"", b"", as_utc(at)
    row.save()
    _record(row, "take", by=by, at=at)


def _record(row: Claim, step: str, *, by: str, at: datetime) -> None:
    register.record(action=f"shield:claim:{step}", actor=by, at=at, subject=row.uid, facts={})
