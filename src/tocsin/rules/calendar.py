"""Public holidays of the member states, as data: fixed days, days by Easter, days by weekday.

For periods by Regulation 1182/71, whose art. 2(1) means the holidays that the state (or the
institution) where the act is to be done has designated as such. National law was not read for
any row, so every row is (unverified); the days were compared with the list that the library
python-holidays 0.109 publishes, for every year from 2024 to 2035, and `note` says where the two
differ. In doubt a day is left out: then a deadline is shown too early, never too late. Holidays
of regions and towns, and days off that a yearly decree names, are added per installation.
"""

from calendar import FRIDAY, MONDAY, SATURDAY, SUNDAY
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from functools import cache

from tocsin.rules.feasts import (
    ALL_SAINTS,
    ARMISTICE,
    ASCENSION,
    ASSUMPTION,
    CHRISTMAS,
    CLEAN_MONDAY,
    CONCEPTION,
    CORPUS_CHRISTI,
    EAST_EASTER,
    EAST_FRIDAY,
    EAST_MONDAY,
    EAST_PENTECOST,
    EAST_WHIT_MONDAY,
    EASTER,
    EASTER_MONDAY,
    EPIPHANY,
    EVE,
    FIRST_YEAR,
    GOOD_FRIDAY,
    LAST_YEAR,
    MAUNDY,
    MAY_DAY,
    MIDSUMMER,
    NEW_YEAR,
    PENTECOST,
    SAINTS_SATURDAY,
    SECOND,
    VICTORY,
    WHIT_MONDAY,
    Easter,
    Fixed,
    OnOrAfter,
    Rule,
)
from tocsin.words.errors import NotFound, Unusable
from tocsin.words.moments import DAY


@dataclass(frozen=True)
class Country:
    """One state: the zone of its capital, its holidays, where they come from, what to know."""

    code: str
    zone: str
    rules: tuple[Rule, ...]
    note: str = ""
    source: str = "national law (unverified); compared with python-holidays 0.109"


_DECREE = "Days off that a yearly decree moves are not on file: add them."
_REGIONS = "Holidays of regions or towns are not on file: add them."

