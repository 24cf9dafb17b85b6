"""A node that serves, with people who may sign in, for whoever drives a browser."""

import json
import re
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tocsin.node.samples import samples_folder

SAMPLES = samples_folder()
PASSWORD = "bell over the rooftops"

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
actions.run_node(Party.objects.get(slug="csirt-be"), by="test", at=at)
new = actions.add_person(
    email="mira@csirt-be.example", name="Mira", language="en", by="test", at=at
)
actions.grant(
    new, Party.objects.get(slug="csirt-be"), competences=["response.handle"], by="test", at=at
)
actions.set_password(new, sys.argv[2], by="test", at=at)
keys = {}
for who, slug, name, competence in (
    ("csirt-be", "csirt-be", "Ada Hill", "response.handle"),
    ("meadow-net", "meadow-net", "Pia Brook", "response.answer"),
    ("administrator", "meadow-net", "Bea Lane", "party.administer"),
    ("reporter", "brook-telecom", "Olaf Reed", "response.answer"),
):
    party = Party.objects.get(slug=slug)
    email = f"{name.partition(' ')[0].lower()}@{slug}.example"
    person = actions.add_person(email=email, name=name, language="en", by="test", at=at)
    actions.grant(person, party, competences=[competence], by="test", at=at)
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
    keys[who] = session.session_key
print("KEYS" + json.dumps(keys))
"""


@dataclass(frozen=True)
class Node:
    """A node that serves on a loopback port of its own, and sessions of its people."""

    url: str
    keys: dict[str, Any]
    env: dict[str, str]
    terminal: Path

    def letter(self, pattern: str) -> str:
        """What letters say of it: without a mail server they stand on the server's terminal."""
        for _ in range(240):
            if found := re.findall(pattern, self.terminal.read_text("utf-8")):
                return str(found[-1])
            time.sleep(0.25)
        raise AssertionError(f"no letter says {pattern}")

    def work(self) -> str:
        """One pass of the worker."""
        return run(["-m", "tocsin.node", "worker", "--once"], self.env)


def run(words: list[str], env: dict[str, str]) -> str:
    done = subprocess.run(
        [sys.executable, *words], env=env, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@contextmanager
def serving(folder: Path, env: dict[str, str]) -> Iterator[Node]:
    """`tocsin serve` on a store with the sample's parties, stopped by its own process id."""
    env = {
        **env,
        "TOCSIN_STORE": str(folder / "store"),
        "TOCSIN_OVERLAY": str(SAMPLES / "networks.csv"),
    }
    made = run(["-c", _MAKE, str(SAMPLES / "parties.toml"), PASSWORD], env)
    with served(folder, env) as url:
        yield Node(url, said(made), env, folder / "serve.log")


def said(made: str) -> dict[str, Any]:
    """What a script that makes a store says of it."""
    found = re.search(r"KEYS(.*)", made)
    assert found, made
    return dict(json.loads(found[1]))


@contextmanager
def served(folder: Path, env: dict[str, str]) -> Iterator[str]:
    """The address at which `tocsin serve` answers for the store that `env` names."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    words = ["-m", "tocsin.node", "serve", "--listen", f"127.0.0.1:{port}", "--threads", "2"]
    log = (folder / "serve.log").open("wb")
    process = subprocess.Popen([sys.executable, *words], env=env, stdout=log, stderr=log)
    try:
        url = f"http://127.0.0.1:{port}"
        _await(f"{url}/healthz", process)
        yield url
    finally:
        process.terminate()
        process.wait(60)
        log.close()


def _await(url: str, process: subprocess.Popen[bytes]) -> None:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    for _ in range(240):
        assert process.poll() is None, "the server ended"
        try:
            with opener.open(url, timeout=5):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.25)
    raise AssertionError(f"{url} did not answer")
