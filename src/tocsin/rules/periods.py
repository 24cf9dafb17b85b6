"""Periods in days, working days, weeks, months and years, as Regulation 1182/71 counts them.

Source: Council Regulation (EEC, Euratom) No 1182/71, art. 2 and 3, and the Court's judgment in
C-171/03 (Toeters): the day of the event is not counted, and weeks, months and years end on the
same weekday or date as that day. Read in excerpts and summaries, not in the Official Journal, so
the product calls it (unverified).
"""

from calendar import monthrange
from collections.abc import Container
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from itertools import islice

from tocsin.words.errors import Unusable
from tocsin.words.moments import DAY

Holidays = Container[date]

FORWARDS, BACKWARDS = 1, -1
_SATURDAY = 5
_LONGEST_STOP = 60  # no state rests longer; more means that the holidays passed in are wrong


def is_working_day(day: date, holidays: Holidays) -> bool:
    """Neither Saturday nor Sunday nor a public holiday (art. 2(2))."""
    return day.weekday() < _SATURDAY and day not in holidays


def working_day_from(day: date, holidays: Holidays, step: int = FORWARDS) -> date:
    """The day itself where it is a working day, or else the next one; raises `Unusable`."""
    for away in range(_LONGEST_STOP + 1):
        found = day + step * away * DAY
        if is_working_day(found, holidays):
            return found
    raise Unusable(
        f"there is no working day within {_LONGEST_STOP} days of {day}. "
        "Possible: correct the holidays of this place"
    )


def with_two_working_days(event: date, last: date, holidays: Holidays, step: int) -> date:
    """The last day, moved on until the period holds two working days (art. 3(5))."""
    days_between = (event + step * n * DAY for n in range(1, abs((last - event).days) + 1))
    held = len(list(islice((day for day in days_between if is_working_day(day, holidays)), 2)))
    for _ in range(2 - held):
        last = working_day_from(last + step * DAY, holidays, step)
    return last


class Unit(StrEnum):
    """What a period is counted in, hours apart."""

    DAY = "day"
    WORKING_DAY = "working day"
    WEEK = "week"
    MONTH = "month"
    YEAR = "year"


@dataclass(frozen=True)
class Period:
    """So many days, working days, weeks, months or years."""

    number: int
    unit: Unit

    def __post_init__(self) -> None:
        if not 1 <= self.number <= 1000:
            raise Unusable(f"a period has 1 to 1000 {self.unit}s, not {self.number}")

    def __str__(self) -> str:
        return f"{self.number} {self.unit}{'s' * (self.number != 1)}"


@dataclass(frozen=True)
class Through:
    """A date that comes back every year: the period ends with its last hour (art. 5(1)).

    29 February means the last day of that month.
    """

    month: int
    day: int

    def __str__(self) -> str:
        if (self.month, self.day) == (2, 29):
            return "before 1 March"
        return f"until {self.day} {_MONTHS[self.month - 1]}"


_MONTHS = (
    "January February March April May June July August September October November December"
).split()


def days(number: int) -> Period:
    """Calendar days: Saturdays, Sundays and holidays count (art. 3(3))."""
    return Period(number, Unit.DAY)


def working_days(number: int) -> Period:
    """Days that are neither Saturday nor Sunday nor a public holiday."""
    return Period(number, Unit.WORKING_DAY)


def weeks(number: int) -> Period:
    """They end on the weekday of the event (art. 3(2)(c))."""
    return Period(number, Unit.WEEK)


def months(number: int) -> Period:
    """They end on the date of the event, or with a shorter month (art. 3(2)(c))."""
    return Period(number, Unit.MONTH)


def years(number: int) -> Period:
    """They end on the date of the event, or on 28 February (art. 3(2)(c))."""
    return Period(number, Unit.YEAR)


def last_day(
    within: Period | Through, event: date, holidays: Holidays, step: int = FORWARDS
) -> date:
    """The day a period ends on before any extension; backwards, the day it reaches back to."""
    if isinstance(within, Through):
        return _next_date(within, event)
    count = step * within.number
    match within.unit:
        case Unit.DAY:
            return event + count * DAY
        case Unit.WEEK:
            return event + count * 7 * DAY
        case Unit.WORKING_DAY:
            return _nth_working_day(within.number, event, holidays, step)
        case Unit.MONTH:
            return _same_date(event, count)
        case Unit.YEAR:
            return _same_date(event, 12 * count)


def takes_whole_day(within: Period | Through, event: date, holidays: Holidays) -> bool:
    """True where no time of the event's day can be carried over to the last day.

    A month may lack the date; working days after a holiday begin with a day, not with an hour.
    """
    if isinstance(within, Through):
        return True
    if within.unit is Unit.WORKING_DAY:
        return not is_working_day(event, holidays)
    in_months = within.unit in (Unit.MONTH, Unit.YEAR)
    return in_months and last_day(within, event, holidays).day != event.day


def counts_two_days(within: Period | Through) -> bool:
    """True for a period of two days or more, which art. 3(5) gives two working days."""
    return isinstance(within, Period) and (
        within.number >= 2 or within.unit not in (Unit.DAY, Unit.WORKING_DAY)
    )


def _nth_working_day(number: int, event: date, holidays: Holidays, step: int) -> date:
    day = event
    for _ in range(number):
        day = working_day_from(day + step * DAY, holidays, step)
    return day


def _same_date(event: date, count: int) -> date:
    year, month = divmod(event.year * 12 + event.month - 1 + count, 12)
    return date(year, month + 1, min(event.day, monthrange(year, month + 1)[1]))


def _next_date(through: Through, event: date) -> date:
    for year in (event.year, event.year + 1):
        end = date(year, through.month, min(through.day, monthrange(year, through.month)[1]))
        if end > event:
            return end
    raise AssertionError("a date of next year lies after every day of this one")
