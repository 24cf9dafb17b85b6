"""One question to a real resolver: where a name leads, and nothing that does not fit."""

import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.formats.resolvers import Server, free_port, world
from tocsin.channels.name_server import Resolver, address_of, read_resolver
from tocsin.words.errors import Undelivered, Unusable

pytestmark = pytest.mark.usefixtures("loopback")


@pytest.fixture
def beyond(tmp_path: Path, loopback: None) -> Iterator[Server]:
    with world(tmp_path) as server:
        yield server


def test_a_name_leads_to_its_address_and_what_is_not_there_to_none(beyond: Server) -> None:
    resolver = Resolver("127.0.0.1", beyond.port)

    assert address_of("www.evil.example", resolver) == "192.0.2.80"
    assert address_of("nothing.elsewhere.test", resolver) is None


def test_a_resolver_that_is_silent_is_said() -> None:
    with pytest.raises(Undelivered, match=r"resolver 127\.0\.0\.1"):
        address_of("evil.example", Resolver("127.0.0.1", free_port()), timeout=0.5)


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"\0\0",
        b"\0\0\x81\x80" + b"\0\1\0\1\0\0\0\0",
        b"\xff" * 600,
        b"{number}\x81\x80\0\1\0\1\0\0\0\0{question}\xc0\x0c\0\1\0\1\0\0\0\1\0\3abc",
        b"{number}\x81\x80\0\1\xff\xff\0\0\0\0{question}" + b"\x3f" * 400,
    ],
)
def test_what_does_not_fit_is_no_answer(answer: bytes) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))

        def lie() -> None:
            for _ in range(2):
                asked, sender = server.recvfrom(4096)
                said = answer.replace(b"{number}", asked[:2]).replace(b"{question}", asked[12:])
                server.sendto(said, sender)

        threading.Thread(target=lie, daemon=True).start()
        resolver = Resolver("127.0.0.1", server.getsockname()[1])

        assert address_of("evil.example", resolver, timeout=2) is None


@pytest.mark.parametrize("text", ["", "name.example", "192.0.2.53@", "192.0.2.53@0x1", "1.2.3"])
def test_a_resolver_is_an_address(text: str) -> None:
    with pytest.raises(Unusable, match="is no resolver"):
        read_resolver(text)


def test_a_port_of_its_own() -> None:
    assert read_resolver("2001:db8::53@5353") == Resolver("2001:db8::53", 5353)
