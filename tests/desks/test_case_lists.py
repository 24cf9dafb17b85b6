"""Lists of cases: the same number of queries whatever there is, and nothing tells of what is not
one's own."""

from dataclasses import fields
from uuid import uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests.desks.people import desk, viewer
from tests.desks.test_cases import DEMO, make
from tocsin.desks.response.actions import assign, tag
from tocsin.desks.response.models import Case
from tocsin.desks.response.queries import (
    Filters,
    case_for,
    cases_for,
    facets_for,
    figures_for,
    my_open_work,
)
from tocsin.office.people.viewer import Viewer
from tocsin.words.errors import NotFound, Unusable
from tocsin.words.moments import DAY

pytestmark = pytest.mark.usefixtures("parties")


def queries(ask) -> int:
    with CaptureQueriesContext(connection) as seen:
        ask()
    return len(seen)


def everything(who: Viewer, at) -> dict[str, object]:
    """All that somebody can be shown of cases, as plain values."""
    page = cases_for(who)
    return {
        "list": [case.reference for case in page.rows],
        "total": page.total,
        "facets": facets_for(who),
        "figures": figures_for(who, at=at),
        "work": [
            (pile.name, pile.total, [c.reference for c in pile.rows]) for pile in my_open_work(who)
        ],
        "found": {
            word: cases_for(who, Filters(text=word)).total
            for word in ("secret", "AS64497", "meadow")
        },
    }


def test_what_a_party_is_shown_is_the_same_with_and_without_what_is_others(at) -> None:
    make("meadow-net", at, reference="AAAA-AAAA-AAAA")
    who = viewer("meadow-net", "response.answer", at=at)
    before = everything(who, at)

    hidden = make("brook-telecom", at, reference="BBBB-BBBB-BBBB", about="AS64497", family="secret")
    analyst = desk(at)
    mine = Case.objects.get(reference="AAAA-AAAA-AAAA")
    for case in (hidden, mine):
        tag(analyst, case.uid, name="secret", at=at)
        assign(analyst, case.uid, person=analyst.person.uid, at=at)
    Case.objects.filter(pk=mine.pk).update(changed_at=at)

    assert everything(who, at) == before
    nothing = uuid4()
    assert [str(_error(who, uid)) for uid in (hidden.uid, nothing)] == [
        f"there is no case {hidden.uid}",
        f"there is no case {nothing}",
    ]
    for filters in (Filters(tags=("secret",)), Filters(assigned=analyst.person.uid.hex)):
        assert cases_for(analyst, filters).total == 2
        assert cases_for(who, filters).total == 0


def _error(who: Viewer, uid: object) -> NotFound:
    with pytest.raises(NotFound) as caught:
        case_for(who, uid)
    return caught.value


def test_the_number_of_queries_does_not_grow_with_what_there_is(route, at) -> None:
    make("meadow-net", at, reference="AAAA-AAAA-AAAA")
    analyst = desk(at)
    who = viewer("meadow-net", "response.answer", at=at)
    asked = [
        lambda: cases_for(analyst),
        lambda: cases_for(who),
        lambda: facets_for(analyst),
        lambda: facets_for(who),
        lambda: figures_for(analyst, at=at),
    ]
    few = [queries(ask) for ask in asked]
    case = Case.objects.get()
    few.append(queries(lambda: case_for(analyst, case.uid)))

    route(*DEMO)
    for row in Case.objects.all():
        tag(analyst, row.uid, name="wave", at=at)

    case = Case.objects.filter(party__slug="meadow-net", family="quillworm").get()
    many = [queries(ask) for ask in asked]
    many.append(queries(lambda: case_for(analyst, case.uid)))
    assert few == [4, 3, 3, 2, 1, 5]
    assert many == [4, 3, 3, 2, 1, 6]  # one more: the clocks of the delivery it was told in


def test_pages_cut_a_list_without_gaps(route, at) -> None:
    route(*DEMO)
    analyst = desk(at)
    total = Case.objects.count()

    pages = [cases_for(analyst, page=number, size=20).rows for number in (1, 2, 3, 4)]

    assert [len(rows) for rows in pages] == [20, 20, total - 40, total - 40]  # the last again
    assert len({case.pk for rows in pages[:3] for case in rows}) == total


def test_filters_find_what_fits_all_of_them(route, at) -> None:
    route(*DEMO)
    analyst = desk(at)

    def found(**words) -> set[tuple[str, str]]:
        page = cases_for(analyst, Filters(**words), size=200)
        return {(case.party.slug, case.about) for case in page.rows}

    assert found(kinds=("phishing",), countries=("BE",), about="AS64496") == {
        ("csirt-be", "AS64496")
    }
    assert found(text="lantern", kinds=("phishing",)) == {
        ("lantern-cloud", "203.0.113.0/24"),
        ("lantern-cloud", "2001:db8:3::/48"),
        ("lantern-bank", "evening-post.example"),
        ("lantern-bank", "secure-pages.example"),
    }
    today, tomorrow = at.date().isoformat(), (at + DAY).date().isoformat()
    assert found(since=tomorrow) == set()
    assert len(found(since=today, until=today, parties=("meadow-net",))) == 2
    assert found(states=("closed",)) == set()
    facets = facets_for(analyst, Filters(kinds=("phishing",)))
    assert facets["kinds"] == {"infected-system": 26, "phishing": 15, "vulnerable-system": 11}
    assert sum(facets["parties"].values()) == 15


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ({"states": ["sunny"]}, "'sunny' is no state"),
        ({"kinds": ["sunny"]}, "'sunny' is no class"),
        ({"countries": ["ZZ"]}, "'ZZ' is no country"),
        ({"since": ["soon"]}, "'soon' is no day"),
        ({"until": ["2026-13-40"]}, "is no day"),
        ({"assigned": ["ada"]}, "'ada' is nobody"),
        ({"text": ["x" * 300]}, "too much at once"),
        ({"tags": ["x"] * 60}, "too much at once"),
        ({"text": ["a\0b"]}, "no text"),
    ],
)
def test_words_that_no_case_can_have_are_refused(words, says) -> None:
    with pytest.raises(Unusable, match=says):
        Filters.read(words)


def test_filters_come_back_as_they_were_kept() -> None:
    filters = Filters.read({"states": ["open", "closed"], "text": [" dust "], "page": ["7"]})

    assert filters == Filters(states=("open", "closed"), text="dust")
    assert Filters.read(filters.words()) == filters
    assert {field.name for field in fields(Filters)} >= set(filters.words())


@pytest.mark.parametrize("text", ["%", "_", "'; DROP TABLE response_case; --", "\\", "\u202e"])
def test_a_text_is_only_looked_for(text, at) -> None:
    make("meadow-net", at, reference="AAAA-AAAA-AAAA", family="plain")

    assert cases_for(desk(at), Filters(text=text)).total == 0
    assert Case.objects.count() == 1
