"""A node that serves, with people who may sign in, for whoever drives a browser."""

import json
import os
import re
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

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
for slug, competence in (("csirt-be", "response.handle"), ("meadow-net", "response.answer")):
    party = Party.objects.get(slug=slug)
    person = actions.add_person(
        email=f"ada@{slug}.example", name=f"Ada of {slug}", language="en", by="test", at=at
    )
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
    keys[slug] = session.session_key
print("KEYS" + json.dumps(keys))
"""


@dataclass(frozen=True)
class Node:
    """A node that serves on a loopback port of its own, and sessions of its people."""

    url: str
    keys: dict[str, str]
    env: dict[str, str]

    def work(self) -> str:
        """One pass of the worker."""
        return _run(["-m", "tocsin.node", "worker", "--once"], self.env)


def _run(words: list[str], env: dict[str, str]) -> str:
    done = subprocess.run(
        [sys.executable, *words], env=env, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@contextmanager
def serving(folder: Path, env: dict[str, str]) -> Iterator[Node]:
    """`tocsin serve` on a store of its own, stopped by its own process id."""
    env = {
        **env,
        "TOCSIN_STORE": str(folder / "store"),
        "TOCSIN_OVERLAY": str(SAMPLES / "networks.csv"),
    }
    made = _run(["-c", _MAKE, str(SAMPLES / "parties.toml"), PASSWORD], env)
    keys = json.loads(re.search(r"KEYS(.*)", made)[1])
    port = 20_000 + os.getpid() % 20_000
    words = ["-m", "tocsin.node", "serve", "--listen", f"127.0.0.1:{port}", "--threads", "2"]
    log = (folder / "serve.log").open("wb")
    process = subprocess.Popen([sys.executable, *words], env=env, stdout=log, stderr=log)
    try:
        url = f"http://127.0.0.1:{port}"
        _await(f"{url}/healthz", process)
        yield Node(url, keys, env)
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
