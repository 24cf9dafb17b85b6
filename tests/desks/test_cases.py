"""Cases: who sees them, who may do what, and what comes of it."""

from datetime import datetime

import pytest

from tests.desks.people import desk, viewer
from tocsin.desks.response.actions import answer, assign, close, comment
from tocsin.desks.response.models import Case, Entry
from tocsin.desks.response.queries import Filters, case_for, cases_for, my_open_work
from tocsin.office.models import Party
from tocsin.office.people.viewer import NOBODY
from tocsin.words.errors import NotFound, Refused, Unusable

pytestmark = pytest.mark.usefixtures("parties")


def make(slug: str, at: datetime, *, reference: str, **words: object) -> Case:
    values = {
        "reference": reference,
        "key": reference,
        "party": Party.objects.get(slug=slug),
        "relation": "network",
        "side": "source",
        "kind": "infected-system",
        "about": "AS64496",
        "about_kind": "asn",
        "told_as": f"network:source:{slug}",
        "seen_at": at,
        "opened_at": at,
        "changed_at": at,
        "tlp": "AMBER",
        "state": "told",
        **words,
    }
    return Case.objects.create(**values)


def test_a_party_sees_its_own_cases_the_desk_sees_all_and_nobody_none(at) -> None:
    mine = make("meadow-net", at, reference="AAAA-AAAA-AAAA")
    other = make("brook-telecom", at, reference="BBBB-BBBB-BBBB")
    provider = viewer("meadow-net", "response.answer", at=at)

    assert [case.reference for case in cases_for(provider).rows] == [mine.reference]
    assert {case.reference for case in cases_for(desk(at)).rows} == {
        mine.reference,
        other.reference,
    }
    assert cases_for(NOBODY).rows == []
    with pytest.raises(NotFound, match="there is no case"):
        case_for(provider, other.uid)
    with pytest.raises(NotFound, match="there is no case"):
        answer(provider, other.uid, step="cure", at=at)


def test_a_party_answers_and_the_desk_closes(at) -> None:
    case = make("meadow-net", at, reference="AAAA-AAAA-AAAA")
    provider, analyst = viewer("meadow-net", "response.answer", at=at), desk(at)

    answer(provider, case.uid, step="acknowledge", at=at)
    answer(provider, case.uid, step="cure", note="line cleaned", at=at)
    with pytest.raises(Refused, match="response:case:handle needs a mandate"):
        close(provider, case.uid, at=at)
    assign(analyst, case.uid, person=analyst.person.uid, at=at)
    comment(analyst, case.uid, text="for us alone", for_desk=True, at=at)
    close(analyst, case.uid, note="thank you", at=at)

    seen = case_for(provider, case.uid)
    assert [(row.kind, row.step, row.text) for row in seen.entries] == [
        ("step", "acknowledge", ""),
        ("step", "cure", "line cleaned"),
        ("step", "close", "thank you"),
    ]
    assert [row.text for row in case_for(analyst, case.uid).entries][2:] == [
        "assigned to Dora",
        "for us alone",
        "thank you",
    ]
    assert (seen.case.state, seen.steps) == ("closed", ())
    assert Entry.objects.filter(party__slug="meadow-net").count() == 2


def test_what_is_open_is_in_piles(at) -> None:
    make("meadow-net", at, reference="AAAA-AAAA-AAAA")
    make("meadow-net", at, reference="BBBB-BBBB-BBBB", state="acknowledged")
    provider = viewer("meadow-net", "response.answer", at=at)

    piles = my_open_work(provider)

    assert [(pile.name, pile.total) for pile in piles] == [("to_answer", 1), ("to_mend", 1)]


def test_a_filter_that_there_is_not_is_refused() -> None:
    with pytest.raises(Unusable, match="'sunny' is no state"):
        Filters.read({"states": ["sunny"]})
