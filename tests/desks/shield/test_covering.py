"""What a listing covers is settled by it, and nothing else: the rest waits, and may be listed."""

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest

from tests.desks.shield.conftest import BASIS
from tocsin.desks.shield.actions.deciding import approve, reject_group, step_listing
from tocsin.desks.shield.models import Group, Listing, Message
from tocsin.desks.shield.queries.listings import queue
from tocsin.office.models import Deadline
from tocsin.office.people.letters import read
from tocsin.office.people.models import Letter
from tocsin.office.people.viewer import Viewer

People = Callable[[str], Viewer]
Send = Callable[..., Message]
MINUTE = timedelta(minutes=1)


def listed(people: People, at: datetime, *, url: str, group: Group, **words: str) -> Listing:
    said = {"reason": "asks for codes", "basis": BASIS, **words}
    row = approve(people("rita"), url=url, group=group.uid, at=at, **said)
    return step_listing(people("rolf"), row.uid, step="confirm", text="", at=at + MINUTE)


@pytest.fixture
def two(send: Send) -> tuple[Message, Message]:
    """Two hosts of one domain, each sent in by somebody who wants an answer."""
    first = send("https://a.evil2.example/pay", answer_to="ada@reader.example", reporter="1")
    second = send("https://b.evil2.example/pay", answer_to="bob@reader.example", reporter="2")
    return first, second


def test_who_reported_what_is_not_listed_is_not_told_that_it_is(
    people: People, at: datetime, two: tuple[Message, Message]
):
    group = Group.objects.get(key="evil2.example")
    row = listed(people, at, url="https://a.evil2.example/pay", group=group)
    for one in (*two, group):
        one.refresh_from_db()

    assert (row.scope, row.value) == ("host", "a.evil2.example")
    assert [one.state for one in two] == ["listed", "received"]
    assert [read(letter)["to"] for letter in Letter.objects.all()] == ["ada@reader.example"]
    assert bytes(two[1].sealed)
    assert (group.state, group.messages, group.landing) == (
        "open",
        1,
        "https://b.evil2.example/pay",
    )
    assert list(queue()) == [group]
    waits = Deadline.objects.filter(matter=group.uid, rule="shield:approve")
    assert sorted(waits.values_list("state", flat=True)) == ["met", "ready"]


def test_the_rest_is_listed_or_rejected_by_itself(
    people: People, at: datetime, send: Send, two: tuple[Message, Message]
):
    third = send("https://c.evil2.example/pay")
    group = Group.objects.get(key="evil2.example")
    listed(people, at, url="https://a.evil2.example/pay", group=group)
    listed(people, at, url="https://b.evil2.example/pay", group=group, scope="host")
    group.refresh_from_db()
    assert group.state == "open"
    reject_group(people("rita"), group.uid, reason="it is gone", at=at + 3 * MINUTE)
    for one in (*two, third, group):
        one.refresh_from_db()

    assert [one.state for one in (*two, third)] == ["listed", "listed", "rejected"]
    assert group.state == "listed"
    assert not queue().exists()


def test_a_message_to_two_places_waits_for_the_one_that_is_not_listed(
    people: People, at: datetime, send: Send
):
    both = send("https://a.evil2.example/pay or https://b.evil2.example/pay")
    group = Group.objects.get(key="evil2.example")
    listed(people, at, url="https://a.evil2.example/pay", group=group)
    both.refresh_from_db()

    assert both.state == "received"


def test_the_next_who_reports_what_is_listed_is_answered_though_the_rest_waits(
    people: People, at: datetime, send: Send, two: tuple[Message, Message]
):
    group = Group.objects.get(key="evil2.example")
    listed(people, at, url="https://a.evil2.example/pay", group=group)
    third = send("https://www.a.evil2.example/again", at=at + 2 * MINUTE)
    third.refresh_from_db()

    assert third.state == "listed"
    assert Group.objects.get().state == "open"


def test_what_ends_closes_nothing_that_still_waits(
    people: People, at: datetime, two: tuple[Message, Message]
):
    group = Group.objects.get(key="evil2.example")
    row = listed(people, at, url="https://a.evil2.example/pay", group=group)
    step_listing(people("rolf"), row.uid, step="withdraw", text="a mistake", at=at + 2 * MINUTE)
    group.refresh_from_db()

    assert group.state == "open"
