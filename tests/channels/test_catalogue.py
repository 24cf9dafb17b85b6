"""What every way out must do, whichever it is: one contract over the catalogue."""

import hashlib
import logging
from base64 import b64encode
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol, Self

import pytest

from tests.channels.receiver import Authority, Receiver
from tests.channels.smtp_server import SmtpServer
from tocsin.channels.catalogue import CHANNELS
from tocsin.channels.channel import Channel, Parcel, Piece
from tocsin.words.errors import Undelivered

BODY = b"192.0.2.7 is infected\n"


class Server(Protocol):
    """The other end of a channel: what it got, each thing once, as its reader counts it."""

    settings: Mapping[str, str]
    address: str

    def received(self) -> list[bytes]: ...

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

    def go_away(self) -> None:
        self.root.rename(self.root.with_name("away"))


class MailServer:
    """The other end of the mail channel; a reader knows a repeat by its Message-ID."""

    address = "abuse@meadow-net.example"

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
        once = {got.headers["webhook-id"]: got for got in self.receiver.requests}
        return [data for got in once.values() for _, data in got.parts.values()]

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
    )


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
    with pytest.raises(Undelivered) as failure:
        channel.send(parcel(server, tmp_path))

    assert not failure.value.lasting


def test_changed_bytes_are_a_lasting_failure_and_do_not_arrive(
    channel: Channel, server: Server, tmp_path: Path
) -> None:
    sent = parcel(server, tmp_path)
    (tmp_path / "rows.csv").write_bytes(BODY + b"forged\n")
    with pytest.raises(Undelivered) as failure:
        channel.send(sent)

    assert (failure.value.lasting, server.received()) == (True, [])


def test_no_body_is_ever_logged(
    channel: Channel, server: Server, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        channel.send(parcel(server, tmp_path))

    assert "192.0.2.7" not in caplog.text


def test_no_address_of_its_own_is_always_allowed(channel: Channel) -> None:
    channel.check_address("")
