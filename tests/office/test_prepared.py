"""What is asked with ready-made SQL is what the plain question gives."""

from datetime import UTC, datetime

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tocsin.office.models import Party
from tocsin.office.people.models import Mandate, Person
from tocsin.office.people.viewer import running
from tocsin.office.prepared import A_KEY, A_MOMENT, A_UID, Prepared

pytestmark = pytest.mark.django_db
AT = datetime(2026, 6, 18, 9, 30, 0, 123, tzinfo=UTC)


def made(slug: str, at: datetime) -> Party:
    return Party.objects.create(
        slug=slug, name=slug.title(), role="isp", channel="folder", format="idf-csv",
        created_at=at, updated_at=at,
    )  # fmt: skip


def test_each_time_the_values_of_that_time_are_asked_for() -> None:
    first, second = made("meadow-net", AT), made("brook-telecom", AT.replace(year=2027))
    by_key = Prepared(lambda key: Party.objects.filter(pk=key), A_KEY)
    by_uid = Prepared(lambda uid: Party.objects.filter(uid=uid).values_list("slug"), A_UID)
    since = Prepared(
        lambda at: Party.objects.filter(created_at__gte=at).order_by("slug").only("slug"), A_MOMENT
    )

    assert [by_key(first.pk), by_key(second.pk), by_key(0)] == [[first], [second], []]
    assert [by_uid(first.uid), by_uid(second.uid)] == [[("meadow-net",)], [("brook-telecom",)]]
    assert [row.slug for row in since(AT)] == ["brook-telecom", "meadow-net"]
    assert [row.slug for row in since(AT.replace(microsecond=124))] == ["brook-telecom"]
    assert by_key(first.pk)[0].name == "Meadow-Net"


def test_what_belongs_to_a_row_comes_with_it() -> None:
    party = made("meadow-net", AT)
    person = Person.objects.create(email="ann@meadow.example", name="Ann", language="en")
    mandate = Mandate.objects.create(
        person=person, party=party, competences=["response.answer"], since=AT
    )
    ask = Prepared(lambda at, key: running(at).filter(person=key), A_MOMENT, A_KEY)
    with CaptureQueriesContext(connection) as asked:
        (found,) = ask(AT, person.pk)
        assert (found.party.slug, found.person.name) == ("meadow-net", "Ann")
    assert len(asked) == 1
    assert found == mandate
    assert ask(AT.replace(year=2025), person.pk) == []


def test_a_person_by_key_is_the_same_with_and_without_ready_sql() -> None:
    ann = Person.objects.create(email="ann@meadow.example", name="Ann", language="en")
    with CaptureQueriesContext(connection) as asked:
        by_key, plain = Person.objects.get(pk=ann.pk), Person.objects.all().get(pk=ann.pk)
    assert len(asked) == 2
    assert by_key.__dict__.keys() == plain.__dict__.keys()
    assert (by_key.email, by_key.session_mark) == (plain.email, plain.session_mark)
    assert Person.objects.get(email="ann@meadow.example") == by_key
    with pytest.raises(Person.DoesNotExist):
        Person.objects.get(pk=ann.pk + 1)
