"""Deadlines: who owes what by when, and the one engine that counts.

`due` gives two answers. The safe date is the strictest plausible reading and is the one shown
first; the latest legal date stands beside it. Hours are elapsed hours, so a change of the clocks
neither gives nor takes one. Days, weeks, months and years are counted by Regulation 1182/71 at
the place where the act is to be done, with the holidays of that place passed in as data.
Why it is so: docs/explanation/clocks.md.
"""

from calendar import SATURDAY, SUNDAY
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta, tzinfo
from enum import StrEnum

from tocsin.rules.periods import (
    BACKWARDS,
    FORWARDS,
    Holidays,
    Period,
    Through,
    counts_two_days,
    is_working_day,
    last_day,
    takes_whole_day,
    with_two_working_days,
    working_day_from,
)
from tocsin.words.errors import NotFound, Refused, Unusable
from tocsin.words.moments import DAY, as_utc, day_ends
from tocsin.words.roles import Role

HOUR = timedelta(hours=1)
_MINUTE = timedelta(minutes=1)
_SECOND = timedelta(seconds=1)
_LONGEST = 3653 * DAY
_WEEKEND = {SATURDAY: "Saturday", SUNDAY: "Sunday"}
_LATER = " Not before then, so the later reading is the safe one."
_SAFE = " Safe: 24 hours for each of these days, nothing added."
_FIRST_YEAR, _LAST_YEAR = 1900, 2900  # far from where dates end, whatever is added


class Counted(StrEnum):
    """How a period is counted."""

    CLOCK = "clock"
    REGULATION_1182_71 = "regulation-1182/71"


class Ends(StrEnum):
    """What the end of the period means."""

    BY = "by"  # must be done by then: safe is the earlier reading
    NOT_BEFORE = "not before"  # may not be done before then: safe is the later reading


@dataclass(frozen=True)
class Escalation:
    """Somebody else is told, so long after the safe date; before it where negative."""

    after: timedelta
    to: Role


@dataclass(frozen=True)
class Deadline:
    """One row. `starts` says what starts it, in words; `backwards` counts back from a set moment.

    `basis` is the article, or the agreement; `reminders` are spans before the safe date.
    """

    name: str
    owed_by: tuple[Role, ...]
    starts: str
    within: timedelta | Period | Through
    counted: Counted
    basis: str
    does: str
    since: date
    until: date | None = None
    ends: Ends = Ends.BY
    backwards: bool = False
    reminders: tuple[timedelta, ...] = ()
    escalations: tuple[Escalation, ...] = ()

    def __post_init__(self) -> None:
        within = self.within
        if isinstance(within, timedelta) and not timedelta() < within <= _LONGEST:
            raise Unusable(f"{self.name}: a period is longer than nothing and at most ten years")
        if self.counted is Counted.CLOCK and not isinstance(within, timedelta):
            raise Unusable(f"{self.name}: the clock counts hours, not {within}")
        if self.backwards and (isinstance(within, Through) or self.ends is Ends.NOT_BEFORE):
            raise Unusable(f"{self.name}: only a period by which to act is counted backwards")


@dataclass(frozen=True)
class Due:
    """When it is due, in UTC; what is done at or before a moment is in time. `because`: why."""

    safe_at: datetime
    latest_at: datetime
    because: str


@dataclass(frozen=True)
class Alarm:
    """At this moment these roles are told that a deadline nears or has passed."""

    at: datetime
    to: tuple[Role, ...]
    is_escalation: bool


def in_force(rows: Iterable[Deadline], name: str, *, on: date) -> Deadline:
    """The row of this name on a day; raises `NotFound`, `Refused`."""
    named = [row for row in rows if row.name == name]
    if not named:
        raise NotFound(f"there is no deadline {name!r}")
    for row in named:
        if applies(row, on):
            return row
    raise _out_of_force(named[-1], on)


def applies(deadline: Deadline, on: date) -> bool:
    """Whether the rule is in force for what starts on a day."""
    return deadline.since <= on and (deadline.until is None or on <= deadline.until)


def due(deadline: Deadline, *, started_at: datetime, zone: tzinfo, holidays: Holidays) -> Due:
    """When it is due, if it started then and is to be done at the place of `zone`, `holidays`.

    Raises `Refused` where the rule was not in force, `Unusable` for a moment without zone.
    """
    start = as_utc(started_at)
    local = start.astimezone(zone)
    if not _FIRST_YEAR <= local.year <= _LAST_YEAR:
        raise Unusable(f"{local.year} is no year that deadlines are counted in")
    if not applies(deadline, local.date()):
        raise _out_of_force(deadline, local.date())
    if isinstance(deadline.within, timedelta):
        found = _hours(deadline, deadline.within, local)
    elif deadline.backwards:
        found = _days_back(deadline, deadline.within, local, zone, holidays)
    else:
        found = _days(deadline, deadline.within, local, zone, holidays)
    if deadline.ends is Ends.NOT_BEFORE:
        because = found.because.removesuffix(_SAFE)
        return Due(found.latest_at, found.latest_at, f"{because}{_LATER}")
    return found


