"""Passkeys in a real browser with an authenticator of its own, against a real node."""

import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.node import chromium
from tests.node.browsing import PASSWORD
from tocsin.node.samples import samples_folder

pytestmark = pytest.mark.skipif(chromium.PROGRAM is None, reason=chromium.INSTALL)
ADA = "ada@csirt-be.example"


@contextmanager
def node(store: Path, env: dict[str, str]) -> Iterator[str]:
    """`tocsin serve` on a free port, with one person on file; ended by its own id."""
    program = [sys.executable, "-m", "tocsin.node"]
    words = {**env, "TOCSIN_STORE": str(store), "TOCSIN_NODE_NAME": "CSIRT Test"}

    def tocsin(*args: str, typed: str = "") -> None:
        subprocess.run(
            [*program, *args], env=words, input=typed.encode(), check=True, capture_output=True
        )

    tocsin("parties", "import", str(samples_folder() / "parties.toml"))
    mandate = ("--party", "csirt-be", "--competence", "response.handle")
    more = ("--competence", "party.administer")
    tocsin("people", "add", ADA, "--name", "Ada", *mandate, *more, typed=f"{PASSWORD}\n")
    tocsin("people", "run-node", "csirt-be")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    serving = subprocess.Popen(
        [*program, "serve", "--listen", f"127.0.0.1:{port}"],
        env=words,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        _await(f"http://127.0.0.1:{port}/healthz")
        yield f"http://localhost:{port}"
    finally:
        serving.terminate()
        serving.wait(20)


def _await(url: str) -> None:
    for _ in range(300):
        try:
            urllib.request.urlopen(url, timeout=1).close()
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise RuntimeError(f"{url} does not answer")


@pytest.fixture
def site(tmp_path: Path, clean_env: dict[str, str], loopback: None) -> Iterator[str]:
    """The address of a node."""
    with node(tmp_path / "store", {**clean_env, "HOME": os.environ.get("HOME", "/")}) as address:
        yield address


def sign_in(page: chromium.Tab, site: str) -> str:
    """With the password; where one ends up."""
    page.go(f"{site}/account/login/")
    page.type("login", ADA)
    page.type("password", PASSWORD)
    page.run("window.isLeft = true")
    page.click("main form button[type=submit]")
    page.wait("!window.isLeft && document.readyState === 'complete'")
    return page.settled(until="/account/2fa/")


def authenticator(page: chromium.Tab) -> str:
    """A device that holds passkeys and knows its owner."""
    page.call("WebAuthn.enable")
    words = {
        "protocol": "ctap2",
        "transport": "internal",
        "hasResidentKey": True,
        "hasUserVerification": True,
        "isUserVerified": True,
        "automaticPresenceSimulation": True,
    }
    return str(page.call("WebAuthn.addVirtualAuthenticator", options=words)["authenticatorId"])


def test_a_passkey_is_set_up_and_signs_in_by_itself(site: str):
    with chromium.tab() as page:
        device = authenticator(page)
        assert sign_in(page, site) == "/account/2fa/"
        page.go(f"{site}/account/2fa/webauthn/add/")
        page.type("name", "laptop")
        page.click("[name=passwordless]")
        page.follow("#mfa_webauthn_add", to="/account/2fa/recovery-codes/")
        assert page.go(f"{site}/") == "/"
        held = page.call("WebAuthn.getCredentials", authenticatorId=device)["credentials"]
        assert [one["isResidentCredential"] for one in held] == [True]

        page.follow(".tocsin-header button", to="/")
        page.go(f"{site}/account/login/")
        page.follow("#passkey_login", to="/")
        assert "Sign out" in str(page.run("document.body.innerText"))

        # One who does not know the owner (no PIN, no finger) does not open it.
        page.call("WebAuthn.setUserVerified", authenticatorId=device, isUserVerified=False)
        page.follow(".tocsin-header button", to="/")
        page.go(f"{site}/account/login/")
        page.asked.clear()
        page.click("#passkey_login")
        while not any(one.endswith("/webauthn/login/") for one in page.asked):
            page.run("0")  # what it asks for is heard beside an answer
        time.sleep(2)  # it goes on waiting for the owner; nothing tells that it does
        assert page.settled() == "/account/login/"
        assert "Sign out" not in str(page.run("document.body.innerText"))
        assert [one for one in page.problems if "NotAllowedError" not in one] == []
        assert [one for one in page.asked if not one.startswith((site, "data:"))] == []


def test_a_passkey_is_the_second_factor_after_the_password(site: str):
    with chromium.tab() as page:
        authenticator(page)
        sign_in(page, site)
        page.go(f"{site}/account/2fa/webauthn/add/")
        page.type("name", "key")
        page.follow("#mfa_webauthn_add", to="/account/2fa/recovery-codes/")
        page.follow(".tocsin-header button", to="/")
        assert sign_in(page, site) == "/account/2fa/authenticate/"
        assert page.go(f"{site}/people/") == "/account/2fa/authenticate/"
        page.follow("#mfa_webauthn_authenticate", to="/")

        assert page.problems == []
