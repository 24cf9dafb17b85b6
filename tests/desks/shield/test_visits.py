"""Visits of the warning page: how many from which network in which hour, and nothing else."""

import contextlib
import io
import json
import logging
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
import time_machine
from django.conf import settings as real
from django.db import connection
from django.test import Client
from hypothesis import HealthCheck, given
from hypothesis import settings as profile
from hypothesis import strategies as some

from tests.desks.conftest import OVERLAY
from tests.desks.shield.conftest import BASIS, LURE
from tocsin.desks.shield.actions.deciding import approve, step_listing
from tocsin.desks.shield.actions.visiting import forget_few
from tocsin.desks.shield.models import Listing, Visit
from tocsin.desks.shield.queries.visits import line_of, visits_of
from tocsin.node.logs import AsJson
from tocsin.node.warning_settings import read_warning
from tocsin.office.people.models import Limit
from tocsin.office.people.viewer import Viewer
from tocsin.rules.retention import Place, kept_for

NOW = datetime(2026, 11, 23, 9, 20, tzinfo=UTC)
HOUR = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
PAGE = "/shield/warning?name=mybank-login.example"


@pytest.fixture
def visit(settings: Any, store: Any, db: None) -> Any:
    """`visit(address, agent)`: somebody is led to the page, where counting is switched on."""
    settings.ALLOWED_HOSTS, settings.SECURE_SSL_REDIRECT = ["testserver"], False
    settings.OVERLAY = OVERLAY
    settings.SHIELD = {**settings.SHIELD, "visits": "asn", "least": 3}

    def come(address: str = "192.0.2.7", agent: str = "Mozilla", at: datetime = NOW) -> Any:
        with time_machine.travel(at, tick=False):
            return Client(REMOTE_ADDR=address, headers={"user-agent": agent}).get(PAGE)

    return come


@pytest.fixture
def listing(people: Callable[[str], Viewer], at: datetime) -> Listing:
    row = approve(people("rita"), url=LURE, reason="asks for codes", basis=BASIS, at=at)
    return step_listing(people("rolf"), row.uid, step="confirm", text="", at=at)


def counted() -> list[tuple[datetime, str, int]]:
    return list(Visit.objects.order_by("hour", "network").values_list("hour", "network", "count"))


def test_nothing_is_counted_unless_it_is_switched_on(visit: Any, listing: Listing, settings: Any):
    settings.SHIELD = {**settings.SHIELD, "visits": ""}

    assert "Nothing about you was stored." in visit().content.decode()
    assert counted() == []


def test_visits_are_counted_by_hour_and_network_and_the_page_says_so(
    visit: Any, listing: Listing, settings: Any
):
    page = visit().content.decode()
    visit("192.0.2.8")
    visit("2001:db8:1::7", at=NOW + timedelta(hours=1))
    visit("10.0.0.1")
    settings.SHIELD = {**settings.SHIELD, "visits": "country"}
    visit("192.0.2.9")

    assert "Your address is not stored." in page
    assert "Nothing about you was stored." not in page
    assert counted() == [
        (HOUR, "AS64496", 2),
        (HOUR, "BE", 1),
        (HOUR, "other", 1),
        (HOUR + timedelta(hours=1), "AS64496", 1),
    ]


def test_who_comes_again_within_the_hour_is_one(visit: Any, listing: Listing):
    for _ in range(5):
        visit()
    for end in ("1", "2", "ffff:1"):  # one line, whose browser changes its address
        visit(f"2001:db8:1::{end}")
    visit(at=NOW + timedelta(minutes=39))
    assert counted() == [(HOUR, "AS64496", 2)]

    visit(at=NOW + timedelta(minutes=41))
    assert counted() == [(HOUR, "AS64496", 2), (HOUR + timedelta(hours=1), "AS64496", 1)]


def test_who_comes_to_another_listing_is_counted_there_too(
    visit: Any, listing: Listing, people: Callable[[str], Viewer], at: datetime
):
    other = approve(people("rita"), url="https://other-bank.example/", reason="x", basis=BASIS,
                    at=at)  # fmt: skip
    step_listing(people("rolf"), other.uid, step="confirm", text="", at=at)
    visit()
    with time_machine.travel(NOW, tick=False):
        Client(REMOTE_ADDR="192.0.2.7").get("/shield/warning?name=other-bank.example")

    assert [row.visits.get().count for row in (listing, other)] == [1, 1]


def test_the_hash_by_which_somebody_is_known_again_goes_after_an_hour(visit: Any, listing: Listing):
    visit()
    before = Limit.objects.count()
    forget_few(least=1, at=NOW + timedelta(minutes=59))
    during = Limit.objects.count()
    forget_few(least=1, at=NOW + timedelta(minutes=61))

    assert (before, during, Limit.objects.count()) == (1, 1, 0)
    assert counted() == [(HOUR, "AS64496", 1)]


