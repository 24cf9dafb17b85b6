"""The pages in a real browser: from an upload to the cure, and how a colleague comes in.

That no page has a flaw in any look is asked in tests/security/test_pages_in_a_browser.py.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.journeys import stories
from tests.journeys.browser import Page, browser, chromium
from tests.journeys.serving import Node, serving
from tests.journeys.stories import come, text
from tocsin.node.vendored import MADE

pytestmark = [
    pytest.mark.skipif(chromium() is None, reason="needs Chromium: apt-get install chromium"),
    pytest.mark.skipif(not MADE.is_dir(), reason="needs make .venv/.frontend"),
]


@pytest.fixture
def node(tmp_path: Path, clean_env: dict[str, str], loopback: None) -> Iterator[Node]:
    """A node that serves."""
    with serving(tmp_path, clean_env) as running:
        yield running


@pytest.fixture
def page(loopback: None) -> Iterator[Page]:
    """A browser that nobody signed in with."""
    with browser() as tab:
        tab.look()
        yield tab


def leave(_name: str) -> None:
    """No picture: tests look at what came of it."""


def test_from_an_upload_to_the_cure_that_the_reporter_sees(node: Node, page: Page):
    stories.upload(page, node, leave, who=stories.REPORTER)
    assert "As what, and how many; never which." in text(page)
    assert "Meadow Net" not in text(page)

    stories.answer(page, node, leave)
    assert "Brook Telecom" not in text(page)
    assert "cured" in text(page)
    come(page, node, stories.DESK, "/response/cases/?states=cured")
    assert "1 case" in text(page)

    stories.see_the_cure(page, node, leave)
    assert "one is cured already" in text(page)
    assert "Meadow Net" not in text(page)
    assert page.errors == []


def test_an_analyst_comes_by_keyboard_brings_a_report_in_and_sees_who_was_told_and_why(
    node: Node, page: Page
):
    come(page, node, stories.DESK, "/response/")
    page.press("Tab")
    assert "govuk-skip-link" in page.run("document.activeElement.className")
    page.press("Enter")
    page.press("Tab")
    assert page.run("document.activeElement.closest('main') !== null") is True

    stories.upload(page, node, leave, who=stories.DESK)
    assert "192.0.2.0/25 is in the remit of Meadow Net" in text(page)
    assert page.errors == []


def test_an_administrator_adds_a_colleague_who_sets_up_a_passkey(node: Node, page: Page):
    stories.device(page)
    site, email = node.url.replace("127.0.0.1", "localhost"), "noa@meadow-net.example"
    path = stories.invite(page, node, leave, name="Noa Field", email=email)
    stories.accept(page, site, path, leave, email=email)
    assert page.run("location.pathname") == "/account/2fa/"
    stories.add_passkey(page, site, leave)
    page.open(f"{site}/people/")

    assert "Noa Field (you)" in text(page)
    assert page.errors == []


def test_without_javascript_the_same_is_done_with_an_app_that_shows_codes(node: Node, page: Page):
    page.do("Emulation.setScriptExecutionDisabled", value=True)
    email = "noa@meadow-net.example"
    path = stories.invite(page, node, leave, name="Noa Field", email=email)
    stories.accept(page, node.url, path, leave, email=email)
    stories.add_app(page, node.url, leave)
    page.open(f"{node.url}/people/")
    assert "Noa Field (you)" in text(page)

    stories.upload(page, node, leave, who=stories.DESK)
    stories.answer(page, node, leave)
    assert "cured" in text(page)
