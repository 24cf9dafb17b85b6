"""The list at a real Knot DNS: twins of one name, and a change that the server does not take."""

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.channels.knot_server import knot_server, primary_in
from tests.desks.shield.conftest import BASIS
from tests.formats.resolvers import Server
from tocsin.channels import knot
from tocsin.channels.knot import Primary
from tocsin.desks.shield.actions.deciding import approve, step_listing
from tocsin.desks.shield.actions.publishing import publish
from tocsin.desks.shield.models import Listing
from tocsin.desks.shield.queries import published
from tocsin.formats.rpz import Garden, Zone
from tocsin.node.doctor import zones
from tocsin.node.doctor.finding import Case
from tocsin.node.store import Store
from tocsin.office.people.viewer import Viewer

ORIGIN = "rpz.shield.example"
ZONE = Zone(
    ORIGIN, f"ns.{ORIGIN}", f"hostmaster.{ORIGIN}", garden=Garden(addresses=("192.0.2.10",))
)
SECOND = timedelta(seconds=1)
LED, NOWHERE, FREE = ("192.0.2.10",), (".",), ()


@pytest.fixture
def server(tmp_path: Path, loopback: None) -> Iterator[Server]:
    folder = tmp_path / "knot"
    folder.mkdir()
    with knot_server(folder, ORIGIN) as started:
        yield started


@pytest.fixture
def primary(server: Server, tmp_path: Path) -> Primary:
    return primary_in(tmp_path / "knot", ORIGIN)


@pytest.fixture
def enlist(people: Callable[[str], Viewer]) -> Callable[..., Listing]:
    def make(url: str, at: datetime, *, scope: str | None = None) -> Listing:
        words = {"url": url, "scope": scope, "reason": "codes", "basis": BASIS}
        row = approve(people("rita"), **words, at=at)  # type: ignore[arg-type]
        return step_listing(people("rolf"), row.uid, step="confirm", text="", at=at)

    return make


def brought(primary: Primary, at: datetime) -> str | None:
    return publish(primary, "public", ZONE, contact="https://node.example/appeal", at=at)


def test_twins_of_one_name_stop_no_withdrawal(
    primary: Primary,
    server: Server,
    enlist: Callable[..., Listing],
    people: Callable[[str], Viewer],
    at: datetime,
) -> None:
    """Over HTTP, the same over HTTPS by host alone, and both go one after the other."""

    def pair() -> tuple[str, ...]:
        return server.ask(f"www.pair.example.{ORIGIN}", "A").data

    first, seen = enlist("http://pair.example/pay", at), []
    brought(primary, at)
    seen.append(pair())
    twin = enlist("https://pair.example/pay", at + SECOND, scope="host")
    brought(primary, at + SECOND)
    seen.append(pair())
    for after, row in ((2, twin), (3, first)):
        moment = at + after * SECOND
        step_listing(people("rosa"), row.uid, step="withdraw", text="a mistake", at=moment)
        assert "whole" not in (brought(primary, moment) or "")
        seen.append(pair())

    assert seen == [LED, NOWHERE, LED, FREE]
    assert knot.read_serial(primary) == published.newest().version  # type: ignore[union-attr]


def test_a_change_that_is_refused_stops_nothing_and_is_told(
    primary: Primary,
    enlist: Callable[..., Listing],
    at: datetime,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Somebody set a record by hand where the next listing has its own."""
    enlist("https://first.example/", at)
    brought(primary, at)
    by_hand = f"zone-begin {ORIGIN}.\nzone-set {ORIGIN}. other.example 30 A 192.0.2.7\n"
    knot.publish(primary, f"{by_hand}zone-commit {ORIGIN}.\n".encode())
    enlist("https://second.example/", at + SECOND)
    # Knot counts a change by hand, so that its serial is that of an edition again.
    assert knot.read_serial(primary) == published.newest().version  # type: ignore[union-attr]

    later = at + 2 * SECOND
    enlist("https://other.example/", later)
    said = brought(primary, later)

    version = published.newest().version  # type: ignore[union-attr]
    assert said is not None
    assert said.startswith(f"published edition {version} whole: 3 listings, because the changes")
    assert "semantic check" in caplog.text
    assert knot.read_owners(primary) == sorted(
        owner
        for name in ("first.example", "other.example", "second.example")
        for owner in (name, f"*.{name}")
    )
    assert knot.read_serial(primary) == version
    assert brought(primary, later + SECOND) is None


def test_the_doctor_says_when_a_zone_has_been_behind_for_a_minute(
    primary: Primary, enlist: Callable[..., Listing], at: datetime, settings: Any, store: Store
) -> None:
    settings.SHIELD = {
        **settings.SHIELD,
        "zones": {"public": ORIGIN},
        "socket": primary.socket,
    }

    def said(after: int) -> list[tuple[str, str]]:
        found = zones.look(Case(store, at + after * SECOND))
        return [(str(one.state), one.what) for one in found]

    well = [("ok", f"{ORIGIN} serves what was decided last")]
    enlist("https://first.example/", at)
    brought(primary, at)
    enlist("https://second.example/", at + 100 * SECOND)
    enlist("https://third.example/", at + 155 * SECOND)

    assert said(159) == well
    assert said(161) == [
        ("wrong", f"{ORIGIN} is 1 min behind the list: what was decided since is not in it")
    ]
    brought(primary, at + 162 * SECOND)
    assert said(500) == well
    settings.SHIELD = {**settings.SHIELD, "socket": f"{primary.socket}.gone"}
    [(state, what)] = said(500)
    assert (state, what.startswith(f"Knot DNS, zone {ORIGIN}: ")) == ("wrong", True)
