"""A browser of somebody: Django's own client, signed in the way people are."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

from allauth.mfa.totp.internal.auth import TOTP
from django.core import mail
from django.test import Client

from tests.node.codes import code as code_of
from tocsin.office.models import Party
from tocsin.office.people import letters
from tocsin.office.people.actions import grant
from tocsin.office.people.models import Limit, Mandate, Person

PASSWORD = "a lantern on the quiet hill"
SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"


def party(slug: str = "meadow-net", role: str = "isp", **words: Any) -> Party:
    """A party; the same again is the same."""
    at = datetime(2026, 1, 1, tzinfo=UTC)
    defaults = {
        "name": slug.title(),
        "role": role,
        "channel": "folder",
        "format": "idf-csv",
        "created_at": at,
        "updated_at": at,
        **words,
    }
    return Party.objects.get_or_create(slug=slug, defaults=defaults)[0]


def person(email: str = "ada@meadow-net.example", *, password: str = PASSWORD) -> Person:
    """Somebody on file with a password; the same again is the same."""
    known = Person.objects.filter(email=email).first()
    name = email.partition("@")[0].title()
    return known or Person.objects.create_user(email, password, name=name)


def mandated(email: str, at_party: Party, *competences: str) -> Mandate:
    """Somebody with a mandate since an hour ago."""
    since = datetime.now(UTC) - timedelta(hours=1)
    return grant(person(email), at_party, competences=competences, by="test", at=since)


def code(secret: str = SECRET, *, at: float | None = None) -> str:
    """What the app of somebody here shows."""
    return code_of(secret, at=at)


def with_app(somebody: Person) -> Person:
    """The same person with an app that shows codes."""
    if not somebody.authenticator_set.exists():
        TOTP.activate(somebody, SECRET)
    return somebody


def browser(**words: Any) -> Client:
    """A browser that nobody signed in with; it checks CSRF tokens as a real one is checked."""
    return Client(**words)


def type_password(client: Client, somebody: Person, **words: Any) -> Any:
    """The first step of signing in."""
    typed = {"login": somebody.email, "password": PASSWORD, **words}
    return client.post("/account/login/", typed)


def signed_in(somebody: Person) -> Client:
    """A browser in which somebody signed in with password and code."""
    with_app(somebody)
    Limit.objects.all().delete()  # a code counts once, and tests are quicker than codes change
    client = browser()
    assert type_password(client, somebody).headers["Location"] == "/account/2fa/authenticate/"
    done = client.post("/account/2fa/authenticate/", {"code": code()})
    assert (done.status_code, done.headers.get("Location")) == (302, "/")
    return client


def long_ago(client: Client, seconds: int = 3600) -> None:
    """As if this session had been opened so long ago."""
    session = client.session
    for record in session["account_authentication_methods"]:
        record["at"] -= seconds
    session["account_authentication_methods"] = list(session["account_authentication_methods"])
    session.save()


def posted() -> list[Any]:
    """What letters went out when the worker came by, oldest first."""
    before = len(mail.outbox)
    letters.send_due(owner="test", at=datetime.now(UTC) + timedelta(seconds=1))
    return mail.outbox[before:]


def link_in(message: Any) -> str:
    """The path of the one link of a mail."""
    (found,) = re.findall(r"https?://[^/\s]+(/\S+)", message.body)
    return str(found)
