"""Every route there is: it asks who looks, or says that it asks nobody."""

import re
from collections.abc import Iterator
from uuid import uuid4

import pytest
from django.urls import URLPattern, URLResolver, get_resolver

from tests.node.browsing import browser, party, person, signed_in

pytestmark = pytest.mark.usefixtures("pages")
VALUES = {"uuid": str(uuid4()), "slug": "meadow-net", "int": "7", "str": "x", "path": "x"}
# What is there for everybody, by the beginning of its address; a line here is a decision.
OPEN = (
    *("", "accessibility", "healthz", "readyz", "log/", "language/", ".well-known/security.txt"),
    *("api/v1/", "metrics", "files/"),  # by token, address and ticket; held by tests of their own
    "people/invitation/",
    # the shield for citizens: report, what came of it, check, be warned; the list by its word
    *("shield/report", "shield/outcome", "shield/check", "shield/warning", "shield/lists/"),
    *("shield/owner", "shield/figures"),  # help with a site that is listed; how the shield does
    "subscribers/check",  # whether a warning is genuine, by its code
)
OPEN_ALONE = ("shield/appeal",)  # and not the reviewers' `shield/appeals/`
# Signing in: allauth's own pages, which lead somebody unknown to sign in, or are the way in.
SIGN_IN = "account/"


def routes(
    resolver: URLResolver | None = None, before: str = ""
) -> Iterator[tuple[str, URLPattern]]:
    """Every pattern with an address that fits it."""
    for one in (resolver or get_resolver()).url_patterns:
        address = before + fitting(str(one.pattern))
        if isinstance(one, URLResolver):
            yield from routes(one, address)
        else:
            yield address, one


def fitting(pattern: str) -> str:
    """An address that a pattern takes."""
    plain = re.sub(r"<(?:(\w+):)?\w+>", lambda found: VALUES[found[1] or "str"], pattern)
    plain = plain.replace(r"(?P<uidb36>[0-9A-Za-z]+)-(?P<key>.+)", "1-x")
    return re.sub(r"\(\?P[^)]*\)|[\^$\\]", "x" if "(?P" in plain else "", plain)


def is_open(address: str) -> bool:
    """Whether this is there for everybody."""
    is_below = any(address == one or (one and address.startswith(one)) for one in OPEN)
    return is_below or address in OPEN_ALONE


def closed() -> list[str]:
    """The addresses that ask."""
    return sorted({a for a, _ in routes() if not is_open(a) and not a.startswith(SIGN_IN)})


def test_there_are_routes_to_ask():
    assert "people/" in closed()
    assert "parties/of/meadow-net/delivery/" in closed()


@pytest.mark.parametrize("method", ["get", "post", "put", "delete"])
def test_whoever_has_not_signed_in_is_led_there_and_sees_nothing(method):
    client = browser()
    answers = {address: getattr(client, method)(f"/{address}") for address in closed()}
    led = {
        address: (answer.status_code, answer.headers.get("Location", "")[:15])
        for address, answer in answers.items()
        if answer.status_code not in (404, 405)
        and not answer.headers.get("Location", "").startswith("/account/login/")
    }

    assert led == {}


@pytest.mark.parametrize("method", ["get", "post"])
def test_whoever_has_no_mandate_is_refused_everywhere(method):
    party()
    client = signed_in(person())
    answers = {a: getattr(client, method)(f"/{a}").status_code for a in closed()}

    assert {a: status for a, status in answers.items() if status not in (403, 404, 405)} == {}


def test_no_view_of_the_office_or_a_desk_forgot_to_say_what_it_needs():
    silent = [
        address
        for address, one in routes()
        if one.callback.__module__.startswith(("tocsin.office", "tocsin.desks"))
        and not hasattr(one.callback, "needs")
        and "/api" not in one.callback.__module__
    ]

    assert silent == []
