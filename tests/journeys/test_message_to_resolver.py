"""From a citizen's message to a protected resolver, and back: everything real, nothing in between.

A public form, two reviewers on their pages, the worker, Knot DNS as hidden primary, Unbound that
is told of each change and fetches it; then an appeal, and the name resolves again.
"""

import re
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from http.cookiejar import CookieJar
from pathlib import Path
from typing import Any

import pytest

from tests.formats.resolvers import Answer, Server, free_port, program, running, unbound, world
from tests.journeys.serving import SAMPLES, run, said, served

ORIGIN = "rpz.shield.example"
KEY = "q" * 30
WORLD = Answer("NOERROR", ("192.0.2.80",))
WARNED = Answer("NOERROR", ("192.0.2.10",))
NOT_THERE = Answer("NXDOMAIN", ())
SECONDS = 10  # from the second approval to another answer

_MAKE = """
import json, os, sys, time
from pathlib import Path
from tocsin.node.store import open_store
store = open_store(Path(os.environ["TOCSIN_STORE"]))
from datetime import UTC, datetime
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore
from allauth.mfa.totp.internal.auth import TOTP
from tocsin.office.models import Party
from tocsin.office.parties import import_parties
from tocsin.office.people import actions
at = datetime.now(UTC)
import_parties(Path(sys.argv[1]).read_text("utf-8"), by="test", at=at)
party = Party.objects.get(slug="csirt-be")
actions.run_node(party, by="test", at=at)
keys = {}
for name in ("rita", "rolf", "rosa"):
    person = actions.add_person(
        email=f"{name}@csirt-be.example", name=name.title(), language="en", by="test", at=at
    )
    actions.grant(
        person, party, competences=["shield.propose", "shield.review"], by="test", at=at
    )
    TOTP.activate(person, "JBSWY3DPEHPK3PXP")
    session, now = SessionStore(), time.time()
    session.update({
        SESSION_KEY: str(person.pk),
        BACKEND_SESSION_KEY: "allauth.account.auth_backends.AuthenticationBackend",
        HASH_SESSION_KEY: person.get_session_auth_hash(),
        "account_authentication_methods_user": str(person.pk),
        "account_authentication_methods": [
            {"method": "password", "at": now}, {"method": "mfa", "at": now, "type": "totp"},
        ],
    })
    session.save()
    keys[name] = session.session_key
print("KEYS" + json.dumps(keys))
"""


class Person:
    """A browser without JavaScript: it keeps cookies and sends the forms of pages."""

    def __init__(self, url: str, session: str = "") -> None:
        self.url = url
        self.jar = CookieJar()
        handlers = (urllib.request.ProxyHandler({}), urllib.request.HTTPCookieProcessor(self.jar))
        self.opener = urllib.request.build_opener(*handlers)
        if session:
            self.opener.addheaders = [("Cookie", f"sessionid={session}")]
        self.session = session

    def get(self, path: str, **headers: str) -> tuple[int, str, Any]:
        return self._open(urllib.request.Request(self.url + path, headers=headers))

    def send(self, page: str, path: str, *, status: int = 200, **words: str) -> str:
        """Fill in the form of a page; what came of it, where it came with this status."""
        _, text, _ = self.get(page)
        token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', text)
        assert token, text
        data = urllib.parse.urlencode({**words, "csrfmiddlewaretoken": token[1]}).encode()
        request = urllib.request.Request(self.url + path, data)
        got, text, _ = self._open(request)
        assert got == status, (got, re.sub(r"<[^>]+>|\s+", " ", text))
        return text

    def _open(self, request: urllib.request.Request) -> tuple[int, str, Any]:
        if self.session:
            kept = "; ".join(f"{one.name}={one.value}" for one in self.jar)
            request.add_unredirected_header("Cookie", f"sessionid={self.session}; {kept}")
        try:
            with self.opener.open(request, timeout=60) as got:
                return got.status, got.read().decode(), got.headers
        except urllib.error.HTTPError as refused:
            with refused:
                return refused.code, refused.read().decode(), refused.headers


@dataclass
class Chain:
    """The node with its people, the hidden primary, and the resolver of a provider."""

    url: str
    keys: dict[str, Any]
    primary: Server
    resolver: Server

    def person(self, name: str = "") -> Person:
        return Person(self.url, self.keys.get(name, ""))


@contextmanager
def hidden_primary(folder: Path, tells: int) -> Iterator[Server]:
    """Knot DNS with a zone that begins empty and lives in its journal."""
    port = free_port()
    (folder / "db").mkdir()
    (folder / "ready.zone").write_text("@ 60 SOA ns hostmaster 1 60 60 600 60\n@ 60 NS ns\n")
    (folder / "knot.conf").write_text(
        f'server:\n  listen: 127.0.0.1@{port}\n  rundir: "{folder}"\n'
        f'control:\n  listen: "{folder}/control.sock"\n'
        f'database:\n  storage: "{folder}/db"\n'
        f"remote:\n  - id: resolver\n    address: 127.0.0.1@{tells}\n"
        "acl:\n  - id: out\n    address: 127.0.0.1\n    action: transfer\n"
        f"zone:\n  - domain: ready.example.\n    file: {folder}/ready.zone\n"
        f'  - domain: {ORIGIN}.\n    storage: "{folder}"\n    zonefile-sync: -1\n'
        "    zonefile-load: none\n    journal-content: all\n    notify: resolver\n    acl: out\n",
        "utf-8",
    )
    words = [program("knotd"), "-c", str(folder / "knot.conf")]
    with running(words, port, folder, "ready.example") as server:
        yield server


