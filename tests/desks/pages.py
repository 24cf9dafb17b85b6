"""Browsers for tests: people who signed in with a second factor, and a worker beside them."""

import html
import re
import time
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from allauth.mfa.totp.internal.auth import TOTP
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from tests.desks.people import viewer
from tocsin.desks.response.actions.take_in import Bench, work_through
from tocsin.office.people.models import Person

_CHANGING = re.compile(
    r'nonce="[^"]*"|name="csrfmiddlewaretoken" value="[^"]*"|chart-[td][0-9a-f]{8}'
)


def signed_in(person: Person) -> Client:
    """A browser whose session showed a second factor."""
    TOTP.activate(person, "JBSWY3DPEHPK3PXP")
    client = Client()
    client.force_login(person, backend="allauth.account.auth_backends.AuthenticationBackend")
    session = client.session
    now = time.time()
    session["account_authentication_methods_user"] = str(person.pk)
    session["account_authentication_methods"] = [
        {"method": "password", "at": now, "email": person.email},
        {"method": "mfa", "at": now, "type": "totp"},
    ]
    session.save()
    return client


def somebody(slug: str, *competences: str, at: datetime, name: str = "ada") -> Client:
    """A browser of somebody of a party with these competences, since long ago."""
    looking = viewer(slug, *competences, at=at - timedelta(days=400), name=name)
    person = looking.person or Person.objects.get(email=f"{name}@{slug}.example")
    return signed_in(person)


def upload(client: Client, path: Path, *, purpose: str = "route", **words: str) -> Any:
    """Send a file as the form does."""
    file = SimpleUploadedFile(words.pop("name", path.name), path.read_bytes())
    facts = {"tlp": "TLP:AMBER", "format": "", "classification": "", "purpose": purpose, **words}
    return client.post("/response/reports/add", {**facts, "file": file})


def work(store_folder: Path, overlay: Path, *, at: datetime) -> list[str]:
    """What the worker does when it comes by."""
    bench = Bench(
        owner="worker", store_folder=store_folder, node="Node", sender=None, overlay=overlay
    )
    return work_through(bench, at=at)


def same(response: Any) -> str:
    """A page without what is new each time it is made."""
    return _CHANGING.sub("", response.content.decode())


def text(response: Any) -> str:
    """What a page says, without its markup."""
    bare = re.sub(
        r"<(script|style|title)\b.*?</\1>|<[^>]+>", " ", response.content.decode(), flags=re.DOTALL
    )
    return " ".join(html.unescape(bare).split())
