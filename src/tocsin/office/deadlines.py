"""Running clocks: who owes what by when, reminded in time, the next in line told when it passes.

A clock is a row of a deadline table of `rules`, started by a matter of a desk. Its alarms (the
reminders and escalations of the rule) come one after the other; each is a notice in the outbox,
written in one transaction with the step of the clock, so that a worker that dies in between loses
and doubles nothing.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta, tzinfo
from pathlib import Path
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _

from tocsin.office import leases, notices, outbox, register, sentences
from tocsin.office.models import Deadline, Party
from tocsin.rules.deadline import Alarm, Due, alarms, due, in_force
from tocsin.rules.deadline import Deadline as Rule
from tocsin.rules.periods import Holidays
from tocsin.words.errors import TocsinError
from tocsin.words.moments import as_utc, iso
from tocsin.words.roles import SPOKEN, Role

_READY = Deadline.State.READY
_WITHDRAWN = Deadline.State.WITHDRAWN
_ANYWHERE = frozenset({Role.HOST, Role.COORDINATOR})  # told whatever the country


def start(
    rule: Rule,
    *,
    matter: UUID,
    party: Party | None,
    started_at: datetime,
    zone: tzinfo,
    holidays: Holidays,
    by: str,
    at: datetime,
) -> Deadline:
    """Start a clock in the transaction of what starts it; the same again changes nothing.

    `party` owes it; `zone` and `holidays` are those of the place where the act is to be done.
    Raises `Refused` where the rule is not in force.
    """
    when = due(rule, started_at=started_at, zone=zone, holidays=holidays)
    with transaction.atomic():
        row, is_new = Deadline.objects.get_or_create(
            idempotency_key=_key(rule, matter, started_at),
            defaults={
                "matter": matter,
                **_started(rule, when, party=party, started_at=started_at),
            },
        )
        if is_new:
            _record("start", row, by=by, at=at, because=when.because)
    return row


def start_new(
    rule: Rule,
    *,
    matters: Sequence[UUID],
    party: Party | None,
    started_at: datetime,
    zone: tzinfo,
    holidays: Holidays,
    by: str,
    at: datetime,
) -> list[Deadline]:
    """The same for matters that this very transaction made: they have no clock yet."""
    when = due(rule, started_at=started_at, zone=zone, holidays=holidays)
    words = _started(rule, when, party=party, started_at=started_at)
    rows = Deadline.objects.bulk_create(
        Deadline(idempotency_key=_key(rule, matter, started_at), matter=matter, **words)
        for matter in matters
    )
    facts = [(row.matter, _facts(row, because=when.because)) for row in rows]
    register.record_all(facts, action="office:deadline:start", actor=by, at=at)
    return rows


def _key(rule: Rule, matter: UUID, started_at: datetime) -> str:
    return f"{rule.name}:{matter.hex}:{iso(started_at)}"[:150]


def _started(rule: Rule, when: Due, *, party: Party | None, started_at: datetime) -> dict[str, Any]:
    return {
        "rule": rule.name,
        "party": party,
        "started_at": as_utc(started_at),
        "due_at": when.safe_at,
        "latest_at": when.latest_at,
        "next_attempt_at": _first(rule, when).at,
    }


def meet(matter: UUID, rule: str, *, by: str, at: datetime) -> Deadline | None:
    """Stop a clock because what was owed is done; None where none ran. Late is written as late."""
    with transaction.atomic():
        running = Deadline.objects.select_for_update(of=("self",)).filter(matter=matter, rule=rule)
        row = running.filter(state__in=(_READY, Deadline.State.PASSED), met_at=None).first()
        if row is None:
            return None
        row.met_at = as_utc(at)
        row.state = Deadline.State.PASSED if row.met_at > row.latest_at else Deadline.State.MET
        row.next_attempt_at, row.lease_until = None, None
        row.save(update_fields=["met_at", "state", "next_attempt_at", "lease_until"])
        _record("meet", row, by=by, at=at, is_late=row.met_at > row.due_at)
    return row


def withdraw(matter: UUID, *, why: str, by: str, at: datetime) -> int:
    """Stop every clock of a matter because nothing is owed any more; how many."""
    with transaction.atomic():
        rows = list(Deadline.objects.select_for_update(of=("self",)).filter(matter=matter))
        running = [row for row in rows if row.met_at is None and row.state != _WITHDRAWN]
        for row in running:
            row.state, row.next_attempt_at, row.lease_until = _WITHDRAWN, None, None
            row.save(update_fields=["state", "next_attempt_at", "lease_until"])
            _record("withdraw", row, by=by, at=at, why=why)
    return len(running)


def due_before(at: datetime) -> QuerySet[Deadline]:
    """What is owed and not done, the soonest first."""
    running = Deadline.objects.filter(state=_READY, due_at__lt=as_utc(at))
    return running.select_related("party").order_by("due_at", "pk")


def overdue(at: datetime) -> QuerySet[Deadline]:
    """What should have been done by now and was not, the oldest first."""
    unmet = Q(met_at=None, due_at__lt=as_utc(at)) & ~Q(state=_WITHDRAWN)
    return Deadline.objects.filter(unmet).select_related("party").order_by("due_at", "pk")


# ── alarms ───────────────────────────────────────────────────────────────────────────────


def remind(
    rules: Iterable[Rule],
    *,
    owner: str,
    at: datetime,
    store_folder: Path,
    node: str,
    lease: timedelta = leases.LEASE,
) -> list[str]:
    """Send the alarms that are due; one sentence for each clock that rang.

    Where a worker was away for long, a clock rings once for all that was missed, with the latest.
    Raises `TocsinError` where one could not ring, once all others had their turn; that one is
    tried again later.
    """
    table, at = list(rules), as_utc(at)
    ready = Deadline.objects.filter(state=_READY).order_by("next_attempt_at", "pk")
    rang, failed = [], []
    while taken := leases.take(ready, owner=owner, at=at, lease=lease):
        for row in taken:
            try:
                with transaction.atomic():
                    rang.append(_ring(row, table, at=at, store_folder=store_folder, node=node))
            except Exception as fault:
                # A clock whose rule is gone must not silence all others.
                failed.append(f"{row.rule} of matter {row.matter}: {fault}")
                again = at + outbox.wait_before(row.uid.hex, row.attempt)
                leases.settle(row, {"next_attempt_at": again})
    if failed:
        raise TocsinError(f"{len(failed)} of {len(failed) + len(rang)} clocks: {failed[0]}")
    return rang


def _ring(row: Deadline, rules: list[Rule], *, at: datetime, store_folder: Path, node: str) -> str:
    rule = in_force(rules, row.rule, on=row.started_at.date())
    ahead = _alarms(rule, Due(row.due_at, row.latest_at, ""))
    now = [alarm for alarm in ahead[row.told :] if alarm.at <= at]
    later = ahead[row.told + len(now) :]
    changes = {
        "told": row.told + len(now),
        "next_attempt_at": later[0].at if later else None,
        "attempt": 0,
        "state": Deadline.State.PASSED if at > row.latest_at and not later else _READY,
    }
    if not leases.settle(row, changes):
        return f"{row.rule}: taken over by {row.lease_owner}"
    told = [party for party in _told(now, row) if party is not None]
    for party in told:
        _send(row, rule, party, at=at, store_folder=store_folder, node=node)
    names = sorted(party.slug for party in told)
    _record("remind", row, by=row.lease_owner, at=at, told=[*names], is_passed=at > row.due_at)
    return f"{rule.name} due {iso(row.due_at)}: {', '.join(names) or 'nobody to tell'}"


def _alarms(rule: Rule, when: Due) -> tuple[Alarm, ...]:
    """Those of the rule, and one at the latest moment, which says that it has passed."""
    passed = Alarm(when.latest_at + timedelta(seconds=1), rule.owed_by, is_escalation=False)
    return tuple(sorted((*alarms(rule, when), passed), key=lambda alarm: alarm.at))


def _first(rule: Rule, when: Due) -> Alarm:
    return _alarms(rule, when)[0]


def _told(rung: list[Alarm], row: Deadline) -> list[Party | None]:
    """Whoever owes it where the alarm is for their role; else parties of the role named."""
    found: dict[int, Party | None] = {}
    for alarm in rung:
        for role in alarm.to:
            if not alarm.is_escalation:
                found |= {row.party.pk: row.party} if row.party else {}
                continue
            found |= {party.pk: party for party in _parties(role, row.party)}
    return list(found.values())


def _parties(role: Role, owing: Party | None) -> QuerySet[Party]:
    """Members of a role, of the country of whoever owes it."""
    named = Party.objects.filter(role=role.value, active=True, member=True)
    if owing is None or role in _ANYWHERE:
        return named
    return named.filter(country=owing.country)


def _send(
    row: Deadline, rule: Rule, party: Party, *, at: datetime, store_folder: Path, node: str
) -> None:
    with sentences.speaking(party.language):
        subject, text = _worded(row, rule, party, has_passed=at > row.due_at)
    notices.queue_notice(
        party=party,
        about=f"{row.uid.hex}:{row.told}",
        subject=subject,
        text=text,
        facts={"rule": rule.name, "matter": row.matter.hex, "due": iso(row.due_at)},
        at=at,
        store_folder=store_folder,
        node=node,
    )


def _worded(row: Deadline, rule: Rule, party: Party, *, has_passed: bool) -> tuple[str, str]:
    """Subject and text in the language that is spoken."""
    roles = (_(SPOKEN[role]) for role in rule.owed_by)
    words = {
        "who": row.party.name if row.party else " / ".join(roles),
        "rule": rule.name,
        "due": iso(row.due_at),
        "what": _(rule.does),
    }
    owed = (
        _("You owe this by %(due)s: %(what)s")
        if party == row.party
        else _("%(who)s owes this by %(due)s: %(what)s")
    )
    facts = (
        (_("Started"), f"{iso(row.started_at)} ({_(rule.starts)})"),
        (_("Safe date"), iso(row.due_at)),
        (_("Latest legal date"), iso(row.latest_at)),
        (_("Basis"), sentences.said(rule.basis)),
        (_("Matter"), str(row.matter)),
    )
    subject = (
        _("Deadline passed: %(rule)s, %(due)s")
        if has_passed
        else _("Deadline is due: %(rule)s, %(due)s")
    )
    lines = "".join(f"{sentences.line(*fact)}\n" for fact in facts)
    return subject % words, f"{owed % words}\n\n{lines}"


def _record(verb: str, row: Deadline, *, by: str, at: datetime, **facts: register.Fact) -> None:
    register.record(
        action=f"office:deadline:{verb}",
        actor=by,
        at=at,
        subject=row.matter,
        facts=_facts(row, **facts),
    )


def _facts(row: Deadline, **facts: register.Fact) -> dict[str, register.Fact]:
    party = row.party.slug if row.party else None
    return {"rule": row.rule, "party": party, "due": iso(row.due_at), **facts}
