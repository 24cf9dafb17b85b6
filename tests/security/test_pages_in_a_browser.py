"""Every page there is, as everybody who may see it, in a real browser: nothing wrong with any.

The pages are read off the routes. One that nobody in the town can open fails the test, until
somebody of `served_town` can or `NO_PAGE` says why it is none.
"""

import hashlib
import re
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.journeys.browser import Page, browser, chromium
from tests.journeys.serving import run, said, served
from tests.security import served_town
from tests.security.asking import _NEW
from tests.security.routes import Route, pages
from tocsin.node.vendored import MADE, MODULES

AXE = MODULES / "axe-core" / "axe.min.js"
RULES = "['wcag2a','wcag2aa','wcag21a','wcag21aa','wcag22aa','best-practice']"
COLOURS = "['cat.color']"  # a theme changes nothing else, and the rest was asked of the other one
LAYOUT = (Path(__file__).parent / "looks.js").read_text("utf-8")
# Routes that only lead elsewhere or answer a program of ours. Whoever opens one sees no page.
NO_PAGE = {
    "file": "an attachment, for whoever holds its ticket",
    "mfa_login_webauthn": "the challenge of a passkey, for a script",
    "shield:check_call": "JSON for programs",
    "shield:figures_call": "JSON for programs",
    "shield:list": "a file for resolvers, where the operator offers it",
    "set_language": "leads back",
    "saml_acs": "takes what a sign-in server says",
    "saml_sls": "takes what a sign-in server says",
}
# The same page with something asked, where that shows what the plain one does not.
ASKED = {
    "response:look_up": ("?target=192.0.2.7&tlp=TLP:AMBER",),
    "response:cases": ("?text=meadow", "?text=nothing+of+the+kind"),
}

pytestmark = [
    pytest.mark.skipif(chromium() is None, reason="needs Chromium: apt-get install chromium"),
    pytest.mark.skipif(not (AXE.is_file() and MADE.is_dir()), reason="needs make .venv/.frontend"),
]


# What a page says of who looks at it, and how it names things: no other look.
_OWN = re.compile(
    rb'name="next" value="[^"]*"|[0-9a-f-]{32,36}|[\w.-]+@[\w.-]+|[?]next=[^"]*|'
    rb'<script[^>]*type="application/json">.*?</script>|'
    rb'<a href="/account/2fa/">[^<]*|Accept as [^<]*',
    re.DOTALL,
)


@dataclass(frozen=True)
class Answer:
    """What one who asked for an address got."""

    route: str
    who: str
    path: str
    status: int
    kind: str
    body: bytes

    @property
    def is_page(self) -> bool:
        return self.kind == "text/html" and not 300 <= self.status < 400

    @property
    def opens(self) -> bool:
        """Whether it is what the route is for, and no refusal of it."""
        return self.status == 200 or (self.is_page and self.status == 401)

    def looks(self) -> tuple[str, str]:
        """Digests of the page itself and of what stands around it, but what is new each time."""
        body = _OWN.sub(b"", _NEW.sub(b"", self.body))
        around, begins, rest = body.partition(b"<main")
        main, _, below = rest.partition(b"</main>")
        around = re.sub(rb"<title>.*?</title>| aria-current=.(page|true).", b"", around)
        return _digest(begins + main), _digest(around + below)


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


class _Stay(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_words: Any, **_more: Any) -> None:
        return None


@dataclass(frozen=True)
class Site:
    """The town, served."""

    url: str
    sessions: Mapping[str, str]
    objects: list[dict[str, str]]

    def ask(self, route: Route, who: str, path: str) -> Answer:
        """As a browser does, without following."""
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), _Stay)
        key = self.sessions[who]
        asked = urllib.request.Request(
            self.url + path, headers={"Cookie": f"sessionid={key}"} if key else {}
        )
        try:
            got = opener.open(asked, timeout=60)
        except urllib.error.HTTPError as refused:
            got = refused
        with got:
            kind = got.headers.get("Content-Type", "").partition(";")[0]
            return Answer(route.name, who, path, got.status, kind, got.read())

    def answers(self) -> Iterator[Answer]:
        """Every route that can be opened, asked by everybody."""
        for route in pages():
            if not route.reads:
                continue
            for path in sorted({route.address(named) for named in self.objects}):
                for query in ("", *ASKED.get(route.name, ())):
                    for who in self.sessions:
                        yield self.ask(route, who, path + query)


