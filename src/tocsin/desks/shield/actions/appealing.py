"""Appeals: filed by anybody, decided by somebody who did not list it, withdrawn at once."""

from datetime import datetime
from uuid import UUID

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import transaction

from tocsin.desks.shield.actions import clocks, deciding
from tocsin.desks.shield.actions.answering import ADDRESS, answer_appeal
from tocsin.desks.shield.actions.references import reference, tidy
from tocsin.desks.shield.models import Act, Appeal, Listing
from tocsin.desks.shield.queries.appeals import REVIEW, SEALED, appealed, find_appeal
from tocsin.desks.shield.queries.listings import actor_of, check
from tocsin.desks.shield.queries.steps import require_judge
from tocsin.office import register
from tocsin.office.people.sealing import seal
from tocsin.office.people.viewer import Viewer
from tocsin.rules import audiences
from tocsin.rules.lifecycle import take
from tocsin.rules.shield import APPEAL, IN_FORCE
from tocsin.words.errors import NotFound, Unreadable, Unusable
from tocsin.words.moments import as_utc

LONGEST_TEXT = 5000


def file_appeal(
    *, about: str, text: str, answer_to: str, language: str, is_cleaned: bool, by: str, at: datetime
) -> Appeal:
    """File one against what covers a name or an address, or against a listing's reference.

    Raises `NotFound` where nothing of it is listed, `Unusable` without a text.
    """
    said = text.strip()
    if not said or len(said) > LONGEST_TEXT:
        raise Unusable(f"say why it is wrong, in at most {LONGEST_TEXT:,} letters")
    if answer_to:
        try:
            validate_email(answer_to)
        except ValidationError:
            raise Unusable("that is no mail address. Possible: ada@example.org, or none") from None
    listing = _listing(about, at=at)
    name = "" if listing.reference == tidy(about) else about.strip()[:2000]
    return file_against(
        listing,
        sealed=seal(said.encode(), purpose=SEALED),
        sealed_about=seal(name.encode(), purpose=SEALED) if name else b"",
        sealed_address=seal(answer_to.encode(), purpose=ADDRESS) if answer_to else b"",
        language=language,
        is_cleaned=is_cleaned,
        filed_at=at,
        by=by,
        at=at,
    )


def file_against(
    listing: Listing,
    *,
    sealed: bytes,
    sealed_about: bytes,
    sealed_address: bytes = b"",
    language: str,
    is_cleaned: bool,
    filed_at: datetime,
    by: str,
    at: datetime,
) -> Appeal:
    """File one against a listing, of texts that are sealed; its clock runs from `filed_at`."""
    with transaction.atomic():
        row = Appeal.objects.create(
            reference=reference(),
            listing=listing,
            sealed=sealed,
            sealed_about=sealed_about,
            sealed_address=sealed_address,
            language=language,
            is_cleaned=is_cleaned,
            state=APPEAL.start,
            filed_at=as_utc(filed_at),
            changed_at=as_utc(at),
        )
        _record(row, "file", by=by, at=at)
        clock = "answer-recheck" if is_cleaned else "decide-appeal"
        clocks.start(clock, row.uid, started_at=filed_at, by=by, at=at)
    return row


def _listing(about: str, *, at: datetime) -> Listing:
    in_force = Listing.objects.filter(state__in=IN_FORCE, expires_at__gt=at)
    found = in_force.filter(reference=tidy(about)).first()
    if found is None:
        try:
            found = check(about, at=at).listing
        except Unreadable:
            found = None
    if found is None:
        raise NotFound(f"{about[:100]!r} is not listed. Possible: its name, or its reference")
    return found


def step_appeal(viewer: Viewer, uid: UUID | str, *, step: str, text: str, at: datetime) -> Appeal:
    """Take, give back, uphold or dismiss one; raises `Refused` in the words of the rules.

    It is against all that covers what was appealed: whoever is told to be right is not blocked
    any more by another listing of the same.
    """
    said = text.strip()[:500]
    if step in ("uphold", "dismiss") and not said:
        raise Unusable("a decision needs a reason: whoever filed the appeal reads it")
    with transaction.atomic():
        viewer.require(REVIEW)
        row = Appeal.objects.select_for_update().get(pk=find_appeal(viewer, uid).pk)
        row.state = take(APPEAL, row.state, step, actor_of(viewer))
        listing = Listing.objects.select_for_update().get(pk=row.listing_id)
        covering = _locked(appealed(row, at=at))
        require_judge(viewer, step, listing, covering)
        row.changed_at = as_utc(at)
        Act.objects.create(
            listing=listing,
            noun="appeal",
            step=step,
            state=row.state,
            at=as_utc(at),
            by=viewer.name,
            person=viewer.person,
            text=said,
        )
        _record(row, step, by=viewer.name, at=at)
        if row.state in APPEAL.ends:
            _decide(row, covering, said, viewer=viewer, at=at)
        row.save()
    return row


def _locked(rows: list[Listing]) -> list[Listing]:
    keys = [row.pk for row in rows]
    return list(Listing.objects.select_for_update().filter(pk__in=keys).order_by("pk"))


def _decide(
    row: Appeal, covering: list[Listing], said: str, *, viewer: Viewer, at: datetime
) -> None:
    row.ended_at, row.outcome = as_utc(at), said
    answer_appeal(row, at=at)
    row.save()
    for clock in ("decide-appeal", "answer-recheck"):
        clocks.meet(clock, row.uid, by=viewer.name, at=at)
    for one in covering if row.state == "upheld" else ():
        deciding.withdraw(
            one,
            by=viewer.name,
            at=at,
            text=said,
            viewer=viewer,
            cause="cleaned" if row.is_cleaned else "appeal",
            since=row.filed_at,
        )


def _record(row: Appeal, step: str, *, by: str, at: datetime) -> None:
    is_public = "yes" if row.listing.tlp == audiences.PUBLIC.most.value else "no"
    facts: dict[str, register.Fact] = {
        "state": row.state,
        "is_cleaned": row.is_cleaned,
        "is_public": is_public,
    }
    register.record(action=f"shield:appeal:{step}", actor=by, at=at, subject=row.uid, facts=facts)
