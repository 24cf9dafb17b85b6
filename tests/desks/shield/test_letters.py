"""Letters in pictures: read by the worker, uncertain, sealed, gone with the decision."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest

from tests.formats.test_letters import INSTALL, SMS, picture
from tocsin.desks.shield.actions.consulting import consult_message
from tocsin.desks.shield.actions.deciding import reject_group
from tocsin.desks.shield.actions.reading_letters import read_waiting
from tocsin.desks.shield.models import Group, Listing, Message, Sighting
from tocsin.desks.shield.queries.messages import Place, places_of
from tocsin.formats.mail import letters
from tocsin.node.store import Store
from tocsin.office.models import Deadline

Send = Callable[..., Message]
URL = SMS[1]


@pytest.fixture
def look(store: Store, at: datetime) -> Callable[..., int]:
    def look(languages: str = "eng") -> int:
        return read_waiting(languages=languages, by="worker", at=at, store_folder=store.path)

    return look


@pytest.fixture
def program() -> None:
    if letters.program() is None:
        pytest.skip(INSTALL)


@pytest.mark.usefixtures("program")
def test_an_address_in_a_screenshot_joins_its_group_as_uncertain(
    send: Send, look, people, store: Store, at
):
    message = send("", data=picture(*SMS))
    assert (message.letters, Group.objects.get().key) == ("waiting", "")
    assert look() == 1

    sighting, group = Sighting.objects.get(), Group.objects.get(key="parcel-fee.example")
    assert (sighting.url, sighting.is_uncertain, sighting.group) == (URL, True, group)
    assert places_of(group) == [Place("hxxps://parcel-fee[.]example/pay?id=7", is_sure=False)]
    nowhere = Group.objects.get(key="")
    assert (nowhere.messages, nowhere.state) == (0, "rejected")
    assert not Deadline.objects.filter(matter=nowhere.uid, state="ready").exists()
    assert Listing.objects.count() == 0
    row, shown = consult_message(people("rita"), message.uid, at=at, store_folder=store.path)
    assert row.letters == "read"
    assert "hxxps://parcel-fee[.]example/pay?id=7" in shown.letters
    assert b"parcel" not in bytes(row.sealed_letters)
    assert look() == 0


@pytest.mark.usefixtures("program")
def test_what_somebody_typed_as_well_is_certain(send: Send, look):
    send(f"look: {URL}", data=picture(*SMS))
    look()

    assert [(one.url, one.is_uncertain) for one in Sighting.objects.all()] == [(URL, False)]


@pytest.mark.usefixtures("program")
def test_letters_go_with_the_decision(send: Send, look, people, at):
    send("", data=picture(*SMS))
    look()
    group = Group.objects.get(key="parcel-fee.example")
    reject_group(people("rita"), group.uid, reason="a real parcel", at=at)

    message = Message.objects.get()
    assert (message.state, bytes(message.sealed_letters)) == ("rejected", b"")


def test_what_was_decided_before_is_not_read_any_more(send: Send, look, people, at):
    send(f"look: {URL}", data=picture(*SMS))
    reject_group(people("rita"), Group.objects.get().uid, reason="a real parcel", at=at)
    look()

    assert bytes(Message.objects.get().sealed_letters) == b""
    assert Sighting.objects.count() == 1


@pytest.mark.parametrize("languages", ["", "eng"])
def test_without_the_program_the_message_says_that_nothing_was_read(
    send: Send, look, monkeypatch, languages: str
):
    monkeypatch.setattr(letters, "PROGRAM", "a-program-that-nobody-has")
    send("", data=picture(*SMS))
    assert look(languages) == 1

    assert Message.objects.get().letters == "absent"


def test_a_broken_picture_says_so(send: Send, look, monkeypatch):
    monkeypatch.setattr(letters, "program", lambda: "/bin/false")
    send("", data=b"\x89PNG\r\n\x1a\n" + b"x" * 100)
    look()

    assert Message.objects.get().letters == "failed"


def test_of_a_mail_letters_are_read_only_where_nothing_else_leads_on(send: Send):
    import base64

    def mail(text: str) -> bytes:
        encoded = base64.b64encode(picture(*SMS))
        return (
            b"From: a@b.example\nSubject: Look at this\nMIME-Version: 1.0\n"
            b"Content-Type: multipart/mixed; boundary=x\n\n--x\nContent-Type: text/plain\n\n"
            + text.encode()
            + b"\n--x\nContent-Type: image/png\nContent-Transfer-Encoding: base64\n\n"
            + encoded
            + b"\n--x--\n"
        )

    states: list[Any] = [
        send("", data=mail(text)).letters for text in ("see below", "https://evil.example/")
    ]
    assert states == ["waiting", ""]
    assert send("only text").letters == ""
