"""The same rules for pages and for calls, and no word of a query that nobody listed."""

import json
from typing import Any

import pytest
from django.utils.http import urlencode

from tests.security.asking import Way, answer, reading_calls, reading_pages
from tests.security.routes import Route, calls, pages
from tests.security.town import MINE, Town, call

# The page that shows or does what a call does; None where only programs do it.
TWINS: dict[tuple[str, str], str | None] = {
    ("GET", "cases"): "response:cases",
    ("GET", "cases/<uid>"): "response:case",
    ("POST", "cases/<uid>/answers"): "response:case_step",
    ("POST", "cases/<uid>/comments"): "response:case_comment",
    ("PUT", "cases/<uid>/assignment"): "response:case_assign",
    ("POST", "cases/<uid>/closing"): "response:case_step",
    ("PUT", "cases/<uid>/tags/<name>"): "response:case_tag",
    ("DELETE", "cases/<uid>/tags/<name>"): "response:case_tag",
    ("GET", "deadlines.ics"): "response:deadlines",
    ("GET", "deliveries"): "response:deliveries",
    ("GET", "deliveries/<uid>"): "response:delivery",
    ("GET", "deliveries/<uid>/file"): "response:delivery_file",
    ("GET", "deliveries/<uid>/manifest"): None,
    ("POST", "deliveries/<uid>/receipts"): None,
    ("GET", "figures"): "response:figures",
    ("GET", "lookup"): "response:look_up",
    ("GET", "notifications"): "response:notifications",
    ("GET", "notifications/<uid>"): "response:notification",
    ("POST", "notifications"): "response:begin_notification",
    ("POST", "notifications/<uid>/steps"): "response:notification_step",
    ("GET", "party"): "parties:party",
    ("GET", "reports"): "response:reports",
    ("GET", "reports/<uid>"): "response:intake",
    ("POST", "reports"): "response:add_report",
    ("POST", "reports/<uid>/answers"): "response:answer_reporter",
    ("GET", "shield/listings"): "shield:listings",
    ("GET", "shield/listings/<uid>"): "shield:listing",
    ("POST", "shield/listings"): "shield:group_approve",
    ("POST", "shield/messages"): None,  # its page is for anybody
    ("POST", "shield/reports"): None,  # as a file on the same page
    ("POST", "uploads"): None,
    ("GET", "uploads/<uid>"): None,
    ("HEAD", "uploads/<uid>"): None,
    ("PATCH", "uploads/<uid>"): None,
    ("DELETE", "uploads/<uid>"): None,
}
# Who has the same mandate as a browser and as a program.
BOTH = (("answers", MINE), ("desk", "desk"))


def page_of(name: str) -> Route:
    return next(route for route in pages() if route.name == name)


def scopes(method: str, pattern: str) -> set[str]:
    from tocsin.node.api.site import api

    wanted = pattern.replace("<", "{").replace(">", "}")
    for verb, path, scope in api.scopes():
        if (verb.upper(), path.removeprefix("/")) == (method, wanted) and scope:
            return {*scope.permissions}
    raise LookupError(pattern)


def test_every_call_has_its_page_or_is_said_to_have_none():
    assert [key for key in ((m, r.pattern) for m, r in calls()) if key not in TWINS
            and not (key[0] == "HEAD" and ("GET", key[1]) in TWINS)] == []  # fmt: skip
    named = {page for page in TWINS.values() if page}
    assert named <= {route.name for route in pages()}


@pytest.mark.parametrize(("method", "pattern"), [key for key, page in TWINS.items() if page])
def test_a_call_and_its_page_ask_for_the_same_permissions(method: str, pattern: str):
    page = TWINS[method, pattern]
    assert page is not None
    asked = {*getattr(page_of(page).view, "needs", ())}

    assert scopes(method, pattern) <= asked, (method, pattern, page)


