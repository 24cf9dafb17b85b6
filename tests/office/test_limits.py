"""Limits: a try counts for its hour, however many come at once and however old the counter is."""

from datetime import UTC, datetime, timedelta

import pytest
from django.core.cache import cache

from tocsin.office.limits import has_left, have_left
from tocsin.office.people.models import Limit

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("store")]


NOW = datetime.now(UTC).replace(minute=10, second=0, microsecond=0)


@pytest.fixture(autouse=True)
def _secret(monkeypatch: pytest.MonkeyPatch) -> None:
    from django.conf import settings

    monkeypatch.setattr(settings._wrapped, "SECRET_KEY", "x" * 60)


def test_a_try_counts_until_its_hour_is_over():
    assert [has_left("letters", "cora", most=2, at=NOW) for _ in range(3)] == [True, True, False]
    assert not has_left("letters", "cora", most=2, at=NOW + timedelta(minutes=40))
    assert has_left("letters", "dora", most=2, at=NOW)
    assert has_left("letters", "cora", most=2, at=NOW + timedelta(hours=1))
    assert min(Limit.objects.values_list("expires", flat=True)) == NOW + timedelta(hours=1)


def test_what_comes_together_counts_one_after_the_other():
    who = ["cora", "dora", "cora", "cora", "dora"]

    assert have_left("letters", who, most=2, at=NOW) == [True, True, True, False, True]
    assert have_left("letters", who[:2], most=3, at=NOW) == [False, True]
    assert have_left("letters", [], most=2, at=NOW) == []


def test_counters_name_nobody_and_other_counters_of_the_cache_go_on():
    cache.set("other", 7)
    has_left("letters", "cora", most=2, at=NOW)

    assert cache.get("other") == 7
    assert "cora" not in repr(list(Limit.objects.values_list()))
