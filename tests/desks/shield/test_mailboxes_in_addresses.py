"""Nobody's mailbox comes into a public list unless a third person answers for it."""

import base64
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest

from tests.desks.pages import signed_in
from tests.desks.shield.conftest import BASIS
from tocsin.desks.shield.actions.deciding import approve, step_listing
from tocsin.desks.shield.actions.naming import add_names
from tocsin.desks.shield.models import Group, Listing, Message, Sighting
from tocsin.desks.shield.queries.listings import check, listing_for
from tocsin.desks.shield.queries.published import current
from tocsin.office.people.viewer import Viewer
from tocsin.rules.listing import Caution
from tocsin.words.errors import Refused

People = Callable[[str], Viewer]
ADA = "ada@example.net"
HIDDEN = base64.urlsafe_b64encode(ADA.encode()).decode()
PAGE = "https://shop.pages.example/pay"
MINUTE = timedelta(minutes=1)


@pytest.fixture
def pages(people: People, at: datetime) -> None:
    """Everybody has pages under `pages.example`: there one address alone is listed."""
    add_names(people("rita"), kind="shared_hosting", values="pages.example", at=at)


def approved(people: People, at: datetime, url: str, **words: Any) -> Listing:
    return approve(people("rita"), url=url, reason="asks for codes", basis=BASIS, at=at, **words)


@pytest.mark.parametrize("named", [ADA, "ada%40example.net", HIDDEN])
def test_an_address_that_names_somebody_waits_for_a_third_person(
    people: People, at: datetime, pages: None, named: str
):
    row = approved(people, at, f"{PAGE}?m={named}")

    assert row.warnings == {
        str(Caution.MAILBOX): "the address holds what looks like somebody's mailbox, for all to "
        f"read (without it: {PAGE}?m=x)"
    }
    with pytest.raises(Refused, match="a third person overrides it"):
        step_listing(people("rolf"), row.uid, step="confirm", text="", at=at)
    assert [one.name for one in listing_for(people("rosa"), row.uid).steps] == [
        "override",
        "reject",
    ]
    step_listing(people("rosa"), row.uid, step="override", text="a mailbox of theirs", at=at)
    done = step_listing(people("rolf"), row.uid, step="confirm", text="", at=at)
    assert (done.state, done.overridden) == ("listed", ["mailbox"])


def test_who_narrows_to_such_an_address_is_told_the_name_too(people: People, at: datetime):
    row = approved(people, at, f"https://mybank-login.example/pay?m={HIDDEN}", scope="url")
    wide = approved(people, at, f"https://mybank-login.example/pay?m={HIDDEN}")

    assert row.warnings["mailbox"].endswith(
        "(instead: the domain mybank-login.example, or https://mybank-login.example/pay?m=x)"
    )
    assert (wide.scope, wide.warnings) == ("domain", {})


def test_what_is_listed_without_the_mailbox_covers_everybodys_address(
    people: People, at: datetime, pages: None
):
    row = approved(people, at, f"{PAGE}?m=x")
    step_listing(people("rolf"), row.uid, step="confirm", text="", at=at)

    assert current(at=at + MINUTE)["value"].to_list() == [f"{PAGE}?m=x"]
    for asked in (f"{PAGE}?m={ADA}", f"{PAGE}?m=bob@example.net", f"{PAGE}?m={HIDDEN}"):
        assert check(asked, at=at + MINUTE).listing == row
    assert check(f"{PAGE}?m=7", at=at + MINUTE).listing is None


def test_of_what_people_send_in_no_mailbox_is_kept_and_the_group_offers_none(
    people: People, at: datetime, pages: None, send: Callable[..., Message], settings: Any
):
    message = send(f"{PAGE}?m={HIDDEN} or {PAGE}?m={ADA}")
    group = Group.objects.get()
    settings.ALLOWED_HOSTS, settings.SECURE_SSL_REDIRECT = ["testserver"], False
    person = people("rita").person
    assert person is not None
    said = signed_in(person).get(f"/shield/groups/{group.uid}").content.decode()

    assert [one.url for one in Sighting.objects.all()] == [f"{PAGE}?m=x"]
    assert ("ada" in said, HIDDEN in said) == (False, False)
    assert f'value="{PAGE}?m=x"' in said
    row = approved(people, at, f"{PAGE}?m=x", group=group.uid)
    step_listing(people("rolf"), row.uid, step="confirm", text="", at=at)
    message.refresh_from_db()
    assert message.state == "listed"


def test_whoever_types_the_whole_address_is_warned_and_not_told_that_nobody_reported_it(
    people: People, at: datetime, pages: None, send: Callable[..., Message]
):
    send(f"{PAGE}?m={ADA}")
    row = approved(people, at, f"{PAGE}?m={ADA}", group=Group.objects.get().uid)

    assert [*row.warnings] == ["mailbox"]


def test_a_name_before_the_host_hides_the_host_no_more(
    people: People, at: datetime, send: Callable[..., Message]
):
    """`https://bank.example@evil.example/` leads to the second name, and looks like a mailbox."""
    send("https://bank.example@evil.example/pay")

    assert [one.url for one in Sighting.objects.all()] == ["https://evil.example/pay"]


def test_no_list_of_names_is_called_so(people: People, at: datetime):
    with pytest.raises(Exception, match="'mailbox' is no list"):
        add_names(people("rita"), kind="mailbox", values="example.net", at=at)
