"""What people do at the pages, one function a story, in a real browser.

Tests go through each and look at what came of it; `screenshots` goes through the same ones and
takes a picture where `take` is called.
"""

import re
import time
from collections.abc import Callable
from pathlib import Path

from tests.journeys.browser import PATIENCE, Page
from tests.journeys.serving import PASSWORD, SAMPLES, Node
from tests.node.codes import code

REPORT = SAMPLES / "demo" / "2026-06-17-event4_sinkhole-demo.csv"
DESK, PROVIDER, REPORTER = "csirt-be", "meadow-net", "reporter"
Take = Callable[[str], None]


def text(page: Page) -> str:
    """What can be read on the page."""
    return str(page.run("document.querySelector('main').innerText"))


def press(page: Page, selector: str) -> None:
    """Click what a person would, and wait for the next page."""
    page.run("window.stays = true")
    page.click(selector)
    wait(page, "window.stays !== true && document.readyState === 'complete'")


def wait(page: Page, script: str) -> None:
    """Until this is true of the page."""
    ends = time.monotonic() + PATIENCE
    while not page.run(script):
        if time.monotonic() > ends:
            raise AssertionError(f"{page.run('location.href')} never came to {script}")
        time.sleep(0.05)


def fill(page: Page, **words: str) -> None:
    """Type into the fields of these names."""
    for name, typed in words.items():
        page.run(f"document.querySelector('main [name={name}]').value = {typed!r}")


def choose(page: Page, file: Path) -> None:
    """The file to bring in."""
    root = page.do("DOM.getDocument")["root"]["nodeId"]
    field = page.do("DOM.querySelector", nodeId=root, selector="input[type=file]")["nodeId"]
    page.do("DOM.setFileInputFiles", nodeId=field, files=[str(file)])


def come(page: Page, node: Node, who: str, path: str) -> None:
    """Somebody whose browser is signed in opens a page."""
    page.sign_in(node.url, node.keys[who])
    page.open(node.url + path)


# ── the way of a report ──────────────────────────────────────────────────────────────────


def upload(page: Page, node: Node, take: Take, *, who: str) -> str:
    """Somebody brings a report in, and sees who was told; the path of what they see."""
    come(page, node, who, "/response/reports/add")
    choose(page, REPORT)
    take("bring-in")
    press(page, "button[value=route]")
    path = str(page.run("location.pathname"))
    for _ in range(2):  # the second pass tells the cases what the first handed over
        node.work()
    wait(page, "!document.querySelector('#intake[hx-get]')")  # the page asks by itself
    take("who-was-told")
    return path


def answer(page: Page, node: Node, take: Take) -> None:
    """The provider finds its first case, says that it is on it, and that it is cured."""
    come(page, node, PROVIDER, "/response/cases/")
    take("provider-cases")
    press(page, "main table a")
    take("case")
    fill(page, note="Line found, subscriber written to.")
    press(page, "button[value=acknowledge]")
    fill(page, note="The router was replaced; no call since.")
    press(page, "button[value=cure]")
    take("provider-cured")


def see_the_cure(page: Page, node: Node, take: Take) -> None:
    """Whoever brought the report in reads what became of it, once the desk has answered."""
    come(page, node, DESK, "/response/reports/")
    press(page, "main table a")
    fill(page, text="Every machine you reported is known to its provider; one is cured already.")
    press(page, ".tocsin-form button")
    come(page, node, REPORTER, "/response/reports/")
    press(page, "main table a")
    take("reporter-sees")


# ── a colleague ──────────────────────────────────────────────────────────────────────────


def invite(page: Page, node: Node, take: Take, *, name: str, email: str) -> str:
    """An administrator invites somebody; the path of the link in the letter."""
    come(page, node, "administrator", "/people/")
    press(page, "main a.govuk-button")
    fill(page, email=email, name=name)
    page.click("main [name=competences][value='party.administer']")
    take("invite")
    press(page, "main form button")
    return node.letter(rf"To: {re.escape(email)}[^~]*?https?://[^/\s]+(/people/invitation/\S+)")


def accept(page: Page, site: str, path: str, take: Take, *, email: str) -> None:
    """Whoever was invited chooses a password and signs in with it."""
    page.do("Network.clearBrowserCookies")
    page.open(site + path)
    fill(page, password=PASSWORD, again=PASSWORD)
    take("invitation")
    press(page, "main form button")
    press(page, "main a.govuk-button")
    fill(page, login=email, password=PASSWORD)
    press(page, "main form button[type=submit]")
    take("second-factor")


def add_passkey(page: Page, site: str, take: Take) -> None:
    """The second factor is a passkey; the recovery codes are shown once."""
    page.open(f"{site}/account/2fa/webauthn/add/")
    fill(page, name="Laptop")
    take("passkey")
    press(page, "#mfa_webauthn_add")
    take("recovery-codes")


def add_app(page: Page, site: str, take: Take) -> None:
    """The second factor is an app, whose secret is typed off the page."""
    page.open(f"{site}/account/2fa/totp/activate/")
    secret = str(page.run("document.querySelector('.tocsin-secret').innerText"))
    fill(page, code=code(secret.replace(" ", "")))
    take("app")
    press(page, "main form button")


def device(page: Page) -> None:
    """A device that holds passkeys and knows its owner."""
    page.do("WebAuthn.enable")
    words = {
        "protocol": "ctap2",
        "transport": "internal",
        "hasResidentKey": True,
        "hasUserVerification": True,
        "isUserVerified": True,
        "automaticPresenceSimulation": True,
    }
    page.do("WebAuthn.addVirtualAuthenticator", options=words)