def test_what_a_page_shows_a_call_shows_and_what_it_hides_is_hidden(full: Town):
    told: dict[str, Any] = {}
    for (method, pattern), page in TWINS.items():
        if method != "GET" or page is None:
            continue
        one = next(route for verb, route in calls() if (verb, route.pattern) == (method, pattern))
        if not page_of(page).reads:
            continue
        for browser, token in BOTH:
            for side in (full.mine, full.theirs):
                shown = answer(full.browsers[browser].get(page_of(page).address(side.objects)))
                said = answer(Way("GET", one).ask(full.tokens[token], side.objects))
                if _opened(shown.status) != _opened(said.status):
                    told[f"{browser} {pattern} of {side.slug}"] = (shown.status, said.status)
    told = {key: pair for key, pair in told.items() if "lookup" not in key and "party" not in key}

    assert told == {}


def _opened(status: int) -> bool:
    return status in (200, 302)


# ── sorting and filtering ────────────────────────────────────────────────────────────────

# Words that a query builder would follow into other tables, and values that no list has.
FOREIGN = (
    "party__mandates__person__email=ada",
    "party__mandates__person__password__startswith=a",
    "told_in__idempotency_key=x",
    "assigned__email=dora",
    "person__authenticator__data=x",
    "uid__in=0",
    "pk=1",
    "id=1",
    "fields=password",
    "include=party",
    "expand=person",
)
ORDERS = ("password", "-party__mandates__person__password", "?", "id", "changed_at", "1;--", "\x00")
VALUES = ("'", '"', "%", "_", "\x00", "\u202e", "x" * 10_000, "[]", "{}", "-1", "9" * 30, "null")
WORDS = (
    *("state", "states", "party", "text", "page", "tag", "tags", "kind", "about", "from"),
    *("until", "q", "tokens", "as", "target", "tlp", "country", "role", "limit", "cursor"),
)
LISTS = ("response:cases", "response:deliveries", "response:reports", "parties:parties",
         "people:people", "people:tokens", "people:groups", "response:figures", "response:start",
         "response:quarantine", "response:look_up", "response:notifications")  # fmt: skip


def _lists() -> list[Way]:
    return [way for way in reading_pages() if way.route.name in LISTS]


def test_a_word_that_nobody_listed_changes_nothing(full: Town):
    for name in ("desk", "node admin", "answers", "administers"):
        for way in _lists():
            plain = answer(way.ask(full.browsers[name], full.mine.objects))
            for query in FOREIGN:
                got = answer(way.ask(full.browsers[name], full.mine.objects, query=f"?{query}"))
                told = got.body.replace(query.encode(), b"").replace(b"&amp;", b"")
                assert got.status in (plain.status, 400), f"{name} {way} {query}"
                if got.status == 200 and "cases" not in way.route.name:
                    assert len(told) - len(plain.body) < 2000, f"{name} {way} {query}"


def test_an_order_that_nobody_listed_is_none(full: Town):
    for name in ("desk", "answers"):
        for way in _lists():
            plain = answer(way.ask(full.browsers[name], full.mine.objects)).status
            for order in ORDERS:
                for word in ("order", "sort", "order_by", "o"):
                    query = f"?{word}={order}"
                    got = answer(way.ask(full.browsers[name], full.mine.objects, query=query))
                    assert got.status in (plain, 400), f"{way} {query!r}"


def test_an_odd_value_is_refused_or_finds_nothing_and_breaks_nothing(full: Town):
    for name in ("desk", "answers"):
        for way in _lists():
            for value in VALUES:
                query = "?" + urlencode([(word, value) for word in WORDS])
                got = answer(way.ask(full.browsers[name], full.mine.objects, query=query))
                assert got.status < 500, f"{name} {way} {value[:20]!r}"
    for way in reading_calls():
        for value in VALUES:
            query = "?" + urlencode([(word, value) for word in WORDS])
            got = answer(way.ask(full.tokens["desk"], full.mine.objects, query=query))
            assert got.status < 500, f"{way} {value[:20]!r}"


def test_a_call_refuses_a_word_and_an_order_that_nobody_listed(full: Town):
    for path in ("/cases", "/deliveries", "/reports", "/notifications"):
        for order in ("password", "-party__slug", "x"):
            got = call(full.tokens["desk"], "GET", f"{path}?order={order}")
            assert got.status_code in (200, 400, 422), path
            if got.status_code == 200:
                assert json.loads(got.content) == json.loads(
                    call(full.tokens["desk"], "GET", path).content
                )
