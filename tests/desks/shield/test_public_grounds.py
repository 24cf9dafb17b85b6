"""What anybody reads of a decision is of what is listed: no other host, no list by its name."""

from collections.abc import Callable
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import time_machine
from django.test import Client

from tests.desks.shield.conftest import BASIS
from tocsin.desks.shield.actions.appealing import file_appeal
from tocsin.desks.shield.actions.deciding import approve, step_listing
from tocsin.desks.shield.actions.importing import Origin, import_list
from tocsin.desks.shield.models import Grounds, Group, Listing, Message
from tocsin.office.people.viewer import Viewer

HOSTS = ("a.evil-lure.example", "b.evil-lure.example", "ada-home-example.evil-lure.example")


@pytest.fixture
def listing(
    people: Callable[[str], Viewer],
    send: Callable[..., Message],
    at: datetime,
    tmp_path: Path,
    settings: Any,
) -> Listing:
    """Three hosts of one domain were reported: one is listed for some alone, one for all."""
    settings.ALLOWED_HOSTS, settings.SECURE_SSL_REDIRECT = ["testserver"], False
    path = tmp_path / "list"
    path.write_text("".join(f"{host}\n" for host in HOSTS))
    feed = "Provider feed TLP-AMBER"
    origin = Origin("other_list", feed, "https://lists.example/x", "", date(2026, 11, 20))
    import_list(path, origin, by="ada", at=at, preview=False)
    for number, host in enumerate(HOSTS):
        send(f"https://{host}/pay", reporter=str(number))
    for host in HOSTS[:2]:
        send(f"https://{host}/again", reporter="somebody")
    group = Group.objects.get(key="evil-lure.example")
    rows = {}
    for host, tlp in ((HOSTS[1], "TLP:AMBER"), (HOSTS[0], "TLP:CLEAR")):
        said = {"reason": "asks for codes", "basis": BASIS, "scope": "host", "tlp": tlp}
        row = approve(people("rita"), url=f"https://{host}/pay", group=group.uid, **said, at=at)
        rows[tlp] = step_listing(people("rolf"), row.uid, step="confirm", text="", at=at)
    return rows["TLP:CLEAR"]


def pages(listing: Listing, at: datetime) -> list[str]:
    """The check page, and what came of an appeal."""
    said = {"text": "it is mine", "answer_to": "", "language": "en", "is_cleaned": False}
    appeal = file_appeal(about=listing.reference, **said, by="public", at=at)
    paths = (f"check?name={HOSTS[0]}", f"outcome/{appeal.reference}")
    with time_machine.travel(at, tick=False):
        return [Client().get(f"/shield/{path}").content.decode() for path in paths]


def test_nobody_reads_of_other_hosts_of_the_group_nor_whose_list_named_one(
    listing: Listing, at: datetime
):
    for page in pages(listing, at + timedelta(hours=1)):
        assert "What the decision rested on" in page
        assert "a[.]evil-lure[.]example" in page
        assert "on another list" in page
        assert "Reports: 2. People who reported: 2." in page
        for secret in ("Provider", "AMBER", "b[.]evil", "b.evil", "ada-home", "2026-11-20"):
            assert secret not in page


def test_whoever_reviews_sees_whose_list_it_was_and_nothing_that_is_not_covered(listing: Listing):
    facts = Grounds.objects.get(listing=listing).facts

    assert "on Provider feed TLP-AMBER since 2026-11-20" in facts["reasons"]
    assert facts["addresses"] == [f"https://{HOSTS[0]}/pay", f"https://{HOSTS[0]}/again"]
    assert [host in repr(facts) for host in HOSTS] == [True, False, False]


def test_a_renewal_forgets_nobody_who_reported(
    people: Callable[[str], Viewer], listing: Listing, at: datetime
):
    later = at + timedelta(days=1)
    step_listing(people("rita"), listing.uid, step="renew", text="still there", at=later)
    step_listing(people("rosa"), listing.uid, step="confirm", text="", at=later)

    for page in pages(listing, later + timedelta(hours=1)):
        assert "Reports: 2. People who reported: 2." in page


def test_of_grounds_that_were_kept_before_only_hosts_under_the_listing_are_told(
    listing: Listing, at: datetime
):
    row = Grounds.objects.get(listing=listing)
    del row.facts["public"]
    row.save()
    for page in pages(listing, at + timedelta(hours=1)):
        assert "a[.]evil-lure[.]example" in page
        for secret in ("Provider", "b[.]evil", "ada-home", "report, "):
            assert secret not in page
