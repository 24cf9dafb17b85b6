"""The number of queries of a page does not grow with what there is: 10 rows or 60, the same.

Every page and every call that reads is asked, as whoever may open it, before and after fifty rows
of everything that lists show have come; a route added later is asked too.
"""

import secrets
from typing import Any
from uuid import uuid4

from django.db import connection, models
from django.test.utils import CaptureQueriesContext

from tests.security.asking import answer, reading_calls, reading_pages
from tests.security.town import MINE, Town
from tocsin.desks.response.models import (
    Case,
    Entry,
    Intake,
    Notification,
    Report,
    Sighting,
    Tag,
)
from tocsin.office.models import Delivery, Party
from tocsin.office.people.models import Mandate, Person

SOME, MANY = 9, 50  # beside the one that the town has


def test_no_page_asks_more_the_more_there_is(town: Town) -> None:
    _more(SOME)
    _asked(town)  # what is read once in a process is read now
    few = _asked(town)
    _more(MANY)
    many = _asked(town)

    assert {way: (n, many[way][0]) for way, (n, _) in few.items() if n != many[way][0]} == {}
    assert few["desk response:cases"][0] <= 15
    assert few["desk response:case"][0] <= 13
    longer = {way for way, (_, size) in few.items() if many[way][1] > size + 1000}
    assert longer >= _LISTS


# Where fifty rows more are seen: or nothing was counted.
_LISTS = {
    *("desk response:cases", "desk response:case", "desk response:reports"),
    *("desk response:deliveries", "desk parties:parties"),
}


def _asked(town: Town) -> dict[str, tuple[int, int]]:
    """Queries and bytes of each page."""
    found = {}
    for who in ("desk", "node admin", "oversight", "answers", "administers"):
        for way in reading_pages():
            found[f"{who} {way.route.name}"] = _count(
                lambda who=who, way=way: town.browsers[who].get(  # type: ignore[misc]
                    way.route.address(town.mine.objects)
                )
            )
    for who in ("desk", MINE):
        for way in reading_calls():
            found[f"{who} {way.route.name}"] = _count(
                lambda who=who, way=way: way.ask(town.tokens[who], town.mine.objects)  # type: ignore[misc]
            )
    return found


def _count(ask: Any) -> tuple[int, int]:
    connection.queries_log.clear()  # it holds 9,000, and all routes together ask more
    with CaptureQueriesContext(connection) as seen:
        got = answer(ask())
        assert got.status < 500
    return len(seen), len(got.body)


def _more(number: int) -> None:
    """So many more of everything that a list shows, alike but for what must be unique."""
    case, report = Case.objects.order_by("pk")[0], Report.objects.order_by("pk")[0]
    sighting = Sighting.objects.filter(case=case)[0]
    for _ in range(number):
        one = _copy(case)
        for row in (*Entry.objects.filter(case=case), *Tag.objects.filter(case=case)):
            _copy(row, case=one)
        _copy(sighting, case=one)
        _copy(sighting, report=_copy(report))
        _copy(Entry.objects.filter(case=case)[0])
        _copy(Tag.objects.filter(case=case)[0], name=secrets.token_hex(6))
        for model in (Delivery, Intake, Notification):
            _copy(model.objects.order_by("pk")[0])
        person = _copy(Person.objects.order_by("pk")[0], email=f"{uuid4()}@meadow.example")
        for mandate in Mandate.objects.order_by("pk")[:3]:
            _copy(mandate, person=person)
        _copy(Party.objects.get(slug=MINE), slug=f"copy-{secrets.token_hex(6)}")


def _copy(row: Any, **new: Any) -> Any:
    """The same row under another key."""
    fields = [one for one in row._meta.concrete_fields if not one.primary_key]
    values = {one.name: getattr(row, one.name) for one in fields}
    for one in fields:
        if one.unique:
            is_id = isinstance(one, models.UUIDField)
            values[one.name] = uuid4() if is_id else secrets.token_hex(7)[: one.max_length]
    return type(row).objects.create(**{**values, **new})
