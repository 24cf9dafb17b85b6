"""What anybody may do without an account, and what goes out: references, limits, files, check."""

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.test import Client

from tests.desks.shield.conftest import BASIS, LURE
from tocsin.desks.shield.actions.deciding import approve, step_listing
from tocsin.desks.shield.actions.receiving import LARGEST_FILE
from tocsin.desks.shield.models import Appeal, Listing, Message, Sighting
from tocsin.desks.shield.queries import published
from tocsin.desks.shield.queries.messages import inert, places_in
from tocsin.office.models import Evidence, RegisterRow
from tocsin.office.people.sealing import unseal
from tocsin.office.people.viewer import Viewer
from tocsin.words.errors import Refused

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
WORD = "w" * 24
REFERENCE = re.compile(r"/shield/outcome/([0-9A-Z]{4}(?:-[0-9A-Z]{4}){2})$")


@pytest.fixture
def client(settings: Any, db: None) -> Any:
    settings.ALLOWED_HOSTS = ["testserver"]
    settings.SECURE_SSL_REDIRECT = False
    settings.SHIELD = {**settings.SHIELD, "lists": {WORD: "public"}, "rate": 5}
    published._files.clear()
    with time_machine.travel(NOW, tick=False):
        yield Client()


@pytest.fixture
def listing(people: Callable[[str], Viewer], at: datetime) -> Listing:
    row = approve(people("rita"), url=LURE, reason="asks for codes", basis=BASIS, at=at)
    return step_listing(people("rolf"), row.uid, step="confirm", text="", at=at)


def send(client: Client, **words: Any) -> Any:
    return client.post("/shield/report", words)


@pytest.mark.parametrize("text", [LURE, "mybank-login.example/pay?id=7", "no address at all"])
def test_whatever_is_sent_there_is_a_reference(client: Client, parties: None, text: str):
    done = send(client, text=text)

    found = REFERENCE.search(done.headers["Location"])
    assert (done.status_code, bool(found)) == (302, True)
    page = client.get(done.headers["Location"])
    assert "Your report is being looked at" in page.content.decode()
    message = Message.objects.get()
    assert unseal(bytes(message.sealed), purpose="shield message").decode() == text
    assert client.get(done.headers["Location"].lower()).status_code == 200  # as people type it


def test_nobody_is_named_by_what_is_kept(client: Client, parties: None):
    send(
        client, text="https://evil.example/?m=cora@reader.example", answer_to="cora@reader.example"
    )

    message, sighting = Message.objects.get(), Sighting.objects.get()
    kept = repr([*Message.objects.values_list(), *Sighting.objects.values_list()])
    assert "cora" not in kept
    assert "127.0.0.1" not in kept
    assert sighting.url == "https://evil.example/?m=x"
    assert unseal(bytes(message.sealed_address), purpose="shield address") == b"cora@reader.example"
    assert RegisterRow.objects.get(action="shield:message:receive").actor == "public"


def test_nothing_and_too_much_are_refused_with_what_is_possible(client: Client, parties: None):
    from django.core.files.uploadedfile import SimpleUploadedFile

    large = SimpleUploadedFile("x.eml", b"x" * (LARGEST_FILE + 1))
    for words, said in (
        ({"text": " "}, "There is nothing to look at"),
        ({"text": "x", "answer_to": "nobody"}, "That is no e-mail address"),
        ({"file": large}, "at most 5 MiB"),
    ):
        page = send(client, **words)
        assert page.status_code == 422
        assert said in page.content.decode()
    assert Message.objects.count() == Evidence.objects.count() == 0


def test_one_address_may_send_so_much_in_an_hour(client: Client, parties: None):
    answers = [send(client, text=LURE).status_code for _ in range(7)]

    assert answers == [302, 302, 302, 302, 302, 429, 429]
    assert client.get("/shield/report").status_code == 200