@pytest.fixture
def site(tmp_path: Path, clean_env: dict[str, str], loopback: None) -> Iterator[Site]:
    """The town on a store of its own."""
    env = {
        **clean_env,
        **served_town.providers(tmp_path),
        "TOCSIN_STORE": str(tmp_path / "store"),
        "TOCSIN_NODE_NAME": "Test CERT",
        "TOCSIN_SECURITY_CONTACT": "security@cert.example",
        "TOCSIN_SECURITY_EXPIRES": f"{datetime.now(UTC) + timedelta(days=90):%Y-%m-%d}",
    }
    made = said(run(["-m", "tests.security.served_town", env["TOCSIN_STORE"]], env))
    run(["-m", "tocsin.node", "worker", "--once"], env)  # and the log is published
    with served(tmp_path, env) as url:
        yield Site(url, **made)


def different(answers: list[Answer]) -> list[Answer]:
    """One of each page: whoever sees what another saw already, in a frame already seen, is left."""
    seen: set[str] = set()
    found = []
    for one in answers:
        if one.is_page and not seen.issuperset(one.looks()):
            seen.update(one.looks())
            found.append(one)
    return found


def flaws(page: Page, url: str) -> list[str]:
    """What is wrong with one page, in both themes, wide, as on a telephone and zoomed in."""
    page.errors.clear()
    page.asked.clear()
    page.look()
    page.open(url)
    found: list[str] = []
    for width, dark in ((1280, False), (1280, True), (320, True), (320, False)):
        page.look(width=width, dark=dark)
        look = f"{width}{' dark' if dark else ''}"
        found += [f"{look}: {said}" for said in page.run(_axe(COLOURS if dark else RULES))]
        if page.run("document.documentElement.scrollWidth > innerWidth"):
            found.append(f"{look}: wider than the window")
    page.look(width=320, height=256, zoom=4)  # 1280 by 1024 at 400 %
    found += [f"400 %: {said}" for said in page.run(LAYOUT)]
    found += [f"console: {error}" for error in page.errors]
    here = "/".join(url.split("/")[:3]) + "/"
    return found + [f"asks {one}" for one in page.asked if not one.startswith((here, "data:"))]


def _axe(rules: str) -> str:
    return (
        f"axe.run(document, {{runOnly: {rules}, resultTypes: ['violations']}}).then(r => "
        "r.violations.map(v => v.id + ': ' + v.nodes.map(n => n.target).join(' ')))"
    )


@contextmanager
def axe() -> Iterator[Page]:
    """A browser that brings axe-core to every page."""
    with browser() as page:
        page.do("Page.addScriptToEvaluateOnNewDocument", source=AXE.read_text("utf-8"))
        yield page


def visit(page: Page, site: Site, answers: list[Answer]) -> Iterator[str]:
    """The flaws of these pages; each person signs in once."""
    for who in site.sessions:
        page.do("Network.clearBrowserCookies")
        if site.sessions[who]:
            page.sign_in(site.url, site.sessions[who])
        for one in answers:
            if one.who == who:
                for flaw in flaws(page, site.url + one.path):
                    yield f"{one.route} as {who}: {flaw}"


def test_no_page_has_a_flaw_for_anybody_who_may_see_it(site: Site):
    answers = list(site.answers())
    opened = {one.route for one in answers if one.opens}

    assert {route.name for route in pages() if route.reads} - opened - {*NO_PAGE} == set()
    assert opened.isdisjoint(NO_PAGE)
    with axe() as page:
        assert list(visit(page, site, different(answers))) == []


FLAWED = """<!doctype html><html lang=en><title>x</title><main><h1>x</h1>
<style>@media (prefers-color-scheme: dark) { p { color: #111; background: #000 } }</style>
<p>pale in the dark</p><label for=a>Name</label><input id=a style="width: 700px">
<div style="position: relative"><label>Day <input name=b></label>
<div style="position: absolute; inset: 0">over it</div></div>
<button style="width: 30px; overflow: hidden; white-space: nowrap">Bring in a report</button>
<img src=http://192.0.2.1/seen.png><script>console.error("slipped"); missing()</script></main>"""


def test_a_page_with_flaws_has_them_found(tmp_path: Path, loopback: None):
    (tmp_path / "flawed.html").write_text(FLAWED, "utf-8")
    with axe() as page:
        found = flaws(page, f"file://{tmp_path}/flawed.html")

    assert {one for one in found if "320" not in one} == {
        "1280: image-alt: img",
        "1280 dark: color-contrast: p",
        "400 %: wider than the window",
        '400 %: input "a" leaves the window',
        '400 %: label "Day" lies under div "over it"',
        '400 %: input "b" lies under div "over it"',
        '400 %: button "Bring in a report" is cut off',
        '400 %: button "Bring in a report" has words beyond its edge',
        "console: ['slipped']",
        "console: Uncaught",
        "console: Failed to load resource: net::ERR_NAME_NOT_RESOLVED",
        "asks http://192.0.2.1/seen.png",
    }
    assert "320: wider than the window" in found
