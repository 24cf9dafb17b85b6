"""Asking every route as everybody, and finding out what changed by it."""

import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

from django.apps import apps
from django.test import Client

from tests.security.bodies import CALLS, PAGES, READS, Body, sent
from tests.security.routes import Route, calls, pages
from tests.security.town import Town, call, content
from tocsin.office.documents.pdf import is_installed

# Kept by every visit: that somebody is there, what was tried how often. Nobody's matter.
_VISITS = ("sessions.session", "usersessions.usersession", "people.limit")
_NEW = re.compile(
    rb'nonce="[^"]*"|nonce-[\w-]+|name="csrfmiddlewaretoken" value="[^"]*"|chart-[td][0-9a-f]{8}'
    rb"|csrfToken&quot;: &quot;\w+|\"challenge\": \"[\w-]+\""
)
_HEADERS = ("Content-Type", "Content-Disposition", "ETag", "Last-Modified", "Location", "Allow",
            "Cache-Control", "Vary", "Link", "Upload-Offset")  # fmt: skip


@dataclass(frozen=True)
class Answer:
    """What somebody got, without what is new each time."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes

    def without(self, objects: Mapping[str, str]) -> "Answer":
        """With every name of these things replaced by its noun, in all spellings."""
        body, headers = self.body, dict(self.headers)
        for noun, word in objects.items():
            for spelled in _spellings(word):
                body = body.replace(spelled.encode(), noun.encode())
                headers = {key: text.replace(spelled, noun) for key, text in headers.items()}
        headers.pop("ETag", None)  # of a body that names what was asked for
        return Answer(self.status, tuple(sorted(headers.items())), body)


def _spellings(word: str) -> Iterator[str]:
    if re.fullmatch(r"[0-9a-f]{32}", word):
        yield str(UUID(word))
    if word.isdecimal():  # a library's row: only as an address names it
        yield from (f"/keys/{word}/", f"%2Fkeys%2F{word}%2F")
    else:
        yield word


def answer(response: Any) -> Answer:
    """An answer as something to compare."""
    kept = tuple((key, response.headers[key]) for key in _HEADERS if key in response.headers)
    body = content(response)
    for close in response._resource_closers:  # as a server does, and the client for a HEAD does not
        close()
    headers = tuple((key, _NEW.sub(b"", text.encode()).decode()) for key, text in kept)
    return Answer(response.status_code, headers, _NEW.sub(b"", body))


# ── pages and calls in one way ───────────────────────────────────────────────────────────


@dataclass(frozen=True)
class Way:
    """One way to ask one route: as a browser or as a program, with one body."""

    method: str
    route: Route
    body: Body | None = None
    number: int = 0

    def __str__(self) -> str:
        return f"{self.method} {self.route.name}{f' {self.number}' if self.number else ''}"

    @property
    def is_call(self) -> bool:
        return self.route.name.startswith("api:")

    @property
    def names_in_body(self) -> bool:
        return getattr(self.body, "names", False)

    def ask(
        self,
        who: Client | str,
        objects: Mapping[str, str],
        *,
        inner: Mapping[str, str] | None = None,
        query: str = "",
    ) -> Any:
        """Ask about these things; `inner` are those that the body names."""
        address = self.route.address(objects) + query
        body = self.body(inner or objects) if self.body else {}
        if isinstance(who, Client):
            send = getattr(who, self.method.lower())
            return send(address, body) if self.body else send(address)
        words: dict[str, Any] = sent(body) if self.body else {}
        if self.method == "PATCH":
            words["content_type"] = "application/partial-upload"
            words["headers"] = {"Upload-Offset": "0", "Upload-Complete": "?0"}
        return call(who, self.method, address, words.pop("body", b""), **words)


def reading_pages() -> list[Way]:
    """A GET of every page."""
    return [Way("GET", route) for route in pages()]


def reading_calls() -> list[Way]:
    """Every call that reads."""
    return [Way(method, route) for method, route in calls() if method in READS]


def writing_pages() -> list[Way]:
    """Every page of ours that takes a POST, with each of its bodies.

    Which do is read off the views; one that no body is known for is an error.
    """
    found = []
    for route in pages():
        if not (route.is_ours and route.writes):
            continue
        if route.name not in PAGES:
            raise LookupError(f"{route.name} writes, and no test knows what: add it to bodies.py")
        if route.name == "response:case_pdf" and not is_installed():
            continue  # tests/office/test_documents_pdf.py skips with what installs it
        found += [Way("POST", route, body, n) for n, body in enumerate(PAGES[route.name])]
    return found


def writing_calls() -> list[Way]:
    """Every call that writes, with each of its bodies."""
    found = []
    for method, route in calls():
        if method in READS:
            continue
        key = (method, route.pattern)
        if key not in CALLS:
            raise LookupError(f"{method} {route.pattern} writes, and no test knows what")
        found += [Way(method, route, body, n) for n, body in enumerate(CALLS[key])]
    return found


# ── what changed ─────────────────────────────────────────────────────────────────────────


def written(town: Town) -> dict[str, str]:
    """A digest of every table and of every file of the store, by name."""
    found = {}
    for model in apps.get_models(include_auto_created=True):
        if model._meta.label_lower in _VISITS:
            continue
        rows = model._default_manager.order_by(model._meta.pk.attname).values_list()
        found[model._meta.label_lower] = _digest(repr([*rows]))
    found["files"] = _digest(repr(sorted(_files(town.store))))
    return found


def _files(folder: Path) -> Iterator[tuple[str, int]]:
    for path in folder.rglob("*"):
        if path.is_file() and not path.name.endswith((".sqlite3-wal", ".sqlite3-shm", ".sqlite3")):
            yield str(path.relative_to(folder)), path.stat().st_size


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def changed(before: Mapping[str, str], after: Mapping[str, str]) -> list[str]:
    """The tables that are not as they were."""
    return sorted(name for name in before if before[name] != after[name])
