"""Lists of others: imported as one, told beforehand, looked up; they warn and never list."""

from collections.abc import Callable
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.desks.shield.conftest import BASIS, LURE
from tocsin.desks.shield.actions import importing
from tocsin.desks.shield.actions.deciding import approve
from tocsin.desks.shield.actions.importing import Change, Origin, forget_list, import_list
from tocsin.desks.shield.actions.naming import add_names
from tocsin.desks.shield.actions.triaging import refresh_queue
from tocsin.desks.shield.models import Entry, Group, Listing, Name, NameList
from tocsin.desks.shield.queries.choosing import choice_for
from tocsin.desks.shield.queries.looked_up import Found, look_up
from tocsin.office.models import RegisterRow
from tocsin.office.people.viewer import Viewer
from tocsin.words.errors import Refused, Unusable

DAY = date(2026, 11, 20)
TODAY = date(2026, 11, 23)


@pytest.fixture
def bring(tmp_path: Path, at: datetime, db: None) -> Callable[..., Change]:
    """`bring(kind, text)`: an import of a file of this text."""

    def bring(
        kind: str, text: str, *, title: str = "Somebody's list", on: date = DAY, **words: Any
    ) -> Change:
        path = tmp_path / "list"
        path.write_text(text)
        origin = Origin(kind, title, "https://lists.example/x", "CC0", on)
        return import_list(path, origin, by="ada", at=at, **{"preview": False, **words})

    return bring


def test_a_preview_says_what_comes_and_goes_and_changes_nothing(bring):
    bring("other_list", "a.example\nb.example\n")
    change = bring("other_list", "b.example\nc.example\nnone\n", on=TODAY, preview=True)

    assert (change.come, change.go, change.stay, change.flawed) == (1, 1, 1, 1)
    assert (change.first_come, change.first_go) == (["c.example"], ["a.example"])
    assert look_up(["http://a.example/"]).elsewhere != {}
    assert NameList.objects.get().as_of == DAY


def test_a_list_is_replaced_and_what_stays_keeps_its_day(bring):
    bring("other_list", "a.example\nb.example\n")
    bring("other_list", "b.example\nhttps://c.example/pay\n", on=TODAY)

    found = look_up([f"https://{name}.example/pay" for name in "abc"])
    assert found == Found(
        frozenset(),
        {
            "b.example": ("on Somebody's list since 2026-11-20",),
            "https://c.example/pay": ("on Somebody's list since 2026-11-23",),
        },
    )
    rows = RegisterRow.objects.filter(action="shield:list:import").order_by("pk")
    assert [row.facts for row in rows] == [
        {"kind": "other_list", "come": 2, "go": 0},
        {"kind": "other_list", "come": 1, "go": 1},
    ]


def test_another_list_is_a_reason_and_lists_nothing(bring, group, at):
    before = group.score
    bring("other_list", "login.mybank-login.example\nmybank-login.example\n", title="The Neighbour")
    bring("other_list", "mybank-login.example\n", title="A Copy of It")
    refresh_queue(at=at)
    group.refresh_from_db()

    assert group.score == before + 30
    assert group.reasons[:1] == ["on A Copy of It since 2026-11-20"]
    assert "on The Neighbour since 2026-11-20" in group.reasons
    assert Listing.objects.count() == 0


def test_a_top_site_at_above_or_below_a_name_leaves_one_address(bring, people, at):
    bring("top_site", "1,news.example\n2,www.deep.shop.example\n", title="Top")
    for url, is_visited in (
        ("https://news.example/", True),
        ("https://a.news.example/", True),
        ("https://shop.example/", True),  # www.deep.shop.example would be blocked with it
        ("https://shop2.example/", False),
        ("https://news.example.evil.example/", False),
    ):
        assert (choice_for(url, None).scope == "url") is is_visited, url
    row = approve(people("rita"), url="https://news.example/x", reason="x", basis=BASIS, at=at)
    assert (row.scope, row.warnings) == ("url", {})


def test_brands_and_essential_names_become_the_nodes_own(bring, send, people, at):
    add_names(people("rita"), kind="essential", values="power.example", at=at)
    bring("brand_own", "domain,brand,words\nmybank.example,My Bank,mybank\n", title="Brands")
    bring("essential", "power.example\nwater.example\n", title="Operators")
    send(LURE)

    assert "My Bank: " in " ".join(Group.objects.get(key="mybank-login.example").reasons)
    bring("essential", "gas.example\n", title="Operators", on=TODAY)
    essential = Name.objects.filter(kind="essential").order_by("value")
    assert list(essential.values_list("value", flat=True)) == ["gas.example", "power.example"]
    bring("brand_own", "domain,brand,words\nmybank.example,My Bank,my-bank\n", title="Brands")
    assert Name.objects.get(kind="brand_own").words == "my-bank"


def test_a_file_that_was_cut_short_replaces_nothing(bring):
    many = "".join(f"n{number}.example\n" for number in range(300))
    bring("top_site", many)
    with pytest.raises(Refused, match="looks cut short"):
        bring("top_site", many[:600])
    for text, said in (("", "no name in it"), ("# x\n", "no name in it")):
        with pytest.raises(Unusable, match=said):
            bring("top_site", text)
    assert Entry.objects.count() == 300


@pytest.mark.parametrize(
    ("kind", "title", "said"),
    [
        ("nonsense", "X", "no kind of list"),
        ("public_suffix", "X", "no kind of list"),
        ("top_site", "", "title of one line"),
        ("top_site", "a\nb", "title of one line"),
        ("brand_own", "X", "domain,brand,words"),
    ],
)
def test_what_cannot_be_is_refused(bring, kind: str, title: str, said: str):
    with pytest.raises(Unusable, match=said):
        bring(kind, "a.example\n", title=title)
    assert NameList.objects.count() == 0


def test_an_import_that_was_cut_off_counts_for_nothing_and_is_ended_by_the_next(bring, monkeypatch):
    text = "".join(f"n{number}.example\n" for number in range(12))
    with monkeypatch.context() as patch:
        patch.setattr(importing, "_BATCH", 5)
        patch.setattr(importing, "_done", _die)
        with pytest.raises(KeyboardInterrupt):
            bring("other_list", text)
    assert look_up(["http://n3.example/"]).elsewhere == {}

    change = bring("other_list", text, on=TODAY)
    assert (Entry.objects.count(), change.entries) == (12, 12)
    assert look_up(["http://n3.example/"]).elsewhere != {}


def _die(*_words: Any, **_named: Any) -> None:
    raise KeyboardInterrupt


def test_a_list_that_is_forgotten_is_gone_with_its_names(bring, at):
    bring("other_list", "a.example\n", title="A")
    bring("government", "b.example\n", title="B")
    forget_list("A", by="ada", at=at)
    forget_list("B", by="ada", at=at + timedelta(minutes=1))

    assert (Entry.objects.count(), Name.objects.count(), NameList.objects.count()) == (0, 0, 0)


def test_reviewers_see_whose_lists_there_are(bring, people: Callable[[str], Viewer]):
    from tocsin.desks.shield.queries.looked_up import lists_of

    bring("top_site", "1,news.example\n", title="Top")
    assert [(row["title"], row["entries"], row["licence"]) for row in lists_of()] == [
        ("Top", 1, "CC0")
    ]
