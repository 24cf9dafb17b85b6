"""The shield's mailbox: each mail once, a reference to who sent it, nothing to programs."""

from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from socket import create_server
from typing import Any

import pytest

from tests.channels import dovecot
from tests.channels.receiver import Authority
from tocsin.channels import imap, maildir
from tocsin.channels.mailbox import answerable
from tocsin.desks.shield import tasks
from tocsin.desks.shield.actions import reading_mail
from tocsin.desks.shield.actions.deciding import reject_group
from tocsin.desks.shield.actions.reading_mail import Taker, read_imap, read_maildir
from tocsin.desks.shield.actions.receiving import pseudonym_of
from tocsin.desks.shield.models import Arrival, Group, Message, Sighting
from tocsin.node.store import Store
from tocsin.office import evidence
from tocsin.office.jobs import Slot
from tocsin.office.models import Evidence
from tocsin.office.people.letters import read
from tocsin.office.people.models import Letter, Limit
from tocsin.office.people.sealing import unseal
from tocsin.words.errors import NotFound, Undelivered

pytestmark = pytest.mark.usefixtures("parties")


def mail(
    number: int = 1, *, sender: str = "cora@reader.example", lure: str = "", head: str = ""
) -> bytes:
    """A message that somebody forwards by hand."""
    url = lure or f"https://mybank-login.example/pay?id={number}"
    return (
        f"Return-Path: <{sender}>\r\n{head}From: Cora <{sender}>\r\nTo: suspicious@cert.example\r\n"
        f"Subject: Fwd: Your account\r\nMessage-ID: <{number}@reader.example>\r\n"
        "Date: Mon, 23 Nov 2026 09:00:00 +0000\r\n\r\n"
        "---------- Forwarded message ---------\r\nFrom: Bank <pay@sender.example>\r\n"
        f"Date: Mon, 23 Nov 2026 08:00:00 +0000\r\nSubject: Your account\r\nTo: {sender}\r\n\r\n"
        f"Pay now: {url}\r\n"
    ).encode()


@pytest.fixture
def box(tmp_path: Path) -> Path:
    for name in ("new", "cur", "tmp"):
        (tmp_path / "box" / name).mkdir(parents=True)
    return tmp_path / "box"


@pytest.fixture
def take(store: Store, at: datetime) -> Any:
    def taker(*, at: datetime = at, most: int = 60) -> Taker:
        return Taker("worker", at, store.path, most=most)

    return taker


def put(box: Path, name: str, raw: bytes) -> None:
    (box / "new" / name).write_bytes(raw)


def lies(box: Path) -> list[str]:
    return sorted(path.name for sub in ("new", "cur") for path in (box / sub).iterdir())


def letters() -> list[dict[str, str]]:
    return [read(one) for one in Letter.objects.order_by("pk")]


def test_a_forwarded_mail_becomes_a_message_and_its_sender_gets_the_reference(box, take, settings):
    settings.NODE_URL = "https://node.example"
    put(box, "1", mail())
    assert read_maildir(box, take()) == Counter(message=1)

    message, letter = Message.objects.get(), letters()[0]
    assert (lies(box), message.via) == ([], "mail")
    assert (letter["to"], letter["answers"]) == ("cora@reader.example", "<1@reader.example>")
    assert letter["subject"] == f"Your report {message.reference}"
    assert f"https://node.example/shield/outcome/{message.reference}" in letter["text"]
    assert "mybank" not in letter["text"]
    assert unseal(bytes(message.sealed_address), purpose="shield address") == b"cora@reader.example"
    group = Group.objects.get(key="mybank-login.example")
    assert (group.messages, group.reporters, group.lure) == (1, 1, "your account")
    assert "cora" not in repr([*Message.objects.values_list(), *Sighting.objects.values_list()])


def test_with_the_decision_the_sender_is_told_and_the_address_is_gone(box, take, people, at):
    put(box, "1", mail(head="Accept-Language: de-DE, en\r\n"))
    read_maildir(box, take())
    reject_group(people("rita"), Group.objects.get().uid, reason="a real shop", at=at)

    message = Message.objects.get()
    assert [one["to"] for one in letters()] == ["cora@reader.example"] * 2
    assert message.language == "de"
    assert message.reference in letters()[1]["subject"]
    assert (bytes(message.sealed_address), message.reporter, message.evidence) == (b"", "", None)
    assert not Evidence.objects.get().key