def test_a_message_that_was_forwarded_is_read_and_its_forwarder_is_not(
    client: Client, parties: None
):
    from django.core.files.uploadedfile import SimpleUploadedFile

    mail = (
        b"From: Bank <pay@sender.example>\nTo: cora@reader.example\nSubject: Your account 77\n"
        b"Content-Type: text/html\n\n<p>Dear Cora <a href='https://mybank-login.example/a'>here</a>"
    )
    send(client, file=SimpleUploadedFile("mail.eml", mail))

    sighting = Sighting.objects.get()
    assert (sighting.url, sighting.group.key) == (
        "https://mybank-login.example/a",
        "mybank-login.example",
    )
    assert sighting.group.lure == "your account #"
    assert Evidence.objects.get().evidence_class == "citizen-message"


def test_a_listed_name_is_said_to_be_listed_with_all_about_it(client: Client, listing: Listing):
    said = client.get("/shield/check.json?name=www.mybank-login.example").json()
    page = client.get("/shield/check?name=http://mybank-login.example/x").content.decode()

    assert said == {
        "asked": "www.mybank-login.example",
        "host": "www.mybank-login.example",
        "listed": True,
        "reference": listing.reference,
        "scope": "domain",
        "value": "mybank-login.example",
        "because": "mybank-login.example is the site of mybank-login.example itself",
        "reason": "asks for codes",
        "legal_basis": BASIS,
        "imitates": None,
        "listed_at": "2026-11-23T09:00:00Z",
        "expires_at": "2027-05-22T09:00:00Z",
    }
    assert "mybank-login.example is listed" in page
    assert client.get("/shield/check.json?name=neighbour.example").json()["listed"] is False
    assert client.get("/shield/check.json?name=a b").status_code == 400


def test_the_warning_page_has_no_script_and_sets_no_cookie(client: Client, listing: Listing):
    page = client.get("/shield/warning?name=mybank-login.example")
    text = page.content.decode()

    assert page.status_code == 200
    assert "<script" not in text
    assert not re.search(r'(?:src|href)="(?:https?:)?//', text)
    assert not page.cookies
    assert f"/shield/appeal?name={listing.reference}" in text
    german = client.get("/shield/warning", headers={"Accept-Language": "de"}).content.decode()
    assert "Diese Seite will Sie betrügen" in german
    assert "Translated by machine" not in german
    assert "maschinell" in german.lower()


def test_an_appeal_is_filed_by_reference_or_name_and_nothing_else(client: Client, listing: Listing):
    for about in ("mybank-login.example", listing.reference.lower()):
        done = client.post("/shield/appeal", {"about": about, "text": "it is my shop"})
        assert REFERENCE.search(done.headers["Location"])
    refused = client.post("/shield/appeal", {"about": "AAAA-BBBB-CCCC", "text": "x"})

    assert refused.status_code == 422
    assert "Nothing of this name is listed" in refused.content.decode()
    assert Appeal.objects.filter(listing=listing).count() == 2


def test_the_list_is_for_who_knows_the_word(client: Client, listing: Listing):
    assert client.get(f"/shield/lists/{WORD}/domains").status_code == 200
    assert client.get("/shield/lists/public/domains").status_code == 404
    assert client.get(f"/shield/lists/{WORD}/nothing").status_code == 404


@pytest.mark.parametrize(
    ("form", "line"),
    [
        ("rpz", "*.mybank-login.example CNAME ."),
        ("domains", "mybank-login.example"),
        ("hosts", "0.0.0.0 mybank-login.example"),
        ("adblock", "||mybank-login.example^"),
        ("squid", ".mybank-login.example"),
    ],
)
def test_each_form_holds_what_is_listed_and_is_not_sent_twice(
    client: Client, listing: Listing, form: str, line: str
):
    got = client.get(f"/shield/lists/{WORD}/{form}")
    again = client.get(
        f"/shield/lists/{WORD}/{form}", headers={"If-None-Match": got.headers["ETag"]}
    )

    assert line in got.content.decode().splitlines()
    assert (again.status_code, again.content) == (304, b"")


