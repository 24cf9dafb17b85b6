"""What every way out must do, whichever it is: one contract over the catalogue."""

import hashlib
import logging
import traceback
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol, Self

import pytest

from tests.channels.receiver import Authority, Receiver, Said
from tests.channels.smtp_server import SmtpServer
from tocsin.channels.catalogue import CHANNELS
from tocsin.channels.channel import Channel, Letter, Parcel, Piece
from tocsin.words.errors import Undelivered

BODY = b"192.0.2.7 is infected\n"
LETTER = Letter(
    message="41fb7d7dc0aad6747b48e25ae84d1407",
    reference="7F3K-9QWZ-2M4H",
    subject="13 events for Meadow Net",
    text="What was seen: 13 events of the family meadowbot\n",
    name="Meadow Net",
    language="en",
    dated=datetime(2026, 11, 23, 8, 0, tzinfo=UTC),
)
# None of it may come into a log, onto a terminal, or into the text of an error.
SECRETS = ("192.0.2.7", "infected", "13 events", "Meadow Net", "meadowbot")
MAILBOX = "abuse@meadow-net.example"  # in an error that says who refused, but in no log


class Server(Protocol):
    """The other end of a channel: what it got, each thing once, as its reader counts it."""

    settings: Mapping[str, str]
    address: str

    def received(self) -> list[bytes]: ...

    def refuse(self) -> None:
        """Take nothing more, for good."""

    def be_busy(self) -> None:
        """Take nothing now."""

    def come_back(self) -> None:
        """Take things again."""

    def go_away(self) -> None: ...


class FolderServer:
    """The other end of the folder channel."""

    address = ""

    def __init__(self, path: Path) -> None:
        self.root = path / "root"
        self.root.mkdir()
        self.settings = {"root": str(self.root)}

    @classmethod
    @contextmanager
    def opened(cls, path: Path) -> Iterator[Self]:
        yield cls(path)

    def received(self) -> list[bytes]:
        return [p.read_bytes() for p in sorted(self.root.rglob("*")) if p.is_file()]

    def refuse(self) -> None:
        (self.root / "meadow-net").mkdir()
        (self.root / "meadow-net" / "rows.csv").write_bytes(b"somebody else's")

    def be_busy(self) -> None:
        (self.root / "meadow-net").write_bytes(b"")  # in the way of the party's folder

    def come_back(self) -> None:
        (self.root / "meadow-net").unlink()

    def go_away(self) -> None:
        self.root.rename(self.root.with_name("away"))


class MailServer:
    """The other end of the mail channel; a reader knows a repeat by its Message-ID."""

    address = MAILBOX

    def __init__(self, smtp: SmtpServer) -> None:
        self.smtp = smtp
        self.settings = smtp.settings

    @classmethod
    @contextmanager
    def opened(cls, _path: Path) -> Iterator[Self]:
        with SmtpServer().running() as smtp:
            yield cls(smtp)

    def received(self) -> list[bytes]:
        once = {message["Message-ID"]: message for message in self.smtp.messages}
        return [
            part.get_content().encode()
            for message in once.values()
            for part in message.iter_attachments()
        ]

    def refuse(self) -> None:
        self.smtp.answers["END"] = "554 5.7.1 not this"

    def be_busy(self) -> None:
        self.smtp.refuses[self.address] = "450 4.2.1 come back later"

    def come_back(self) -> None:
        self.smtp.refuses.clear()

    def go_away(self) -> None:
        self.smtp.answers["CONNECT"] = "421 closing"


class WebhookServer:
    """The other end of the webhook channel; a reader knows a repeat by its delivery id."""

    def __init__(self, receiver: Receiver, authority: Authority) -> None:
        self.receiver = receiver
        files = {"ca_file": str(authority.path), "secrets": str(authority.folder)}
        self.settings = {**receiver.settings, **files}
        self.address = f"https://localhost:{receiver.port}/"

    @classmethod
    @contextmanager
    def opened(cls, path: Path) -> Iterator[Self]:
        (path / "meadow-net.secret").write_text(f"whsec_{b64encode(bytes(32)).decode()}\n")
        authority = Authority(path)
        with closing(Receiver(authority.context())) as receiver:
            yield cls(receiver, authority)

    def received(self) -> list[bytes]:
        taken = [got for got, said in self.receiver.answered if said.status < 300]
        once = {got.headers["webhook-id"]: got for got in taken}
        return [data for got in once.values() for _, data in got.parts.values()]

    def refuse(self) -> None:
        self.receiver.otherwise = Said(410)

    def be_busy(self) -> None:
        self.receiver.otherwise = Said(503)

    def come_back(self) -> None:
        self.receiver.otherwise = Said()

    def go_away(self) -> None:
        self.receiver.close()


