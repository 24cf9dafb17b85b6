"""Whatever somebody is called: a mail has the headers of its kind, one line each, and its readers.

The messages are those a mail server got: letters to people, and all that parties are told by mail.
"""

import re
from collections.abc import Iterator
from datetime import timedelta
from email import message_from_bytes, policy
from string import Formatter
from uuid import UUID

import pytest
from django.conf import settings

from tests.channels.smtp_server import SmtpServer
from tests.security.test_names import HOSTILE, TURNING
from tests.security.town import HOUR, MINE, NODE, NOON, Town
from tocsin.channels.catalogue import CHANNELS
from tocsin.node.channel_settings import MAIL
from tocsin.office import deadlines, outbox
from tocsin.office.models import Delivery, Party
from tocsin.office.people import letters, notices
from tocsin.office.people.models import Person
from tocsin.rules.acts import DEADLINES

LATER = NOON + timedelta(days=40)
# What the mails of this node say of themselves, and nothing else (RFC 5322, RFC 3834, RFC 2045).
HEADERS = {
    *("from", "to", "reply-to", "subject", "date", "message-id", "in-reply-to", "references"),
    *("auto-submitted", "precedence", "x-auto-response-suppress", "x-tocsin-digest"),
    *("mime-version", "content-type", "content-transfer-encoding", "content-language"),
}
_HEADER = re.compile(rb"([!-9;-~]+):[ -~]*(?:\r\n[ \t][ -~\t]*[!-~][ -~\t]*)*")


