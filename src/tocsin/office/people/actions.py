"""Writing people and mandates: invited, mandated, ended; each with its register row."""

import hashlib
import secrets
from collections.abc import Collection
from datetime import datetime, timedelta
from uuid import UUID

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import transaction

from tocsin.office import register
from tocsin.office.models import Party
from tocsin.office.people.models import Mandate, Person, Token, canonical
from tocsin.office.permissions import PERMISSIONS
from tocsin.words.competences import HELD_BY, Competence
from tocsin.words.errors import NotFound, Refused, Unusable
from tocsin.words.moments import as_utc, iso
from tocsin.words.roles import SPOKEN, Role

TOKEN_PREFIX = "tocsin_"  # noqa: S105 tells what was found when one is lost; no secret
LONGEST_TOKEN = timedelta(days=366)


def find_person(email: str) -> Person:
    """A person by sign-in name; raises `NotFound`."""
    person = Person.objects.filter(email=canonical(email)).first()
    if person is None:
        raise NotFound(f"nobody signs in as {email}. Possible: tocsin people list")
    return person


def add_person(*, email: str, name: str, language: str, by: str, at: datetime) -> Person:
    """Put somebody on file, without a password; the same again changes nothing."""
    address = canonical(email)
    try:
        validate_email(address)
    except ValidationError:
        raise Unusable(f"{email!r} is no mail address. Possible: ada@cert.example") from None
    if not name.strip() or not name.isprintable() or len(name) > 200:
        raise Unusable("a person has a name of one line, at most 200 characters")
    with transaction.atomic():
        known = Person.objects.filter(email=address).first()
        if known is not None:
            return known
        person = Person.objects.create_user(address, name=name.strip(), language=language)
        _record("office:person:add", person.uid, by=by, at=at)
    return person


def set_password(person: Person, password: str, *, by: str, at: datetime) -> None:
    """Give somebody a password; ends every session that was opened with the one before."""
    with transaction.atomic():
        person.set_password(password)
        person.save(update_fields=["password"])
        _record("office:person:set_password", person.uid, by=by, at=at)


def close_person(person: Person, *, by: str, at: datetime) -> None:
    """Let nobody sign in as this person any more; mandates and tokens end with it."""
    with transaction.atomic():
        person.is_active = False
        person.save(update_fields=["is_active"])
        for mandate in person.mandates.filter(ended_at=None):
            end_mandate(mandate, by=by, at=at)
        _record("office:person:close", person.uid, by=by, at=at)


def grant(
    person: Person,
    party: Party,
    *,
    competences: Collection[str],
    by: str,
    at: datetime,
    until: datetime | None = None,
) -> Mandate:
    """Give a mandate; raises `Unusable`, `Refused` for what the party's role cannot carry."""
    wanted = _competences(competences, party)
    with transaction.atomic():
        mandate = Mandate.objects.create(
            person=person,
            party=party,
            competences=[str(one) for one in wanted],
            since=as_utc(at),
            until=as_utc(until) if until else None,
            granted_by=by,
        )
        facts: dict[str, register.Fact] = {
            "person": person.uid.hex,
            "party": party.slug,
            "competences": [str(one) for one in wanted],
            "until": iso(until) if until else None,
        }
        register.record(
            action="office:mandate:grant", actor=by, at=at, subject=mandate.uid, facts=facts
        )
    return mandate


def end_mandate(mandate: Mandate, *, by: str, at: datetime) -> None:
    """End a mandate now, and every token under it; again: changes nothing."""
    with transaction.atomic():
        if not Mandate.objects.filter(pk=mandate.pk, ended_at=None).update(ended_at=as_utc(at)):
            return
        mandate.tokens.filter(ended_at=None).update(ended_at=as_utc(at))
        facts: dict[str, register.Fact] = {
            "person": mandate.person.uid.hex,
            "party": mandate.party.slug,
        }
        register.record(
            action="office:mandate:end", actor=by, at=at, subject=mandate.uid, facts=facts
        )


def _competences(words: Collection[str], party: Party) -> list[Competence]:
    known = {str(one): one for one in Competence}
    unknown = sorted(set(words) - set(known))
    if unknown or not words:
        raise Unusable(
            f"{', '.join(unknown) or 'nothing'} is no competence. Possible: "
            f"{', '.join(sorted(str(one) for one in Competence if HELD_BY[one]))}"
        )
    wanted = sorted({known[word] for word in words})
    role = Role(party.role)
    refused = [str(one) for one in wanted if role not in HELD_BY[one]]
    if refused:
        able = sorted(str(one) for one in Competence if role in HELD_BY[one])
        raise Refused(
            f"{', '.join(refused)} cannot be held at {party.slug}, {SPOKEN[role]}. Possible: "
            f"{', '.join(able)}"
        )
    return wanted


# ── tokens ───────────────────────────────────────────────────────────────────────────────


def make_token(
    mandate: Mandate,
    *,
    name: str,
    scopes: Collection[str],
    expires_at: datetime,
    by: str,
    at: datetime,
) -> tuple[Token, str]:
    """A token and its text, which is shown this once; raises `Unusable`."""
    unknown = sorted(set(scopes) - set(PERMISSIONS))
    if unknown or not scopes:
        raise Unusable(
            f"{', '.join(unknown) or 'nothing'} is no scope. Possible: {', '.join(PERMISSIONS)}"
        )
    if not as_utc(at) < as_utc(expires_at) <= as_utc(at) + LONGEST_TOKEN:
        raise Unusable("a token runs out within a year. Possible: a day from tomorrow on")
    text = TOKEN_PREFIX + secrets.token_urlsafe(32)
    with transaction.atomic():
        token = Token.objects.create(
            mandate=mandate,
            name=name[:100],
            digest=digest_of(text),
            scopes=sorted(set(scopes)),
            created_at=as_utc(at),
            expires_at=as_utc(expires_at),
        )
        facts: dict[str, register.Fact] = {
            "party": mandate.party.slug,
            "scopes": [*sorted(set(scopes))],
            "expires": iso(expires_at),
        }
        register.record(action="office:token:make", actor=by, at=at, subject=token.uid, facts=facts)
    return token, text


def end_token(token: Token, *, by: str, at: datetime) -> None:
    """End a token now; again: changes nothing."""
    with transaction.atomic():
        if Token.objects.filter(pk=token.pk, ended_at=None).update(ended_at=as_utc(at)):
            facts: dict[str, register.Fact] = {"party": token.mandate.party.slug}
            register.record(
                action="office:token:end", actor=by, at=at, subject=token.uid, facts=facts
            )


def digest_of(text: str) -> str:
    """What is kept of a token: SHA-256 is enough for 256 random bits."""
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()


def run_node(party: Party, *, by: str, at: datetime) -> None:
    """Say which party runs this node: its people handle the matters of all."""
    with transaction.atomic():
        Party.objects.filter(runs_node=True).exclude(pk=party.pk).update(runs_node=False)
        Party.objects.filter(pk=party.pk).update(runs_node=True)
        register.record(
            action="office:party:run_node",
            actor=by,
            at=at,
            subject=party.uid,
            facts={"party": party.slug},
        )


def _record(action: str, subject: UUID, *, by: str, at: datetime) -> None:
    register.record(action=action, actor=by, at=at, subject=subject, facts={})