def test_what_is_not_listed_and_who_only_asks_for_the_head_count_for_nothing(
    visit: Any, listing: Listing
):
    with time_machine.travel(NOW, tick=False):
        Client().get("/shield/warning?name=neighbour.example")
        Client().get("/shield/warning")
        Client().head(PAGE)

    assert counted() == []


def test_a_count_below_the_threshold_is_never_shown_and_goes_with_its_hour(
    visit: Any, listing: Listing
):
    for number in range(3):
        visit(f"192.0.2.{number}")
    visit("10.0.0.1")
    during = visits_of(listing, least=3, at=NOW)
    after = visits_of(listing, least=3, at=NOW + timedelta(hours=1))

    assert (during.rows, during.total) == ((), 0)  # its hour is not over: it still grows
    assert [(row.network, row.count) for row in after.rows] == [("AS64496", 3)]
    assert after.total == 3
    assert forget_few(least=3, at=NOW) == 0
    assert forget_few(least=3, at=NOW + timedelta(hours=1)) == 1
    assert counted() == [(HOUR, "AS64496", 3)]


def test_counts_are_kept_for_ninety_days():
    assert kept_for(Place.SHIELD_VISITS, on=NOW.date()) == timedelta(days=90)


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("TOCSIN_SHIELD_VISITS", "address", "possible is asn or country"),
        ("TOCSIN_SHIELD_LEAST", "1", "possible is 2 to 1000000"),
        ("TOCSIN_SHIELD_LEAST", "ten", "possible is 2 to 1000000"),
    ],
)
def test_a_setting_that_would_count_people_is_refused(
    monkeypatch: Any, name: str, text: str, said: str
):
    monkeypatch.setenv(name, text)
    with pytest.raises(Exception, match=said):
        read_warning()


VISITORS = some.lists(
    some.tuples(
        some.ip_addresses(v=4).map(str) | some.ip_addresses(v=6).map(str),
        some.text("abcdefghijkmnopqrstuvwxyz0123456789", min_size=12, max_size=40),
    ),
    min_size=5,
    max_size=8,
)


def everything_in(folder: Path) -> bytes:
    """Every byte of the database and of the store's files."""
    kept = b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())
    if connection.vendor == "sqlite":
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        named = Path(connection.settings_dict["NAME"])
        return kept + b"".join(
            path.read_bytes() for path in named.parent.glob(f"{named.name}*") if path.is_file()
        )
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names():
            cursor.execute(f'SELECT row_to_json(t)::text FROM "{table}" t')
            kept += "\n".join(row[0] for row in cursor.fetchall()).encode()
    return kept


@pytest.mark.usefixtures("own_database")
def test_of_a_visitor_nothing_is_kept_but_the_network(tmp_path: Path, monkeypatch: Any):
    from tocsin.node.store import open_store

    store = open_store(tmp_path / "store")
    words = {"visits": "asn", "least": 2}
    monkeypatch.setattr(real, "SHIELD", {**real.SHIELD, **words})
    monkeypatch.setattr(real, "ALLOWED_HOSTS", ["testserver"])
    monkeypatch.setattr(real, "SECURE_SSL_REDIRECT", False)
    monkeypatch.setattr(real, "OVERLAY", OVERLAY)
    row = Listing.objects.create(
        reference="AAAA-BBBB-CCCC", scope="domain", value="mybank-login.example", url=LURE,
        because="x", reason="x", basis="x", state="listed", proposed_at=NOW, listed_at=NOW,
        expires_at=NOW + timedelta(days=9), changed_at=NOW,
    )  # fmt: skip
    logged = io.StringIO()
    handler = logging.StreamHandler(logged)
    handler.setFormatter(AsJson())
    logging.getLogger("tocsin").addHandler(handler)

    @profile(max_examples=4, deadline=None, suppress_health_check=[*HealthCheck])
    @given(VISITORS)
    def come(visitors: list[tuple[str, str]]) -> None:
        Visit.objects.all().delete()
        Limit.objects.all().delete()
        for address, agent in visitors:
            with time_machine.travel(NOW, tick=False):
                headers = {"user-agent": agent, "referer": f"https://{agent}.example/"}
                Client(REMOTE_ADDR=address, headers=headers).get(PAGE)
        kept = everything_in(store.path) + logged.getvalue().encode()
        lines = {line_of(str(ip_address(one))) for one, _ in visitors}
        assert sum(one.count for one in row.visits.all()) == len(lines)
        assert [one for one, _ in visitors if _long(one) and one.encode() in kept] == []
        assert [agent for _, agent in visitors if agent.encode() in kept] == []
        assert {*json.loads(json.dumps(list(row.visits.values()[0])))} == {
            "id", "listing_id", "hour", "network", "count",
        }  # fmt: skip

    try:
        come()
    finally:
        logging.getLogger("tocsin").removeHandler(handler)
        with contextlib.suppress(Exception):
            connection.close()


def _long(address: str) -> bool:
    """An address such as `::` stands in any file by chance."""
    return len(address) >= 9