SERVERS = {"folder": FolderServer, "mail": MailServer, "webhook": WebhookServer}


@pytest.fixture(params=sorted(CHANNELS))
def channel(request: pytest.FixtureRequest) -> Channel:
    return CHANNELS[request.param]


@pytest.fixture
def server(channel: Channel, tmp_path: Path, loopback: None) -> Iterator[Server]:
    with SERVERS[channel.name].opened(tmp_path) as server:
        yield server


def parcel(server: Server, tmp_path: Path) -> Parcel:
    (tmp_path / "rows.csv").write_bytes(BODY)
    piece = Piece("rows.csv", tmp_path / "rows.csv", hashlib.sha256(BODY).hexdigest())
    return Parcel(
        "8d1c",
        "meadow-net",
        (piece,),
        server.address,
        server.settings,
        at=datetime(2026, 11, 23, 9, 0, tzinfo=UTC),
        letter=LETTER,
    )


def failure_of(channel: Channel, sent: Parcel) -> Undelivered:
    with pytest.raises(Undelivered) as failure:
        channel.send(sent)
    return failure.value


def test_every_channel_stands_under_its_own_name_and_has_a_server_to_test_against() -> None:
    assert {name: channel.name for name, channel in CHANNELS.items()} == {n: n for n in SERVERS}


def test_it_delivers_and_says_where(channel: Channel, server: Server, tmp_path: Path) -> None:
    handed = channel.send(parcel(server, tmp_path))

    assert server.received() == [BODY]
    assert handed.where != ""


def test_the_same_delivery_twice_arrives_once(
    channel: Channel, server: Server, tmp_path: Path
) -> None:
    channel.send(parcel(server, tmp_path))
    channel.send(parcel(server, tmp_path))

    assert server.received() == [BODY]


def test_a_server_that_is_away_is_a_passing_failure(
    channel: Channel, server: Server, tmp_path: Path
) -> None:
    server.go_away()

    assert not failure_of(channel, parcel(server, tmp_path)).lasting


def test_a_server_that_refuses_for_good_is_a_lasting_failure_and_keeps_nothing(
    channel: Channel, server: Server, tmp_path: Path
) -> None:
    server.refuse()
    failure = failure_of(channel, parcel(server, tmp_path))

    assert failure.lasting
    assert BODY not in server.received()


def test_what_is_refused_for_now_is_tried_until_it_arrives_and_arrives_once(
    channel: Channel, server: Server, tmp_path: Path
) -> None:
    sent = parcel(server, tmp_path)
    server.be_busy()
    failures = [failure_of(channel, sent) for _ in range(3)]
    server.come_back()
    handed = channel.send(sent)

    assert [failure.lasting for failure in failures] == [False] * 3
    assert all(str(failure) for failure in failures)
    assert (server.received(), handed.gone) == ([BODY], {})


def test_changed_bytes_are_a_lasting_failure_and_do_not_arrive(
    channel: Channel, server: Server, tmp_path: Path
) -> None:
    sent = parcel(server, tmp_path)
    (tmp_path / "rows.csv").write_bytes(BODY + b"forged\n")

    assert (failure_of(channel, sent).lasting, server.received()) == (True, [])


def forge(_server: Server, tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_bytes(BODY + b"forged\n")


def lose(_server: Server, tmp_path: Path) -> None:
    (tmp_path / "rows.csv").unlink()


HAPPENINGS: dict[str, Callable[[Server, Path], object]] = {
    "nothing happens": lambda _server, _path: None,
    "refused for good": lambda server, _path: server.refuse(),
    "refused for now": lambda server, _path: server.be_busy(),
    "nobody there": lambda server, _path: server.go_away(),
    "changed": forge,
    "lost": lose,
}


@pytest.fixture
def overheard(
    caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> Iterator[Callable[[], str]]:
    """Everything that was logged, at any level, or printed since the test began."""
    with caplog.at_level(logging.DEBUG):
        yield lambda: caplog.text + "".join(capfd.readouterr())


@pytest.mark.parametrize("happening", HAPPENINGS)
def test_nothing_of_a_delivery_is_ever_logged_or_printed(
    happening: str,
    channel: Channel,
    server: Server,
    tmp_path: Path,
    overheard: Callable[[], str],
) -> None:
    sent = parcel(server, tmp_path)
    HAPPENINGS[happening](server, tmp_path)
    said = ""
    try:
        channel.send(sent)
    except Undelivered as fault:
        said = "".join(traceback.format_exception(fault))
    heard = overheard()

    assert bool(said) == (happening != "nothing happens")
    assert [word for word in SECRETS if word in heard + said] == []
    assert MAILBOX not in heard


def test_no_address_of_its_own_is_always_allowed(channel: Channel) -> None:
    channel.check_address("")