@pytest.fixture
def server(loopback: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[SmtpServer]:
    """The mail server of the node; it keeps what it took."""
    with SmtpServer(offers=["SIZE 90000000", "8BITMIME"]).running() as one:
        for name in MAIL.values():
            monkeypatch.delenv(name, raising=False)
        for name, value in one.settings.items():
            monkeypatch.setenv(MAIL[name], value)
        yield one


def call_everybody(word: str, change: pytest.MonkeyPatch) -> None:
    """In the database, past every form that would refuse it."""
    stored = word.replace("\x00", "\ufffd")  # PostgreSQL takes none
    Party.objects.filter(slug=MINE).update(
        name=stored[:200], channel="mail", channel_address=f"ada@{MINE}.example"
    )
    Party.objects.filter(slug=NODE).update(name=stored[:200])
    Person.objects.all().update(name=stored[:200])
    Delivery.objects.filter(party__slug=MINE).update(channel="mail")
    change.setattr(settings, "NODE_NAME", word)
    change.setattr(settings, "EMAIL_BACKEND", "tocsin.node.mail_backend.NodeMail")


def write_to_everybody(town: Town, word: str, number: int) -> None:
    """Each act that makes a mail, with the word wherever somebody types."""
    desk, admin = town.browsers["desk"], town.browsers["administers"]
    named = town.mine.objects
    case, intake = UUID(named["case"]), UUID(named["intake"])
    for path, body in (
        (f"/response/cases/{case}/comment", {"text": word, "audience": "party"}),
        (f"/response/reports/uploads/{intake}/answer", {"text": word}),
    ):
        assert desk.post(path, body).status_code < 500
    email = f"new{number}@{MINE}.example"
    invited = {"email": email, "name": word, "language": "en", "competences": "party.administer"}
    assert admin.post(f"/people/of/{MINE}/invite/", invited).status_code < 500
    admin.post("/account/password/reset/", {"email": f"bea@{MINE}.example"})
    _each_notice(word)


def _each_notice(word: str) -> None:
    """Every notice to people that there is, one added later too."""
    for notice in vars(notices).values():
        if isinstance(notice, notices.Notice):
            fields = {
                f for t in (notice.subject, notice.text) for _, f, *_ in Formatter().parse(str(t))
            }
            words = {name: word for name in fields if name}
            notices.write(f"ada@{MINE}.example", notice, language="en", at=NOON, **words)


def send_all(town: Town, server: SmtpServer) -> None:
    """What a worker does, at once and forty days later."""
    deadlines.remind(
        DEADLINES, owner="test", at=LATER, store_folder=town.store, node=settings.NODE_NAME
    )
    letters.send_due(owner="test", at=NOON + HOUR)
    while outbox.deliver_due(
        owner="test",
        at=LATER,
        channels=CHANNELS,
        store_folder=town.store,
        settings={"mail": server.settings},
        over=["mail"],
    ):
        pass


def head_of(raw: bytes) -> dict[str, bytes]:
    """The headers of a message as it went over the wire; fails on a line that is none."""
    head = raw.partition(b"\r\n\r\n")[0] + b"\r\n"
    found: dict[str, bytes] = {}
    for match in re.finditer(rb"(?s)[^\r\n].*?\r\n(?![ \t])", head):
        line = match[0].removesuffix(b"\r\n")
        fits = _HEADER.fullmatch(line)
        assert fits, line[:200]
        assert all(len(one) <= 998 for one in line.split(b"\r\n"))
        name = fits[1].decode().lower()
        assert name not in found, name
        found[name] = line
    assert sum(len(line) + 2 for line in found.values()) == len(head)
    return found


@pytest.mark.parametrize("word", HOSTILE, ids=range(len(HOSTILE)))
def test_a_mail_has_its_own_headers_and_readers_whatever_somebody_is_called(
    town: Town, server: SmtpServer, monkeypatch: pytest.MonkeyPatch, word: str
):
    call_everybody(word, monkeypatch)
    write_to_everybody(town, word, 1)
    send_all(town, server)
    subjects = [require_sound(raw) for raw in server.taken]

    assert len(subjects) > 12
    assert {"each", "notice"} <= {*_sent()}
    assert not Delivery.objects.filter(channel="mail", state=Delivery.State.READY).exists()
    asked = [line.partition("<")[2] for line in server.commands if line[:4].lower() == "rcpt"]
    assert {one.partition(">")[0] for one in asked} <= {*_known()}


def _known() -> list[str]:
    """Who may be written to: people of this node, and whoever was invited."""
    invited = [f"{word}@{MINE}.example" for word in ("new", "new1")]
    return [*Person.objects.values_list("email", flat=True), *invited]


def _sent() -> list[str]:
    """What kinds of deliveries went out by mail."""
    rows = Delivery.objects.filter(channel="mail", state=Delivery.State.DELIVERED)
    return ["notice" if row.run_id is None else "each" for row in rows]


def require_sound(raw: bytes) -> str:
    """The subject of a message that is what it should be."""
    head = head_of(raw)
    read = message_from_bytes(raw, policy=policy.default)
    assert {*head} <= HEADERS
    assert {"from", "to", "subject", "date", "message-id"} <= {*head}
    assert [part.defects for part in read.walk() if part.defects] == []
    assert [str(one.addr_spec) for one in read["From"].addresses] == ["tocsin@cert.example"]
    assert len(read["To"].addresses) == 1
    assert read["To"].addresses[0].addr_spec in _known()
    subject = str(read["Subject"])
    assert subject.isprintable()
    assert not TURNING.intersection(subject)
    assert read.get_body(("plain",)).get_content().strip()
    return subject


@pytest.mark.parametrize(
    "line",
    [b"Bcc: x@nowhere.example", b"To: x@nowhere.example", b"x", b"Subject: two\rBcc: x", b" \xfc"],
)
def test_a_header_that_somebody_added_would_be_seen(line: bytes):
    plain = b"From: a@b.example\r\nTo: c@d.example\r\nSubject: x\r\n"
    rest = b"Date: x\r\nMessage-ID: <x@b.example>\r\n\r\nText\r\n"
    assert {*head_of(plain + rest)} <= HEADERS

    with pytest.raises(AssertionError):
        assert {*head_of(plain + line + b"\r\n" + rest)} <= HEADERS
