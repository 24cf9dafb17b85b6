"""Deadlines counted: by hand for the days people stumble over, and for any day by property."""

from datetime import UTC, date, datetime, timedelta, tzinfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tocsin.rules.calendar import PublicHolidays
from tocsin.rules.deadline import (
    Alarm,
    Counted,
    Deadline,
    Due,
    Ends,
    Escalation,
    alarms,
    due,
    in_force,
    say,
)
from tocsin.rules.periods import (
    Holidays,
    Period,
    Through,
    Unit,
    days,
    is_working_day,
    months,
    weeks,
    working_days,
    years,
)
from tocsin.words.errors import NotFound, Refused, Unusable
from tocsin.words.moments import day_ends, read_zone
from tocsin.words.roles import Role

BRUSSELS = read_zone("Europe/Brussels")
BELGIUM = PublicHolidays("BE")
NONE: frozenset[date] = frozenset()
FIXED = settings(max_examples=300, deadline=None, derandomize=True)
HOUR = timedelta(hours=1)


def row(
    within: timedelta | Period | Through,
    *,
    counted: Counted = Counted.REGULATION_1182_71,
    ends: Ends = Ends.BY,
    backwards: bool = False,
    since: date = date(1900, 1, 1),
    until: date | None = None,
) -> Deadline:
    return Deadline(
        "act:do",
        (Role.PLATFORM,),
        "it is received",
        within,
        counted,
        "Act 1",
        "do it",
        since,
        until=until,
        ends=ends,
        backwards=backwards,
    )


def brussels(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=BRUSSELS)


def answers(
    deadline: Deadline, start: str, *, zone: tzinfo = BRUSSELS, holidays: Holidays = BELGIUM
) -> tuple[str, str]:
    """Safe and latest as the clocks on the wall show them."""
    started_at = datetime.fromisoformat(start).replace(tzinfo=zone)
    found = due(deadline, started_at=started_at, zone=zone, holidays=holidays)
    return tuple(
        f"{at.astimezone(zone):%Y-%m-%d %H:%M:%S}" for at in (found.safe_at, found.latest_at)
    )  # type: ignore[return-value]


# ── hours ────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("start", "end"),
    [
        ("2026-03-27 10:00", "2026-03-30 11:00:00"),  # the night of 29 March has 23 hours
        ("2026-10-23 10:00", "2026-10-26 09:00:00"),  # the night of 25 October has 25
        ("2026-06-01 10:00", "2026-06-04 10:00:00"),
    ],
)
def test_72_hours_are_72_hours_whatever_the_clocks_do(start: str, end: str) -> None:
    clock = row(72 * HOUR, counted=Counted.CLOCK)

    assert answers(clock, start) == (end, end)


def test_an_hour_in_the_night_the_clocks_go_back_is_one_hour() -> None:
    first = datetime(2026, 10, 25, 2, 30, tzinfo=BRUSSELS)
    found = due(row(HOUR, counted=Counted.CLOCK), started_at=first, zone=BRUSSELS, holidays=NONE)

    assert found.safe_at == datetime(2026, 10, 25, 1, 30, tzinfo=UTC)
    assert f"{found.safe_at.astimezone(BRUSSELS):%H:%M}" == "02:30"


def test_by_the_regulation_the_hour_of_the_event_is_not_counted_but_safe_is_8_hours() -> None:
    assert answers(row(8 * HOUR), "2026-09-01 10:20") == (
        "2026-09-01 18:20:00",
        "2026-09-01 18:59:59",
    )


def test_hours_end_on_sundays_and_holidays_too() -> None:
    assert answers(row(8 * HOUR), "2026-12-25 10:00") == (
        "2026-12-25 18:00:00",
        "2026-12-25 18:59:59",
    )


