"""What somebody owes, for their calendar; a register row of how many were shown to whom."""

import hashlib
from collections.abc import Callable, Container
from dataclasses import dataclass
from datetime import datetime

from django.urls import reverse

from tocsin.desks.response.actions.clocks import place_of
from tocsin.desks.response.queries.front import clocks_for
from tocsin.office import register
from tocsin.office.documents import ical
from tocsin.office.models import Deadline
from tocsin.office.people.viewer import Viewer
from tocsin.office.templatetags.words import duty

MOST = 1000  # entries of one calendar, the soonest
MAY = (
    "response:case:read",
    "response:case:read_own",
    "response:notification:read",
    "response:notification:read_own",
)


@dataclass(frozen=True)
class Feed:
    """A calendar and its ETag; `is_known` where whoever asks has these very bytes."""

    data: bytes
    etag: str
    is_known: bool


def consult_deadlines(
    viewer: Viewer, *, known: Container[str], where: Callable[[str], str], name: str, at: datetime
) -> Feed:
    """The running clocks that somebody sees, the soonest first, as iCalendar.

    `where` makes an address of a path. A program asks every hour; what it has already is shown to
    nobody and written nowhere.
    """
    rows = [_owed(row, where) for row in clocks_for(viewer)[:MOST]]
    data = ical.calendar(rows, name=name)
    etag = f'"{hashlib.sha256(data).hexdigest()[:32]}"'
    is_known = etag in known
    if rows and not is_known:
        register.consult(
            noun="response:deadline",
            actor=viewer.name,
            at=at,
            why="keeps its own deadlines in a calendar",
            shown=len(rows),
        )
    return Feed(data, etag, is_known)


def _owed(row: Deadline, where: Callable[[str], str]) -> ical.Owed:
    return ical.Owed(
        uid=row.uid,
        what=duty(row.rule),
        party=row.party.name if row.party else "",
        started_at=row.started_at,
        due_at=row.due_at,
        latest_at=row.latest_at,
        zone=place_of(row.party)[0],
        url=where(_page_of(row)),
    )


def _page_of(row: Deadline) -> str:
    if row.rule.startswith("nis2:"):
        return reverse("response:notification", args=[row.matter])
    if row.rule == "response:answer-reporter":
        return reverse("response:intake", args=[row.matter])
    return reverse("response:delivery", args=[row.matter])
