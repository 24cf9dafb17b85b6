"""Days at places, roles in sentences, competences and the roles that can be given them."""

from datetime import UTC, date, datetime, timedelta, timezone

import pytest

from tocsin.words.competences import HELD_BY, Competence
from tocsin.words.errors import Unusable
from tocsin.words.moments import as_utc, day_ends, day_starts, read_zone
from tocsin.words.roles import SPOKEN, Role, one

BRUSSELS, AZORES = read_zone("Europe/Brussels"), read_zone("Atlantic/Azores")


@pytest.mark.parametrize(
    "name",
    ["", "Brussels", "../etc/passwd", "/etc/passwd", "Europe", "CEST", "Europe/\0", "é" * 300],
)
def test_what_is_no_zone_is_refused_and_nothing_is_read(name: str) -> None:
    with pytest.raises(Unusable, match="Possible: a name such as Europe/Brussels"):
        read_zone(name)


@pytest.mark.parametrize(
    ("day", "starts", "hours"),
    [
        (date(2026, 3, 28), datetime(2026, 3, 27, 23, tzinfo=UTC), 24),
        (date(2026, 3, 29), datetime(2026, 3, 28, 23, tzinfo=UTC), 23),
        (date(2026, 10, 25), datetime(2026, 10, 24, 22, tzinfo=UTC), 25),
    ],
)
def test_a_day_has_23_24_or_25_hours(day: date, starts: datetime, hours: int) -> None:
    assert day_starts(day, BRUSSELS) == starts
    assert day_ends(day, BRUSSELS) == starts + timedelta(hours=hours, seconds=-1)


def test_a_day_whose_midnight_is_skipped_begins_when_the_clocks_have_moved() -> None:
    # In the Azores the clocks go from 24:00 of 28 March to 01:00 of 29 March 2026.
    assert day_starts(date(2026, 3, 29), AZORES) == datetime(2026, 3, 29, 1, tzinfo=UTC)
    assert day_ends(date(2026, 3, 28), AZORES) == datetime(2026, 3, 29, 0, 59, 59, tzinfo=UTC)


def test_a_day_whose_midnight_comes_twice_begins_with_the_first() -> None:
    # In the Azores the clocks go from 01:00 back to 00:00 of 25 October 2026.
    assert day_starts(date(2026, 10, 25), AZORES) == datetime(2026, 10, 25, 0, tzinfo=UTC)
    assert day_starts(date(2026, 10, 26), AZORES) == datetime(2026, 10, 26, 1, tzinfo=UTC)


def test_a_moment_beyond_the_calendar_is_refused() -> None:
    with pytest.raises(Unusable, match="outside of all dates"):
        as_utc(datetime.max.replace(tzinfo=timezone(timedelta(hours=-12))))


def test_every_role_can_stand_in_a_sentence() -> None:
    assert set(SPOKEN) == set(Role)
    assert [one(role) for role in Role] == [
        "a host",
        "a coordinator",
        "a csirt",
        "law enforcement",
        "a court",
        "an authority",
        "an isp",
        "a platform",
        "a registry",
        "a brand",
        "a lawyer of the defence",
        "civil society",
        "oversight",
        "a member of the public",
    ]


def test_competences_are_alphabetised_scopes_and_only_the_nodes_is_given_to_nobody() -> None:
    assert list(Competence) == sorted(Competence)
    assert list(HELD_BY) == list(Competence)
    assert [name for name, roles in HELD_BY.items() if not roles] == [Competence.NODE_RECORD]
    assert all(len(roles) == len(set(roles)) for roles in HELD_BY.values())