# ── days ─────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("within", "start", "safe", "latest"),
    [
        # ten days end on 1 May, a Friday and a holiday: Monday
        (days(10), "2026-04-21 09:30", "2026-05-01 09:30:00", "2026-05-04 23:59:59"),
        # ten days end on Easter Monday, 6 April: Tuesday; the clocks moved in between
        (days(10), "2026-03-27 09:30", "2026-04-06 10:30:00", "2026-04-07 23:59:59"),
        # ten days end on Saturday 26 December: Monday
        (days(10), "2026-12-16 09:30", "2026-12-26 09:30:00", "2026-12-28 23:59:59"),
        # two days from Friday are Saturday and Sunday: extended to hold two working days
        (days(2), "2026-06-12 09:30", "2026-06-14 09:30:00", "2026-06-16 23:59:59"),
        # two days from Thursday before Easter: Friday counts (no holiday in Belgium), Saturday
        # does not, nor do Easter and Easter Monday: Tuesday
        (days(2), "2026-04-02 09:30", "2026-04-04 09:30:00", "2026-04-07 23:59:59"),
        # two days from Wednesday before Ascension and the long weekend: Friday, then Monday
        (days(2), "2026-05-13 09:30", "2026-05-15 09:30:00", "2026-05-18 23:59:59"),
        # one day may hold one working day only
        (days(1), "2026-06-12 09:30", "2026-06-13 09:30:00", "2026-06-15 23:59:59"),
        # one month from 31 January: February has no 31st; Saturday 28: Monday
        (months(1), "2026-01-31 09:30", "2026-02-28 23:59:59", "2026-03-02 23:59:59"),
        (months(1), "2028-01-31 09:30", "2028-02-29 23:59:59", "2028-02-29 23:59:59"),
        (months(1), "2026-01-15 09:30", "2026-02-15 09:30:00", "2026-02-16 23:59:59"),
        (months(13), "2026-11-30 09:30", "2027-12-30 09:30:00", "2027-12-30 23:59:59"),
        (years(1), "2028-02-29 09:30", "2029-02-28 23:59:59", "2029-02-28 23:59:59"),
        # weeks end on the weekday of the event (C-171/03): Thursday to Thursday
        (weeks(3), "1998-03-12 09:30", "1998-04-02 10:30:00", "1998-04-02 23:59:59"),
        # working days skip the weekend and 1 January
        (working_days(5), "2026-12-31 17:20", "2027-01-08 17:20:00", "2027-01-08 23:59:59"),
        # an event at the weekend: the first working day is Monday, whole
        (working_days(1), "2026-06-13 09:30", "2026-06-15 23:59:59", "2026-06-15 23:59:59"),
        # a set date does not move: 31 March 2029 is a Saturday
        (Through(3, 31), "2028-12-31 23:00", "2029-03-31 23:59:59", "2029-03-31 23:59:59"),
        (Through(2, 29), "2027-12-31 23:00", "2028-02-29 23:59:59", "2028-02-29 23:59:59"),
        (Through(2, 29), "2026-12-31 23:00", "2027-02-28 23:59:59", "2027-02-28 23:59:59"),
    ],
)
def test_days_counted_by_hand(within: Period | Through, start: str, safe: str, latest: str) -> None:
    holidays = NONE if start < "2024" else BELGIUM

    assert answers(row(within), start, holidays=holidays) == (safe, latest)


def test_the_day_of_the_event_is_the_day_at_the_place() -> None:
    late = datetime(2026, 6, 15, 22, 30, tzinfo=UTC)  # 00:30 of the 16th in Brussels
    found = {
        zone: due(row(days(2)), started_at=late, zone=read_zone(zone), holidays=NONE).latest_at
        for zone in ("Europe/Brussels", "Europe/Lisbon", "Atlantic/Azores")
    }

    assert found == {
        "Europe/Brussels": datetime(2026, 6, 18, 21, 59, 59, tzinfo=UTC),
        "Europe/Lisbon": datetime(2026, 6, 17, 22, 59, 59, tzinfo=UTC),
        "Atlantic/Azores": datetime(2026, 6, 17, 23, 59, 59, tzinfo=UTC),
    }


def test_a_day_without_midnight_still_ends() -> None:
    # 28 March 2026 in the Azores runs to 24:00, which the clocks show as 01:00 of the 29th.
    assert answers(
        row(days(1)), "2026-03-26 12:00", zone=read_zone("Atlantic/Azores"), holidays=NONE
    ) == ("2026-03-27 12:00:00", "2026-03-27 23:59:59")


