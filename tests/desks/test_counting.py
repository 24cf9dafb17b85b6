"""Counts of lists are kept only while nothing changes: whoever changed something sees it."""

from collections.abc import Callable
from threading import Thread

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests.desks.people import desk, viewer
from tests.desks.test_cases import make
from tocsin.desks.response.actions import assign
from tocsin.desks.response.models import Case
from tocsin.desks.response.queries import Filters, cases_for, counting, facets_for
from tocsin.office.people.viewer import Viewer

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("parties")]


def counts(asked: CaptureQueriesContext) -> list[str]:
    return [row["sql"] for row in asked if "COUNT(" in row["sql"]]


def again(analyst: Viewer, provider: Viewer) -> None:
    assert (cases_for(analyst).total, cases_for(provider).total) == (1, 1)
    assert facets_for(analyst)["parties"] == {"meadow-net": 1}


def asked_while_nothing_changes(ask: Callable[[], None]) -> CaptureQueriesContext:
    """What was asked in the second of two runs between which nothing was committed anywhere.

    PostgreSQL's snapshot is that of the whole server, on which other tests are at work.
    """
    for _ in range(2_000):
        stand = counting.stand()
        ask()
        with CaptureQueriesContext(connection) as asked:
            ask()
        if counting.stand() == stand:
            return asked
    raise AssertionError("other tests never stood still for a moment")


def test_what_was_counted_is_counted_again_after_any_change_and_not_before(at) -> None:
    make("meadow-net", at, reference="AAAA-AAAA-AAAA")
    analyst, provider = desk(at), viewer("meadow-net", "response.answer", at=at)
    for who in (analyst, provider):
        assert (cases_for(who).total, facets_for(who)["states"]) == (1, {"told": 1})

    assert counts(asked_while_nothing_changes(lambda: again(analyst, provider))) == []

    case = make("brook-telecom", at, reference="BBBB-BBBB-BBBB")
    assert (cases_for(analyst).total, cases_for(provider).total) == (2, 1)
    assert facets_for(analyst)["parties"] == {"brook-telecom": 1, "meadow-net": 1}

    # Nothing of the case itself says when this was done.
    Case.objects.filter(pk=case.pk).update(state="merged")
    assert (cases_for(analyst).total, facets_for(analyst)["parties"]) == (1, {"meadow-net": 1})
    assert facets_for(analyst)["states"] == {"merged": 1, "told": 1}


def test_a_list_of_what_is_mine_is_not_counted_for_a_colleague(at) -> None:
    case, mine = make("meadow-net", at, reference="AAAA-AAAA-AAAA"), Filters(assigned="me")
    first, second = desk(at), viewer("csirt-be", "response.handle", at=at)
    assign(first, case.uid, person=first.person.uid, at=at)

    assert [cases_for(who, mine).total for who in (first, second)] == [1, 0]


def test_a_change_on_another_connection_is_seen(at) -> None:
    make("meadow-net", at, reference="AAAA-AAAA-AAAA")
    analyst = desk(at)
    assert facets_for(analyst)["states"] == {"told": 1}

    def elsewhere() -> None:
        Case.objects.update(state="cured")
        connection.close()

    thread = Thread(target=elsewhere)
    thread.start()
    thread.join()

    assert facets_for(analyst)["states"] == {"cured": 1}
