"""Files come by a ticket from a path without cookies, as attachments that no browser runs."""

from datetime import timedelta
from uuid import UUID

import pytest
import time_machine
from django.test import Client

from tests.security.asking import changed, written
from tests.security.town import NOON, Town, content

SECONDS = timedelta(seconds=1)


@pytest.fixture
def link(town: Town) -> str:
    """Where one is led who may have a file and said why."""
    uid = UUID(town.mine.objects["delivery"])
    got = town.browsers["answers"].post(f"/response/deliveries/{uid}/file", {"why": "our ticket"})
    return str(got.headers["Location"])


def test_a_ticket_opens_its_file_to_who_holds_it_for_a_minute(town: Town, link: str):
    for seconds, status in ((0, 200), (59, 200), (61, 404), (3600, 404)):
        with time_machine.travel(NOON + seconds * SECONDS, tick=False):
            got = Client().get(link)
            content(got)
            assert got.status_code == status, seconds


def test_a_file_is_an_attachment_in_a_box_and_sets_no_cookie(town: Town, link: str):
    client = town.browsers["desk"]
    got = client.get(link)

    assert content(got).startswith(b"time.source,")
    assert not got.cookies
    assert "Cookie" not in got.headers.get("Vary", "")
    assert {name: got.headers[name] for name in ("Content-Type", "X-Content-Type-Options")} == {
        "Content-Type": "application/octet-stream",
        "X-Content-Type-Options": "nosniff",
    }
    assert got.headers["Content-Disposition"].startswith("attachment; filename=")
    assert "sandbox" in got.headers["Content-Security-Policy"]
    assert got.headers["Cache-Control"] == "private, no-store"


def test_no_cookie_changes_what_a_ticket_says(town: Town, link: str):
    """A stranger, an ended session and nobody get the same; a page under it would know nobody."""
    answers = [content(client.get(link)) for client in (*town.browsers.values(), Client())]
    missing = [client.get("/files/none") for client in (*town.browsers.values(), Client())]

    assert len({*answers}) == 1
    assert {one.status_code for one in missing} == {404}
    assert not any(one.cookies for one in missing)
    assert all(b"/account/logout/" not in one.content for one in missing)


@pytest.mark.parametrize("ticket", ["x", "..", "%00", "a:b:c", "x" * 5000, "%2e%2e%2fkeys"])
def test_what_is_no_ticket_opens_nothing(town: Town, ticket: str):
    before = written(town)
    got = Client(raise_request_exception=False).get(f"/files/{ticket}")

    assert got.status_code == 404
    assert changed(before, written(town)) == []


def test_a_ticket_for_something_else_opens_nothing(town: Town):
    from django.core import signing

    for words in ("../../keys/django-secret", 7, None, "0" * 32, town.mine.objects["case"]):
        for salt in ("tocsin.office.tickets", "django.core.signing"):
            got = Client().get(f"/files/{signing.dumps(words, salt=salt)}")
            assert got.status_code == 404, words
