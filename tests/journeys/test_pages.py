"""The pages in a real browser: an upload from the desk to the provider's answer, and every page in
both themes and on a telephone, without an accessibility finding, a foreign request or a CSP error.
"""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.journeys.browser import Page, browser, chromium
from tests.journeys.serving import SAMPLES, Node, serving
from tocsin.node.vendored import MADE, MODULES

AXE = MODULES / "axe-core" / "axe.min.js"
REPORT = SAMPLES / "demo" / "2026-06-17-event4_sinkhole-demo.csv"
RULES = "['wcag2a','wcag2aa','wcag21a','wcag21aa','wcag22aa','best-practice']"
LOOKS = ((1280, False), (1280, True), (320, False), (320, True))

pytestmark = [
    pytest.mark.skipif(chromium() is None, reason="needs Chromium: apt-get install chromium"),
    pytest.mark.skipif(not (AXE.is_file() and MADE.is_dir()), reason="needs make .venv/.frontend"),
]


@pytest.fixture
def node(tmp_path: Path, clean_env: dict[str, str], loopback: None) -> Iterator[Node]:
    """A node that serves."""
    with serving(tmp_path, clean_env) as running:
        yield running


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
