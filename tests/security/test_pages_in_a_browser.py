"""Every page there is, as everybody who may see it, in a real browser: nothing wrong with any.

The pages are read off the routes. One that nobody in the town can open fails the test, until
somebody of `served_town` can or `NO_PAGE` says why it is none. Then every form that stands on one
of them is sent, with nothing, with something wrong and with what it takes, and what it is answered
with is looked at too. A route that takes a form which stands nowhere fails the test.
"""

import hashlib
import re
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.urls import resolve

from tests.journeys.browser import Page, browser, chromium
from tests.journeys.serving import run, said, served
from tests.security import served_town
from tests.security.asking import _NEW
from tests.security.forms import Form, Sent, encoded, forms_of, known_for
from tests.security.routes import _SIGN_IN, pages
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
# The token of every form: whoever sets the cookie knows it, as a browser that was there does.
TOKEN = "t" * 32
# What may end the sessions that the rest is sent with: sign-in's own forms, and some of ours.
LAST = (*_SIGN_IN, "people:end_mandate", "parties:state", "people:withdraw")
SHOWN_ONCE = {("parties:secret", 200), ("people:make_token", 200)}
_LINE = ("content-length", "transfer-encoding", "connection", "set-cookie", "date", "server")

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


ELEMENT = re.compile(rb'<(\w+)(?: class="([^"]*)")?')
BANNER = re.compile(rb"govuk-notification-banner--\w+|role=.alert.")


@dataclass(frozen=True)
class Answer:
    """What one who asked for an address got."""

    route: str
    who: str
    path: str
    status: int
    kind: str
    body: bytes
    headers: tuple[tuple[str, str], ...] = ()
    sent: str = ""  # with which form; "" where it was only opened
    is_led: bool = False  # from there, by what the form was answered with

    @property
    def led_to(self) -> str:
        """The route of the page, which is another where a form led there."""
        return resolve(self.path.partition("?")[0]).view_name

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

    def ask(
        self, route: str, who: str, path: str, form: Form | None = None, sent: Sent = ()
    ) -> Answer:
        """As a browser does, without following; with a form where one is to be sent."""
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), _Stay)
        key, words, data = self.sessions[who], dict[str, str](), None
        cookies = [f"sessionid={key}"] if key else []
        if form is not None:
            cookies.append(f"csrftoken={TOKEN}")
            words["Content-Type"], data = encoded(form, (*sent, ("csrfmiddlewaretoken", TOKEN)))
            words["Origin"] = self.url
        if cookies:
            words["Cookie"] = "; ".join(cookies)
        asked = urllib.request.Request(self.url + path, data, headers=words)
        try:
            got = opener.open(asked, timeout=60)
        except urllib.error.HTTPError as refused:
            got = refused
        with got:
            kind = got.headers.get("Content-Type", "").partition(";")[0]
            lines = ((name.lower(), text) for name, text in got.headers.items())
            told = tuple((name, text) for name, text in lines if name not in _LINE)
            said = " ".join(
                f"{name}={text}" for name, text in sent if name != "csrfmiddlewaretoken"
            )
            said = "" if form is None else said or "nothing"
            return Answer(route, who, path, got.status, kind, got.read(), told, said)

    def answers(self) -> Iterator[Answer]:
        """Every route that can be opened, asked by everybody."""
        for route in pages():
            if not route.reads:
                continue
            for path in sorted({route.address(named) for named in self.objects}):
                for query in ("", *ASKED.get(route.name, ())):
                    for who in self.sessions:
                        yield self.ask(route.name, who, path + query)

    def posted(self, answers: list[Answer]) -> Iterator[Answer]:
        """What each form that stands on these pages says to all that may be sent with it.

        Those that ask for something first, and empty or wrong, since they change the least; what
        may end a session comes last.
        """
        met: dict[tuple[object, ...], tuple[str, str, Form]] = {}
        for one in answers:
            there = forms_of(one.body, one.path) if one.is_page and one.opens else []
            for form in (target for each in there for target in each.targets().values()):
                route = resolve(form.action.partition("?")[0]).view_name
                met.setdefault((route, form.shape, *form.buttons), (route, one.who, form))
        begun = sorted(
            met.values(), key=lambda row: (row[0].startswith("account_"), not row[2].asks, row[0])
        )
        for is_last in (False, True):
            forms = [row for row in begun if row[0].startswith(LAST) is is_last]
            for route, who, form in forms:
                for sent in form.unknowing():
                    yield from self.send(route, who, form, sent)
            for route, who, form in forms:
                for sent in form.knowing(known_for(route, self.objects[0])):
                    yield from self.send(route, who, form, sent)

    def send(self, route: str, who: str, form: Form, sent: Sent) -> Iterator[Answer]:
        """What is said to a form, and where that leads to, with the words it leaves there."""
        said = self.ask(route, who, form.action, form, sent)
        yield said
        where = dict(said.headers).get("location", "").removeprefix(self.url)
        if 300 <= said.status < 400 and where.startswith("/"):
            yield replace(self.ask(route, who, where), sent=said.sent, is_led=True)