# A table reads best in lines of its own.
# fmt: off
COUNTRIES: tuple[Country, ...] = (
    Country(
        "AT", "Europe/Vienna",
        (NEW_YEAR, EPIPHANY, EASTER_MONDAY, MAY_DAY, ASCENSION, WHIT_MONDAY, CORPUS_CHRISTI,
         ASSUMPTION, Fixed("National Day", 10, 26), ALL_SAINTS, CONCEPTION, CHRISTMAS, SECOND),
    ),
    Country(
        "BE", "Europe/Brussels",
        (NEW_YEAR, EASTER, EASTER_MONDAY, MAY_DAY, ASCENSION, PENTECOST, WHIT_MONDAY,
         Fixed("National Day", 7, 21), ASSUMPTION, ALL_SAINTS, ARMISTICE, CHRISTMAS),
    ),
    Country(
        "BG", "Europe/Sofia",
        (Fixed("New Year", 1, 1, follows=True), Fixed("Liberation", 3, 3, follows=True),
         EAST_FRIDAY, Easter("Holy Saturday", -1, eastern=True), EAST_EASTER, EAST_MONDAY,
         Fixed("1 May", 5, 1, follows=True), Fixed("Saint George", 5, 6, follows=True),
         Fixed("Culture and Script", 5, 24, follows=True),
         Fixed("Unification", 9, 6, follows=True), Fixed("Independence", 9, 22, follows=True),
         Fixed("Christmas Eve", 12, 24, follows=True),
         Fixed("Christmas", 12, 25, follows=True), Fixed("26 December", 12, 26, follows=True)),
        _DECREE,
    ),
    Country(
        "CY", "Asia/Nicosia",
        (NEW_YEAR, EPIPHANY, CLEAN_MONDAY, Fixed("25 March", 3, 25), Fixed("1 April", 4, 1),
         EAST_FRIDAY, EAST_EASTER, EAST_MONDAY, MAY_DAY, EAST_WHIT_MONDAY, ASSUMPTION,
         Fixed("Independence", 10, 1), Fixed("Ohi", 10, 28), CHRISTMAS, SECOND),
    ),
    Country(
        "CZ", "Europe/Prague",
        (NEW_YEAR, GOOD_FRIDAY, EASTER_MONDAY, MAY_DAY, VICTORY,
         Fixed("Cyril and Methodius", 7, 5), Fixed("Jan Hus", 7, 6),
         Fixed("Statehood", 9, 28), Fixed("28 October", 10, 28), Fixed("17 November", 11, 17),
         EVE, CHRISTMAS, SECOND),
    ),
    Country(
        "DE", "Europe/Berlin",
        (NEW_YEAR, GOOD_FRIDAY, EASTER_MONDAY, MAY_DAY, ASCENSION, WHIT_MONDAY,
         Fixed("German Unity", 10, 3), CHRISTMAS, SECOND),
        _REGIONS,
    ),
    Country(
        "DK", "Europe/Copenhagen",
        (NEW_YEAR, MAUNDY, GOOD_FRIDAY, EASTER, EASTER_MONDAY, ASCENSION, PENTECOST,
         WHIT_MONDAY, CHRISTMAS, SECOND),
    ),
    Country(
        "EE", "Europe/Tallinn",
        (NEW_YEAR, Fixed("Independence", 2, 24), GOOD_FRIDAY, EASTER, MAY_DAY, PENTECOST,
         Fixed("Victory", 6, 23), Fixed("Midsummer", 6, 24), Fixed("20 August", 8, 20), EVE,
         CHRISTMAS, SECOND),
    ),
    Country(
        "ES", "Europe/Madrid",
        (NEW_YEAR, GOOD_FRIDAY, MAY_DAY, ASSUMPTION, Fixed("National Day", 10, 12),
         ALL_SAINTS, Fixed("Constitution", 12, 6), CONCEPTION, CHRISTMAS),
        f"{_REGIONS} Epiphany is left out: the autonomous communities may replace it.",
    ),
    Country(
        "FI", "Europe/Helsinki",
        (NEW_YEAR, EPIPHANY, GOOD_FRIDAY, EASTER, EASTER_MONDAY, MAY_DAY, ASCENSION,
         PENTECOST, MIDSUMMER, SAINTS_SATURDAY, Fixed("Independence", 12, 6), CHRISTMAS, SECOND),
        "The eves of Midsummer and Christmas are left out: days off by agreement.",
    ),
    Country(
        "FR", "Europe/Paris",
        (NEW_YEAR, EASTER_MONDAY, MAY_DAY, VICTORY, ASCENSION, WHIT_MONDAY,
         Fixed("National Day", 7, 14), ASSUMPTION, ALL_SAINTS, ARMISTICE, CHRISTMAS),
        _REGIONS,
    ),
    Country(
        "GR", "Europe/Athens",
        (NEW_YEAR, EPIPHANY, CLEAN_MONDAY, Fixed("25 March", 3, 25), EAST_FRIDAY, EAST_MONDAY,
         EAST_WHIT_MONDAY, ASSUMPTION, Fixed("Ohi", 10, 28), CHRISTMAS, SECOND,
         Fixed("1 May", 5, 1, since=2025)),
        "In Holy Week 1 May is moved by decree (as in 2024): correct it then.",
    ),
    Country(
        "HR", "Europe/Zagreb",
        (NEW_YEAR, EPIPHANY, EASTER, EASTER_MONDAY, MAY_DAY, Fixed("Statehood", 5, 30),
         CORPUS_CHRISTI, Fixed("Anti-Fascist Struggle", 6, 22), Fixed("Victory", 8, 5),
         ASSUMPTION, ALL_SAINTS, Fixed("Remembrance", 11, 18), CHRISTMAS, SECOND),
    ),
    Country(
        "HU", "Europe/Budapest",
        (NEW_YEAR, Fixed("15 March", 3, 15), GOOD_FRIDAY, EASTER, EASTER_MONDAY, MAY_DAY,
         PENTECOST, WHIT_MONDAY, Fixed("State Foundation", 8, 20),
         Fixed("23 October", 10, 23), ALL_SAINTS, CHRISTMAS, SECOND),
        f"{_DECREE} Christmas Eve is left out.",
    ),
    Country(
        "IE", "Europe/Dublin",
        (NEW_YEAR, OnOrAfter("Saint Brigid", 2, 1, MONDAY, unless=FRIDAY),
         Fixed("Saint Patrick", 3, 17), EASTER_MONDAY, OnOrAfter("May", 5, 1, MONDAY),
         OnOrAfter("June", 6, 1, MONDAY), OnOrAfter("August", 8, 1, MONDAY),
         OnOrAfter("October", 10, 25, MONDAY), CHRISTMAS, SECOND),
    ),
    Country(
        "IT", "Europe/Rome",
        (NEW_YEAR, EPIPHANY, EASTER, EASTER_MONDAY, Fixed("Liberation", 4, 25), MAY_DAY,
         Fixed("Republic", 6, 2), ASSUMPTION, Fixed("Saint Francis", 10, 4, since=2026),
         ALL_SAINTS, CONCEPTION, CHRISTMAS, SECOND),
    ),
    Country(
        "LT", "Europe/Vilnius",
        (NEW_YEAR, Fixed("16 February", 2, 16), Fixed("11 March", 3, 11), EASTER,
         EASTER_MONDAY, MAY_DAY, Fixed("Saint John", 6, 24), Fixed("Statehood", 7, 6),
         ASSUMPTION, ALL_SAINTS, Fixed("All Souls", 11, 2), EVE, CHRISTMAS, SECOND),
    ),
    Country(
        "LU", "Europe/Luxembourg",
        (NEW_YEAR, EASTER_MONDAY, MAY_DAY, Fixed("Europe Day", 5, 9), ASCENSION, WHIT_MONDAY,
         Fixed("National Day", 6, 23), ASSUMPTION, ALL_SAINTS, CHRISTMAS, SECOND),
    ),
    Country(
        "LV", "Europe/Riga",
        (NEW_YEAR, GOOD_FRIDAY, EASTER, EASTER_MONDAY, MAY_DAY,
         Fixed("Restoration", 5, 4, follows=True), PENTECOST, Fixed("Ligo", 6, 23),
         Fixed("Midsummer", 6, 24), Fixed("Proclamation", 11, 18, follows=True), EVE,
         CHRISTMAS, SECOND, Fixed("New Year's Eve", 12, 31)),
        _DECREE,
    ),
    Country(
        "MT", "Europe/Malta",
        (NEW_YEAR, Fixed("Saint Paul", 2, 10), Fixed("Saint Joseph", 3, 19),
         Fixed("Freedom", 3, 31), GOOD_FRIDAY, MAY_DAY, Fixed("7 June", 6, 7),
         Fixed("Peter and Paul", 6, 29), ASSUMPTION, Fixed("Our Lady of Victories", 9, 8),
         Fixed("Independence", 9, 21), CONCEPTION, Fixed("Republic", 12, 13), CHRISTMAS),
    ),
    Country(
        "NL", "Europe/Amsterdam",
        (NEW_YEAR, EASTER, EASTER_MONDAY, Fixed("King's Day", 4, 27, sunday=-1), ASCENSION,
         PENTECOST, WHIT_MONDAY, CHRISTMAS, SECOND),
        "Good Friday and 5 May are left out.",
    ),
    Country(
        "PL", "Europe/Warsaw",
        (NEW_YEAR, EPIPHANY, EASTER, EASTER_MONDAY, MAY_DAY, Fixed("3 May", 5, 3), PENTECOST,
         CORPUS_CHRISTI, ASSUMPTION, ALL_SAINTS, ARMISTICE,
         Fixed("Christmas Eve", 12, 24, since=2025), CHRISTMAS, SECOND),
    ),
    Country(
        "PT", "Europe/Lisbon",
        (NEW_YEAR, GOOD_FRIDAY, EASTER, Fixed("Freedom", 4, 25), MAY_DAY, CORPUS_CHRISTI,
         Fixed("Portugal Day", 6, 10), ASSUMPTION, Fixed("Republic", 10, 5), ALL_SAINTS,
         Fixed("Independence", 12, 1), CONCEPTION, CHRISTMAS),
        f"{_REGIONS} The Azores have the zone Atlantic/Azores, Madeira Atlantic/Madeira.",
    ),
    Country(
        "RO", "Europe/Bucharest",
        (NEW_YEAR, Fixed("2 January", 1, 2), EPIPHANY, Fixed("Saint John", 1, 7),
         Fixed("Unification", 1, 24), EAST_FRIDAY, EAST_EASTER, EAST_MONDAY, MAY_DAY,
         Fixed("Children", 6, 1), EAST_PENTECOST, EAST_WHIT_MONDAY, ASSUMPTION,
         Fixed("Saint Andrew", 11, 30), Fixed("National Day", 12, 1), CHRISTMAS, SECOND),
    ),
    Country(
        "SE", "Europe/Stockholm",
        (NEW_YEAR, EPIPHANY, GOOD_FRIDAY, EASTER, EASTER_MONDAY, MAY_DAY, ASCENSION,
         PENTECOST, Fixed("National Day", 6, 6), MIDSUMMER, SAINTS_SATURDAY, CHRISTMAS, SECOND),
        "The eves of Midsummer, Christmas and New Year are left out.",
    ),
    Country(
        "SI", "Europe/Ljubljana",
        (NEW_YEAR, Fixed("2 January", 1, 2), Fixed("Culture", 2, 8), EASTER, EASTER_MONDAY,
         Fixed("Uprising", 4, 27), MAY_DAY, Fixed("2 May", 5, 2), PENTECOST,
         Fixed("Statehood", 6, 25), ASSUMPTION, Fixed("Reformation", 10, 31), ALL_SAINTS,
         CHRISTMAS, SECOND),
    ),
    Country(
        "SK", "Europe/Bratislava",
        (NEW_YEAR, EPIPHANY, GOOD_FRIDAY, EASTER_MONDAY, MAY_DAY,
         Fixed("8 May", 5, 8, until=2025), Fixed("Cyril and Methodius", 7, 5),
         Fixed("29 August", 8, 29), Fixed("15 September", 9, 15, until=2025), ALL_SAINTS,
         Fixed("17 November", 11, 17, until=2024), EVE, CHRISTMAS, SECOND),
        "8 May and 15 September are left out from 2026: a law on savings suspends them.",
    ),
)
# fmt: on

