"""Days that come back every year: on a date, by Easter, on the first such weekday after a date.

The computations of Easter are those of the Gregorian and of the Julian calendar; a test holds
them against dates of known years.
"""

from calendar import SATURDAY, SUNDAY
from dataclasses import dataclass
from datetime import date

from tocsin.words.moments import DAY

FIRST_YEAR, LAST_YEAR = 2024, 2099
_JULIAN_BEHIND = 13 * DAY  # from 1900 to 2099


@dataclass(frozen=True)
class Fixed:
    """The same date every year, in the years `since` to `until`.

    `sunday` is where it goes when it falls on a Sunday; with `follows` the next working day
    after a Saturday or Sunday is free as well.
    """

    name: str
    month: int
    day: int
    since: int = FIRST_YEAR
    until: int = LAST_YEAR
    sunday: int = 0
    follows: bool = False

    def on(self, year: int) -> date:
        """The day of a year."""
        day = date(year, self.month, self.day)
        return day + self.sunday * DAY if day.weekday() == SUNDAY else day


@dataclass(frozen=True)
class Easter:
    """So many days from Easter Sunday, the Gregorian one or the Julian (`eastern`)."""

    name: str
    offset: int
    eastern: bool = False
    since: int = FIRST_YEAR
    until: int = LAST_YEAR
    follows: bool = False

    def on(self, year: int) -> date:
        """The day of a year."""
        return (julian_easter if self.eastern else gregorian_easter)(year) + self.offset * DAY


@dataclass(frozen=True)
class OnOrAfter:
    """The first such weekday from a date on; `unless` the date itself is another weekday."""

    name: str
    month: int
    day: int
    weekday: int
    unless: int | None = None
    since: int = FIRST_YEAR
    until: int = LAST_YEAR
    follows: bool = False

    def on(self, year: int) -> date:
        """The day of a year."""
        day = date(year, self.month, self.day)
        if day.weekday() == self.unless:
            return day
        return day + (self.weekday - day.weekday()) % 7 * DAY


Rule = Fixed | Easter | OnOrAfter


def gregorian_easter(year: int) -> date:
    """Easter Sunday of the western churches (the anonymous Gregorian computus)."""
    golden, century, rest = year % 19, year // 100, year % 100
    correction = (8 * century + 13) // 25
    epact = (19 * golden + century - century // 4 - correction + 15) % 30
    weekday = (32 + 2 * (century % 4) + 2 * (rest // 4) - epact - rest % 4) % 7
    late = (golden + 11 * epact + 22 * weekday) // 451
    month, day = divmod(epact + weekday - 7 * late + 114, 31)
    return date(year, month, day + 1)


def julian_easter(year: int) -> date:
    """Easter Sunday of the eastern churches, as a Gregorian date (13 days apart until 2099)."""
    moon = (19 * (year % 19) + 15) % 30
    weekday = (2 * (year % 4) + 4 * (year % 7) - moon + 34) % 7
    month, day = divmod(moon + weekday + 114, 31)
    return date(year, month, day + 1) + _JULIAN_BEHIND


NEW_YEAR = Fixed("New Year", 1, 1)
EPIPHANY = Fixed("Epiphany", 1, 6)
MAY_DAY = Fixed("1 May", 5, 1)
VICTORY = Fixed("8 May", 5, 8)
ASSUMPTION = Fixed("Assumption", 8, 15)
ALL_SAINTS = Fixed("All Saints", 11, 1)
ARMISTICE = Fixed("11 November", 11, 11)
CONCEPTION = Fixed("Immaculate Conception", 12, 8)
EVE = Fixed("Christmas Eve", 12, 24)
CHRISTMAS = Fixed("Christmas", 12, 25)
SECOND = Fixed("26 December", 12, 26)
MAUNDY = Easter("Maundy Thursday", -3)
GOOD_FRIDAY = Easter("Good Friday", -2)
EASTER = Easter("Easter", 0)
EASTER_MONDAY = Easter("Easter Monday", 1)
ASCENSION = Easter("Ascension", 39)
PENTECOST = Easter("Pentecost", 49)
WHIT_MONDAY = Easter("Whit Monday", 50)
CORPUS_CHRISTI = Easter("Corpus Christi", 60)
CLEAN_MONDAY = Easter("Clean Monday", -48, eastern=True)
EAST_FRIDAY = Easter("Good Friday", -2, eastern=True)
EAST_EASTER = Easter("Easter", 0, eastern=True)
EAST_MONDAY = Easter("Easter Monday", 1, eastern=True)
EAST_PENTECOST = Easter("Pentecost", 49, eastern=True)
EAST_WHIT_MONDAY = Easter("Whit Monday", 50, eastern=True)
MIDSUMMER = OnOrAfter("Midsummer", 6, 20, SATURDAY)
SAINTS_SATURDAY = OnOrAfter("All Saints", 10, 31, SATURDAY)
