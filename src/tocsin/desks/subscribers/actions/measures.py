"""Lines are limited, where two people adopted a playbook that says so, and the limit is lifted.

A measure is asked for in the transaction of the warning that says how to get out of it, and never
without one. The network is told afterwards, outside of any transaction; what fails is tried again.
Lifting goes on where taking was switched off.
"""

from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import Q, QuerySet

from tocsin.channels.measures import Measures, switch
from tocsin.desks.subscribers.actions.codes import kept_of
from tocsin.desks.subscribers.models import Contact, Finding, Measure, Warned
from tocsin.office import leases, register
from tocsin.rules.playbooks import Remedy, Step, Way
from tocsin.words.errors import NotFound, Undelivered, Unusable
from tocsin.words.moments import DAY, as_utc

MOST_SELF = 2  # releases by the subscriber for one finding
LONGEST = 30 * DAY
GIVE_UP = 3 * DAY  # a limit that comes so long after its warning surprises
_State, _How = Measure.State, Measure.How


def remedy_for(
    line: int,
    step: Step | None,
    *,
    way: str,
    contact: Contact,
    measures: Measures | None,
    at: datetime,
) -> Remedy | None:
    """Which measure goes with this warning, if one may.

    Never for an essential line, nor by a way that is too short to say how it is lifted.
    """
    remedy = step.measure if step else None
    if remedy is None or measures is None or not measures.is_on or contact.is_essential:
        return None
    if way != Way.MAIL or remedy.value not in measures.switches:
        return None
    if _open().filter(line=line, kind=remedy.value).exists():
        return remedy
    today = Measure.objects.filter(asked_at__gt=as_utc(at) - DAY).count()
    return remedy if today < measures.most else None


def ask(warning: Warned, remedy: Remedy, *, by: str, at: datetime) -> None:
    """Have the line limited, in the transaction of its warning; once for a line and a kind."""
    finding = warning.finding
    if _open().filter(line=finding.line, kind=remedy.value).exists():
        return
    made = Measure.objects.create(
        finding=finding, line=finding.line, kind=remedy.value, asked_at=at, next_attempt_at=at
    )
    facts: dict[str, register.Fact] = {
        "kind": remedy.value, "playbook": warning.playbook, "version": warning.version,
    }  # fmt: skip
    _record("ask", made, facts, by=by, at=at)


def _open() -> QuerySet[Measure]:
    return Measure.objects.exclude(state=_State.LIFTED)


def _record(
    verb: str, row: Measure, facts: dict[str, register.Fact], *, by: str, at: datetime
) -> None:
    action = f"subscribers:measure:{verb}"
    register.record(action=action, actor=by, at=at, subject=row.uid, facts=facts)


# ── the network is told ──────────────────────────────────────────────────────────────────


def due(measures: Measures | None) -> QuerySet[Measure]:
    """What the network is still to be told; new limits only where they are switched on."""
    to_lift = Q(lift_asked_at__isnull=False)
    to_set = Q(lift_asked_at=None, state__in=(_State.ASKED, _State.FAILED))
    wanted = to_lift | to_set if measures and measures.is_on else to_lift
    return _open().filter(wanted).select_related("finding").order_by("asked_at", "pk")


def tell_network(*, measures: Measures, by: str, at: datetime) -> tuple[int, int, int]:
    """Set and lift what is due: how many were set, lifted, and failed."""
    at = as_utc(at)
    counts = {_State.SET: 0, _State.LIFTED: 0, _State.FAILED: 0}
    while taken := leases.take(due(measures), owner=by, at=at):
        for row in taken:
            counts[_tell(row, measures, by=by, at=at)] += 1
    return counts[_State.SET], counts[_State.LIFTED], counts[_State.FAILED]


def _tell(row: Measure, measures: Measures, *, by: str, at: datetime) -> Measure.State:
    on = row.lift_asked_at is None
    try:
        switch(measures, row.kind, _name_of(row, on=on), on=on, key=row.uid.hex, at=at)
    except (Undelivered, Unusable) as fault:
        _fail(row, str(fault), on=on, by=by, at=at)
        return _State.FAILED
    state = _State.SET if on else _State.LIFTED
    changes: dict[str, Any] = {"state": state, "last_error": ""}
    changes["set_at" if on else "lifted_at"] = at
    with transaction.atomic():
        if leases.settle(row, changes):
            facts: dict[str, register.Fact] = {"kind": row.kind, "tries": row.attempt}
            _record("set" if on else "lift", row, facts, by=by, at=at)
    return state


def _name_of(row: Measure, *, on: bool) -> str:
    contact = Contact.objects.filter(line=row.line).first()
    if contact is None:
        raise Undelivered("nobody is on the list for this line", lasting=False)
    if on and contact.is_essential:
        raise Undelivered("the line is essential now", lasting=False)
    return contact.name


