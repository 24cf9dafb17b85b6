"""A node with parties, reports and tokens, asked through its API."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.test import Client

from tocsin.desks.response.actions.take_in import Bench, work_through
from tocsin.node.api import site
from tocsin.node.samples import samples_folder
from tocsin.node.store import Store
from tocsin.office.models import Party
from tocsin.office.parties import import_parties
from tocsin.office.people.actions import grant, make_token
from tocsin.office.people.models import Person
from tocsin.office.permissions import PERMISSIONS, Reach

SAMPLES = samples_folder()
OVERLAY = SAMPLES / "networks.csv"
DESK, PROVIDER, OTHER = "csirt-be", "meadow-net", "brook-telecom"
ROW = '"2026-11-22 09:00:{second:02}","{ip}","{port}","quillworm","{tag}"\n'
HEAD = '"timestamp","src_ip","src_port","infection","tag"\n'
NAME = "2026-11-22-event4_sinkhole-test.csv"


def report(*ips: str, tag: str = "n") -> bytes:
    """A sinkhole report of these addresses."""
    rows = [ROW.format(second=n % 60, ip=ip, port=4000 + n, tag=tag) for n, ip in enumerate(ips)]
    return (HEAD + "".join(rows)).encode()


@dataclass(frozen=True)
class Caller:
    """Somebody with a token."""

    token: str
    client: Client

    def __call__(self, method: str, path: str, body: Any = None, **words: Any) -> Any:
        """One call; a dictionary goes as JSON, bytes as they are."""
        headers = {**words.pop("headers", {})}
        if self.token:
            headers["Authorization"] = f"Bearer {self.token}"
        kind = words.pop("content_type", "application/octet-stream")
        if isinstance(body, dict):
            body, kind = json.dumps(body), "application/json"
        return self.client.generic(
            method, f"/api/v1{path}", body or b"", content_type=kind, headers=headers, **words
        )

    def json(self, path: str, **words: Any) -> Any:
        """What a GET that succeeds says."""
        response = self("GET", path, **words)
        assert response.status_code == 200, response.content
        return response.json()


def token_of(slug: str, *competences: str, scopes: tuple[str, ...] = (), days: int = 1) -> str:
    """A token of somebody of a party; without `scopes`, all there are."""
    at = datetime.now(UTC)
    party = Party.objects.get(slug=slug)
    person, _ = Person.objects.get_or_create(email=f"ada@{slug}.example", defaults={"name": "Ada"})
    since = at - timedelta(minutes=1)
    mandate = grant(person, party, competences=competences, by="test", at=since)
    wanted = scopes or tuple(name for name in PERMISSIONS if _opens(name, party, competences))
    _, text = make_token(
        mandate, name="test", scopes=wanted, expires_at=at + timedelta(days=days), by="test", at=at
    )
    return text


def _opens(name: str, party: Party, competences: tuple[str, ...]) -> bool:
    row = PERMISSIONS[name]
    reaches = party.runs_node or row.reach is Reach.PARTY
    return not row.people_only and reaches and bool(row.competences & {*competences})


@pytest.fixture
def node(db: None, store: Store, monkeypatch: Any, settings: Any) -> Store:
    """The sample parties on file, csirt-be runs the node; the API on the test's store."""
    # A suite without a store has no key; below the overrides, which end before it does.
    monkeypatch.setattr(django_settings._wrapped, "SECRET_KEY", "x" * 60)
    settings.STORE, settings.OVERLAY = store.path, OVERLAY
    settings.ALLOWED_HOSTS = ["testserver"]
    settings.SECURE_SSL_REDIRECT = False
    text = (SAMPLES / "parties.toml").read_text("utf-8")
    import_parties(text, by="test", at=datetime.now(UTC) - timedelta(hours=1))
    Party.objects.filter(slug=DESK).update(runs_node=True)
    for throttle in site.api.throttle:
        throttle._buckets.clear()
    return store


@pytest.fixture
def caller(node: Store) -> Callable[[str], Caller]:
    """`caller(token)`: whoever holds it."""
    return lambda token="": Caller(token, Client())


@pytest.fixture
def desk(caller: Any) -> Caller:
    """A program of the desk."""
    return caller(token_of(DESK, "response.handle"))


@pytest.fixture
def provider(caller: Any) -> Caller:
    """A program of a provider."""
    return caller(token_of(PROVIDER, "response.answer", "nis2.notify"))


@pytest.fixture
def other(caller: Any) -> Caller:
    """A program of another provider."""
    return caller(token_of(OTHER, "response.answer", "nis2.notify"))


@pytest.fixture
def work(node: Store) -> Callable[[], list[str]]:
    """What the worker does with what waits."""

    def work() -> list[str]:
        bench = Bench("test", node.path, "Test CERT", None, OVERLAY)
        return work_through(bench, at=datetime.now(UTC) + timedelta(seconds=1))

    return work


def write(folder: Path, name: str, data: bytes) -> Path:
    """A file of a test."""
    path = folder / name
    path.write_bytes(data)
    return path
