"""Writing invitations: sent, withdrawn, taken up."""

import secrets
from collections.abc import Callable, Collection
from datetime import datetime, timedelta

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import QuerySet

from tocsin.office import register
from tocsin.office.models import Party
from tocsin.office.people import notices
from tocsin.office.people.actions.mandates import competences_of, grant, require_held
from tocsin.office.people.actions.persons import (
    add_person,
    read_address,
    read_name,
    set_password,
)
from tocsin.office.people.actions.tokens import digest_of
from tocsin.office.people.models import Invitation, Person
from tocsin.office.people.viewer import Viewer, viewer_of
from tocsin.words.competences import Competence
from tocsin.words.errors import Refused, Unusable
from tocsin.words.moments import as_utc, iso

LASTS = timedelta(hours=72)
MOST_A_DAY = 50  # per party: an administrator's account that was taken is no mail cannon


def invite(
    party: Party,
    *,
    email: str,
    name: str,
    language: str,
    competences: Collection[str],
    until: datetime | None,
    viewer: Viewer,
    at: datetime,
    link: Callable[[str], str],
) -> Invitation:
    """Offer somebody a mandate and mail them the link, which nobody else ever sees.

    `link` makes an address of the secret. An earlier invitation of the same address is withdrawn.
    Raises `Unusable`, and `Refused` for another party and for more than the viewer may do.
    """
    viewer.require("office:person:invite", party)
    address, called = read_address(email), read_name(name)
    wanted = [str(one) for one in competences_of(competences, party)]
    require_held(viewer, party, wanted)
    if until is not None and as_utc(until) <= as_utc(at):
        raise Unusable("a mandate ends after today. Possible: a later day, or none")
    secret = secrets.token_urlsafe(32)
    with transaction.atomic():
        _require_room(party, at=at)
        _open(party).filter(email=address).update(withdrawn_at=as_utc(at))
        invitation = Invitation.objects.create(
            party=party,
            email=address,
            name=called,
            language=language,
            competences=wanted,
            until=as_utc(until) if until else None,
            invited_by=viewer.person,
            digest=digest_of(secret),
            created_at=as_utc(at),
            expires_at=as_utc(at) + LASTS,
        )
        _record("send", invitation, by=viewer.name, at=at)
        notices.write(
            address,
            notices.INVITED,
            language=language,
            at=at,
            name=called,
            party=party.name,
            inviter=str(viewer.person),
            competences=", ".join(wanted),
            link=link(secret),
            hours=str(int(LASTS.total_seconds()) // 3600),
        )
    return invitation


def withdraw(invitation: Invitation, *, viewer: Viewer, at: datetime) -> None:
    """Take an invitation back; again, or after it was taken up: changes nothing."""
    viewer.require("office:person:invite", invitation.party_id)
    with transaction.atomic():
        if _open(invitation.party).filter(pk=invitation.pk).update(withdrawn_at=as_utc(at)):
            _record("withdraw", invitation, by=viewer.name, at=at)


def accept(
    invitation: Invitation,
    *,
    at: datetime,
    person: Person | None = None,
    name: str = "",
    password: str = "",
) -> Person:
    """Take an invitation up, once: as somebody who signed in, or with a new account.

    Raises `Refused` for another person, for an account that is there already (its owner signs in
    first) and for a link that was used; `Unusable` for a password that is too weak.
    """
    with transaction.atomic():
        taken = _open(invitation.party).filter(pk=invitation.pk, expires_at__gt=as_utc(at))
        if not taken.update(accepted_at=as_utc(at)):
            raise Refused("this invitation was used, withdrawn, or is too old. Ask for another")
        if not invitation.party.active:
            raise Refused("this organisation takes no part any more")
        _require_inviter(invitation, at=at)
        joining = person or _new_person(invitation, name=name, password=password, at=at)
        if joining.email != invitation.email or not joining.is_active:
            raise Refused("this invitation is for somebody else. Possible: sign out first")
        by = joining.actor
        _record("accept", invitation, by=by, at=at)
        grant(
            joining,
            invitation.party,
            competences=invitation.competences,
            by=invitation.invited_by.actor if invitation.invited_by else by,
            at=at,
            until=invitation.until,
        )
    return joining


def _require_inviter(invitation: Invitation, *, at: datetime) -> None:
    """What somebody offered counts while they may still offer it."""
    inviter = viewer_of(invitation.invited_by, at=at)
    held = inviter.competences_at(invitation.party_id)
    offered = {*invitation.competences, str(Competence.PARTY_ADMINISTER)}
    if not offered <= held:
        raise Refused("whoever invited you may do so no more. Possible: ask for another invitation")


def _new_person(invitation: Invitation, *, name: str, password: str, at: datetime) -> Person:
    if Person.objects.filter(email=invitation.email).exists():
        raise Refused("there is an account for this address. Possible: sign in with it first")
    called = read_name(name)
    _require_strong(password, Person(email=invitation.email, name=called))
    person = add_person(
        email=invitation.email,
        name=called,
        language=invitation.language,
        by=f"invitation:{invitation.uid.hex}",
        at=at,
    )
    set_password(person, password, by=person.actor, at=at)
    return person


def _require_strong(password: str, person: Person) -> None:
    try:
        validate_password(password, person)
    except ValidationError as fault:
        raise Unusable(" ".join(fault.messages)) from None


def _require_room(party: Party, *, at: datetime) -> None:
    Party.objects.select_for_update().get(pk=party.pk)  # counted one at a time
    sent = party.invitations.filter(created_at__gt=as_utc(at) - timedelta(days=1)).count()
    if sent >= MOST_A_DAY:
        raise Refused(f"{party.name} sent {sent} invitations within a day. Possible: tomorrow")


def _open(party: Party) -> QuerySet[Invitation]:
    return party.invitations.filter(accepted_at=None, withdrawn_at=None)


def _record(verb: str, invitation: Invitation, *, by: str, at: datetime) -> None:
    facts: dict[str, register.Fact] = {
        "party": invitation.party.slug,
        "competences": [*invitation.competences],
        "until": iso(invitation.until) if invitation.until else None,
    }
    register.record(
        action=f"office:invitation:{verb}", actor=by, at=at, subject=invitation.uid, facts=facts
    )
