"""Whatever somebody calls a thing, and whatever a report says: harmless on every page and file."""

import csv
import io
import json
from collections.abc import Iterator, Mapping
from html.parser import HTMLParser
from typing import Any
from urllib.parse import quote

import pytest

from tests.node.api.conftest import NAME, report
from tests.security.asking import Way, answer, reading_calls, reading_pages, writing_pages
from tests.security.town import HOUR, MINE, NOON, Town, call, content
from tocsin.desks.response.actions.take_in import Bench, work_through
from tocsin.office.models import Delivery
from tocsin.office.people.models import Person
from tocsin.office.people.viewer import viewer_of

MARK = "hostile"
HOSTILE = (
    f"\"'><script>{MARK}()</script><img src=x onerror={MARK}()>{{{{ {MARK} }}}}{{% debug %}}",
    f"javascript:{MARK}()",
    f"\u202e{MARK}\u202c\u2066x",
    f"={MARK}|' /C calc'!A0",
    f"{MARK}\r\nBcc: x@nowhere.example",
    f"{MARK}\x00",
    f"{MARK}{'x' * 10_000}",
)
# What turns the order of what is read (Unicode TR 9), and what ends a line where none should.
TURNING = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f\u061c")


def bodies(way: Way, objects: Mapping[str, str], word: str) -> Iterator[dict[str, Any]]:
    """The body of a way with one of its texts replaced; each in turn."""
    plain = way.body(objects) if way.body else {}
    for name, value in plain.items():
        if isinstance(value, str) and name not in _CHOSEN:
            yield {**plain, name: word}


_CHOSEN = ("act", "do", "step", "purpose", "case", "drop", "person")


class Page(HTMLParser):
    """What a browser would run of a page, and what would turn what it says."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.wrong: list[str] = []
        self.inside: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.inside.append(tag)
        named = dict(attrs)
        is_data = named.get("type") == "application/json"  # a browser runs none
        if tag == "script" and "nonce" not in named and not is_data:
            self.wrong.append("script without nonce")
        for name, value in attrs:
            if name.startswith("on") or name == "style":
                self.wrong.append(f"{tag} {name}={value!r}"[:80])
            if name in ("href", "src", "action", "formaction"):
                self._link(tag, value or "")
            if name in ("class", "id", "for", "name") and MARK in (value or ""):
                self.wrong.append(f"{tag} {name} is a name of somebody")

    def _link(self, tag: str, value: str) -> None:
        if value.strip().lower().startswith(("javascript:", "data:text", "vbscript:")):
            self.wrong.append(f"{tag} leads to {value[:40]!r}")

    def handle_data(self, data: str) -> None:
        if TURNING.intersection(data):
            self.wrong.append(f"turned: {data.strip()[:60]!r}")
        if "\x00" in data:
            self.wrong.append("a NUL")


def wrong_with(response: Any) -> list[str]:
    """What is wrong with an answer, by its kind."""
    kind = response.headers.get("Content-Type", "").partition(";")[0]
    body = content(response).decode("utf-8", "replace")
    if kind == "text/html":
        return Page(body).wrong
    if kind == "text/csv":
        rows = list(csv.reader(io.StringIO(body)))
        return [cell[:40] for row in rows for cell in row if cell.startswith(_RUN)]
    return []


_RUN = ("=", "+", "-", "@", "\t", "\r", "\n")


@pytest.fixture
def hostile(full: Town) -> Town:
    """The town after everybody wrote everything wherever they could, and sent such reports."""
    for way in writing_pages():
        if way.route.name in _ENDING:
            continue
        path = way.route.address(full.mine.objects)
        for name in _writers(full, way):
            for word in HOSTILE:
                for body in bodies(way, full.mine.objects, word):
                    got = full.browsers[name].post(path, body)
                    assert got.status_code < 500, f"{name} {way} {word[:30]!r}"
                    assert wrong_with(got) == [], f"{name} {way} {word[:30]!r}"
    for number, word in enumerate(HOSTILE):
        path = f"/reports?name={quote(word[:200])}-{NAME}"
        spelled = word.replace('"', "'")
        line = report("192.0.2.7", tag=spelled).replace(b"quillworm", spelled.encode())
        sent = call(full.tokens[MINE if number % 2 else "desk"], "POST", path, line)
        assert sent.status_code in (202, 400, 422), sent.content
    work_through(Bench("test", full.store, "Test CERT", None, None), at=NOON + 2 * HOUR)
    return full


def _writers(town: Town, way: Way) -> list[str]:
    """Who of these may send it: one of the provider, one of the node."""
    found = []
    for pair in (("administers", "answers"), ("node admin", "desk")):
        found += [name for name in pair if _may(town, name, way)][:1]
    return found


def _may(town: Town, name: str, way: Way) -> bool:
    needed = getattr(way.route.view, "needs", ())
    person = Person.objects.get(pk=town.browsers[name].session["_auth_user_id"])
    viewer = viewer_of(person, at=NOON)
    return not needed or any(viewer.may(one) for one in needed)


_ENDING = ("people:end_mandate", "parties:state", "people:withdraw", "people:end_token",
           "parties:remove_remit", "parties:secret", "set_language")  # fmt: skip


def test_no_page_call_or_file_runs_or_turns_what_somebody_wrote(hostile: Town):
    assert _wrong_pages(hostile) == {}
    _require_seen(hostile)
    _require_readable_calls(hostile)
    _require_whole_rows(hostile)


def _wrong_pages(town: Town) -> dict[str, list[str]]:
    wrong, seen = {}, 0
    for name in ("desk", "node admin", "answers", "administers", "nobody"):
        for way in reading_pages():
            for query in ("", f"?text={quote(HOSTILE[0])}&target={quote(HOSTILE[0])}&as=csv"):
                got = way.ask(town.browsers[name], town.mine.objects, query=query)
                if found := wrong_with(got):
                    wrong[f"{name} {way}{query[:5]}"] = found[:3]
                assert got.status_code < 500, way
                seen += got.status_code == 200
    assert seen > 100
    return wrong


def _require_seen(town: Town) -> None:
    """What was written is on pages, or nothing above could be found."""
    cases = town.browsers["desk"].get(f"/response/cases/?text={MARK}").content.decode()
    one = next(w for w in reading_pages() if w.route.name == "response:case")
    shown = answer(one.ask(town.browsers["desk"], town.mine.objects)).body.decode()
    assert "&lt;script&gt;hostile()" in shown
    assert "\ufffdhostile" in shown
    assert cases.count(MARK) > 1


def _require_readable_calls(town: Town) -> None:
    for way in reading_calls():
        got = way.ask(town.tokens["desk"], town.mine.objects)
        kind = got.headers.get("Content-Type", "").partition(";")[0]
        body = answer(got).body
        assert got.status_code < 500, way
        if kind in ("application/json", "application/problem+json") and body:
            json.loads(body)
        assert got.headers.get("X-Content-Type-Options") == "nosniff", way


def _require_whole_rows(town: Town) -> None:
    """CSV for spreadsheets; one row stays one row whatever its fields hold."""
    checked = 0
    for row in Delivery.objects.filter(party__slug=MINE, format="idf-csv", rows__gt=0):
        text = (town.store / row.path).read_text("utf-8")
        rows = list(csv.reader(io.StringIO(text)))
        assert len(rows) == row.rows + 1
        assert {len(one) for one in rows} == {len(rows[0])}
        assert [cell for one in rows for cell in one if cell.startswith(_RUN)] == []
        checked += MARK in text
    assert checked
