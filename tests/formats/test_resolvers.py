"""Real resolvers do with the shield's zone what is meant, and nothing beyond."""

import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
import pytest_socket

from tests.formats.listings import AT, EDITION, row, table
from tests.formats.resolvers import (
    SERVERS,
    Answer,
    Server,
    free_port,
    primary,
    program,
    publish,
    unbound,
    update,
    world,
)
from tocsin.formats.listed import changes, in_force
from tocsin.formats.rpz import Garden, Zone, write_changes, write_update, write_zone

pytestmark = pytest.mark.usefixtures("loopback")

ZONE = Zone(
    "block.shield.example",
    "ns.shield.example",
    "hostmaster.shield.example",
    garden=Garden("warning.shield.example"),
)
LISTED = table(
    row("evil.example"),
    row("secure.example", over_https=True),
    row("login.host.example", scope="host"),
    row("https://pages.example/ada", scope="url"),
    row("under.ok.example"),
    row("a_b.underscore.example"),
    row("xn--bcher-kva.example"),
)
PASSES = ["ok.example", "help.evil.example"]
WORLD = Answer("NOERROR", ("192.0.2.80",))
WARNED = Answer("NOERROR", ("warning.shield.example.", "192.0.2.10"))
NOT_THERE = Answer("NXDOMAIN", ())


def text(*, version: int = 7, days: int = 0, garden: Garden = ZONE.garden) -> bytes:
    """The zone as it is so many days later."""
    rows = in_force(LISTED, version=version, at=AT + timedelta(days=days))
    zone = replace(ZONE, garden=garden)
    return write_zone(rows, zone=zone, edition=replace(EDITION, version=version), passes=PASSES)


@pytest.fixture(scope="module")
def beyond(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    # the fixture `loopback` opens sockets for one test only
    pytest_socket.enable_socket()
    with world(tmp_path_factory.mktemp("world")) as server:
        yield server
    pytest_socket.disable_socket(allow_unix_socket=True)


@pytest.fixture(scope="module", params=SERVERS)
def resolver(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, beyond: Server
) -> Iterator[tuple[Server, Path]]:
    pytest_socket.enable_socket()
    folder = tmp_path_factory.mktemp(request.param)
    file = folder / "shield.zone"
    file.write_bytes(text())
    with SERVERS[request.param](folder, file, ZONE.origin, beyond) as server:
        yield server, file


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("evil.example", WARNED),
        ("www.evil.example", WARNED),
        ("a.b.c.EVIL.example", WARNED),
        ("xn--bcher-kva.example", WARNED),
        ("a_b.underscore.example", WARNED),
        ("secure.example", NOT_THERE),
        ("login.secure.example", NOT_THERE),
        ("login.host.example", WARNED),
        # neighbours, and what only ends alike
        ("host.example", WORLD),
        ("shop.host.example", WORLD),
        ("notevil.example", WORLD),
        ("underscore.example", WORLD),
        # one address on it is listed, no name
        ("pages.example", WORLD),
        # what always passes, even below a listed name and with a listed name below
        ("ok.example", WORLD),
        ("www.ok.example", WORLD),
        ("under.ok.example", WORLD),
        ("help.evil.example", WORLD),
        ("www.help.evil.example", WORLD),
    ],
)
def test_a_resolver_warns_of_what_is_listed_and_of_nothing_else(
    resolver: tuple[Server, Path], name: str, said: Answer
) -> None:
    assert resolver[0].ask(name) == said


def test_ipv6_is_led_the_same_way(resolver: tuple[Server, Path]) -> None:
    server, _ = resolver

    assert server.ask("evil.example", "AAAA") == Answer(
        "NOERROR", ("warning.shield.example.", "2001:db8::10")
    )
    assert server.ask("ok.example", "AAAA") == Answer("NOERROR", ("2001:db8::80",))


def test_a_listing_that_has_ended_is_answered_as_before(resolver: tuple[Server, Path]) -> None:
    server, file = resolver
    assert server.ask("evil.example") == WARNED

    file.write_bytes(text(version=8, days=14))
    server.read_again()

    assert server.wait_for("evil.example", WORLD) == WORLD
    assert server.ask("secure.example") == WORLD

    file.write_bytes(text(version=9))
    server.read_again()

    assert server.wait_for("evil.example", WARNED) == WARNED


@pytest.mark.parametrize(
    "words", [["named-checkzone", ZONE.origin], ["kzonecheck", "-o", ZONE.origin]]
)
def test_the_checkers_of_bind_and_knot_accept_the_zone(words: list[str], tmp_path: Path) -> None:
    file = tmp_path / "shield.zone"
    file.write_bytes(text())

    done = subprocess.run(
        [program(words[0]), *words[1:], str(file)], capture_output=True, text=True, check=False
    )

    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("way", ["knotc", "nsupdate"])
def test_a_change_at_the_hidden_primary_reaches_unbound_within_seconds(
    beyond: Server, tmp_path: Path, way: str
) -> None:
    rows = table(
        row("gone.example", number=1, added_in=6, removed_in=7),
        row("new.example", number=2, added_in=7),
        row("old.example", number=3, added_in=6),
    )
    folders = [tmp_path / name for name in ("primary", "resolver")]
    for folder in folders:
        folder.mkdir()
    file = tmp_path / "shield.zone"
    before = in_force(rows, version=6, at=AT)
    file.write_bytes(write_zone(before, zone=ZONE, edition=replace(EDITION, version=6)))
    with ExitStack() as servers:
        port = free_port()
        knot = servers.enter_context(primary(folders[0], file, ZONE.origin, tells=port))
        server = servers.enter_context(
            unbound(folders[1], file, ZONE.origin, beyond, port=port, of=knot)
        )
        assert server.wait_for("gone.example", WARNED) == WARNED
        assert server.ask("new.example") == WORLD

        delta = changes(rows, since=6, version=7)
        if way == "knotc":
            said = publish(folders[0], write_changes(delta, zone=ZONE, edition=EDITION))
        else:
            said = update(knot, write_update(delta, zone=ZONE, edition=EDITION))
        assert said == []

        assert server.wait_for("new.example", WARNED) == WARNED
        assert [server.ask(name) for name in ("x.new.example", "old.example", "gone.example")] == [
            WARNED,
            WARNED,
            WORLD,
        ]
        assert knot.serial(ZONE.origin) == EDITION.version
