"""Deadlines as iCalendar (RFC 5545): a file to take along, and a feed that programs fetch.

An entry is a moment and not a task: what reads feeds shows tasks to hardly anybody. Times are UTC,
which every program shows in the zone of whoever looks; the text says them where they are owed. An
entry is known again by the random id of its deadline. A deadline is never moved (another start is
another one), so SEQUENCE stays 0 and DTSTAMP, the last revision where no METHOD is, its start.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.utils.translation import gettext as _
from icalendar import Calendar, Event

from tocsin.office.documents.plain import one_line
from tocsin.words.moments import as_utc, read_zone

MEDIA_TYPE = "text/calendar; charset=utf-8"
EVERY = timedelta(hours=1)  # how often a program may come again
_LONGEST = 200  # characters of a title


@dataclass(frozen=True)
class Owed:
    """One deadline: what is owed, by whom, from when and by when; `zone` is where it is counted.

    Nothing of the matter itself: calendars are copied to telephones and to clouds.
    """

    uid: UUID
    what: str
    party: str
    started_at: datetime
    due_at: datetime
    latest_at: datetime
    zone: str
    url: str


def calendar(rows: Iterable[Owed], *, name: str) -> bytes:
    """The file, in the language that is on; the same rows give the same bytes."""
    made = Calendar()
    made.add("prodid", "-//Tocsin//Deadlines//EN")
    made.add("version", "2.0")
    made.add("calscale", "GREGORIAN")
    title = one_line(name, most=_LONGEST)
    made.add("name", title)
    made.add("x-wr-calname", title)
    made.add("refresh-interval", EVERY, parameters={"VALUE": "DURATION"})
    made.add("x-published-ttl", EVERY)
    for row in rows:
        made.add_component(_entry(row))
    data: bytes = made.to_ical()
    return data


def _entry(row: Owed) -> Event:
    entry = Event()
    entry.add("uid", str(row.uid))
    entry.add("dtstamp", as_utc(row.started_at))
    entry.add("sequence", 0)
    entry.add("dtstart", as_utc(row.due_at))
    said = f"{row.what} ({row.party})" if row.party else row.what
    entry.add("summary", one_line(said, most=_LONGEST))
    entry.add("description", _described(row))
    entry.add("url", row.url)
    entry.add("class", "CONFIDENTIAL")
    entry.add("transp", "TRANSPARENT")  # it keeps nobody busy
    return entry


def _described(row: Owed) -> str:
    zone = read_zone(row.zone)
    due, latest = (
        f"{moment.astimezone(zone):%Y-%m-%d %H:%M}" for moment in (row.due_at, row.latest_at)
    )
    said = _("Due %(due)s, at the latest %(latest)s (%(zone)s).") % {
        "due": due,
        "latest": latest,
        "zone": row.zone,
    }
    return f"{said}\n{row.url}"
