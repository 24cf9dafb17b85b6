"""A provider's node: its own network, a log of who held its addresses, a report about them."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from django.conf import settings

from tests.desks.conftest import Route, parties, route
from tocsin.desks.response.actions.route import Outcome
from tocsin.desks.subscribers.actions.attributing import look_up_runs
from tocsin.desks.subscribers.actions.contacts import import_contacts
from tocsin.desks.subscribers.actions.importing import Reading, import_log
from tocsin.node.store import Store
from tocsin.office.models import Party

__all__ = ["parties", "route"]
OWN = "meadow-net"
NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
# 192.0.2.30 changes hands at ten o'clock; its neighbour .31 has one line all day; behind .40 there
# are two, told apart by ports; of .50 no log knows anything.
LEASES = """ip,port_first,port_last,subscriber,at,until
192.0.2.30,,,anna,2026-11-23T00:00:00Z,2026-11-23T10:00:00Z
192.0.2.30,,,bruno,2026-11-23T10:00:00Z,2026-12-31T00:00:00Z
192.0.2.31,,,carla,2026-11-01T00:00:00Z,2026-12-31T00:00:00Z
192.0.2.40,1024,2047,dora,2026-11-01T00:00:00Z,2026-12-31T00:00:00Z
192.0.2.40,2048,4095,emil,2026-11-01T00:00:00Z,2026-12-31T00:00:00Z
2001:db8:1:300::/56,,,anna,2026-11-23T00:00:00Z,2026-11-23T10:00:00Z
"""
CONTACTS = """subscriber,email,language,essential
anna,anna@home.example,de,
bruno,bruno@home.example,en,
carla,carla@home.example,fr,yes
dora,,en,
"""
Report = Callable[..., Outcome]


@pytest.fixture
def provider(parties: None, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    """The node of Meadow Net, with its leases and its list of subscribers."""
    monkeypatch.setattr(settings._wrapped, "SECRET_KEY", "x" * 60)  # a suite has no store
    Party.objects.filter(slug=OWN).update(runs_node=True)
    leases, contacts = tmp_path / "leases.csv", tmp_path / "contacts.csv"
    leases.write_text(LEASES)
    contacts.write_text(CONTACTS)
    import_log(leases, Reading("dhcp"), by="test", at=NOON, store_folder=store.path)
    import_contacts(contacts, by="test", at=NOON, store_folder=store.path)
    return store


@pytest.fixture
def reported(provider: Store, route: Route, tmp_path: Path) -> Report:
    """`reported((address, port, moment), …, at=…)`: a sinkhole report, taken in and looked up."""

    def report(
        *rows: tuple[str, int | str, datetime], at: datetime = NOON, infection: str = "quillworm"
    ) -> Outcome:
        path = tmp_path / f"2026-11-22-event4_sinkhole-{at:%d%H%M}.csv"
        lines = [
            f"{seen:%Y-%m-%d %H:%M:%S},tcp,{ip},{port},camera,sinkhole,{infection}\n"
            for ip, port, seen in rows
        ]
        head = "timestamp,protocol,src_ip,src_port,device_type,tag,infection\n"
        path.write_text(head + "".join(lines))
        done = route(path, at=at)
        look_ups = look_up_runs(by="test", at=at, store_folder=provider.path, patience=timedelta())
        assert len(look_ups) == 1
        return done

    return report
