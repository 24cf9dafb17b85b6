"""Writing API tokens: made, shown once, ended."""

import hashlib
import secrets
from collections.abc import Collection
from datetime import datetime, timedelta

from django.db import transaction

from tocsin.office import register
from tocsin.office.people import notices
from tocsin.office.people.actions.mandates import require_reach
from tocsin.office.people.models import Mandate, Token
from tocsin.office.people.viewer import Viewer, scopes_of
from tocsin.words.errors import Refused, Unusable
from tocsin.words.moments import as_utc, iso

TOKEN_PREFIX = "tocsin_"  # noqa: S105 tells what was found when one is lost; no secret
LONGEST_TOKEN = timedelta(days=366)


def make_token(
    mandate: Mandate,
    *,
    name: str,
    scopes: Collection[str],
    expires_at: datetime,
    by: str,
    at: datetime,
) -> tuple[Token, str]:
    """A token and its text, which is shown this once; raises `Unusable`, `Refused`."""
    wanted = _scopes(mandate, scopes)
    if not name.strip() or not name.isprintable() or len(name) > 100:
        raise Unusable("a token has a name of one line, at most 100 characters")
    if not as_utc(at) < as_utc(expires_at) <= as_utc(at) + LONGEST_TOKEN:
        raise Unusable("a token runs out within a year. Possible: a day from tomorrow on")
    text = TOKEN_PREFIX + secrets.token_urlsafe(32)
    with transaction.atomic():
        token = Token.objects.create(
            mandate=mandate,
            name=name.strip(),
            digest=digest_of(text),
            scopes=wanted,
            created_at=as_utc(at),
            expires_at=as_utc(expires_at),
        )
        facts: dict[str, register.Fact] = {
            "party": mandate.party.slug,
            "scopes": [*wanted],
            "expires": iso(expires_at),
        }
        register.record(action="office:token:make", actor=by, at=at, subject=token.uid, facts=facts)
        notices.tell(
            mandate.person,
            notices.TOKEN_MADE,
            at=at,
            name=token.name,
            party=mandate.party.name,
            expires=f"{as_utc(expires_at):%Y-%m-%d}",
        )
    return token, text


def end_token(token: Token, *, by: str, at: datetime, viewer: Viewer | None = None) -> None:
    """End a token now; again: changes nothing. With a `viewer` raises `Refused`.

    One's own; or, for whoever administers the party, that of anybody who may do no more than they.
    """
    mandate = token.mandate
    if viewer is not None and (viewer.person is None or viewer.person.pk != mandate.person_id):
        require_reach(viewer, mandate, at=at)
    with transaction.atomic():
        if not Token.objects.filter(pk=token.pk, ended_at=None).update(ended_at=as_utc(at)):
            return
        facts: dict[str, register.Fact] = {"party": mandate.party.slug}
        register.record(action="office:token:end", actor=by, at=at, subject=token.uid, facts=facts)
        notices.tell(
            mandate.person, notices.TOKEN_ENDED, at=at, name=token.name, party=mandate.party.name
        )


def digest_of(text: str) -> str:
    """What is kept of a token: SHA-256 is enough for 256 random bits."""
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()


def _scopes(mandate: Mandate, scopes: Collection[str]) -> list[str]:
    """Scopes that the mandate opens and that a program may have."""
    possible = scopes_of(mandate)
    beyond = sorted(set(scopes) - set(possible))
    if not scopes:
        raise Unusable(f"nothing is no scope. Possible: {', '.join(possible)}")
    if beyond:
        raise Refused(
            f"{', '.join(beyond)}: this mandate does not open it for a program. Possible: "
            f"{', '.join(possible) or 'none'}"
        )
    return sorted(set(scopes))
