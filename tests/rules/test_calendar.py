"""Public holidays: the feasts that move, the days that follow, what an installation adds."""

from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tocsin.rules.calendar import COUNTRIES, PublicHolidays, country, holidays, merge
from tocsin.rules.feasts import FIRST_YEAR, LAST_YEAR, gregorian_easter, julian_easter
from tocsin.words.countries import MEMBER_STATES
from tocsin.words.errors import NotFound, Unusable
from tocsin.words.moments import read_zone

SUNDAY = 6
YEARS = range(FIRST_YEAR, LAST_YEAR + 1)


@pytest.mark.parametrize(
    ("year", "western", "eastern"),
    [
        (2024, date(2024, 3, 31), date(2024, 5, 5)),
        (2025, date(2025, 4, 20), date(2025, 4, 20)),
        (2026, date(2026, 4, 5), date(2026, 4, 12)),
        (2027, date(2027, 3, 28), date(2027, 5, 2)),
        (2038, date(2038, 4, 25), date(2038, 4, 25)),  # the latest there is
        (2049, date(2049, 4, 18), date(2049, 4, 25)),
        (2076, date(2076, 4, 19), date(2076, 4, 26)),  # epact 24: one of the two exceptions
        (2079, date(2079, 4, 23), date(2079, 4, 23)),
    ],
)
def test_easter_falls_where_almanacs_have_it(year: int, western: date, eastern: date) -> None:
    assert (gregorian_easter(year), julian_easter(year)) == (western, eastern)


def test_easter_is_a_sunday_in_spring_and_the_eastern_one_is_never_earlier() -> None:
    for year in YEARS:
        west, east = gregorian_easter(year), julian_easter(year)

        assert west.weekday() == east.weekday() == SUNDAY
        assert date(year, 3, 22) <= west <= date(year, 4, 25)
        assert west <= east


def test_every_member_state_has_one_row_a_zone_and_a_source_that_says_what_it_is_worth() -> None:
    assert tuple(row.code for row in COUNTRIES) == MEMBER_STATES
    for row in COUNTRIES:
        assert read_zone(row.zone).key == row.zone
        assert "(unverified)" in row.source
        assert [rule for rule in row.rules if rule.since > rule.until] == []
        assert len(row.rules) == len(set(row.rules))


def test_every_year_on_file_can_be_counted_in_every_state() -> None:
    for row in COUNTRIES:
        for year in YEARS:
            days = holidays(row.code, year)

            assert 8 <= len(days) <= 20, (row.code, year)
            assert {day.year for day in days} == {year}
            assert {date(year, 1, 1), date(year, 12, 25)} <= days


def test_belgium_in_2026() -> None:
    assert sorted(holidays("BE", 2026)) == [
        date(2026, 1, 1),
        date(2026, 4, 5),
        date(2026, 4, 6),
        date(2026, 5, 1),
        date(2026, 5, 14),
        date(2026, 5, 24),
        date(2026, 5, 25),
        date(2026, 7, 21),
        date(2026, 8, 15),
        date(2026, 11, 1),
        date(2026, 11, 11),
        date(2026, 12, 25),
    ]


@pytest.mark.parametrize(
    ("code", "free", "works"),
    [
        # Bulgaria: 26 December 2026 is a Saturday, so Monday is free too
        ("BG", date(2026, 12, 28), date(2026, 12, 29)),
        # and in 2027 the three days of Christmas are Friday to Sunday: two days follow
        ("BG", date(2027, 12, 28), date(2027, 12, 29)),
        ("GR", date(2026, 4, 13), date(2026, 4, 6)),  # the eastern Easter Monday
        ("NL", date(2025, 4, 26), date(2025, 4, 27)),  # King's Day is never a Sunday
        ("IE", date(2030, 2, 1), date(2030, 2, 4)),  # Saint Brigid on a Friday stays there
        ("IE", date(2026, 2, 2), date(2026, 2, 1)),
        ("IE", date(2026, 10, 26), date(2026, 10, 27)),  # the last Monday of October
        ("SE", date(2026, 6, 20), date(2026, 6, 19)),  # Midsummer is a Saturday
        ("LV", date(2025, 5, 5), date(2025, 5, 6)),  # 4 May 2025 is a Sunday
        ("IT", date(2027, 10, 4), date(2025, 10, 4)),  # Saint Francis from 2026
        ("PL", date(2026, 12, 24), date(2024, 12, 24)),
    ],
)
def test_days_that_move(code: str, free: date, works: date) -> None:
    place = PublicHolidays(code)

    assert (free in place, works in place) == (True, False)


def test_unknown_states_and_years_are_refused() -> None:
    for code in ("EL", "be", "", "US"):
        with pytest.raises(NotFound, match="Possible: AT, BE, BG"):
            PublicHolidays(code)
    for year in (FIRST_YEAR - 1, LAST_YEAR + 1):
        with pytest.raises(Unusable, match="on file for 2024 to 2099"):
            holidays("BE", year)
    assert "2026-01-01" not in PublicHolidays("BE")


def test_an_installation_adds_and_removes_days() -> None:
    bridge, returned = date(2026, 5, 15), date(2026, 5, 25)
    place = PublicHolidays("BE", added=frozenset({bridge}), removed=frozenset({returned}))

    assert (bridge in place, returned in place, date(2026, 5, 14) in place) == (True, False, True)
    assert date(2019, 1, 1) in PublicHolidays("BE", added=frozenset({date(2019, 1, 1)}))
    assert merge(holidays("BE", 2026), added={bridge}, removed={returned}) == (
        holidays("BE", 2026) | {bridge}
    ) - {returned}


def test_a_day_cannot_be_added_and_removed() -> None:
    day = frozenset({date(2026, 5, 15)})

    with pytest.raises(Unusable, match="2026-05-15 cannot be added to the holidays and removed"):
        PublicHolidays("BE", added=day, removed=day)


DAYS = st.frozensets(st.dates(date(2026, 1, 1), date(2026, 2, 28)), max_size=10)


@given(days=DAYS, more=DAYS, less=DAYS)
@settings(max_examples=100, deadline=None, derandomize=True)
def test_merging_is_exactly_more_and_less(
    days: frozenset[date], more: frozenset[date], less: frozenset[date]
) -> None:
    less -= more
    merged = merge(days, added=more, removed=less)

    assert more <= merged
    assert merged.isdisjoint(less)
    assert merged - more == days - less - more


def test_the_zone_of_a_state_is_that_of_its_capital() -> None:
    assert (country("PT").zone, country("CY").zone) == ("Europe/Lisbon", "Asia/Nicosia")