@pytest.mark.parametrize(
    ("within", "start", "safe", "latest"),
    [
        # two working days before Tuesday 16 June reach back to Friday; clear: by Thursday
        (working_days(2), "2026-06-16 14:00", "2026-06-11 23:59:59", "2026-06-12 23:59:59"),
        # ten days before reach a Saturday, and do not move (art. 3(4) is not for these)
        (days(10), "2026-06-16 14:00", "2026-06-05 23:59:59", "2026-06-06 23:59:59"),
        # two days before a Monday hold no working day: back to Thursday (art. 3(5))
        (days(2), "2026-06-15 14:00", "2026-06-10 23:59:59", "2026-06-11 23:59:59"),
        (12 * HOUR, "2026-06-16 14:20", "2026-06-16 02:00:00", "2026-06-16 02:20:00"),
    ],
)
def test_counted_backwards(within: timedelta | Period, start: str, safe: str, latest: str) -> None:
    assert answers(row(within, backwards=True), start) == (safe, latest)


def test_what_may_not_be_done_before_is_safe_with_the_later_reading() -> None:
    keep = row(months(6), ends=Ends.NOT_BEFORE)

    assert answers(keep, "2026-01-31 09:30") == ("2026-07-31 23:59:59", "2026-07-31 23:59:59")
    assert answers(keep, "2026-02-15 09:30") == ("2026-08-17 23:59:59", "2026-08-17 23:59:59")


# ── why ──────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("deadline", "start", "because"),
    [
        (
            row(72 * HOUR, counted=Counted.CLOCK),
            "2026-03-27 10:00",
            "72 hours after 2026-03-27 10:00+01:00, counted as elapsed time (Act 1).",
        ),
        (
            row(days(10)),
            "2026-04-21 09:30",
            (
                "10 days after 2026-04-21 09:30+02:00, the day of the event not counted, end "
                "on 2026-05-01 (Act 1; Regulation 1182/71, art. 3); that is a public holiday, so "
                "at the latest 2026-05-04 (art. 3(4), 3(5)). Safe: 24 hours for each of these "
                "days, nothing added."
            ),
        ),
        (
            row(months(6), ends=Ends.NOT_BEFORE),
            "2026-02-15 09:30",
            (
                "6 months after 2026-02-15 09:30+01:00, the day of the event not counted, end on "
                "2026-08-15 (Act 1; Regulation 1182/71, art. 3); that is a public holiday, so "
                "at the latest 2026-08-17 (art. 3(4), 3(5)). Not before then, so the later "
                "reading is the safe one."
            ),
        ),
        (
            row(Through(2, 29)),
            "2026-12-31 12:00",
            "Act 1: before 1 March, a set date that does not move: 2027-02-28.",
        ),
    ],
)
def test_the_answer_says_why(deadline: Deadline, start: str, because: str) -> None:
    found = due(deadline, started_at=brussels(start), zone=BRUSSELS, holidays=BELGIUM)

    assert found.because == because


@pytest.mark.parametrize(
    ("within", "text"),
    [
        (HOUR, "1 hour"),
        (72 * HOUR, "72 hours"),
        (timedelta(minutes=90), "90 minutes"),
        (timedelta(hours=25, minutes=30), "1530 minutes"),
        (days(1), "1 day"),
        (working_days(5), "5 working days"),
        (Through(3, 31), "until 31 March"),
    ],
)
def test_a_period_is_said_in_words(within: timedelta | Period | Through, text: str) -> None:
    assert say(within) == text


# ── refused ──────────────────────────────────────────────────────────────────────────────


def test_a_moment_without_zone_is_refused() -> None:
    with pytest.raises(Unusable, match="has no time zone"):
        due(row(days(1)), started_at=datetime(2026, 1, 1), zone=BRUSSELS, holidays=NONE)  # noqa: DTZ001