@pytest.fixture
def site(tmp_path: Path, clean_env: dict[str, str], loopback: None) -> Iterator[Site]:
    """The town on a store of its own."""
    env = {
        **clean_env,
        **served_town.providers(tmp_path),
        "TOCSIN_SHIELD_FETCHER": "on",  # its button stands on the page of a group
        "TOCSIN_STORE": str(tmp_path / "store"),
        "TOCSIN_NODE_NAME": "Test CERT",
        "TOCSIN_SECURITY_CONTACT": "security@cert.example",
        "TOCSIN_SECURITY_EXPIRES": f"{datetime.now(UTC) + timedelta(days=90):%Y-%m-%d}",
    }
    made = said(run(["-m", "tests.security.served_town", env["TOCSIN_STORE"]], env))
    run(["-m", "tocsin.node", "worker", "--once"], env)  # and the log is published
    with served(tmp_path, env) as url:
        yield Site(url, **made)


def different(answers: list[Answer], seen: set[str]) -> list[Answer]:
    """One of each page: whoever sees what another saw already, in a frame already seen, is left."""
    found = []
    for one in answers:
        if one.is_page and not seen.issuperset(one.looks()):
            seen.update(one.looks())
            found.append(one)
    return found


def shapes(answers: list[Answer]) -> list[Answer]:
    """Of what forms were answered with, one of each shape: other words in it are no other page.

    Where a form led to a page that was looked at for itself, what it says there is all that is new.
    """
    seen: set[tuple[object, ...]] = set()
    found = []
    for one in answers:
        parts = BANNER.findall(one.body) if one.is_led else ELEMENT.findall(one.body)
        shape = (one.led_to, one.status, one.is_led, frozenset(parts))
        if one.is_page and shape not in seen:
            seen.add(shape)
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
                if one.sent:
                    page.answer(site.url + one.path, one.status, [*one.headers], one.body)
                for flaw in flaws(page, site.url + one.path):
                    yield f"{one.route} as {who}{f', {one.sent[:60]}' if one.sent else ''}: {flaw}"


def test_no_page_and_no_answer_to_a_form_has_a_flaw_for_anybody_who_may_see_it(site: Site):
    answers = list(site.answers())
    opened = {one.route for one in answers if one.opens}

    assert {route.name for route in pages() if route.reads} - opened - {*NO_PAGE} == set()
    assert {one.route for one in answers if one.opens and one.is_page}.isdisjoint(NO_PAGE)
    seen: set[str] = set()
    with axe() as page:
        assert list(visit(page, site, different(answers, seen))) == []
        # Only then, since it changes what there is and ends sessions.
        posted = list(site.posted(answers))
        met, faults = {one.route for one in posted}, [one for one in posted if one.status >= 500]

        assert {route.name for route in pages() if route.is_ours and route.writes} - met == set()
        assert faults == []
        assert SHOWN_ONCE - {(one.route, one.status) for one in posted} == set()
        assert list(visit(page, site, shapes(different(posted, seen)))) == []


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
