"""What comes back for a delivery, brought to the cases it told of: receipts, answers by mail,
bounces; and that it was handed over at all.

A delivery may have told of hundreds of cases: they move together, with one register row.
"""

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime

from django.db import transaction
from django.db.models import Q

from tocsin.desks.response.actions import clocks
from tocsin.desks.response.actions.answering import STEP_OF
from tocsin.desks.response.models import Case, Entry
from tocsin.desks.response.queries.cases import UNTOLD
from tocsin.office import register
from tocsin.office.models import Delivery, Party, Receipt
from tocsin.rules.lifecycle import NODE, Actor, steps_from, take
from tocsin.rules.response import CASE
from tocsin.words.competences import HELD_BY, Competence
from tocsin.words.moments import as_utc
from tocsin.words.roles import Role

_AT_ONCE = 50  # deliveries in one pass
_TOGETHER = 500


def tell_cases(*, by: str, at: datetime) -> int:
    """Cases whose delivery was handed over are told, and their clocks start; how many.

    Again: finds nothing. Each delivery is a transaction of its own.
    """
    waiting = Case.objects.filter(state__in=UNTOLD, told_in__state=Delivery.State.DELIVERED)
    keys = waiting.order_by("told_in").values_list("told_in", flat=True).distinct()
    done = 0
    for key in list(keys[:_AT_ONCE]):
        with transaction.atomic():
            done += _tell(Delivery.objects.select_related("party").get(pk=key), by=by, at=at)
    return done


def _tell(delivery: Delivery, *, by: str, at: datetime) -> int:
    cases = _locked(Q(told_in=delivery, state__in=UNTOLD))
    if not cases:
        return 0
    told_at = delivery.delivered_at or as_utc(at)
    _step_all(cases, "tell", NODE, by=by, at=told_at)
    facts: dict[str, register.Fact] = {"party": delivery.party.slug, "cases": len(cases)}
    register.record(
        action="response:cases:tell", actor=by, at=at, subject=delivery.uid, facts=facts
    )
    clocks.told(delivery, by=by, at=told_at)
    return len(cases)


def hear_receipt(receipt: Receipt, *, by: str, at: datetime) -> None:
    """Move the cases of a delivery by what its party said of it; in the receipt's transaction.

    A receipt that an answer to one case left behind says nothing more. Where a step is not
    possible any more (it was cured, and now it is received), a case stays as it is.
    """
    if "case" in receipt.detail:
        return
    delivery = receipt.delivery
    said = Q(told_in=delivery) | Q(pk__in=_spoken_of(delivery))
    cases = _locked(said & ~Q(state__in=("closed", "merged")), party=delivery.party)
    if not cases:
        return
    if receipt.kind == Receipt.Kind.BOUNCED:
        _mails(cases, receipt, Entry.Kind.BOUNCE, by=by, at=at)
        return
    if receipt.detail.get("message_id"):
        _mails(cases, receipt, Entry.Kind.MAIL, by=by, at=at)
    _answer(cases, receipt, by=by, at=at)


def _spoken_of(delivery: Delivery) -> list[int]:
    """Cases that a notice was about."""
    rows = Entry.objects.filter(delivery=delivery, direction=Entry.Direction.OUT)
    return list(rows.values_list("case_id", flat=True)[:_TOGETHER])


def _answer(cases: list[Case], receipt: Receipt, *, by: str, at: datetime) -> None:
    party, step = receipt.delivery.party, STEP_OF[receipt.kind]
    actor = _answering(party)
    if actor is None:
        return
    untold = [case for case in cases if case.state in UNTOLD]
    _step_all(untold, "tell", NODE, by=by, at=at)
    ready = [case for case in cases if step in {row.name for row in steps_from(CASE, case.state)}]
    _step_all(ready, step, actor, by=receipt.by, at=at, party=party)
    if ready:
        facts: dict[str, register.Fact] = {"party": party.slug, "step": step, "cases": len(ready)}
        register.record(
            action="response:cases:answer",
            actor=by,
            at=at,
            subject=receipt.delivery.uid,
            facts=facts,
        )
    for case in {case.told_in_id: case for case in ready}.values():
        clocks.answered(case, by=by, at=at)


def _answering(party: Party) -> Actor | None:
    """The party itself, over its own channel; nobody for a party that is not to answer."""
    role = Role(party.role)
    if role not in HELD_BY[Competence.RESPONSE_ANSWER]:
        return None
    return Actor(role, frozenset({Competence.RESPONSE_ANSWER}))


# ── many at once ─────────────────────────────────────────────────────────────────────────


def _locked(wanted: Q, *, party: Party | None = None) -> list[Case]:
    rows = Case.objects.select_for_update(of=("self",)).filter(wanted)
    rows = rows.filter(party=party) if party is not None else rows
    return list(rows.select_related("party", "told_in").defer("sample").order_by("pk"))


def _step_all(
    cases: Iterable[Case],
    step: str,
    actor: Actor,
    *,
    by: str,
    at: datetime,
    party: Party | None = None,
) -> None:
    """The same step for many, each by the lifecycle; one update for those that end up alike."""
    by_state: dict[str, list[Case]] = defaultdict(list)
    for case in cases:
        case.state = take(CASE, case.state, step, actor)
        by_state[case.state].append(case)
    moment = "told_at" if step == "tell" else "answered_at"
    for state, alike in by_state.items():
        changes = {"state": state, moment: as_utc(at), "changed_at": as_utc(at)}
        for start in range(0, len(alike), _TOGETHER):
            keys = [case.pk for case in alike[start : start + _TOGETHER]]
            Case.objects.filter(pk__in=keys).update(**changes)
        Entry.objects.bulk_create(
            Entry(
                case=case,
                kind=Entry.Kind.STEP,
                at=as_utc(at),
                by=by,
                party=party,
                step=step,
                state=state,
            )
            for case in alike
        )


def _mails(cases: list[Case], receipt: Receipt, kind: Entry.Kind, *, by: str, at: datetime) -> None:
    """A line in each thread that a mail came: who, when, its Message-ID; no text."""
    message = str(receipt.detail.get("message_id", ""))[:300]
    bounced = kind == Entry.Kind.BOUNCE
    Entry.objects.bulk_create(
        (
            Entry(
                case=case,
                kind=kind,
                audience=Entry.Audience.DESK if bounced else Entry.Audience.PARTY,
                at=as_utc(at),
                by=receipt.by if not bounced else by,
                party=None if bounced else receipt.delivery.party,
                direction=Entry.Direction.IN,
                message_id=message,
                delivery=receipt.delivery,
                text=str(receipt.detail.get("status", ""))[:200] if bounced else "",
            )
            for case in cases
        ),
        ignore_conflicts=True,
    )