def test_the_same_mail_again_is_no_second_message(box, take):
    put(box, "1", mail())
    read_maildir(box, take())
    put(box, "2", b"Received: from elsewhere\r\n" + mail())
    put(box, "3", mail(2))

    assert read_maildir(box, take()) == Counter(repeat=1, message=1)
    assert (Message.objects.count(), Letter.objects.count(), lies(box)) == (2, 2, [])


def test_who_dies_in_between_loses_nothing_and_doubles_nothing(box, take, monkeypatch):
    put(box, "1", mail())
    with monkeypatch.context() as patch:  # before the commit
        patch.setattr(reading_mail, "acknowledge", _die)
        with pytest.raises(KeyboardInterrupt):
            read_maildir(box, take())
    assert (Message.objects.count(), Arrival.objects.count(), lies(box)) == (0, 0, ["1"])
    with monkeypatch.context() as patch:  # after it
        patch.setattr(maildir.Found, "erase", _die)
        with pytest.raises(KeyboardInterrupt):
            read_maildir(box, take())
    assert (Message.objects.count(), Letter.objects.count(), lies(box)) == (1, 1, ["1"])

    assert read_maildir(box, take()) == Counter(repeat=1)
    assert (Message.objects.count(), Letter.objects.count(), lies(box)) == (1, 1, [])


def _die(*_words: Any, **_named: Any) -> None:
    raise KeyboardInterrupt


BOUNCE = b"""From: mailer-daemon@reader.example
Content-Type: multipart/report; report-type=delivery-status; boundary=x

--x
Content-Type: message/delivery-status

Reporting-MTA: dns; reader.example

Final-Recipient: rfc822; cora@reader.example
Action: failed
Status: 5.1.1
--x--
"""


def test_what_programs_send_is_passed_over_and_stays_for_a_person(box, take):
    put(box, "1", mail(1, head="Auto-Submitted: auto-replied\r\n"))
    put(box, "2", mail(2, head="Precedence: bulk\r\n"))
    put(box, "3", BOUNCE)

    assert read_maildir(box, take()) == Counter(automatic=3)
    assert (Message.objects.count(), Letter.objects.count()) == (0, 0)
    assert lies(box) == ["1:2,FS", "2:2,FS", "3:2,FS"]


def redirected(who: str, *heads: str) -> bytes:
    """The phisher's own mail, with the phisher's own header, below who passed it on."""
    head = "".join(f"{line}\r\n" for line in (f"Resent-From: {who}", *heads))
    return mail(sender="bank@sender.example", head=head)


@pytest.mark.parametrize(
    "line",
    [
        "Precedence: bulk",
        "List-Id: <offers.sender.example>",
        "Auto-Submitted: auto-generated",
        "Content-Type: multipart/report; boundary=x",
        "Return-Path: <>",
    ],
)
def test_no_header_of_a_phisher_makes_what_a_person_redirects_vanish(box, take, line: str):
    put(box, "1", redirected("cora@reader.example", line))
    assert read_maildir(box, take()) == Counter(message=1)

    assert (Message.objects.count(), Letter.objects.count(), lies(box)) == (1, 0, [])
    assert Message.objects.get().reporter == pseudonym_of("cora@reader.example", at=take().at)


def test_what_two_people_redirect_are_two_messages_and_the_limit_is_that_of_each(box, take):
    put(box, "1", redirected("cora@reader.example"))
    put(box, "2", redirected("dora@reader.example"))
    put(box, "3", redirected("dora@reader.example"))

    assert read_maildir(box, take(most=1)) == Counter(message=2, repeat=1)
    assert Group.objects.get(key="mybank-login.example").reporters == 2


@pytest.mark.parametrize(
    ("head", "sender", "answered"),
    [
        ("", "cora@reader.example", True),
        ("List-Unsubscribe: <mailto:x@y.example>\r\n", "cora@reader.example", False),
        ("Resent-From: cora@reader.example\r\n", "phisher@evil.example", False),
        ("Authentication-Results: mx.cert.example; spf=fail\r\n", "cora@reader.example", False),
        ("", "no-reply@reader.example", False),
        ("", "news-bounces@reader.example", False),
        ("", "MAILER-DAEMON@reader.example", False),
        ("", "", False),
    ],
)
def test_only_people_are_answered(head: str, sender: str, *, answered: bool):
    raw = mail(sender=sender, head=head)
    assert answerable(raw) == (sender if answered else "")


