"""What belongs to another is not there: in the address, in the body, in a list in the body."""

from collections.abc import Mapping
from typing import Any

import pytest
from django.test import Client

from tests.security.asking import (
    Answer,
    Way,
    answer,
    changed,
    reading_calls,
    reading_pages,
    writing_calls,
    writing_pages,
    written,
)
from tests.security.routes import calls, pages
from tests.security.town import CANARY, MINE, Town, nothing

# Who looks at what is the other provider's: its peer, in both mandates, and those with none there.
OUTSIDERS = ("answers", "administers", "oversight", "stranger", "nobody")


def asked(way: Way, who: Client | str, objects: Mapping[str, str], **words: Any) -> Answer:
    """The answer about these things, with their names taken out."""
    got = answer(way.ask(who, objects, **words)).without(objects)
    return got.without(words["inner"]) if "inner" in words else got


def owned(ways: list[Way]) -> list[Way]:
    """Those whose address names something of a party or a person."""
    return [way for way in ways if way.route.owned]


def test_every_route_is_one_that_can_be_asked():
    """What an address names has a noun, and what is written a body, or these raise."""
    assert len(pages()) > 90
    assert len(calls()) > 20
    assert len(writing_pages()) > 40
    assert len(writing_calls()) > 10


def test_pages_about_what_is_anothers_are_as_about_what_is_not_there(full: Town):
    ways = [w for w in owned(reading_pages() + writing_pages()) if w.route.name not in _BEARER]
    missing, before = nothing(), written(full)
    told = {}
    for name in OUTSIDERS:
        for way in ways:
            foreign = asked(way, full.browsers[name], full.theirs.objects)
            unknown = asked(way, full.browsers[name], missing)
            if foreign != unknown or foreign.status not in (302, 403, 404, 405):
                told[f"{name}: {way}"] = (foreign.status, unknown.status)

    assert told == {}
    assert changed(before, written(full)) == []
    assert len(ways) > 60


# Whoever holds the secret of an invitation may take it up, and whoever has a reference may
# ask what came of it: that is what they are for.
_BEARER = ("people:accept", "shield:outcome")


def test_calls_about_what_is_anothers_are_as_about_what_is_not_there(full: Town):
    ways, missing, before = owned(reading_calls() + writing_calls()), nothing(), written(full)
    told = {}
    for way in ways:
        foreign = asked(way, full.tokens[MINE], full.theirs.objects)
        unknown = asked(way, full.tokens[MINE], missing)
        if foreign != unknown or foreign.status not in (403, 404):
            told[str(way)] = (foreign.status, unknown.status, foreign.body[:200])

    assert told == {}
    assert _but_for_use(changed(before, written(full))) == []
    assert len(ways) > 15


def _but_for_use(tables: list[str]) -> list[str]:
    """A token's row says when it was last used."""
    return [name for name in tables if name != "people.token"]


@pytest.mark.parametrize("name", ["answers", "administers"])
def test_what_a_body_names_of_anothers_is_as_what_is_not_there(full: Town, name: str):
    ways = [way for way in writing_pages() if way.names_in_body]
    missing, mine, before = nothing(), full.mine.objects, written(full)
    told = {}
    for way in ways:
        foreign = asked(way, full.browsers[name], mine, inner=full.theirs.objects)
        unknown = asked(way, full.browsers[name], mine, inner=missing)
        said = [text_of(full.browsers[name]) for _ in (1,)]
        if foreign != unknown or CANARY in "".join(said):
            told[str(way)] = (
                foreign.status,
                unknown.status,
                foreign.body[:300],
                unknown.body[:300],
            )

    assert told == {}
    assert changed(before, written(full)) == []
    assert len(ways) > 10


def text_of(client: Client) -> str:
    """What the next page says of what was done."""
    return client.get("/").content.decode()


def test_what_a_call_names_of_anothers_is_as_what_is_not_there(full: Town):
    ways = [way for way in writing_calls() if way.names_in_body]
    missing, mine = nothing(), full.mine.objects
    for way in ways:
        foreign = asked(way, full.tokens[MINE], mine, inner=full.theirs.objects)
        unknown = asked(way, full.tokens[MINE], mine, inner=missing)

        assert foreign == unknown, way
    assert ways


def test_a_list_of_ones_own_and_anothers_changes_ones_own_alone(full: Town):
    mine, theirs = full.mine.objects["case"], full.theirs.objects["case"]
    client, before = full.browsers["answers"], _rows_of_theirs(full)
    done = client.post("/response/cases/many", {"case": [mine, theirs], "do": "act"})
    page = client.get(done.headers["Location"]).content.decode()

    assert "1 case is changed" in page
    assert CANARY not in page
    assert _rows_of_theirs(full) == before


def _rows_of_theirs(town: Town) -> list[Any]:
    from tocsin.desks.response.models import Case, Entry

    case = Case.objects.get(uid=town.theirs.objects["case"])
    return [case.state, case.changed_at, *Entry.objects.filter(case=case).values_list()]


# allauth asks for the password again before it shows a key.
NO_MATTER = ("mfa_remove_webauthn", "mfa_edit_webauthn")


def test_each_way_opens_what_is_ones_own_for_somebody(full: Town):
    """Or the tests above would hold for pages that open nothing to anybody."""
    shut = []
    for way in owned(reading_pages()):
        if not way.route.reads or way.route.name in NO_MATTER:
            continue
        seen = {
            answer(way.ask(full.browsers[name], full.mine.objects)).status
            for name in ("answers", "administers", "desk", "node admin")
        }
        if not seen & {200, 302}:
            shut.append(f"{way}: {seen}")
    for way in owned(reading_calls()):
        statuses = {
            answer(way.ask(full.tokens[name], full.mine.objects)).status for name in (MINE, "desk")
        }
        if not statuses & {200, 204}:
            shut.append(f"{way}: {statuses}")

    assert shut == []
