"""What a party answers in a case: received, acted, cured, not ours, wrong.

An answer here and a receipt that came by mail are one thing: each answer is also a receipt of the
delivery that told of the case.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import transaction

from tocsin.desks.response.actions import clocks
from tocsin.desks.response.actions.steps import (
    ANSWERING,
    acting_party,
    locked,
    require_text,
    take_step,
)
from tocsin.desks.response.models import Case, Entry
from tocsin.desks.response.queries.cases import ANSWER, UNTOLD, actor_of
from tocsin.office import receipts
from tocsin.office.models import Receipt
from tocsin.office.people.viewer import Viewer
from tocsin.rules.lifecycle import NODE
from tocsin.words.errors import TocsinError, Unusable

MOST_AT_ONCE = 500

# What an answer is as a receipt, and back.
RECEIPT_OF = {
    "acknowledge": Receipt.Kind.RECEIVED,
    "act": Receipt.Kind.ACTED,
    "cure": Receipt.Kind.CURED,
    "disown": Receipt.Kind.NOT_OURS,
    "dispute": Receipt.Kind.FALSE_POSITIVE,
}
STEP_OF = {kind.value: step for step, kind in RECEIPT_OF.items()}


@dataclass(frozen=True)
class Done:
    """What became of one of many: the id as it was given, the case, or why not."""

    uid: str
    case: Case | None = None
    error: str = ""


def each(uids: Iterable[UUID | str], act: Callable[[UUID | str], Case]) -> list[Done]:
    """Do something to many cases, each by itself; raises `Unusable` for too many at once."""
    wanted = list(dict.fromkeys(str(uid) for uid in uids))
    if not 0 < len(wanted) <= MOST_AT_ONCE:
        raise Unusable(f"{len(wanted)} cases at once. Possible: 1 to {MOST_AT_ONCE}")
    done = []
    for uid in wanted:
        try:
            done.append(Done(uid, case=act(uid)))
        except TocsinError as fault:
            done.append(Done(uid, error=str(fault)))
    return done


def answer(viewer: Viewer, uid: UUID | str, *, step: str, note: str = "", at: datetime) -> Case:
    """Answer a case for its party: `acknowledge`, `act`, `cure`, `disown`, `dispute`.

    `note` says what was done; the desk and the party read it. Raises `NotFound` for a case that
    somebody may not see, `Refused` for a step that is not theirs or not possible now.
    """
    if step not in ANSWERING:
        raise Unusable(f"{step!r} is no answer. Possible: {', '.join(ANSWERING)}")
    text = require_text(note)
    with transaction.atomic():
        case = locked(viewer, uid)
        viewer.require(ANSWER, case.party)
        actor, party = actor_of(viewer, ANSWER, case.party), acting_party(viewer, ANSWER, case)
        if case.state in UNTOLD:  # who answers has seen it
            take_step(case, "tell", NODE, by=viewer.name, at=at)
        entry = take_step(
            case,
            step,
            actor,
            by=viewer.name,
            at=at,
            person=viewer.person,
            party=party,
            text=text,
        )
        _receipt(case, step, entry, by=viewer.name, at=at)
        clocks.answered(case, by=viewer.name, at=at)
    return case


def answer_all(
    viewer: Viewer, uids: Iterable[UUID | str], *, step: str, note: str = "", at: datetime
) -> list[Done]:
    """The same answer to many cases; one that cannot be answered so hinders no other."""
    return each(uids, lambda uid: answer(viewer, uid, step=step, note=note, at=at))


def _receipt(case: Case, step: str, entry: Entry, *, by: str, at: datetime) -> None:
    if case.told_in is None:
        return
    receipts.add_receipt(
        case.told_in,
        kind=RECEIPT_OF[step],
        by=case.party.slug,
        actor=by,
        at=at,
        detail={"case": case.uid.hex, "entry": entry.uid.hex},
    )
