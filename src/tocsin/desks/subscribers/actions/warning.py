"""Subscribers are warned, as the playbooks say; and what is not seen again is over.

Nobody is warned of what no one line can be said for. One warning a day for a line, whatever is
found on it, and no more in a day than the operator lets out; what is left waits for the next day.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta, tzinfo
from pathlib import Path

from django.db import transaction

from tocsin.channels.gateway import Exits
from tocsin.channels.measures import Measures
from tocsin.desks.subscribers.actions.adopting import adopted
from tocsin.desks.subscribers.actions.codes import cure, kept_of, make_code
from tocsin.desks.subscribers.actions.measures import ask, remedy_for
from tocsin.desks.subscribers.actions.staggering import NO_STAGGER, NO_WAIT, Stagger
from tocsin.desks.subscribers.actions.ways import (
    Words,
    hand_out,
    possible,
)
from tocsin.desks.subscribers.models import Contact, Finding, LookUp, Warned
from tocsin.desks.subscribers.queries.wordings import (
    Facts,
    House,
    language_of,
    short_text,
    warning_text,
)
from tocsin.office import register
from tocsin.rules.playbooks import Playbook, Step, Way, due_step, playbook_for
from tocsin.words.moments import DAY, as_utc

FRESH = timedelta(days=14)  # of what was last seen longer ago nobody is warned any more
NO_PLAYBOOK = "no playbook is for this class"
TODAY = "this line was warned within a day"
QUIET = "quiet hours"
MOST = "as many as may be were warned within a day"
_OPEN = (Finding.State.SEEN, Finding.State.WARNED)


@dataclass(frozen=True)
class Terms:
    """What the operator lets out: how many in a day, and when nobody is written to."""

    house: House
    most: int = 1000
    quiet: tuple[time, time] | None = None
    zone: tzinfo = UTC
    exits: Exits = field(default_factory=Exits)
    stagger: Stagger = NO_STAGGER
    measures: Measures | None = None

    def is_quiet(self, at: datetime) -> bool:
        """Whether nobody is written to at this moment."""
        if self.quiet is None:
            return False
        begin, end = self.quiet
        now = as_utc(at).astimezone(self.zone).time()
        return begin <= now < end if begin < end else now >= begin or now < end


@dataclass(frozen=True)
class Planned:
    """One warning that is due, and why it does not go out, where it does not."""

    finding: Finding
    playbook: Playbook | None
    step: Step | None
    contact: Contact | None
    language: str
    held: str = ""
    ways: tuple[Way, ...] = ()  # by the first; the others where that one fails

    @property
    def way(self) -> str:
        """By which way it goes, "" for none."""
        return self.ways[0].value if self.ways else ""


def due_warnings(*, terms: Terms, at: datetime) -> list[Planned]:
    """Who would be warned now of what, the longest due first; reads and changes nothing."""
    at = as_utc(at)
    since = at - DAY
    today = set(Warned.objects.filter(at__gt=since).values_list("finding__line", flat=True))
    left = terms.most - Warned.objects.filter(at__gt=since).count()
    planned = []
    for one in _due(terms, at):
        held = one.held or _held(one, terms, today, left, at)
        if not held:
            today.add(one.finding.line)
            left -= 1
        planned.append(Planned(**{**one.__dict__, "held": held}))
    return planned


def _held(one: Planned, terms: Terms, today: set[int], left: int, at: datetime) -> str:
    if one.finding.line in today:
        return TODAY
    if terms.is_quiet(at):
        return QUIET
    return MOST if left <= 0 else ""


def _due(terms: Terms, at: datetime) -> Iterator[Planned]:
    rows = Finding.objects.filter(
        fate=Finding.Fate.ONE, state__in=_OPEN, last_at__gt=at - FRESH
    ).order_by("warned_at", "first_at", "pk")
    found = list(rows)
    contacts = _contacts({row.line for row in found})
    let_in = adopted()
    for row in found:
        playbook = playbook_for(row.kind, row.family, on=at.date(), adopted=let_in)
        step = due_step(playbook, row.taken) if playbook else None
        if playbook is None or step is None:
            yield Planned(row, playbook, step, contacts.get(row.line), "", NO_PLAYBOOK)
        elif _is_due(row, playbook, step, terms.stagger, at):
            yield _planned(row, playbook, step, contacts.get(row.line), terms.exits)


def _planned(
    row: Finding, playbook: Playbook, step: Step, contact: Contact | None, exits: Exits
) -> Planned:
    ways, held = possible(step.ways, exits, contact)
    language = language_of(contact.language if contact else "")
    return Planned(row, playbook, step, contact, language, held, tuple(ways))


def _contacts(lines: set[int]) -> dict[int, Contact]:
    found: dict[int, Contact] = {}
    wanted = sorted(lines)
    for start in range(0, len(wanted), 400):
        rows = Contact.objects.filter(line__in=wanted[start : start + 400])
        found.update({row.line: row for row in rows})
    return found


def _is_due(row: Finding, playbook: Playbook, step: Step, stagger: Stagger, at: datetime) -> bool:
    """The first at once; each other when it was seen again since, and the wait is over."""
    if row.warned_at is None:
        waits = stagger.wait_of(row.line, row.kind, playbook) if not row.returned else NO_WAIT
        return row.first_at + step.wait + waits <= at
    return row.last_at > row.warned_at and row.warned_at + step.wait <= at


def warn_due(*, terms: Terms, by: str, at: datetime, store_folder: Path) -> list[Planned]:
    """Write to everybody who is due; each warning in a transaction of its own. Who was held too."""
    planned = due_warnings(terms=terms, at=at)
    return [
        one
        for one in planned
        if one.held or _warn(one, terms, by=by, at=as_utc(at), store_folder=store_folder)
    ]


def _warn(one: Planned, terms: Terms, *, by: str, at: datetime, store_folder: Path) -> bool:
    """Write one warning; False where another worker, or the subscriber, was faster."""
    playbook, contact, seen = one.playbook, one.contact, one.finding
    if playbook is None or contact is None:
        return False
    with transaction.atomic():
        same = Finding.objects.select_for_update().filter(
            pk=seen.pk, taken=seen.taken, state=seen.state, warned_at=seen.warned_at
        )
        row = same.first()
        if row is None:
            return False
        code = make_code()
        facts = Facts(row.kind, row.family, row.device, row.first_at, row.last_at, row.warned_at)
        remedy = remedy_for(
            row.line, one.step, way=one.way, contact=contact, measures=terms.measures, at=at
        )
        subject, text = warning_text(
            code, language=one.language, playbook=playbook, facts=facts, house=terms.house,
            is_limited=remedy is not None,
        )  # fmt: skip
        short = short_text(code, language=one.language, house=terms.house)
        left = [way.value for way in one.ways[1:]]
        words = Words(subject, text, short, code, one.language, left)
        row.taken, row.state, row.playbook = row.taken + 1, Finding.State.WARNED, playbook.name
        row.warned_at = row.changed_at = at
        row.save()
        warned = _write_down(row, playbook, code, one, by=by, at=at, store_folder=store_folder)
        hand_out(warned, contact, words, at=at)
        if remedy is not None:
            ask(warned, remedy, by=by, at=at)
    return True


def _write_down(
    row: Finding,
    playbook: Playbook,
    code: str,
    one: Planned,
    *,
    by: str,
    at: datetime,
    store_folder: Path,
) -> Warned:
    made = Warned.objects.create(
        finding=row, code=kept_of(code, store_folder), step=row.taken, playbook=playbook.name,
        version=playbook.version, way=one.way, language=one.language, at=at,
    )  # fmt: skip
    facts: dict[str, register.Fact] = {
        "kind": row.kind, "playbook": playbook.name, "version": playbook.version,
        "step": row.taken, "way": one.way,
    }  # fmt: skip
    register.record(action="subscribers:line:warn", actor=by, at=at, subject=row.uid, facts=facts)
    return made


# ── over ─────────────────────────────────────────────────────────────────────────────────


def end_unseen(*, by: str, at: datetime) -> int:
    """What was not seen for as long as its playbook says is over; how many.

    Only where reports came in after that time: that nobody looked does not say that it is gone.
    What ends without a warning is counted as well: most of it ends by itself.
    """
    at = as_utc(at)
    latest = LookUp.objects.order_by("-run__at").select_related("run").first()
    if latest is None:
        return 0
    looked_at = min(latest.run.at, at)
    rows = Finding.objects.filter(fate=Finding.Fate.ONE, state__in=_OPEN)
    ended = 0
    for key in list(rows.values_list("pk", flat=True)):
        with transaction.atomic():
            row = rows.select_for_update().filter(pk=key).first()
            if row is not None and _is_over(row, looked_at):
                cure(row, how=Finding.Cure.NOT_SEEN, by=by, at=at)
                ended += 1
    return ended


def _is_over(row: Finding, looked_at: datetime) -> bool:
    playbook = playbook_for(row.kind, row.family, on=looked_at.date())
    return playbook is not None and row.last_at + playbook.clean_after <= looked_at
