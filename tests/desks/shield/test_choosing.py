"""How wide the software lists, by what the node knows of a site without fetching anything."""

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest

from tests.desks.shield.conftest import BASIS
from tocsin.desks.shield.actions.deciding import approve, reject_group, step_listing
from tocsin.desks.shield.actions.naming import add_names
from tocsin.desks.shield.models import Group, Listing, Message
from tocsin.desks.shield.queries.choosing import choice_for
from tocsin.office.people.viewer import Viewer

People = Callable[[str], Viewer]
Send = Callable[..., Message]
MINUTE = timedelta(minutes=1)


def listed(people: People, at: datetime, url: str, **words: bool) -> Listing:
    row = approve(people("rita"), url=url, reason="x", basis=BASIS, at=at, **words)
    return step_listing(people("rolf"), row.uid, step="confirm", text="", at=at + MINUTE)


@pytest.mark.parametrize(
    "path",
    ["wp/.x/login.php", "wp-content/a/b.html", "~ada/bank", ".well-known/x", "a/CGI-BIN/x?y"],
)
def test_a_path_of_a_broken_into_site_leaves_one_address(parties: None, path: str):
    choice = choice_for(f"https://hacked-shop.example/{path}", None)

    assert (choice.scope, choice.value.lower()) == (
        "url",
        f"https://hacked-shop.example/{path}".lower(),
    )
    assert choice.because.endswith("hacked-shop.example was probably broken into")


@pytest.mark.parametrize("path", ["", "wp/login.php", "login?next=/wp-content/x", "wp-content"])
def test_another_path_tells_nothing(parties: None, path: str):
    assert choice_for(f"https://hacked-shop.example/{path}", None).scope == "domain"


def test_a_name_that_imitates_a_brand_is_blocked_whatever_its_path(people: People, at: datetime):
    words = {"kind": "brand_own", "values": "mybank.example", "brand": "MyBank", "words": "mybank"}
    add_names(people("rita"), at=at, **words)
    assert choice_for("https://hacked-shop.example/.x/login", None).scope == "url"

    assert choice_for("https://mybank-login.example/.x/login", None).scope == "domain"


def test_what_whoever_approves_says_of_a_site_is_kept_with_the_listing(
    people: People, at: datetime
):
    row = listed(people, at, "https://hacked-shop.example/login", is_shared=True)

    assert (row.scope, row.state) == ("url", "listed")
    assert row.because.startswith("a person says that hacked-shop.example serves something else")


def test_a_site_whose_listing_was_withdrawn_is_no_name_to_block(people: People, at: datetime):
    row = listed(people, at, "https://shop.example/login")
    assert row.scope == "domain"
    step_listing(people("rolf"), row.uid, step="withdraw", text="a shop", at=at + 2 * MINUTE)
    choice = choice_for("https://shop.example/other", None)

    assert choice.scope == "url"
    assert choice.because.startswith("shop.example was listed before, and looked at again")


def test_a_host_that_was_rejected_keeps_its_domain_from_being_listed(
    people: People, at: datetime, send: Send
):
    send("https://real.shop.example/")
    group = Group.objects.get(key="shop.example")
    reject_group(people("rita"), group.uid, reason="a real shop", at=at)
    choice = choice_for("https://www.shop.example/login", None)

    assert (choice.scope, choice.value) == ("host", "www.shop.example")
    assert choice.because == "real.shop.example was looked at, and nothing of it was listed"


def test_a_top_site_is_listed_by_address_alone(people: People, at: datetime):
    add_names(people("rita"), kind="top_site", values="video.example", at=at)
    choice = choice_for("https://video.example/fraud", None)

    assert (choice.scope, choice.value) == ("url", "https://video.example/fraud")
