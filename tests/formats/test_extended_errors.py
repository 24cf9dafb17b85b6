"""Resolvers that can say why a name does not exist say it: RFC 8914, with a text."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import pytest_socket

from tests.formats.resolvers import SAID, SAYING, Answer, Server, world
from tests.formats.test_resolvers import NOT_THERE, WARNED, WORLD, ZONE, text
from tocsin.formats.rpz import Garden

pytestmark = pytest.mark.usefixtures("loopback")


@pytest.fixture(scope="module")
def beyond(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    pytest_socket.enable_socket()
    with world(tmp_path_factory.mktemp("world")) as server:
        yield server
    pytest_socket.disable_socket(allow_unix_socket=True)


@pytest.fixture(scope="module", params=SAYING)
def resolver(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, beyond: Server
) -> Iterator[tuple[str, Server]]:
    pytest_socket.enable_socket()
    folder: Path = tmp_path_factory.mktemp(request.param)
    (folder / "shield.zone").write_bytes(text())
    with SAYING[request.param](folder, folder / "shield.zone", ZONE.origin, beyond) as server:
        yield request.param, server


@pytest.mark.parametrize("name", ["secure.example", "login.secure.example"])
def test_a_listed_name_does_not_exist_and_the_answer_says_why(
    resolver: tuple[str, Server], name: str
) -> None:
    kind, server = resolver
    # Knot Resolver 5.6 carries the code with a text of its own, and ours as a TXT record.
    text_of = {"recursor": f"({SAID})", "kresd": "(CR36)"}

    assert server.ask(name) == NOT_THERE
    assert server.extended_error(name) == f"17 (Filtered): {text_of[kind]}"


def test_a_neighbour_is_answered_without_a_word(resolver: tuple[str, Server]) -> None:
    _, server = resolver

    assert server.ask("notevil.example") == WORLD
    assert server.extended_error("notevil.example") == ""


def test_the_recursor_leads_to_the_warning_and_lets_pass_what_passes(
    resolver: tuple[str, Server],
) -> None:
    kind, server = resolver
    # Knot Resolver 5.6 takes no CNAME of a zone but the empty one: with a garden that has a name
    # it protects nobody, so docs/reference/shield.md says to give it addresses.
    listed = {"recursor": WARNED, "kresd": WORLD}[kind]

    assert server.ask("www.evil.example") == listed
    assert server.ask("pages.example") == Answer("NOERROR", ("192.0.2.80",))
    if kind == "recursor":
        assert server.ask("help.evil.example") == WORLD


def test_knot_resolver_leads_to_a_garden_of_addresses(beyond: Server, tmp_path: Path) -> None:
    file = tmp_path / "shield.zone"
    file.write_bytes(text(garden=Garden(addresses=("192.0.2.10",))))
    with SAYING["kresd"](tmp_path, file, ZONE.origin, beyond) as server:
        assert server.ask("www.evil.example") == Answer("NOERROR", ("192.0.2.10",))
        assert server.extended_error("www.evil.example").startswith("4 (Forged Answer)")
