"""The figures for everybody: out of the register, above a threshold, the same after an erasure."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db import transaction
from django.test import Client

from tocsin.desks.shield.queries.figures import Took, as_json, figures
from tocsin.office import register
from tocsin.office.models import RegisterRow
from tocsin.office.register.periods import close_period

OCTOBER = datetime(2026, 10, 5, 9, tzinfo=UTC)
NOVEMBER = datetime(2026, 11, 5, 9, tzinfo=UTC)


def write(action: str, at: datetime, **facts: Any) -> None:
    with transaction.atomic():
        register.record(action=action, actor="test", at=at, subject=uuid4(), facts=facts)


def listings(at: datetime, *spans: str) -> None:
    for number, span in enumerate(spans):
        later = at + timedelta(minutes=number)
        write("shield:term:begin", later, scope="domain", within=span)


def withdrawn(at: datetime, cause: str, *spans: str) -> None:
    for span in spans:
        write("shield:term:end", at, scope="domain", cause=cause, within=span)


def appeals(at: datetime, step: str, count: int) -> None:
    state = {"file": "filed", "uphold": "upheld", "dismiss": "dismissed"}[step]
    for _ in range(count):
        write(f"shield:appeal:{step}", at, state=state, is_cleaned=False, is_public="yes")


@pytest.fixture
def october(db: None) -> None:
    """Ten listings and a renewal, four withdrawals, five appeals."""
    listings(OCTOBER, *["15 minutes"] * 6, *["1 hour"] * 3, "longer", "renewed")
    withdrawn(OCTOBER, "appeal", "1 hour", "4 hours")
    withdrawn(OCTOBER, "mistake", "unknown")
    withdrawn(OCTOBER, "cleaned", "2 hours")
    appeals(OCTOBER, "file", 5)
    appeals(OCTOBER, "uphold", 2)
    appeals(OCTOBER, "dismiss", 1)


def test_a_month_says_how_often_it_was_wrong_and_how_fast(october: None):
    (month,) = figures(least=3).months

    assert (month.period, month.is_closed, month.listings) == ("2026-10", False, 10)
    assert (month.mistakes, month.false_positives) == (3, 30.0)  # cleaned is no mistake
    assert month.to_list == Took(10, "15 minutes", "1 hour")
    assert month.to_withdraw == Took(3, "2 hours", "4 hours")
    assert (month.received, month.upheld, month.dismissed) == (5, 2, 1)


def test_what_is_below_the_threshold_is_not_said_nor_what_follows_from_it(october: None):
    listings(NOVEMBER, "5 minutes", "5 minutes")
    withdrawn(NOVEMBER, "mistake", "unknown")
    appeals(NOVEMBER, "file", 1)
    november, october_ = as_json(figures(least=3))["months"]

    assert november == {
        "month": "2026-11",
        "is_closed": False,
        "listings": None,
        "withdrawn_as_mistakes": None,
        "false_positive_percent": None,
        "time_to_list": None,
        "time_to_withdraw": None,
        "appeals": {"received": None, "upheld": None, "dismissed": None},
    }
    assert october_["listings"] == 10


def test_the_sum_does_not_tell_the_one_month_that_is_hidden(october: None):
    listings(NOVEMBER, "5 minutes", "5 minutes")
    appeals(NOVEMBER, "file", 3)
    whole = figures(least=3).whole

    assert (whole.listings, whole.to_list, whole.received) == (None, None, 8)


def test_appeals_against_what_is_listed_for_some_alone_are_not_counted(october: None):
    write("shield:appeal:file", OCTOBER, state="filed", is_cleaned=False, is_public="no")

    assert figures(least=3).whole.received == 5
    close_period("2026-10", at=NOVEMBER, by="test")
    assert figures(least=3).whole.received == 5


def test_figures_are_the_same_when_the_month_is_closed_and_its_facts_are_erased(october: None):
    before = figures(least=3)
    close_period("2026-10", at=NOVEMBER, by="test")
    closed = figures(least=3)
    for row in RegisterRow.objects.filter(action__startswith="shield:"):
        row.facts, row.erased_at = {}, NOVEMBER
        row.save()
    erased = figures(least=3)

    assert closed == erased
    assert (before.whole, closed.whole) == (erased.whole, erased.whole)
    assert [one.is_closed for one in (*before.months, *closed.months)] == [False, True]
    assert before.months[0].to_list == erased.months[0].to_list


def test_what_came_late_for_a_closed_month_is_counted_once(october: None):
    close_period("2026-10", at=NOVEMBER, by="test")
    listings(OCTOBER + timedelta(days=1), "5 minutes")
    listings(NOVEMBER, *["5 minutes"] * 4)

    assert figures(least=1).whole.listings == 15
    close_period("2026-11", at=NOVEMBER + timedelta(days=40), by="test")
    assert figures(least=1).whole.listings == 15


def test_anybody_sees_them_with_a_table_and_a_chart(october: None, settings: Any):
    settings.ALLOWED_HOSTS, settings.SECURE_SSL_REDIRECT = ["testserver"], False
    settings.SHIELD = {**settings.SHIELD, "least": 3, "rate": 1}
    page = Client().get("/shield/figures").content.decode()
    pages = [Client().get("/shield/figures").status_code for _ in range(60)]
    calls = [Client().get("/shield/figures.json") for _ in range(61)]

    assert "3 (30.0 %)" in page
    assert "15 minutes; nine of ten: 1 hour" in page
    assert "<svg" in page
    assert pages == [*[200] * 59, 429]
    assert [one.status_code for one in calls] == [*[200] * 60, 429]
    assert calls[0].json()["all"]["listings"] == 10


def test_before_anything_is_listed_the_page_says_so(db: None, settings: Any):
    settings.ALLOWED_HOSTS, settings.SECURE_SSL_REDIRECT = ["testserver"], False

    assert "Nothing was listed yet." in Client().get("/shield/figures").content.decode()
