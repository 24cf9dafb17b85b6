"""What a listing covers is settled by it, and nothing else: the rest waits, and may be listed."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.test import Client

from tests.desks.pages import signed_in
from tests.desks.shield.conftest import BASIS, LURE
from tocsin.desks.shield.actions.answering import outcome_of, outcome_text
from tocsin.desks.shield.actions.deciding import approve, reject_group, step_listing
from tocsin.desks.shield.actions.ending import end_due
from tocsin.desks.shield.models import Group, Listing, Look, Message
from tocsin.desks.shield.queries.listings import queue
from tocsin.office.models import Deadline
from tocsin.office.people.letters import read
from tocsin.office.people.models import Letter
from tocsin.office.people.viewer import Viewer
from tocsin.words.errors import Refused
from tocsin.words.moments import iso

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


# ── what may be approved of a group ──────────────────────────────────────────────────────


def approved(people: People, at: datetime, *, url: str, group: Group) -> Listing:
    return approve(people("rita"), url=url, reason="x", basis=BASIS, group=group.uid, at=at)


def test_an_address_that_nobody_reported_in_a_group_is_not_approved_with_it(
    people: People, at: datetime, group: Group
):
    with pytest.raises(Refused, match=r"nobody reported hxxp://other\[\.\]example/x in this group"):
        approved(people, at, url="http://other.example/x", group=group)
    with pytest.raises(Refused, match=r"Possible: hxxps://mybank-login\[\.\]example/pay\?id=7$"):
        approved(people, at, url="http://other.example/x", group=group)
    group.refresh_from_db()

    assert group.state == "open"
    assert not Listing.objects.exists()


def test_a_wider_scope_that_covers_what_was_reported_may_be_approved(
    people: People, at: datetime, group: Group
):
    row = approved(people, at, url="http://mybank-login.example/", group=group)

    assert row.value == "mybank-login.example"


def test_where_the_fetcher_landed_may_be_approved_and_the_rest_still_waits(
    people: People, at: datetime, group: Group
):
    Look.objects.create(
        group=group, url=LURE, landing="https://landing.example/x", state="done", asked_at=at
    )
    listed(people, at, url="https://landing.example/x", group=group)
    group.refresh_from_db()

    assert group.state == "open"
    assert Message.objects.get().state == "received"


def test_messages_without_an_address_are_no_reason_to_list_one(
    people: People, at: datetime, send: Send
):
    send("call me back")
    with pytest.raises(Refused, match="no address was found in these messages"):
        approved(people, at, url="http://other.example/x", group=Group.objects.get(key=""))


# ── what a reporter reads afterwards ─────────────────────────────────────────────────────


def test_whoever_looks_later_reads_what_is_true_then(people: People, at: datetime, group: Group):
    row = listed(people, at, url=LURE, group=group)
    message = Message.objects.get()
    assert outcome_of(message) == "listed"
    step_listing(people("rolf"), row.uid, step="withdraw", text="a shop", at=at + 2 * MINUTE)

    assert outcome_of(message) == "withdrawn"
    assert "the warning was withdrawn" in outcome_text("withdrawn", language="en")


def test_a_warning_that_ended_is_said_to_have_ended(people: People, at: datetime, group: Group):
    listed(people, at, url=LURE, group=group)
    end_due(by="worker", at=at + timedelta(days=181))

    assert outcome_of(Message.objects.get()) == "expired"


def test_the_page_of_a_report_says_that_the_warning_was_withdrawn(
    people: People, at: datetime, group: Group, client: Client
):
    row = listed(people, at, url=LURE, group=group)
    step_listing(people("rolf"), row.uid, step="withdraw", text="a shop", at=at + 2 * MINUTE)
    page = client.get(f"/shield/outcome/{Message.objects.get().reference}").content.decode()

    assert "the warning was withdrawn" in page
    assert "now protected" not in page


@pytest.mark.parametrize("world", ["unknown", "rejected", "for some", "for all"])
def test_an_answer_at_once_tells_nobody_what_is_listed_for_some_alone(
    people: People, at: datetime, send: Send, world: str
):
    if world != "unknown":
        send(LURE)
        group = Group.objects.get(key="mybank-login.example")
        if world == "rejected":
            reject_group(people("rita"), group.uid, reason="it is gone", at=at + MINUTE)
        else:
            tlp = "TLP:CLEAR" if world == "for all" else "TLP:AMBER"
            listed(people, at, url=LURE, group=group, tlp=tlp)

    told = send("https://mybank-login.example/other", at=at + 2 * MINUTE)
    told.refresh_from_db()

    assert told.state == ("listed" if world == "for all" else "received")


# ── what a decision rests on, and what a group's page says of it ─────────────────────────


def test_what_is_kept_of_a_decision_is_of_what_it_covers_alone(
    people: People, at: datetime, send: Send
):
    mail = b"From: a@%b.example\nSubject: Pay now\n\nhttps://%b.evil2.example/pay\n"
    send("", data=mail % (b"one", b"a"), reporter="1")
    send("https://a.evil2.example/again", reporter="2", at=at + MINUTE)
    send("", data=mail % (b"two", b"b"), reporter="3", at=at + 2 * MINUTE)
    group = Group.objects.get(key="evil2.example")
    row = listed(people, at + 3 * MINUTE, url="https://a.evil2.example/pay", group=group)
    facts = row.grounds.get().facts

    assert facts["addresses"] == ["https://a.evil2.example/pay", "https://a.evil2.example/again"]
    assert [one["headers"]["from"] for one in facts["letters"]] == ["one.example"]
    assert (facts["messages"], facts["reporters"]) == (2, 2)
    assert (facts["first_at"], facts["last_at"]) == (iso(at), iso(at + MINUTE))
    assert "b.evil2.example" not in repr(facts)
    assert facts["reasons"][0] == "2 people reported it"


def test_the_page_of_a_group_marks_what_is_listed_already(
    people: People, at: datetime, two: tuple[Message, Message], settings: Any
):
    group = Group.objects.get(key="evil2.example")
    row = listed(people, at, url="https://a.evil2.example/pay", group=group)
    settings.ALLOWED_HOSTS, settings.SECURE_SSL_REDIRECT = ["testserver"], False
    person = people("rita").person
    assert person is not None
    said = signed_in(person).get(f"/shield/groups/{group.uid}").content.decode()
    places = said.partition("Where it leads")[2].partition("</ul>")[0].split("<li>")[1:]

    assert [f"listed already: {row.reference}" in one for one in places] == [True, False]
    assert ["hxxps://a[.]evil2" in one for one in places] == [True, False]
