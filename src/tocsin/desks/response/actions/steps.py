"""One step of a case: the state after it, the line in its thread and the register row."""

from datetime import datetime
from uuid import UUID

from tocsin.desks.response.models import Case, Entry
from tocsin.desks.response.queries.cases import visible_cases
from tocsin.office import register
from tocsin.office.models import Party
from tocsin.office.people.models import Person
from tocsin.office.people.viewer import Viewer
from tocsin.rules.lifecycle import Actor, take
from tocsin.rules.response import CASE
from tocsin.words.errors import NotFound, Unusable
from tocsin.words.moments import as_utc

LONGEST_TEXT = 10_000
_MOMENTS = {"tell": "told_at", "close": "closed_at"}
ANSWERING = ("acknowledge", "act", "cure", "disown", "dispute")


def locked(viewer: Viewer, uid: UUID | str) -> Case:
    """A case that somebody may see, held until the transaction ends; raises `NotFound`."""
    try:
        wanted = uid if isinstance(uid, UUID) else UUID(uid)
    except ValueError:
        raise NotFound(f"there is no case {uid}") from None
    rows = visible_cases(viewer).select_for_update(of=("self",)).select_related("party", "told_in")
    case = rows.filter(uid=wanted).first()
    if case is None:
        raise NotFound(f"there is no case {uid}")
    return case


def require_text(text: str, *, may_be_empty: bool = True) -> str:
    """What somebody wrote, in lines; raises `Unusable` for too much, or for nothing."""
    kept = text.replace("\r\n", "\n").replace("\0", "").strip()
    if len(kept) > LONGEST_TEXT:
        raise Unusable(f"a text has at most {LONGEST_TEXT:,} letters, not {len(kept):,}")
    if not kept and not may_be_empty:
        raise Unusable("there is nothing in it. Possible: write what is to be said")
    return kept


def take_step(
    case: Case,
    step: str,
    actor: Actor,
    *,
    by: str,
    at: datetime,
    person: Person | None = None,
    party: Party | None = None,
    text: str = "",
) -> Entry:
    """Take a step inside a transaction; raises `Refused` with what is possible instead."""
    before = case.state
    case.state = take(CASE, before, step, actor)
    case.changed_at = as_utc(at)
    if step in _MOMENTS:
        setattr(case, _MOMENTS[step], as_utc(at))
    if step in ANSWERING:
        case.answered_at = as_utc(at)
    if case.state != "closed":
        case.closed_at = None
    case.save(
        update_fields=["state", "changed_at", "told_at", "answered_at", "closed_at", "told_in"]
    )
    entry = Entry.objects.create(
        case=case,
        kind=Entry.Kind.STEP,
        at=as_utc(at),
        by=by,
        person=person,
        party=party,
        step=step,
        state=case.state,
        text=text,
    )
    facts: dict[str, register.Fact] = {
        "party": case.party.slug,
        "of": before,
        "state": case.state,
        "kind": case.kind,
    }
    register.record(action=f"response:case:{step}", actor=by, at=at, subject=case.uid, facts=facts)
    return entry


def acting_party(viewer: Viewer, permission: str, case: Case) -> Party | None:
    """The party that somebody acts for in a case: its own, or the one that runs the node."""
    held = viewer.parties_where(permission)
    if case.party_id in held:
        return case.party
    return next((party for party in viewer.parties if party.pk in held), None)