def test_a_rule_says_nothing_of_what_started_before_or_after_it_was_in_force() -> None:
    old = row(days(1), since=date(2026, 1, 1), until=date(2026, 6, 30))
    new = row(days(2), since=date(2026, 7, 1))

    with pytest.raises(Refused) as refused:
        due(old, started_at=brussels("2026-07-01 00:00"), zone=BRUSSELS, holidays=NONE)

    assert str(refused.value) == (
        "act:do (Act 1) does not apply to what starts on 2026-07-01. "
        "Possible: what starts from 2026-01-01 until 2026-06-30"
    )
    assert in_force((old, new), "act:do", on=date(2026, 6, 30)) is old
    assert in_force((old, new), "act:do", on=date(2026, 7, 1)) is new
    with pytest.raises(Refused):
        in_force((old, new), "act:do", on=date(2025, 12, 31))
    with pytest.raises(NotFound):
        in_force((old, new), "act:undo", on=date(2026, 7, 1))


class Always:
    """A place that never works."""

    def __contains__(self, day: object) -> bool:
        return True


def test_holidays_without_end_are_refused_instead_of_searched_for_ever() -> None:
    for deadline in (row(days(3)), row(working_days(3)), row(days(3), backwards=True)):
        with pytest.raises(Unusable, match="no working day within 60 days"):
            due(deadline, started_at=brussels("2026-06-12 09:30"), zone=BRUSSELS, holidays=Always())


@pytest.mark.parametrize("year", [1, 1899, 2901, 9999])
def test_a_year_far_away_is_refused(year: int) -> None:
    start = datetime(year, 12, 31, 12, tzinfo=UTC)
    ancient = row(days(10), since=date.min)

    with pytest.raises(Unusable, match="is no year that deadlines are counted in"):
        due(ancient, started_at=start, zone=BRUSSELS, holidays=NONE)


def test_a_row_that_cannot_be_counted_cannot_be_written() -> None:
    for wrong in (
        lambda: days(0),
        lambda: Period(-1, Unit.MONTH),
        lambda: years(1001),
        lambda: row(timedelta()),
        lambda: row(timedelta.max),
        lambda: row(days(1), counted=Counted.CLOCK),
        lambda: row(Through(3, 31), backwards=True),
        lambda: row(days(1), backwards=True, ends=Ends.NOT_BEFORE),
    ):
        with pytest.raises(Unusable):
            wrong()


# ── reminders ────────────────────────────────────────────────────────────────────────────


def test_reminders_go_to_who_owes_it_and_escalations_to_others_from_the_safe_date() -> None:
    deadline = Deadline(
        "act:do",
        (Role.PLATFORM, Role.ISP),
        "it is received",
        HOUR,
        Counted.CLOCK,
        "Act 1",
        "do it",
        date(2026, 1, 1),
        reminders=(timedelta(minutes=15), timedelta(minutes=30)),
        escalations=(
            Escalation(timedelta(minutes=5), Role.HOST),
            Escalation(timedelta(minutes=-20), Role.AUTHORITY),
        ),
    )
    at = datetime(2026, 6, 12, 12, tzinfo=UTC)

    assert alarms(deadline, Due(at, at, "")) == (
        Alarm(
            datetime(2026, 6, 12, 11, 30, tzinfo=UTC),
            (Role.PLATFORM, Role.ISP),
            is_escalation=False,
        ),
        Alarm(datetime(2026, 6, 12, 11, 40, tzinfo=UTC), (Role.AUTHORITY,), is_escalation=True),
        Alarm(
            datetime(2026, 6, 12, 11, 45, tzinfo=UTC),
            (Role.PLATFORM, Role.ISP),
            is_escalation=False,
        ),
        Alarm(datetime(2026, 6, 12, 12, 5, tzinfo=UTC), (Role.HOST,), is_escalation=True),
    )


# ── for any day ──────────────────────────────────────────────────────────────────────────