@contextmanager
def working(env: dict[str, str], folder: Path) -> Iterator[None]:
    """`tocsin worker`, ended by its own process id."""
    log = (folder / "worker.log").open("wb")
    words = [sys.executable, "-m", "tocsin.node", "worker"]
    process = subprocess.Popen(words, env=env, stdout=log, stderr=log)
    try:
        yield
        assert process.poll() is None, (folder / "worker.log").read_text("utf-8")
    finally:
        process.terminate()
        process.wait(60)
        log.close()


@pytest.fixture
def chain(tmp_path: Path, clean_env: dict[str, str], loopback: None) -> Iterator[Chain]:
    folders = {name: tmp_path / name for name in ("world", "primary", "resolver")}
    for folder in folders.values():
        folder.mkdir()
    env = {
        **clean_env,
        "TOCSIN_STORE": str(tmp_path / "store"),
        "TOCSIN_SHIELD_ZONE": ORIGIN,
        "TOCSIN_SHIELD_GARDEN": "192.0.2.10",
        "TOCSIN_SHIELD_KNOT_SOCKET": str(folders["primary"] / "control.sock"),
        "TOCSIN_SHIELD_LISTS": KEY,
    }
    keys = said(run(["-c", _MAKE, str(SAMPLES / "parties.toml")], env))
    with ExitStack() as stack:
        port = free_port()
        beyond = stack.enter_context(world(folders["world"]))
        primary = stack.enter_context(hidden_primary(folders["primary"], tells=port))
        url = stack.enter_context(served(tmp_path, env))
        stack.enter_context(working(env, tmp_path))
        # Something that always passes is published first, so that the zone is there to fetch.
        rosa = Person(url, keys["rosa"])
        rosa.send("/shield/names/", "/shield/names/", kind="always_passes", values="help.example")
        _await_serial(primary)
        resolver = stack.enter_context(
            unbound(folders["resolver"], tmp_path, ORIGIN, beyond, port=port, of=primary)
        )
        yield Chain(url, keys, primary, resolver)


def _await_serial(primary: Server) -> None:
    until = time.monotonic() + 30
    while primary.ask(ORIGIN, "SOA").status != "NOERROR":
        assert time.monotonic() < until, "the zone was never published"
        time.sleep(0.2)


def link(text: str, kind: str) -> str:
    """The first link of a page to a group, a listing or an appeal."""
    found = re.search(rf'(?:href|action)="(/shield/{kind}/[0-9a-f-]{{36}})', text)
    assert found, text
    return found[1]


def test_a_message_protects_everybody_and_an_appeal_sets_it_right(chain: Chain) -> None:
    citizen, rita, rolf, rosa = (chain.person(name) for name in ("", "rita", "rolf", "rosa"))
    resolver = chain.resolver
    assert resolver.ask("mybank-login.example") == WORLD

    # A citizen reports; two reviewers decide.
    told = citizen.send(
        "/shield/report", "/shield/report", text="Pay here: http://mybank-login.example/pay?id=7"
    )
    reference = re.search(r'<bdi dir="ltr">([0-9A-Z]{4}-[0-9A-Z]{4}-[0-9A-Z]{4})</bdi>', told)
    assert reference
    group = link(rita.get("/shield/")[1], "groups")
    _, page, _ = rita.get(group)
    assert "20 hours left" in page
    refused = rita.send(
        group,
        f"{group}/approve",
        url="http://mybank-login.example/pay?id=7",
        reason="it asks for card numbers",
        basis="an act of the tests, article 1",
    )
    listing = link(refused, "listings")
    assert resolver.ask("mybank-login.example") == WORLD  # one person lists nothing
    same = _post(rita, listing, "confirm", status=422)
    assert "approved by two different people" in same
    begun = time.monotonic()
    assert "It is written down" in _post(rolf, listing, "confirm")

    # The resolver answers differently: the name, what is below it, and nobody else.
    assert resolver.wait_for("mybank-login.example", WARNED) == WARNED
    assert time.monotonic() - begun < SECONDS
    assert [
        resolver.ask(name)
        for name in ("www.mybank-login.example", "mybank.example", "help.example", "x.help.example")
    ] == [WARNED, WORLD, WORLD, WORLD]
    _, outcome, _ = citizen.get(f"/shield/outcome/{reference[1]}")
    assert "people who follow the address are now protected" in outcome

    # The list over HTTPS is the same, and a caller that has it is told so.
    status, zone, headers = citizen.get(f"/shield/lists/{KEY}/rpz")
    assert (status, "*.mybank-login.example A 192.0.2.10" in zone) == (200, True)
    again, _, _ = citizen.get(f"/shield/lists/{KEY}/rpz", **{"If-None-Match": headers["ETag"]})
    assert again == 304
    assert citizen.get("/shield/lists/public/rpz")[0] == 404
    assert "mybank-login.example" in citizen.get("/shield/warning?name=mybank-login.example")[1]

    # The owner appeals, without an account; somebody who did not list it decides.
    citizen.send(
        "/shield/appeal", "/shield/appeal", about="mybank-login.example", text="it is my shop"
    )
    appeal = link(rosa.get("/shield/appeals/")[1], "appeals")
    assert "nobody decides an appeal against a listing that they approved" in _post(
        rita, appeal, "take", status=422
    )
    _post(rosa, appeal, "take")
    begun = time.monotonic()
    _post(rosa, appeal, "uphold", text="a shop indeed")
    assert resolver.wait_for("mybank-login.example", WORLD) == WORLD
    assert time.monotonic() - begun < SECONDS
    assert '"listed": false' in citizen.get("/shield/check.json?name=mybank-login.example")[1]


def _post(person: Person, path: str, step: str, text: str = "", *, status: int = 200) -> str:
    return person.send(path, f"{path}/step", status=status, step=step, text=text)