_BY_CODE = {country.code: country for country in COUNTRIES}


def country(code: str) -> Country:
    """The row of a state; raises `NotFound`."""
    if code not in _BY_CODE:
        raise NotFound(
            f"no public holidays of {code!r} are on file. Possible: {', '.join(_BY_CODE)}"
        )
    return _BY_CODE[code]


@cache
def holidays(code: str, year: int) -> frozenset[date]:
    """The public holidays of a state in a year; raises `NotFound`, `Unusable`."""
    rules = [rule for rule in country(code).rules if rule.since <= year <= rule.until]
    if not FIRST_YEAR <= year <= LAST_YEAR:
        raise Unusable(
            f"public holidays are on file for {FIRST_YEAR} to {LAST_YEAR}, not for {year}"
        )
    found = {rule.on(year) for rule in rules}
    for moving in sorted(rule.on(year) for rule in rules if rule.follows):
        if moving.weekday() in (SATURDAY, SUNDAY):
            found.add(_next_free(moving, found))
    return frozenset(found)


def merge(
    days: Iterable[date], *, added: Iterable[date] = (), removed: Iterable[date] = ()
) -> frozenset[date]:
    """The days with some more and some less; raises `Unusable` for a day that is both."""
    more, less = frozenset(added), frozenset(removed)
    if both := sorted(more & less):
        raise Unusable(f"{both[0]} cannot be added to the holidays and removed from them")
    return (frozenset(days) | more) - less


@dataclass(frozen=True)
class PublicHolidays:
    """All holidays of a place, whatever the year: what `due` asks. Raises as `holidays` does."""

    code: str
    added: frozenset[date] = frozenset()
    removed: frozenset[date] = frozenset()

    def __post_init__(self) -> None:
        country(self.code)
        merge((), added=self.added, removed=self.removed)

    def __contains__(self, day: object) -> bool:
        if not isinstance(day, date):
            return False
        if day in self.added or day in self.removed:
            return day in self.added
        return day in holidays(self.code, day.year)


def _next_free(day: date, taken: set[date]) -> date:
    """The first day after it that is neither Saturday nor Sunday nor taken."""
    while day.weekday() in (SATURDAY, SUNDAY) or day in taken:
        day += DAY
    return day
