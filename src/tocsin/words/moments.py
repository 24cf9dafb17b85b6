"""Moments are aware and UTC; the clock is always passed in."""

from datetime import UTC, datetime, timedelta

from tocsin.words.errors import Unusable

DAY = timedelta(days=1)


def as_utc(moment: datetime) -> datetime:
    """The same moment in UTC; a moment without a zone is refused (`Unusable`)."""
    if moment.tzinfo is None:
        raise Unusable(f"{moment.isoformat()} has no time zone. Possible: add Z or +00:00")
    return moment.astimezone(UTC)


def read_moment(text: str) -> datetime:
    """ISO 8601 text with a zone to a UTC moment; raises `Unusable`."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise Unusable(f"{text!r} is no ISO 8601 moment, such as 2026-06-17T09:00:00Z") from None
    return as_utc(moment)


def iso(moment: datetime) -> str:
    """`2026-06-17T09:00:00Z`: whole seconds, UTC."""
    return as_utc(moment).strftime("%Y-%m-%dT%H:%M:%SZ")


def stamp(moment: datetime) -> str:
    """`20260617T090000Z`: a moment that can stand in a file name."""
    return as_utc(moment).strftime("%Y%m%dT%H%M%SZ")