def test_one_sender_may_send_so_much_in_an_hour_and_the_rest_stays(box, take, at):
    for number in range(4):
        put(box, str(number), mail(number))
    put(box, "5", mail(9, sender="dora@reader.example"))

    assert read_maildir(box, take(most=2)) == {"message": 3, "too often": 2}
    assert lies(box) == ["2:2,FS", "3:2,FS"]
    assert read_maildir(box, take(most=2, at=at + timedelta(hours=1))) == {}
    assert "cora" not in repr(list(Limit.objects.values_list()))


@pytest.mark.parametrize(
    "head",
    [
        "From: =?utf-8?q?zo=C3=AB?=@reader.example",
        "From: zoë@reader.example",
        "From: cora@reader",
        "From: cora@reader.example\r\nReturn-Path: <a b@c.example>",
        'From: "a b"@[192.0.2.1]',
    ],
)
def test_however_a_sender_is_written_the_report_is_taken_in(box, take, head: str):
    rest = mail().decode().partition("To: ")[2]
    put(box, "1", f"{head}\r\nTo: {rest}".encode())

    assert read_maildir(box, take()) == Counter(message=1)
    message = Message.objects.get()
    assert (bytes(message.sealed_address), Letter.objects.count(), lies(box)) == (b"", 0, [])


def test_what_is_no_phishing_or_too_large_stays_for_a_person(box, take, monkeypatch):
    from tests.desks.conftest import SAMPLES

    monkeypatch.setattr(imap, "LARGEST", 4000)
    put(box, "1", (SAMPLES / "arf" / "abuse.eml").read_bytes())
    put(box, "2", mail() + b"x" * 4000)
    put(box, "3", (SAMPLES / "arf" / "fraud-v6-headers-only.eml").read_bytes())

    assert read_maildir(box, take()) == {"refused": 2, "message": 1}
    assert lies(box) == ["1:2,FS", "2:2,FS"]
    assert Letter.objects.count() == 0  # nobody wrote the report of a program


def test_a_mail_that_makes_us_stumble_keeps_nobody_waiting(box, take, monkeypatch):
    put(box, "1", mail(1))
    put(box, "2", mail(2))
    real = reading_mail.receive_messages

    def stumble(found: Any, *files: Any, **words: Any) -> Any:
        written = real(found, *files, **words)
        if any(b"<1@" in one.brought.data for one in found):
            raise ValueError("a slip")
        return written

    monkeypatch.setattr(reading_mail, "receive_messages", stumble)

    assert read_maildir(box, take()) == {"refused": 1, "message": 1}
    assert lies(box) == ["1:2,FS"]
    kept = Message.objects.select_related("evidence").get().evidence
    assert kept is not None
    store = take().store_folder
    assert b"".join(evidence.read(kept.digest, store_folder=store)) == mail(2)
    files = [path for path in (store / "evidence").rglob("*") if path.is_file()]
    assert files == [evidence.path_of(kept.digest, store_folder=store)]  # of the other: nothing


def test_a_full_store_asks_the_database_no_more_than_an_empty_one(
    box, take, django_assert_max_num_queries
):
    """For the first 40 mails and for 40 more of the same campaigns, with 80 there already."""
    for start in (0, 40, 80):
        for number in range(start, start + 40):
            lure = f"https://a{number % 5}.lure{number % 5}.example/?id={number}"
            put(box, str(number), mail(number, sender=f"c{number}@reader.example", lure=lure))
        with django_assert_max_num_queries(60):
            assert read_maildir(box, take()) == Counter(message=40)
    assert sorted(Group.objects.values_list("messages", flat=True)) == [24] * 5


def test_what_comes_together_is_counted_by_its_sender_and_twice_is_once(box, take):
    for name, number in (("1", 1), ("2", 1), ("3", 2), ("4", 3)):
        put(box, name, mail(number))

    assert read_maildir(box, take(most=2)) == {"message": 2, "repeat": 1, "too often": 1}
    assert lies(box) == ["4:2,FS"]


