"""Who is told of a listing, by what and why; nobody else; and what they are told when it goes."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.desks.shield.conftest import BASIS
from tests.formats.resolvers import free_port, world
from tocsin.channels.catalogue import CHANNELS
from tocsin.channels.name_server import Resolver
from tocsin.desks.shield.actions.announcing import NO_NAME, Desk, tell_concerned
from tocsin.desks.shield.actions.deciding import approve, step_listing
from tocsin.desks.shield.actions.ending import end_due
from tocsin.desks.shield.actions.naming import add_names
from tocsin.desks.shield.models import Announcement, Listing, Message, Notice
from tocsin.formats.xarf import FORMAT, Sender
from tocsin.node.store import Store
from tocsin.office import keys, outbox, wording
from tocsin.office.manifest import read_signed
from tocsin.office.models import Delivery, Party, RegisterRow, Remit
from tocsin.office.people.viewer import Viewer
from tocsin.words.errors import Unusable

OVERLAY = Path("samples/networks.csv")
SENDER = Sender("Sample CSIRT for BE", "shield@csirt-be.example", "csirt-be.example")
MINUTE = timedelta(minutes=1)
SECRET = "greta.miller@victim.example"  # who reported it: nobody is told
URL = f"https://lantern-bank-login.example/pay?for={SECRET}&t=Z3JldGEubWlsbGVyQHZpY3RpbS5leGFtcGxl"


@pytest.fixture
def desk(store: Store) -> Desk:
    return Desk(store.path, "Sample CSIRT for BE", SENDER, OVERLAY)


@pytest.fixture
def listed(people: Callable[[str], Viewer], send: Callable[..., Message], at: datetime) -> Any:
    """`listed(url, address=…)`: two people list what somebody reported."""
    own = {"brand": "Lantern Bank", "words": "lantern bank, lantern-bank"}
    add_names(people("rosa"), kind="brand_own", values="lantern-bank.example", at=at, **own)

    def listing(url: str = URL, **words: Any) -> Listing:
        send(f"look {url}", reporter="f" * 32, answer_to=SECRET)
        row = approve(people("rita"), url=url, reason="asks for codes", basis=BASIS, at=at, **words)
        return step_listing(people("rolf"), row.uid, step="confirm", text="", at=at + MINUTE)

    return listing


def told(kind: str = "listed") -> list[tuple[str, str]]:
    rows = Notice.objects.filter(announcement__kind=kind).select_related("party")
    return sorted((row.relation, row.party.slug) for row in rows if row.party)


def report_of(delivery: Delivery, store: Store) -> dict[str, Any]:
    lines = (store.path / delivery.path).read_text().splitlines()
    assert len(lines) == 1
    found: dict[str, Any] = json.loads(lines[0])
    return found


def test_network_state_registry_and_brand_are_told_and_nobody_else(
    listed: Any, desk: Desk, at: datetime
):
    row = listed(address="198.51.100.140")

    said = tell_concerned(desk, by="worker", at=at + 2 * MINUTE)

    assert said == [f"told 4 that {row.reference} was listed"]
    assert told() == [
        ("brand", "lantern-bank"),
        ("csirt", "csirt-pl"),
        ("network", "hillside-hosting"),
        ("registry", "example-registry"),
    ]
    assert {one.relation: one.because for one in Notice.objects.all()} == {
        "brand": "the report names it as the target",
        "csirt": "198.51.100.0–198.51.100.255 belonged to PL in the overlay networks.csv",
        "network": "198.51.100.131-198.51.100.255 is in the remit of Hillside Hosting (manual)",
        "registry": "lantern-bank-login.example is under .example",
    }
    assert tell_concerned(desk, by="worker", at=at + 3 * MINUTE) == []
    assert Delivery.objects.count() == 4
    assert RegisterRow.objects.filter(action="shield:listing:notify").count() == 4


@pytest.mark.parametrize("is_ended", [True, False])
def test_nobody_is_told_of_what_ended_before_anybody_was_told(
    listed: Any, desk: Desk, at: datetime, *, is_ended: bool
):
    row = listed(address="198.51.100.140")
    nameless = replace(desk, sender=None)
    assert tell_concerned(nameless, by="worker", at=at + 2 * MINUTE) == []
    assert row.expires_at is not None
    late = row.expires_at + MINUTE
    if is_ended:  # else the job that ends it is behind
        assert end_due(by="worker", at=late) == (1, 0)

    said = [f"told nobody of {row.reference}, which is over"]
    assert tell_concerned(nameless if is_ended else desk, by="worker", at=late) == said
    assert tell_concerned(desk, by="worker", at=late + MINUTE) == []
    assert (Delivery.objects.count(), Announcement.objects.count(), told()) == (0, 0, [])


def test_without_an_address_the_network_is_not_guessed(listed: Any, desk: Desk, at: datetime):
    listed()

    tell_concerned(desk, by="worker", at=at + 2 * MINUTE)

    assert told() == [("brand", "lantern-bank"), ("registry", "example-registry")]


def test_where_the_operator_names_a_resolver_the_network_is_found(
    listed: Any, desk: Desk, tmp_path: Path, loopback: None, at: datetime
):
    listed()
    with world(tmp_path) as server:
        asking = replace(desk, resolver=Resolver("127.0.0.1", server.port))
        tell_concerned(asking, by="worker", at=at + 2 * MINUTE)

    assert ("network", "meadow-net") in told()  # everything there is at 192.0.2.80


def test_a_resolver_that_is_silent_keeps_nobody_waiting(
    listed: Any, desk: Desk, loopback: None, at: datetime
):
    listed()
    asking = replace(desk, resolver=Resolver("127.0.0.1", free_port()))

    tell_concerned(asking, by="worker", at=at + 2 * MINUTE)

    assert told() == [("brand", "lantern-bank"), ("registry", "example-registry")]


def test_the_url_of_an_address_names_its_network(listed: Any, desk: Desk, at: datetime):
    listed("http://192.0.2.7/login")

    tell_concerned(desk, by="worker", at=at + 2 * MINUTE)

    assert told() == [("csirt", "csirt-be"), ("network", "meadow-net")]


def test_a_registrar_is_told_of_the_domains_it_registered(listed: Any, desk: Desk, at: datetime):
    party = Party.objects.get(slug="hillside-hosting")
    Remit.objects.create(
        party=party, kind="domain", value="lantern-bank-login.example", relation="registry"
    )
    listed()

    tell_concerned(desk, by="worker", at=at + 2 * MINUTE)

    assert ("registry", "hillside-hosting") in told()


def test_each_notice_is_one_xarf_report_with_a_manifest_and_nothing_of_the_reporter(
    listed: Any, desk: Desk, store: Store, at: datetime
):
    row = listed(address="198.51.100.140")
    tell_concerned(desk, by="worker", at=at + 2 * MINUTE)

    public = keys.public_text(keys.signing_key(store.path / "keys"))
    for delivery in Delivery.objects.select_related("party"):
        report = report_of(delivery, store)
        data = (store.path / delivery.manifest_path).read_bytes()
        facts = read_signed(data, public_key=public)
        assert (report["category"], report["type"]) == ("content", "phishing")
        assert report["url"] == "https://lantern-bank-login.example/pay?for=redacted&t=redacted"
        assert report["reporter"] == {
            "org": SENDER.org,
            "contact": SENDER.contact,
            "domain": SENDER.domain,
        }
        assert report["idf"]["extra"]["listing"] == row.reference
        assert report["idf"]["extra"]["listing_reason"] == "asks for codes"
        assert facts["to"]["because"] == Notice.objects.get(delivery=delivery).because
        assert facts["reports"] == {}
        for secret in (SECRET, "greta", "victim", "Z3JldGE", "f" * 32):
            assert secret not in json.dumps(report) + data.decode()
    ids = {report_of(one, store)["report_id"] for one in Delivery.objects.all()}
    assert len(ids) == 1


def test_the_registry_does_not_learn_the_address_of_the_machine(
    listed: Any, desk: Desk, store: Store, at: datetime
):
    listed(address="198.51.100.140")
    tell_concerned(desk, by="worker", at=at + 2 * MINUTE)

    for relation, knows in (("registry", False), ("brand", False), ("network", True)):
        text = json.dumps(report_of(Delivery.objects.get(relation=relation), store))
        assert ("198.51.100.140" in text) is knows, relation


def test_what_is_listed_again_for_another_term_is_not_told_twice(
    listed: Any, desk: Desk, people: Callable[[str], Viewer], at: datetime
):
    row = listed(address="198.51.100.140")
    tell_concerned(desk, by="worker", at=at + 2 * MINUTE)
    step_listing(people("rita"), row.uid, step="renew", text="still there", at=at + 3 * MINUTE)
    step_listing(people("rolf"), row.uid, step="confirm", text="", at=at + 4 * MINUTE)

    assert tell_concerned(desk, by="worker", at=at + 5 * MINUTE) == []


def test_a_withdrawal_goes_to_those_who_were_told(
    listed: Any, desk: Desk, store: Store, people: Callable[[str], Viewer], at: datetime
):
    row = listed(address="198.51.100.140")
    tell_concerned(desk, by="worker", at=at + 2 * MINUTE)
    Delivery.objects.exclude(relation="brand").update(state="delivered", attempt=1)
    Party.objects.filter(slug="csirt-pt").update(country="PL")
    step_listing(people("rosa"), row.uid, step="withdraw", text="a mistake", at=at + 3 * MINUTE)

    assert tell_concerned(desk, by="worker", at=at + 4 * MINUTE) == [
        f"told 3 that {row.reference} was withdrawn"
    ]
    assert told("withdrawn") == [
        ("csirt", "csirt-pl"),
        ("network", "hillside-hosting"),
        ("registry", "example-registry"),
    ]
    assert Delivery.objects.get(relation="brand").state == Delivery.State.WITHDRAWN
    first, again = Delivery.objects.filter(relation="network").order_by("pk")
    before, after = report_of(first, store), report_of(again, store)
    assert (after["category"], after["type"]) == ("reputation", "threat_intelligence")
    assert after["idf"]["classification.identifier"] == "retraction"
    assert after["idf"]["event_hash"] == before["idf"]["event_hash"]
    assert after["description"].startswith("retraction: you were told on 2026-11-23T09:02:00Z")


def test_what_nobody_was_told_yet_is_not_taken_back(
    listed: Any, desk: Desk, people: Callable[[str], Viewer], at: datetime
):
    row = listed(address="198.51.100.140")
    step_listing(people("rosa"), row.uid, step="withdraw", text="a mistake", at=at + 2 * MINUTE)

    assert tell_concerned(desk, by="worker", at=at + 3 * MINUTE) == []
    assert Announcement.objects.count() == 0


def test_a_node_without_a_name_says_so_and_tells_when_it_has_one(
    listed: Any, desk: Desk, store: Store, at: datetime
):
    listed(address="198.51.100.140")

    assert tell_concerned(Desk(store.path, "", None), by="worker", at=at + 2 * MINUTE) == []
    assert Announcement.objects.get().problem == NO_NAME
    assert len(tell_concerned(desk, by="worker", at=at + 3 * MINUTE)) == 1
    assert Announcement.objects.get().problem == ""


def test_they_leave_by_the_outbox_like_every_delivery(
    listed: Any, desk: Desk, store: Store, tmp_path: Path, at: datetime
):
    (tmp_path / "out").mkdir()
    listed(address="198.51.100.140")
    tell_concerned(desk, by="worker", at=at + 2 * MINUTE)
    outcomes = outbox.deliver_due(
        owner="worker",
        at=at + 3 * MINUTE,
        channels=CHANNELS,
        store_folder=store.path,
        settings={"folder": {"root": str(tmp_path / "out")}},
    )

    assert {one.state for one in outcomes} == {"delivered"}
    (file,) = (tmp_path / "out" / "hillside-hosting").rglob(f"*-network-*{FORMAT.extension}")
    assert json.loads(file.read_text())["type"] == "phishing"


def test_an_address_that_is_none_is_refused(people: Callable[[str], Viewer], at: datetime):
    with pytest.raises(Unusable, match=r"'198\.51\.100\.999' is no address"):
        approve(people("rita"), url=URL, reason="x", basis=BASIS, address="198.51.100.999", at=at)


def test_a_notice_by_mail_says_what_and_why(listed: Any, desk: Desk, store: Store, at: datetime):
    listed(address="198.51.100.140")
    tell_concerned(desk, by="worker", at=at + 2 * MINUTE)
    Party.objects.filter(slug="hillside-hosting").update(language="en")
    delivery = Delivery.objects.select_related("party").get(relation="network")

    said = wording.digest([delivery], store_folder=store.path)

    assert said.subject == "1 event for Hillside Hosting"
    assert "phishing" in said.text
    assert "as holder of the network" in said.text
    assert "198[.]51[.]100[.]131" in said.text or "198.51.100.131" in said.text
    assert SECRET not in said.text
