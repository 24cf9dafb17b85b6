"""Somebody at the provider says that lines are right again, lifts limits, asks who a line is."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import transaction

from tocsin.desks.subscribers.actions.codes import cure
from tocsin.desks.subscribers.actions.measures import lift
from tocsin.desks.subscribers.models import Contact, Finding
from tocsin.office import register
from tocsin.words.errors import NotFound, Unusable

CURE, LIFT = "cure", "lift"
STEPS = (CURE, LIFT)
MOST = 200  # findings at a time
LONGEST_REASON = 200


@dataclass(frozen=True)
class Settled:
    """What one step over many came to: problems that are over, limits that are being lifted."""

    cured: int = 0
    lifted: int = 0


def settle(uids: Collection[UUID], *, step: str, why: str, by: str, at: datetime) -> Settled:
    """Take one step for the lines of these findings, all of them or none.

    `cure`: each of these problems that is open is put right, as the subscriber says. `lift`: all
    that limits their lines is lifted. Raises `Unusable` for another step, no reason, none or too
    many, and `NotFound` where one is not there.
    """
    if step not in STEPS:
        raise Unusable(f"there is no step {step[:20]!r}. Possible: {', '.join(STEPS)}")
    if not why.strip():
        raise Unusable("this needs a reason. Possible: the number of the call or letter")
    if not 0 < len(set(uids)) <= MOST:
        raise Unusable(f"{len(set(uids))} findings are chosen. Possible: 1 to {MOST}")
    with transaction.atomic():
        found = Finding.objects.select_for_update(of=("self",)).order_by("pk")
        rows = list(found.filter(uid__in=uids, fate=Finding.Fate.ONE))
        if len(rows) < len(set(uids)):
            raise NotFound("one of these findings is not there any more")
        if step == LIFT:
            lines = dict.fromkeys(row.line for row in rows)
            return Settled(lifted=sum(lift(line, why=why, by=by, at=at) for line in lines))
        open_ = [row for row in rows if row.state != Finding.State.CURED]
        for row in open_:
            cure(row, how=Finding.Cure.SAID, by=by, at=at, why=why)
    return Settled(cured=len(open_))


def contact_of(uid: UUID, *, why: str, by: str, at: datetime) -> Contact:
    """Who the line of a finding is, with a row in the register.

    Raises `Unusable` without a reason, `NotFound` where the list of subscribers has no such line.
    """
    if not why.strip():
        raise Unusable("a look-up needs a reason. Possible: the number of the call or letter")
    finding = Finding.objects.filter(uid=uid, fate=Finding.Fate.ONE).first()
    row = Contact.objects.filter(line=finding.line).first() if finding else None
    with transaction.atomic():
        register.consult(
            noun="subscribers:line", actor=by, at=at, why=why,
            what="line and name", shown=1 if row else 0,
        )  # fmt: skip
    if row is None:
        raise NotFound("the list of subscribers does not have this line")
    return row
