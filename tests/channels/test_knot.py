"""A zone at a real Knot DNS: changed whole or not at all, read back, and never from a file."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from subprocess import run

import pytest

from tests.channels.knot_server import SECRET, knot_server, primary_in
from tests.formats.listings import AT, EDITION, row, table
from tests.formats.resolvers import Server, program
from tocsin.channels import knot
from tocsin.channels.knot import Primary
from tocsin.formats.listed import changes, in_force
from tocsin.formats.rpz import Garden, Zone, write_changes, write_whole
from tocsin.words.errors import Undelivered, Unusable

pytestmark = pytest.mark.usefixtures("loopback")

ZONE = Zone("rpz.shield.example", "ns.shield.example", "hostmaster.shield.example")


@pytest.fixture
def server(tmp_path: Path, loopback: None) -> Iterator[Server]:
    with knot_server(tmp_path, ZONE.origin) as started:
        yield started


@pytest.fixture
def primary(server: Server, tmp_path: Path) -> Primary:
    return primary_in(tmp_path, ZONE.origin)


ROWS = table(
    row("gone.example", number=1, added_in=6, removed_in=7),
    row("new.example", number=2, added_in=7),
    row("old.example", number=3, added_in=6),
)


def whole(version: int, unset: list[str]) -> bytes:
    rows = in_force(ROWS, version=version, at=AT)
    edition = replace(EDITION, version=version)
    return write_whole(rows, zone=ZONE, edition=edition, passes=["ok.example"], unset=unset)


def test_an_empty_zone_has_no_serial_and_no_owners(primary: Primary) -> None:
    assert (knot.read_serial(primary), knot.read_owners(primary)) == (None, [])


def test_a_whole_zone_then_what_changed(primary: Primary, server: Server) -> None:
    knot.publish(primary, whole(6, []))
    assert knot.read_serial(primary) == 6
    assert server.ask("www.gone.example.rpz.shield.example", "CNAME").status == "NOERROR"

    delta = changes(ROWS, since=6, version=7)
    edition = replace(EDITION, version=7)
    knot.publish(primary, write_changes(delta, zone=ZONE, edition=edition, passes=["ok.example"]))

    names = ["new.example", "ok.example", "old.example"]
    assert knot.read_serial(primary) == 7
    assert knot.read_owners(primary) == sorted([*names, *(f"*.{name}" for name in names)])
    assert server.ask("gone.example.rpz.shield.example", "CNAME").status == "NXDOMAIN"


def transferred(server: Server, kind: str, *words: str) -> list[str]:
    """The owners of a transfer, in its order; what dig says against it where there is none."""
    asked = [program("dig"), "@127.0.0.1", "-p", str(server.port), *words, "+noall", "+answer"]
    said = run([*asked, ZONE.origin, kind], capture_output=True, text=True, check=False).stdout
    return [line.split()[0] for line in said.splitlines() if line and line[0] != ";"] or [said]


def test_who_has_the_key_gets_what_changed_and_nobody_else(
    primary: Primary, server: Server
) -> None:
    knot.publish(primary, whole(6, []))
    delta = changes(ROWS, since=6, version=7)
    knot.publish(primary, write_changes(delta, zone=ZONE, edition=replace(EDITION, version=7)))
    key = ("-y", f"hmac-sha256:provider-a:{SECRET}")
    wrong = ("-y", "hmac-sha256:provider-a:YW5vdGhlciBzZWNyZXQgb2Ygbm9ib2R5")

    got = [one.removesuffix(f".{ZONE.origin}.") for one in transferred(server, "IXFR=6", *key)]
    assert [one for one in got if one.endswith(".example")] == [
        "gone.example",
        "*.gone.example",
        "new.example",
        "*.new.example",
    ]
    for words in ((), wrong):
        assert "Transfer failed" in transferred(server, "AXFR", *words)[0]


def test_a_whole_zone_takes_the_place_of_another(primary: Primary) -> None:
    knot.publish(primary, whole(6, []))
    knot.publish(primary, whole(7, knot.read_owners(primary)))

    names = ["new.example", "ok.example", "old.example"]
    assert knot.read_owners(primary) == sorted([*names, *(f"*.{name}" for name in names)])


def test_one_bad_record_leaves_the_zone_as_it_was(primary: Primary) -> None:
    knot.publish(primary, whole(6, []))
    good = whole(7, knot.read_owners(primary)).decode()
    line = f"zone-set {ZONE.origin}. bad.example 30 A 192.0.2.400\nzone-commit"

    with pytest.raises(Undelivered, match="parser failed") as failure:
        knot.publish(primary, good.replace("zone-commit", line).encode())
    assert not failure.value.lasting
    assert knot.read_serial(primary) == 6
    knot.publish(primary, good.encode())  # and nothing is left open
    assert knot.read_serial(primary) == 7


def test_what_a_worker_that_died_left_open_is_no_hindrance(primary: Primary) -> None:
    knot.publish(primary, whole(6, []))
    knot._run(primary, f"zone-begin {ZONE.origin}.\nzone-unset {ZONE.origin}. old.example\n")

    delta = changes(ROWS, since=6, version=7)
    knot.publish(primary, write_changes(delta, zone=ZONE, edition=replace(EDITION, version=7)))
    assert "old.example" in knot.read_owners(primary)


def test_twins_of_one_name_are_one_answer_at_a_time(primary: Primary, server: Server) -> None:
    """Over HTTP, then over HTTPS as well, then one of the two goes: each change is taken."""
    zone = replace(ZONE, garden=Garden(addresses=("192.0.2.10", "2001:db8::10")))
    rows = table(
        row("pair.example", number=1, added_in=6),
        row("pair.example", number=2, scope="host", over_https=True, added_in=7, removed_in=8),
    )
    before = in_force(rows, version=6, at=AT)
    knot.publish(primary, write_whole(before, zone=zone, edition=replace(EDITION, version=6)))

    def asked(kind: str) -> tuple[str, ...]:
        return server.ask("www.pair.example.rpz.shield.example", kind).data

    seen = [(asked("A"), asked("CNAME"))]
    for since in (6, 7):
        delta = changes(rows, since=since, version=since + 1)
        edition = replace(EDITION, version=since + 1)
        knot.publish(primary, write_changes(delta, zone=zone, edition=edition))
        seen.append((asked("A"), asked("CNAME")))

    led, nowhere = (("192.0.2.10",), ()), ((".",), (".",))
    assert seen == [led, nowhere, led]
    assert knot.read_serial(primary) == 8


def test_a_server_that_is_away_is_tried_again(tmp_path: Path) -> None:
    away = Primary(ZONE.origin, str(tmp_path / "nobody.sock"))

    for ask in (knot.read_serial, knot.read_owners):
        with pytest.raises(Undelivered, match=r"rpz\.shield\.example: .*Possible: look") as failure:
            ask(away)
        assert not failure.value.lasting
    with pytest.raises(Undelivered):
        knot.publish(away, whole(6, []))


def test_a_zone_that_is_not_configured_is_said(primary: Primary) -> None:
    with pytest.raises(Undelivered, match="no such zone found"):
        knot.read_serial(replace(primary, zone="other.example"))


def test_a_zone_has_a_name_and_no_command_in_it() -> None:
    with pytest.raises(Unusable, match="is no name"):
        Primary("a.example.\nzone-purge b.example", "/run/knot.sock")
