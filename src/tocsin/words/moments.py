"""Moments are aware and UTC; the clock is always passed in."""

from datetime import UTC, date, datetime, time, timedelta, tzinfo
from zoneinfo import ZoneInfo

from tocsin.words.errors import Unusable

DAY = timedelta(days=1)


def as_utc(moment: datetime) -> datetime:
    """The same moment in UTC; a moment without a zone is refused (`Unusable`)."""
    if moment.tzinfo is None:
        raise Unusable(f"{moment.isoformat()} has no time zone. Possible: add Z or +00:00")
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        raise Unusable(f"{moment.isoformat()} lies outside of all dates") from None


def read_moment(text: str) -> datetime:
    """ISO 8601 text with a zone to a UTC moment; raises `Unusable`."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise Unusable(f"{text!r} is no ISO 8601 moment, such as 2026-06-17T09:00:00Z") from None
    return as_utc(moment)


def read_zone(name: str) -> ZoneInfo:
    """`Europe/Brussels` to a time zone; raises `Unusable`."""
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise Unusable(
            f"{name!r} is no time zone known here. Possible: a name such as Europe/Brussels; where "
            "that is unknown too, this machine lacks the time zone database (package tzdata)"
        ) from None


def day_starts(day: date, zone: tzinfo) -> datetime:
    """The UTC moment a day begins at a place, also where its midnight is skipped or comes twice."""
    return datetime.combine(day, time(), zone).astimezone(UTC)


def day_ends(day: date, zone: tzinfo) -> datetime:
    """The last whole second of a day at a place, in UTC: what is done by then is done that day."""
    return day_starts(day + DAY, zone) - timedelta(seconds=1)


def iso(moment: datetime) -> str:
    """`2026-06-17T09:00:00Z`: whole seconds, UTC."""
    return as_utc(moment).strftime("%Y-%m-%dT%H:%M:%SZ")


def stamp(moment: datetime) -> str:
    """`20260617T090000Z`: a moment that can stand in a file name."""
    return as_utc(moment).strftime("%Y%m%dT%H%M%SZ")
