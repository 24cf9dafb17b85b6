"""The register: one row with the act, or neither."""

from datetime import UTC, datetime, timedelta, timezone
from uuid import UUID

import pytest
from django.db import transaction

from tocsin.office import register
from tocsin.office.models import RegisterRow
from tocsin.words.errors import Unusable

pytestmark = pytest.mark.django_db(transaction=True)

SUBJECT = UUID("8d1c2a9e-0000-4000-8000-000000000001")
ROUTE = "response:report:route"


def test_a_row_says_who_did_what_to_what_and_when(at) -> None:
    facts: dict[str, register.Fact] = {"read": 3, "parties": ["a", "b"], "ok": True, "note": None}
    with transaction.atomic():
        register.record(action=ROUTE, actor="ada", at=at, subject=SUBJECT, facts=facts)

    assert list(RegisterRow.objects.values_list("action", "actor", "at", "subject", "facts")) == [
        (ROUTE, "ada", at, SUBJECT, facts)
    ]


def test_a_moment_of_another_zone_is_the_same_moment_in_utc() -> None:
    in_warsaw = datetime(2026, 11, 23, 10, 0, tzinfo=timezone(timedelta(hours=1)))
    with transaction.atomic():
        row = register.record(action=ROUTE, actor="ada", at=in_warsaw, facts={})

    assert row.at == datetime(2026, 11, 23, 9, 0, tzinfo=UTC)


def test_a_row_outside_the_transaction_of_its_act_is_refused(at) -> None:
    with pytest.raises(Unusable, match="a row commits with its action"):
        register.record(action=ROUTE, actor="ada", at=at, facts={})

    assert not RegisterRow.objects.exists()


def test_when_the_act_fails_there_is_no_row(at) -> None:
    def act() -> None:
        with transaction.atomic():
            register.record(action=ROUTE, actor="ada", at=at, facts={})
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        act()
    assert not RegisterRow.objects.exists()


@pytest.mark.parametrize("action", ["route", "a:b", "a:b:c:d", "A:b:c", "a:b:c\n", "a:b c:d", "::"])
def test_an_action_is_desk_noun_verb(action, at) -> None:
    with pytest.raises(Unusable, match="is no action"), transaction.atomic():
        register.record(action=action, actor="ada", at=at, facts={})


@pytest.mark.parametrize("value", [(1, 2), {1, 2}, float("nan"), b"x", object(), {1: "x"}])
def test_a_fact_that_would_not_come_back_as_it_was_is_refused(value, at) -> None:
    with pytest.raises(Unusable, match="facts are text, numbers"), transaction.atomic():
        register.record(action=ROUTE, actor="ada", at=at, facts={"value": value})


def test_rows_are_found_by_action_actor_subject_and_time(at) -> None:
    hour = timedelta(hours=1)
    with transaction.atomic():
        first = register.record(action=ROUTE, actor="ada", at=at, facts={})
        second = register.record(
            action="office:evidence:hold", actor="bob", at=at + hour, subject=SUBJECT, facts={}
        )

    assert list(register.rows()) == [first, second]
    assert list(register.rows(action=ROUTE)) == [first]
    assert list(register.rows(actor="bob")) == [second]
    assert list(register.rows(subject=SUBJECT)) == [second]
    assert list(register.rows(since=at, until=at + hour)) == [first]