def test_a_term_that_is_over_is_in_no_file_even_where_no_worker_runs(
    client: Client, listing: Listing
):
    assert "mybank" in client.get(f"/shield/lists/{WORD}/domains").content.decode()
    with time_machine.travel(NOW + timedelta(days=180, seconds=1), tick=False):
        assert "mybank" not in client.get(f"/shield/lists/{WORD}/domains").content.decode()


def test_a_port_that_a_caller_writes_makes_no_other_file(client: Client, listing: Listing):
    address = f"/shield/lists/{WORD}/json"
    first, second = (client.get(address, headers={"Host": f"testserver{n}"}) for n in ("", ":81"))

    assert first.headers["ETag"] == second.headers["ETag"]
    assert b":81" not in second.content


def test_what_came_since_is_asked_for_a_bounded_number_of_times(
    client: Client, listing: Listing, settings: Any
):
    settings.SHIELD = {**settings.SHIELD, "rate": 1}
    address = f"/shield/lists/{WORD}/json"
    asked = [client.get(f"{address}?since=0").status_code for _ in range(61)]

    assert asked == [*[200] * 60, 429]
    assert client.get(address).status_code == 200


def test_a_delta_says_what_came_and_what_went(
    client: Client, listing: Listing, people: Callable[[str], Viewer], at: datetime
):
    address = f"/shield/lists/{WORD}/json"
    first = json.loads(client.get(f"{address}?since=0").content)
    later = at + timedelta(minutes=5)
    step_listing(people("rosa"), listing.uid, step="withdraw", text="a mistake", at=later)
    second = json.loads(client.get(f"{address}?since={first['version']}").content)

    assert [row["value"] for row in first["added"]] == ["mybank-login.example"]
    assert (second["added"], [row["value"] for row in second["removed"]]) == (
        [],
        ["mybank-login.example"],
    )
    with pytest.raises(Refused, match="is no version"):
        published.changes_since(12345, version=second["version"])


def test_a_program_tells_a_version_that_is_gone_from_a_list_that_is_not_its_own(
    client: Client, listing: Listing
):
    """Three faults, three codes, and words that a program reads."""
    address = f"/shield/lists/{WORD}"
    asked = ("json?since=12345", "json?since=x", "json?since=", "domains?since=0", "rpz?since=7")
    got = {words: client.get(f"{address}/{words}") for words in asked}

    assert {one.headers["Content-Type"] for one in got.values()} == {"application/problem+json"}
    assert {words: (one.status_code, one.json()["detail"]) for words, one in got.items()} == {
        "json?since=12345": (
            410,
            (
                "since=12345 is no version of this list, or none any more. Possible: fetch the "
                "whole list, and ask since the version in it"
            ),
        ),
        "json?since=x": (400, "since='x' is no version. Possible: the version of what you have"),
        "json?since=": (400, "since='' is no version. Possible: the version of what you have"),
        "domains?since=0": (400, "'domains' has no since=. Possible: without it, or json?since="),
        "rpz?since=7": (400, "'rpz' has no since=. Possible: without it, or json?since="),
    }
    assert client.get("/shield/lists/public/json?since=12345").status_code == 404
    assert client.get(f"{address}/nothing?since=1").status_code == 404


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("https://evil.example/a.b", "hxxps://evil[.]example/a[.]b"),
        ("HTTP://EVIL.EXAMPLE", "hxxp://EVIL[.]EXAMPLE"),
        ("pay 1.99 at www.evil.example.", "pay 1.99 at www[.]evil[.]example."),
    ],
)
def test_nothing_in_a_message_can_be_followed(text: str, shown: str):
    assert inert(text) == shown


def test_places_are_few_and_in_one_spelling():
    many = " ".join(f"https://h{number}.example/" for number in range(50))
    same = "https://EVIL.example/#a http://evil.example:80/ https://evil.example"

    assert len(places_in(many, b"")) == 20
    assert [led.url for led in places_in(same, b"")] == [
        "https://evil.example/",
        "http://evil.example/",
    ]
    assert places_in(f"https://evil.example/{'a' * 3000}", b"")[0].url == "https://evil.example/"
