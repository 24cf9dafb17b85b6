"""How long what is kept: one row per place and class, with purpose, basis and source.

The longest time, not the shortest: `tocsin erase` may take data out before, and a legal hold
keeps evidence beyond it (GDPR art. 17(3)(e)). `keep_for` None means: until what the row says
happens. The spans are this project's own choice under storage limitation (GDPR art. 5(1)(e)); no
law that was read while this table was written names one for these data, so each basis is
marked (unverified) and is to be confirmed by the operating body's data-protection officer.
"""

from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

ANY = "*"
_DAY = timedelta(days=1)


class Place(StrEnum):
    """What is kept."""

    EVENTS = "events"
    EVIDENCE = "evidence"
    QUARANTINE = "quarantine"
    DELIVERY_FILES = "delivery files"
    DELIVERIES = "deliveries"
    RUNS = "runs and reports"
    CASE_SAMPLES = "samples of cases"
    CASES = "cases"
    NOTIFICATIONS = "notifications"
    SHIELD_MESSAGES = "messages of citizens"
    LISTINGS = "listings and appeals"
    GROUPS = "groups of messages"
    SHIELD_VISITS = "visits of the warning page"
    BINDINGS = "bindings of addresses"
    FINDINGS = "findings on lines"
    WINDOW = "window"
    LEFTOVERS = "leftovers"
    REGISTER = "register"


@dataclass(frozen=True)
class Keep:
    """One row. `kind` is a `classification.type`, a class of evidence, or "*" for all others."""

    place: Place
    kind: str
    keep_for: timedelta | None
    counted_from: str
    purpose: str
    basis: str
    source: str
    since: date = date(2026, 1, 1)
    until: date | None = None


_LIMIT = "GDPR 5(1)(e) (unverified)"
_INTEREST = "GDPR 6(1)(f) with recital 49; NIS2 11 (unverified)"
_OURS = "this project's choice"

RETENTION: tuple[Keep, ...] = (
    Keep(
        Place.EVENTS,
        ANY,
        365 * _DAY,
        "the day of receipt",
        "to tell repeats, follow cases to their remedy and count over a year",
        _INTEREST,
        _OURS,
    ),
    Keep(
        Place.EVENTS,
        "test",
        30 * _DAY,
        "the day of receipt",
        "to see that a feed works",
        _LIMIT,
        _OURS,
    ),
    Keep(
        Place.EVIDENCE,
        "machine-report",
        90 * _DAY,
        "receipt",
        "to prove what a party was told and to repeat a run",
        _INTEREST,
        "design, section 3: short retention",
    ),
    Keep(
        Place.EVIDENCE,
        "citizen-message",
        None,
        "the decision, or the day set when it came",
        "to decide on a report of a citizen",
        "GDPR 6(1)(a) (unverified)",
        "design, section 3",
    ),
    Keep(
        Place.EVIDENCE,
        "prohibited",
        0 * _DAY,
        "never stored",
        "digest and size alone, to refer it",
        "national law on such material (unverified)",
        "design, section 3",
    ),
    Keep(
        Place.QUARANTINE,
        ANY,
        30 * _DAY,
        "the run",
        "to mend a format or ask the reporter for it again",
        _LIMIT,
        _OURS,
    ),
    Keep(
        Place.DELIVERY_FILES,
        ANY,
        90 * _DAY,
        "hand-over; where none was, when it was made",
        "to hand over again and to answer questions of the recipient",
        _INTEREST,
        "the docstring of Delivery",
    ),
    Keep(
        Place.DELIVERIES,
        ANY,
        730 * _DAY,
        "when it was made",
        "to prove what was told to whom: counts, digests, party",
        "GDPR 5(2) (unverified)",
        "the docstrings of Delivery and Receipt",
    ),
    Keep(
        Place.RUNS,
        ANY,
        730 * _DAY,
        "the run",
        "to tell what came of which report: counts and digests",
        "GDPR 5(2) (unverified)",
        "the docstrings of Run and Report",
    ),
    Keep(
        Place.CASE_SAMPLES,
        ANY,
        90 * _DAY,
        "when the case was last seen",
        "to show what a case is about, as long as the delivery can be handed over again",
        _INTEREST,
        "the docstring of Case",
    ),
    Keep(
        Place.CASES,
        ANY,
        730 * _DAY,
        "the last change",
        "to follow what was told to its remedy, and to prove it: counts, states, what was written",
        _INTEREST,
        "the docstrings of Case and Entry",
    ),
    Keep(
        Place.NOTIFICATIONS,
        ANY,
        730 * _DAY,
        "the last step",
        "to follow an incident that was notified",
        "NIS2 23, 30 (unverified)",
        "the docstring of Notification",
    ),
    Keep(
        Place.SHIELD_MESSAGES,
        ANY,
        180 * _DAY,
        "receipt",
        "to tell the reporter what came of it; what was written and the address go with the answer",
        "GDPR 6(1)(e) (unverified)",
        "the docstring of Message",
    ),
    Keep(
        Place.LISTINGS,
        ANY,
        730 * _DAY,
        "the last change",
        "to answer for what was blocked, by whom and why",
        "GDPR 5(2), 6(1)(e) (unverified)",
        "the docstrings of Listing and Appeal",
    ),
    Keep(
        Place.GROUPS,
        ANY,
        730 * _DAY,
        "the last change",
        "to know a campaign again: hosts and counts, no person",
        "GDPR 6(1)(e) (unverified)",
        "the docstring of Group",
    ),
    Keep(
        Place.SHIELD_VISITS,
        ANY,
        90 * _DAY,
        "the hour they were counted in",
        "to see whom a campaign reaches: counts by network above a threshold, no address",
        "GDPR 6(1)(e) (unverified)",
        _OURS,
    ),
    Keep(
        Place.BINDINGS,
        ANY,
        180 * _DAY,
        "the end of the binding",
        "to find whose line a report of the last months is about",
        "national law on traffic data; Directive 2002/58 art. 6 (unverified)",
        _OURS,
    ),
    Keep(
        Place.FINDINGS,
        ANY,
        180 * _DAY,
        "the last change",
        "to warn the subscriber of a line, to see whether it helped, and to answer for the warning",
        "the contract; GDPR 6(1)(f) with recital 49 (unverified)",
        "the docstring of Finding",
    ),
    Keep(
        Place.WINDOW,
        ANY,
        1 * _DAY,
        "the run",
        "to recognise a repeat",
        _LIMIT,
        "the docstring of WindowSegment",
    ),
    Keep(
        Place.LEFTOVERS,
        ANY,
        0 * _DAY,
        "the next retention",
        "none: files that a crash left",
        _LIMIT,
        _OURS,
    ),
    Keep(
        Place.REGISTER,
        ANY,
        5 * 365 * _DAY,
        "the action",
        "accountability towards those concerned and oversight",
        "GDPR 5(2), 30; TCO 7 (unverified)",
        "the docstring of RegisterRow",
    ),
)


def kept_for(place: Place, kind: str = ANY, *, on: date) -> timedelta | None:
    """How long, by the row of this kind in force on a day, or else that of all others."""
    rows = [
        row
        for row in RETENTION
        if row.place is place and row.since <= on and (row.until is None or on <= row.until)
    ]
    by_kind = {row.kind: row.keep_for for row in rows}
    return by_kind[kind] if kind in by_kind else by_kind[ANY]


def kinds(place: Place, *, on: date) -> tuple[str, ...]:
    """The kinds that have a row of their own."""
    rows = [row for row in RETENTION if row.place is place and row.kind != ANY]
    return tuple(row.kind for row in rows if row.since <= on)
