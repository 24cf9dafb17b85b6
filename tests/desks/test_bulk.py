"""Rows that a run writes by columns are what the same rows would be one by one."""

import re
from datetime import UTC, datetime
from uuid import UUID

import polars as pl

from tests.desks.test_cases import make
from tocsin.desks.response.actions import bulk
from tocsin.desks.response.models import Case

EXACT = datetime(2026, 6, 17, 9, 0, 0, 120, UTC)
WHOLE = datetime(2026, 6, 17, 9, 0, tzinfo=UTC)


def test_moments_come_back_as_they_went_in(parties, at) -> None:
    one, two, three = (make("meadow-net", at, reference=f"{n}AAA-AAAA-AAAA") for n in (1, 2, 3))
    (written,) = bulk.moments(pl.Series([EXACT, WHOLE, None], dtype=pl.Datetime("us", "UTC")))
    rows = [(text, case.pk) for text, case in zip(written, (one, two, three), strict=True)]
    bulk.update(Case, {"first_at": "%s"}, rows)

    found = Case.objects.order_by("reference").values_list("first_at", flat=True)
    assert list(found) == [EXACT, WHOLE, None]
    # As the database compares them too, and as a row by itself would be written.
    assert list(Case.objects.filter(first_at__gt=WHOLE)) == [one]
    assert list(Case.objects.filter(first_at=WHOLE)) == [two]


def test_rows_are_found_again_by_the_ids_they_were_given(parties, at) -> None:
    make("meadow-net", at, reference="1AAA-AAAA-AAAA")
    last = bulk.last_key(Case)
    later = make("meadow-net", at, reference="2AAA-AAAA-AAAA")

    assert bulk.keys_after(Case, last) == {later.uid.hex: later.pk}
    assert bulk.keys_after(Case, later.pk) == {}


def test_identifiers_are_random_and_of_their_shape() -> None:
    uids, references = bulk.uids(1000), bulk.references(1000)

    assert {(UUID(one).version, UUID(one).variant) for one in uids} == {
        (4, "specified in RFC 4122")
    }
    shape = re.compile(r"(?:[0-9A-HJKMNP-TV-Z]{4}-){2}[0-9A-HJKMNP-TV-Z]{4}")
    assert [one for one in references if not shape.fullmatch(one)] == []
    assert (len({*uids}), len({*references})) == (1000, 1000)
