"""Reading changes nothing; writing needs the method, the token of the form and the scope."""

from typing import Any

import pytest
from django.conf import settings
from django.test import Client

from tests.security.asking import (
    answer,
    changed,
    reading_calls,
    reading_pages,
    writing_calls,
    writing_pages,
    written,
)
from tests.security.routes import calls, pages
from tests.security.town import MINE, Town, call
from tocsin.office.models import RegisterRow

# A view of personal data is a row of the register (DESIGN 3), and a token says when it was used.
KEPT = {"office.registerrow", "people.token"}


def _consultations_alone(before: int) -> bool:
    new = RegisterRow.objects.order_by("pk")[before:]
    return all(row.action.endswith(":consult") for row in new)


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
def test_reading_a_page_changes_nothing(full: Town, method: str):
    rows, before = RegisterRow.objects.count(), written(full)
    for client in full.browsers.values():
        for way in reading_pages():
            for objects in (full.mine.objects, full.theirs.objects):
                response = getattr(client, method.lower())(way.route.address(objects))
                assert answer(response).status < 500, way

    assert set(changed(before, written(full))) <= KEPT
    assert _consultations_alone(rows)


def test_reading_by_a_program_changes_nothing(full: Town):
    rows, before = RegisterRow.objects.count(), written(full)
    for token in full.tokens.values():
        for way in reading_calls():
            assert answer(way.ask(token, full.mine.objects)).status < 500, way

    assert set(changed(before, written(full))) <= KEPT
    assert _consultations_alone(rows)


def test_a_form_without_its_token_changes_nothing(full: Town):
    before, told = written(full), {}
    for name in ("desk", "node admin", "answers", "administers"):
        client = Client(enforce_csrf_checks=True)
        client.cookies = full.browsers[name].cookies
        for way in writing_pages():
            status = way.ask(client, full.mine.objects).status_code
            if status not in (403, 404):
                told[f"{name}: {way}"] = status

    assert told == {}
    assert changed(before, written(full)) == []


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE", "TRACE", "PROPFIND"])
def test_a_method_that_a_page_does_not_know_does_nothing(full: Town, method: str):
    before, told = written(full), {}
    for name in ("nobody", "desk", "node admin", "answers"):
        for route in pages():
            if not route.is_ours:
                continue
            path = route.address(full.mine.objects)
            got = full.browsers[name].generic(method, path)
            if got.status_code not in (302, 403, 404, 405):
                told[f"{name}: {route.name}"] = got.status_code

    assert {key: status for key, status in told.items() if "set_language" not in key} == {}
    assert changed(before, written(full)) == []


def test_a_method_that_a_call_does_not_know_does_nothing(full: Town):
    known = {(method, route.pattern) for method, route in calls()}
    before = written(full)
    for pattern in {pattern for _, pattern in known}:
        route = next(route for _, route in calls() if route.pattern == pattern)
        for method in ("PUT", "PATCH", "DELETE", "POST", "TRACE"):
            if (method, pattern) not in known:
                got = call(full.tokens[MINE], method, route.address(full.mine.objects))
                assert got.status_code == 405, f"{method} {pattern}"

    assert set(changed(before, written(full))) <= KEPT


def test_no_page_answers_with_a_cookie_to_somebody_who_only_reads(full: Town):
    """A file and a call set none; a page sets at most the token of its forms and the session."""
    for way in reading_calls():
        got = way.ask(full.tokens[MINE], full.mine.objects)
        answer(got)
        assert not got.cookies, way


def test_what_is_downloaded_is_an_attachment_that_no_browser_runs(full: Town):
    """Every answer but our own pages, calls and pictures: whoever asks, wherever it comes from."""
    ours = ("text/html", "application/json", "application/problem+json", "text/plain")
    files: list[str] = []
    for client in full.browsers.values():
        for way in [*reading_pages(), *writing_pages()]:
            if way.route.name in _ENDS or way.route.name == "public_log":
                continue
            got: Any = way.ask(client, full.mine.objects, query="?as=csv" if not way.body else "")
            kind = got.headers.get("Content-Type", "").partition(";")[0]
            answer(got)
            if got.status_code != 200 or kind in ours:
                continue
            files.append(way.route.name)
            assert got.headers["Content-Disposition"].startswith("attachment"), way
            assert got.headers["X-Content-Type-Options"] == "nosniff", way

    assert {"parties:party_file", "response:cases"} <= {*files}


# What would end the people or the party that the rest is asked with.
_ENDS = ("account_logout", "people:end_mandate", "parties:state", "people:withdraw")


def test_every_answer_says_what_a_browser_may_do_with_it(full: Town):
    for name in ("nobody", "desk", "answers"):
        for way in reading_pages():
            got = full.browsers[name].get(way.route.address(full.mine.objects))
            if answer(got).status == 304:
                continue
            policy = got.headers["Content-Security-Policy"]
            assert "unsafe" not in policy, way
            assert "frame-ancestors 'none'" in policy or "sandbox" in policy, way
            assert got.headers["X-Content-Type-Options"] == "nosniff", way
            assert "Referrer-Policy" in got.headers, way
    assert settings.SESSION_COOKIE_HTTPONLY
    assert settings.SESSION_COOKIE_SAMESITE == "Lax"
    assert {way.route.name for way in writing_calls()}