def _fail(row: Measure, why: str, *, on: bool, by: str, at: datetime) -> None:
    """Written down once; tried again after 2, 4, 8 … minutes, at most an hour."""
    again = at + timedelta(minutes=min(2 ** min(row.attempt, 6), 60))
    changes: dict[str, Any] = {"last_error": why[:500], "next_attempt_at": again}
    is_first = not row.last_error
    if on:
        changes["state"] = _State.FAILED
    with transaction.atomic():
        if leases.settle(row, changes) and is_first:
            facts: dict[str, register.Fact] = {"kind": row.kind, "to": "in" if on else "out"}
            _record("fail", row, facts, by=by, at=at)


# ── the way out ──────────────────────────────────────────────────────────────────────────


class Released(StrEnum):
    """What a code came to; nothing in it says whose line it is."""

    UNKNOWN = "unknown"
    DONE = "done"
    USED_UP = "used up"


def release_by_code(code: str, *, by: str, at: datetime, store_folder: Path) -> Released:
    """The subscriber lifts all that is on the line, at most twice for a finding."""
    warning = _warned(code, store_folder)
    if warning is None:
        return Released.UNKNOWN
    with transaction.atomic():
        rows = list(_lasting().select_for_update(of=("self",)).filter(line=warning.finding.line))
        free = [row for row in rows if _self_releases(row.finding) < MOST_SELF]
        for row in free:
            _release(row, how=_How.SELF, by=by, at=at)
    return Released.DONE if len(free) == len(rows) else Released.USED_UP


def _warned(code: str, store_folder: Path) -> Warned | None:
    rows = Warned.objects.select_related("finding")
    return rows.filter(code=kept_of(code, store_folder)).first()


def _lasting() -> QuerySet[Measure]:
    return _open().filter(lift_asked_at=None).select_related("finding")


def _self_releases(finding: Finding) -> int:
    return Measure.objects.filter(finding=finding, how=_How.SELF).count()


def release(
    reference: str, *, why: str, by: str, at: datetime, store_folder: Path
) -> list[Measure]:
    """Lift for a subscriber who called: by the code of a warning, or the id of a measure.

    Raises `Unusable` without a reason, `NotFound` where nothing is to be lifted.
    """
    if not why.strip():
        raise Unusable("a release needs a reason. Possible: --why 'router replaced, call 17'")
    with transaction.atomic():
        rows = _referred(reference, store_folder).select_for_update(of=("self",))
        released = [_release(row, how=_How.ASSISTED, by=by, at=at, why=why) for row in rows]
    if not released:
        raise NotFound(
            "no measure to lift has this code or id. Possible: tocsin subscribers measures"
        )
    return released


def lift(line: int, *, why: str, by: str, at: datetime) -> int:
    """Lift all that is on a line, in the caller's transaction; how many were to be lifted."""
    rows = list(_lasting().select_for_update(of=("self",)).filter(line=line))
    for row in rows:
        _release(row, how=_How.ASSISTED, by=by, at=at, why=why)
    return len(rows)


def _referred(reference: str, store_folder: Path) -> QuerySet[Measure]:
    try:
        return _lasting().filter(uid=UUID(reference))
    except ValueError:
        warning = _warned(reference, store_folder)
        return _lasting().filter(line=warning.finding.line) if warning else Measure.objects.none()


def release_due(*, by: str, at: datetime) -> int:
    """What is over, lasted for 30 days, or could not be set for three; how many.

    The subscriber's word counts as a self-release: it lifts twice, and no third time.
    """
    at, released = as_utc(at), 0
    for key in list(_lasting().values_list("pk", flat=True)):
        with transaction.atomic():
            row = _lasting().select_for_update(of=("self",)).filter(pk=key).first()
            how = _ends(row, at) if row else None
            if row and how:
                _release(row, how=how, by=by, at=at)
                released += 1
    return released


def _ends(row: Measure, at: datetime) -> Measure.How | None:
    finding = row.finding
    if finding.state == Finding.State.CURED and finding.cure == Finding.Cure.NOT_SEEN:
        return _How.CURED
    if finding.state == Finding.State.CURED and _self_releases(finding) < MOST_SELF:
        return _How.SELF
    if row.set_at is None and row.asked_at + GIVE_UP <= at:
        return _How.NOT_SET
    return _How.AUTOMATIC if (row.set_at or row.asked_at) + LONGEST <= at else None


def _release(row: Measure, *, how: Measure.How, by: str, at: datetime, why: str = "") -> Measure:
    """In the caller's transaction. What no network was told of is lifted with that."""
    row.lift_asked_at, row.next_attempt_at, row.how = as_utc(at), as_utc(at), how
    if not row.attempt:
        row.state, row.lifted_at = _State.LIFTED, as_utc(at)
    row.last_error = ""
    row.save(
        update_fields=[
            "lift_asked_at",
            "next_attempt_at",
            "how",
            "state",
            "lifted_at",
            "last_error",
        ]
    )
    facts: dict[str, register.Fact] = {"kind": row.kind, "how": how.value}
    if why:
        facts["why"] = why[:200]
    _record("release", row, facts, by=by, at=at)
    return row