def alarms(deadline: Deadline, when: Due) -> tuple[Alarm, ...]:
    """The reminders and escalations of a deadline, the first one first."""
    reminders = [
        Alarm(when.safe_at - span, deadline.owed_by, is_escalation=False)
        for span in deadline.reminders
    ]
    escalations = [
        Alarm(when.safe_at + step.after, (step.to,), is_escalation=True)
        for step in deadline.escalations
    ]
    return tuple(sorted([*reminders, *escalations], key=lambda alarm: alarm.at))


def say(within: timedelta | Period | Through) -> str:
    """`72 hours`, `30 minutes`, `10 days`, `until 31 March`."""
    if not isinstance(within, timedelta):
        return str(within)
    hours = not within % HOUR
    count, unit = (within // HOUR, "hour") if hours else (within // _MINUTE, "minute")
    return f"{count} {unit}{'s' * (count != 1)}"


def _out_of_force(deadline: Deadline, on: date) -> Refused:
    until = f" until {deadline.until}" if deadline.until else ""
    return Refused(
        f"{deadline.name} ({deadline.basis}) does not apply to what starts on {on}. "
        f"Possible: what starts from {deadline.since}{until}"
    )


def _hours(deadline: Deadline, span: timedelta, local: datetime) -> Due:
    """Elapsed hours; by the regulation the hour of the event is not counted (art. 3(1))."""
    start = as_utc(local)
    said = f"{say(span)} {'before' if deadline.backwards else 'after'} {_spoken(local)}"
    if deadline.counted is Counted.CLOCK:
        end = start - span if deadline.backwards else start + span
        return Due(end, end, f"{said}, counted as elapsed time ({deadline.basis}).")
    hour = start - (local - local.replace(minute=0, second=0, microsecond=0))
    because = (
        f"{said}, counted as elapsed time ({deadline.basis}); at the latest without the hour of "
        "the event (Regulation 1182/71, art. 3(1), 3(2)(a))."
    )
    if deadline.backwards:
        return Due(hour - span, start - span, because)
    latest = hour + HOUR + span - _SECOND
    return Due(min(start + span, latest), latest, because)


def _days(
    deadline: Deadline,
    within: Period | Through,
    local: datetime,
    zone: tzinfo,
    holidays: Holidays,
) -> Due:
    """Safe: 24 hours for each day up to the bare last day, no day added. Latest: as extended."""
    event = local.date()
    bare = last_day(within, event, holidays)
    end = day_ends(bare, zone)
    safe = end if takes_whole_day(within, event, holidays) else as_utc(local) + (bare - event)
    latest = _extended(within, event, bare, holidays)
    because = f"{_counted(within, local, bare, deadline)}{_moved(bare, latest, holidays)}."
    if safe < end:
        because += _SAFE
    return Due(min(safe, end), day_ends(latest, zone), because)


def _days_back(
    deadline: Deadline,
    within: Period | Through,
    local: datetime,
    zone: tzinfo,
    holidays: Holidays,
) -> Due:
    """Latest: the day reached back to; safe: the day before it, so that all days are clear.

    No move to a working day: art. 3(4) does not apply to periods counted backwards.
    """
    event = local.date()
    day = last_day(within, event, holidays, BACKWARDS)
    if counts_two_days(within):
        day = with_two_working_days(event, day, holidays, BACKWARDS)
    because = (
        f"{within} before {event}, a day not counted, reach back to {day} ({deadline.basis}; "
        "Regulation 1182/71, art. 3: nothing moves to a working day when counting backwards)."
    )
    return Due(day_ends(day - DAY, zone), day_ends(day, zone), because)


def _extended(within: Period | Through, event: date, bare: date, holidays: Holidays) -> date:
    """Art. 3(4) and 3(5); a set date is not moved (art. 5(1))."""
    if isinstance(within, Through):
        return bare
    day = working_day_from(bare, holidays)
    if counts_two_days(within):
        day = with_two_working_days(event, day, holidays, FORWARDS)
    return day


def _counted(within: Period | Through, local: datetime, bare: date, deadline: Deadline) -> str:
    if isinstance(within, Through):
        return f"{deadline.basis}: {within}, a set date that does not move: {bare}"
    return (
        f"{within} after {_spoken(local)}, the day of the event not counted, end on {bare} "
        f"({deadline.basis}; Regulation 1182/71, art. 3)"
    )


def _moved(bare: date, latest: date, holidays: Holidays) -> str:
    if latest == bare:
        return ""
    if is_working_day(bare, holidays):
        return f"; two days or more hold two working days, so until {latest} (art. 3(5))"
    why = "a public holiday" if bare in holidays else f"a {_WEEKEND[bare.weekday()]}"
    return f"; that is {why}, so at the latest {latest} (art. 3(4), 3(5))"


def _spoken(local: datetime) -> str:
    return local.isoformat(sep=" ", timespec="minutes")