ZONES = st.sampled_from(["Europe/Brussels", "Europe/Lisbon", "Atlantic/Azores"]).map(read_zone)
COUNTED_IN_DAYS = st.one_of(
    st.builds(Period, st.integers(1, 40), st.sampled_from(list(Unit))),
    st.builds(Period, st.integers(1, 3), st.sampled_from(list(Unit))),
)
SPANS = st.integers(1, 200).map(lambda hours: hours * HOUR)
# Half of the moments lie within days of a change of the clocks.
CHANGES = st.sampled_from(
    [datetime(2026, 3, 29, 1, tzinfo=UTC), datetime(2026, 10, 25, 1, tzinfo=UTC)]
)
MOMENTS = st.one_of(
    st.datetimes(datetime(2024, 1, 1), datetime(2032, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001
    st.builds(
        lambda change, off: change + timedelta(minutes=off), CHANGES, st.integers(-9999, 9999)
    ),
)
FREE_DAYS = st.frozensets(st.dates(date(2026, 3, 1), date(2026, 4, 30)), max_size=20)
HOLIDAYS = st.one_of(st.sampled_from(["BE", "BG", "PT"]).map(PublicHolidays), FREE_DAYS)
ANY = {"within": COUNTED_IN_DAYS, "start": MOMENTS, "zone": ZONES, "holidays": HOLIDAYS}


@given(**ANY)
@FIXED
def test_a_period_in_days_never_ends_on_a_free_day_and_holds_two_working_days(
    within: Period, start: datetime, zone: tzinfo, holidays: Holidays
) -> None:
    found = due(row(within), started_at=start, zone=zone, holidays=holidays)
    event = start.astimezone(zone).date()
    last = found.latest_at.astimezone(zone).date()
    worked = [
        event + timedelta(days=n)
        for n in range(1, (last - event).days + 1)
        if is_working_day(event + timedelta(days=n), holidays)
    ]

    assert is_working_day(last, holidays)
    assert found.latest_at == day_ends(last, zone)
    assert start <= found.safe_at <= found.latest_at
    assert len(worked) >= (1 if within.number == 1 and within.unit in ("day", "working day") else 2)
    if within.unit == "working day":
        assert worked[-1] == last
        assert len(worked) == within.number


@given(later=st.timedeltas(timedelta(), timedelta(days=40)), **ANY)
@FIXED
def test_what_starts_later_is_never_due_earlier(
    within: Period, start: datetime, zone: tzinfo, holidays: Holidays, later: timedelta
) -> None:
    one = due(row(within), started_at=start, zone=zone, holidays=holidays)
    other = due(row(within), started_at=start + later, zone=zone, holidays=holidays)

    assert one.safe_at <= other.safe_at
    assert one.latest_at <= other.latest_at


@given(within=st.one_of(COUNTED_IN_DAYS, SPANS), start=MOMENTS, zone=ZONES, holidays=FREE_DAYS)
@FIXED
def test_counted_backwards_it_is_due_before_and_safe_is_not_later(
    within: Period | timedelta, start: datetime, zone: tzinfo, holidays: Holidays
) -> None:
    found = due(row(within, backwards=True), started_at=start, zone=zone, holidays=holidays)

    assert found.safe_at <= found.latest_at < start


@given(within=SPANS, start=MOMENTS, zone=ZONES)
@FIXED
def test_hours_are_elapsed_hours_in_every_zone(
    within: timedelta, start: datetime, zone: tzinfo
) -> None:
    clock = due(row(within, counted=Counted.CLOCK), started_at=start, zone=zone, holidays=NONE)
    regulation = due(row(within), started_at=start, zone=zone, holidays=NONE)

    assert clock.safe_at == clock.latest_at == start + within
    assert regulation.safe_at in (start + within, regulation.latest_at)
    assert timedelta() <= regulation.latest_at - regulation.safe_at < HOUR
    assert (regulation.latest_at + timedelta(seconds=1)).minute == 0


@given(within=st.one_of(COUNTED_IN_DAYS, SPANS), start=MOMENTS, zone=ZONES, holidays=HOLIDAYS)
@FIXED
def test_the_same_moment_has_the_same_answer_however_it_is_written(
    within: Period | timedelta, start: datetime, zone: tzinfo, holidays: Holidays
) -> None:
    elsewhere = start.astimezone(read_zone("Asia/Kolkata"))

    assert due(row(within), started_at=elsewhere, zone=zone, holidays=holidays) == due(
        row(within), started_at=start, zone=zone, holidays=holidays
    )