@pytest.mark.parametrize(
    "raw",
    [
        b"", b"\n\n", b"\0\0", b"From: a@b.example\nSubject: a\0b \xff\n\nhttps://x.example/\0",
        b"From: =?utf-8?b?////?= <\xff@\0>\nMessage-ID: <\0\r>\n\n" + b"x" * 3000,
        b"Subject: " + b"=?utf-8?q?=00=F0=9F=98=80?=" * 500 + b"\n\nhttps://y.example/",
        b"From: a@b.example\nContent-Type: multipart/mixed; boundary=\n\n--\n\n--\n",
    ],
)  # fmt: skip
def test_whatever_bytes_a_mail_has_the_next_one_is_read(box, take, raw: bytes):
    put(box, "1", raw)
    put(box, "2", mail(2))
    counts = read_maildir(box, take())

    assert counts["message"] >= 1
    assert Sighting.objects.filter(url__contains="mybank").exists()


def test_a_folder_that_is_none_says_so(tmp_path: Path, take):
    with pytest.raises(NotFound, match="no Maildir there"):
        read_maildir(tmp_path / "nothing", take())


def test_a_file_that_cannot_be_read_or_taken_away_stays_and_keeps_nobody_waiting(
    box, take, monkeypatch
):
    (box / "new" / "0").symlink_to("/proc/self/mem")  # reading it fails, also for root
    put(box, "1", mail(1))
    put(box, "2", mail(2))
    erase = maildir.Found.erase

    def stuck(found: maildir.Found) -> None:
        if found.path.name == "1":
            raise PermissionError(13, "Permission denied")
        erase(found)

    monkeypatch.setattr(maildir.Found, "erase", stuck)

    assert read_maildir(box, take()) == {"unreadable": 1, "message": 2, "immovable": 1}
    assert (lies(box), Message.objects.count()) == (["0", "1"], 2)


@pytest.mark.usefixtures("loopback")
def test_where_imap_is_down_the_maildir_is_read_and_the_fault_said(box, store, settings, at):
    with create_server(("127.0.0.1", 0)) as closed:
        port = str(closed.getsockname()[1])
    words = {"host": "127.0.0.1", "port": port, "user": "in", "password_file": str(box / "secret")}
    (box / "secret").write_text("word")
    settings.SHIELD = {**settings.SHIELD, "imap": imap.place_of(words), "maildir": box}
    put(box, "1", mail())

    with pytest.raises(Undelivered, match="nobody takes connections there; 1 message"):
        tasks.read_mail(Slot(at, "worker", store.path))
    assert (Message.objects.count(), lies(box)) == (1, [])

    settings.SHIELD = {**settings.SHIELD, "imap": None}
    put(box, "2", mail(2))
    assert tasks.read_mail(Slot(at, "worker", store.path)) == "1 message"
    (box / "new" / "0").symlink_to("/proc/self/mem")
    with pytest.raises(Undelivered, match="1 unreadable"):
        tasks.read_mail(Slot(at, "worker", store.path))


# ── over IMAP ────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def server(loopback: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dovecot.Mailbox]:
    authority = Authority(tmp_path_factory.mktemp("authority"))
    with dovecot.running(authority) as running:
        yield running


def test_over_imap_a_mail_is_gone_from_the_mailbox_when_it_is_taken_in(server, take, monkeypatch):
    place = imap.place_of(server.settings())
    assert place is not None
    server.put(mail(1), name="1.mail")
    server.put(mail(2, head="Auto-Submitted: auto-generated\r\n"), name="2.mail")
    with monkeypatch.context() as patch:
        patch.setattr(imap.Box, "erase", _die)
        with pytest.raises(KeyboardInterrupt):
            read_imap(place, take())
    assert Message.objects.count() == 1

    assert read_imap(place, take()) == Counter(repeat=1, automatic=1)
    server.put(mail(3), name="3.mail")
    assert read_imap(place, take()) == Counter(message=1)
    assert (Message.objects.count(), Letter.objects.count()) == (2, 2)
    assert len(server.messages()) == 1  # what a program sent


def test_over_imap_it_is_moved_where_the_operator_wants_it(server, take):
    (server.folder / "mail").mkdir(exist_ok=True)
    server.put(mail(1), name="1.mail")
    made = server.folder / "mail" / ".Taken"
    for sub in ("new", "cur", "tmp"):
        (made / sub).mkdir(parents=True)
    server.put(mail(3, head="Precedence: bulk\r\n"), name="3.mail")
    server.put(mail(2), name="2.mail")  # gives the new folder to the server as well
    place = imap.place_of(server.settings(done="Taken"))
    assert place is not None

    assert read_imap(place, take()) == Counter(message=2, automatic=1)
    assert (server.messages(), len(server.messages("Taken"))) == ({}, 3)
