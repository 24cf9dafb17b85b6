"""The pages in a real browser: an upload from the desk to the provider's answer, and every page in
both themes and on a telephone, without an accessibility finding, a foreign request or a CSP error.
"""

import os
import re
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.journeys.browser import Page, browser, chromium
from tocsin.node.samples import samples_folder
from tocsin.node.vendored import MADE, MODULES

AXE = MODULES / "axe-core" / "axe.min.js"
SAMPLES = samples_folder()
REPORT = SAMPLES / "demo" / "2026-06-17-event4_sinkhole-demo.csv"
RULES = "['wcag2a','wcag2aa','wcag21a','wcag21aa','wcag22aa','best-practice']"
LOOKS = ((1280, False), (1280, True), (320, False), (320, True))

pytestmark = [
    pytest.mark.skipif(chromium() is None, reason="needs Chromium: apt-get install chromium"),
    pytest.mark.skipif(not (AXE.is_file() and MADE.is_dir()), reason="needs make .venv/.frontend"),
]

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


@pytest.fixture
def node(tmp_path: Path, clean_env: dict[str, str], loopback: None) -> Iterator[Node]:
    """`tocsin serve`, stopped by its own process id."""
    import json

    env = {
        **clean_env,
        "TOCSIN_STORE": str(tmp_path / "store"),
        "TOCSIN_OVERLAY": str(SAMPLES / "networks.csv"),
    }
    made = _run(["-c", _MAKE, str(SAMPLES / "parties.toml")], env)
    keys = json.loads(re.search(r"KEYS(.*)", made)[1])
    port = 20_000 + os.getpid() % 20_000
    words = ["-m", "tocsin.node", "serve", "--listen", f"127.0.0.1:{port}", "--threads", "2"]
    log = (tmp_path / "serve.log").open("wb")
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


def text(page: Page) -> str:
    return str(page.run("document.querySelector('main').innerText"))


def press(page: Page, selector: str) -> None:
    """Click what a person would, and wait for the next page."""
    page.run("window.stays = true")
    page.run(f"document.querySelector({selector!r}).click()")
    for _ in range(200):
        if page.run("window.stays !== true && document.readyState === 'complete'"):
            return
        time.sleep(0.1)
    raise AssertionError(f"nothing came of {selector}")


def flaws(page: Page, url: str) -> list[str]:
    """What is wrong with a page in every look: accessibility, width, policy, foreign requests."""
    found = []
    for width, dark in LOOKS:
        page.errors.clear()
        page.asked.clear()
        page.look(width=width, dark=dark)
        page.open(url)
        look = f"{url} {width}{' dark' if dark else ''}"
        page.run(AXE.read_text("utf-8") + ";0")
        said: Any = page.run(
            f"axe.run(document, {{runOnly: {RULES}}}).then(r => r.violations.map("
            "v => v.id + ': ' + v.nodes.map(n => n.target).join(' ')))"
        )
        found += [f"{look}: {one}" for one in [*said, *page.errors]]
        if page.run("document.documentElement.scrollWidth > innerWidth"):
            found.append(f"{look}: wider than the window")
        origin = url.partition("/response")[0].rstrip("/")
        found += [f"{look}: asks {a}" for a in page.asked if not a.startswith((origin, "data:"))]
    return found


def test_from_an_upload_to_the_answer_of_the_provider_in_a_browser(node: Node) -> None:
    with browser() as page:
        page.look()
        page.sign_in(node.url, node.keys["csirt-be"])
        page.open(f"{node.url}/response/reports/add")
        root = page.do("DOM.getDocument")["root"]["nodeId"]
        field = page.do("DOM.querySelector", nodeId=root, selector="input[type=file]")["nodeId"]
        page.do("DOM.setFileInputFiles", nodeId=field, files=[str(REPORT)])
        press(page, "button[value=route]")
        assert "waits for the worker" in text(page)

        node.work()
        for _ in range(100):  # the page asks by itself and swaps what it shows
            if "Who was told what, and why" in text(page):
                break
            time.sleep(0.2)
        assert "192.0.2.0/25 is in the remit of Meadow Net" in text(page)
        assert page.errors == []

        page.sign_in(node.url, node.keys["meadow-net"])
        page.open(f"{node.url}/response/cases/")
        assert "Brook Telecom" not in text(page)
        press(page, "main table a")
        press(page, "button[value=acknowledge]")
        assert "It is written down." in text(page)
        assert "acknowledged" in text(page)

        page.sign_in(node.url, node.keys["csirt-be"])
        page.open(f"{node.url}/response/cases/?states=acknowledged")
        assert "1 case" in text(page)


def test_no_page_of_the_desk_has_a_flaw_in_any_look(node: Node) -> None:
    with browser() as page:
        page.sign_in(node.url, node.keys["csirt-be"])
        page.look()
        page.open(f"{node.url}/response/reports/add")
        root = page.do("DOM.getDocument")["root"]["nodeId"]
        field = page.do("DOM.querySelector", nodeId=root, selector="input[type=file]")["nodeId"]
        page.do("DOM.setFileInputFiles", nodeId=field, files=[str(REPORT)])
        press(page, "button[value=route]")
        upload = page.run("location.pathname")
        node.work()
        paths = [
            "/",
            "/response/",
            "/response/look-up?target=192.0.2.200&tlp=TLP:AMBER",
            "/response/look-up",
            "/response/cases/",
            "/response/deliveries/",
            "/response/reports/",
            "/response/reports/add",
            "/response/quarantine/",
            "/response/figures/",
            str(upload),
        ]
        for listed in ("cases", "deliveries"):
            page.open(f"{node.url}/response/{listed}/")
            paths.append(page.run("document.querySelector('main table a').pathname"))

        assert [flaw for path in paths for flaw in flaws(page, node.url + path)] == []


def test_the_keyboard_reaches_the_skip_link_first_and_then_the_page(node: Node) -> None:
    with browser() as page:
        page.look()
        page.sign_in(node.url, node.keys["csirt-be"])
        page.open(f"{node.url}/response/")
        page.press("Tab")
        first = page.run("document.activeElement.className")
        page.press("Enter")
        page.press("Tab")
        after = page.run("document.activeElement.closest('main') !== null")

    assert "govuk-skip-link" in first
    assert after is True
