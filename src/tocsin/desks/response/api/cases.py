"""Cases: what a party answers, and what the desk does."""

from datetime import datetime
from typing import Any, Literal

from ninja import Field, Query, Router, Schema

from tocsin.desks.response import actions
from tocsin.desks.response.models import Case, Entry
from tocsin.desks.response.queries.cases import (
    ANSWER,
    HANDLE,
    READ,
    READ_OWN,
    CaseFile,
    case_for,
    is_desk,
    visible_cases,
)
from tocsin.desks.response.queries.filters import Filters
from tocsin.office.api import Called, Page, Paging, Scope, page_of

router = Router(tags=["cases"])

_SEE = Scope(READ, READ_OWN)


class CaseOut(Schema):
    """One case in a list."""

    id: str
    reference: str
    party: str
    relation: str
    kind: str
    family: str
    about: str
    state: str
    severity: str
    tlp: str
    events: int
    first_at: datetime | None = None
    last_at: datetime | None = None
    opened_at: datetime
    changed_at: datetime


class EntryOut(Schema):
    """One line of a case's thread."""

    kind: str
    at: datetime
    party: str | None = None
    audience: str
    step: str = ""
    state: str = ""
    text: str = ""


class ClockOut(Schema):
    """One deadline of a case."""

    rule: str
    due_at: datetime
    met_at: datetime | None = None


class CaseWhole(CaseOut):
    """One case with its thread, its clocks and what you may do now.

    Tags, reporters and whoever is assigned are the desk's alone.
    """

    because: str
    steps: list[str] = Field(description="what you may answer or do now")
    entries: list[EntryOut]
    deliveries: list[str]
    deadlines: list[ClockOut]
    tags: list[str] = []
    reporters: list[str] = []
    assigned: str | None = None


class WhichCases(Paging):
    """Which cases a list shows; `open` stands for all states but closed and merged."""

    state: str = Field("", max_length=20)
    kind: str = Field("", max_length=50, description="RSIT type")
    party: str = Field("", max_length=60, description="a short name")
    about: str = Field("", max_length=253)
    text: str = Field("", max_length=200)

    def filters(self) -> Filters:
        """The same, checked; raises `Unusable`."""
        words = {
            "states": self.state,
            "kinds": self.kind,
            "parties": self.party,
            "about": self.about,
            "text": self.text,
        }
        return Filters.read(words)


class Answer(Schema):
    """What a party says of a case."""

    step: Literal["acknowledge", "act", "cure", "disown", "dispute"]
    note: str = Field("", max_length=10_000)


class Comment(Schema):
    """A line in the thread."""

    text: str = Field(max_length=10_000, min_length=1)
    for_desk: bool = False


class Assignment(Schema):
    """Who of the desk follows a case; null for nobody."""

    person: str | None = Field(None, max_length=40)


class Close(Schema):
    """Why a case is closed."""

    note: str = Field("", max_length=10_000)


@router.get("/cases", auth=_SEE, response=Page[CaseOut], summary="List cases")
def list_cases(request: Called, words: Query[WhichCases]) -> Any:
    """Those of your party, for the desk all; the last changed first."""
    filters = words.filters()
    conditions = filters.conditions(request.viewer, is_desk=is_desk(request.viewer))
    rows = visible_cases(request.viewer).filter(conditions).select_related("party")
    return page_of(
        rows.defer("sample"),
        words,
        name="cases",
        by="changed_at",
        show=_brief,
        where=str(filters),
    )


@router.get("/cases/{uid}", auth=_SEE, response=CaseWhole, summary="One case")
def get_case(request: Called, uid: str) -> Any:
    """With its thread, clocks, and the steps that you may take."""
    return _whole(case_for(request.viewer, uid))


@router.post(
    "/cases/{uid}/answers", auth=Scope(ANSWER), response={201: CaseWhole}, summary="Answer a case"
)
def answer(request: Called, uid: str, words: Answer) -> Any:
    """Acknowledge, act, cure, disown, dispute; what is possible stands in `steps`."""
    actions.answer(request.viewer, uid, step=words.step, note=words.note, at=request.at)
    return _whole(case_for(request.viewer, uid))


@router.post(
    "/cases/{uid}/comments",
    auth=Scope(ANSWER, HANDLE),
    response={201: CaseWhole},
    summary="Write into a case",
)
def comment(request: Called, uid: str, words: Comment) -> Any:
    """For both sides, or of the desk for itself."""
    actions.comment(request.viewer, uid, text=words.text, for_desk=words.for_desk, at=request.at)
    return _whole(case_for(request.viewer, uid))


@router.put(
    "/cases/{uid}/assignment", auth=Scope(HANDLE), response=CaseWhole, summary="Assign a case"
)
def assign(request: Called, uid: str, words: Assignment) -> Any:
    """To somebody of the desk, or to nobody."""
    actions.assign(request.viewer, uid, person=words.person, at=request.at)
    return _whole(case_for(request.viewer, uid))


@router.post(
    "/cases/{uid}/closing", auth=Scope(HANDLE), response={201: CaseWhole}, summary="Close a case"
)
def close(request: Called, uid: str, words: Close) -> Any:
    """Where the lifecycle lets it be closed."""
    actions.close(request.viewer, uid, note=words.note, at=request.at)
    return _whole(case_for(request.viewer, uid))


@router.put(
    "/cases/{uid}/tags/{name}", auth=Scope(HANDLE), response=CaseWhole, summary="Tag a case"
)
def tag(request: Called, uid: str, name: str) -> Any:
    """A word that only the desk sees; again: changes nothing."""
    actions.tag(request.viewer, uid, name=name, at=request.at)
    return _whole(case_for(request.viewer, uid))


@router.delete(
    "/cases/{uid}/tags/{name}", auth=Scope(HANDLE), response=CaseWhole, summary="Take a tag off"
)
def untag(request: Called, uid: str, name: str) -> Any:
    """Where it is not on, nothing changes."""
    actions.untag(request.viewer, uid, name=name, at=request.at)
    return _whole(case_for(request.viewer, uid))


def _brief(row: Case) -> dict[str, Any]:
    same = "relation kind family about state severity tlp events first_at last_at"
    return {
        "id": row.uid.hex,
        "reference": row.reference,
        "party": row.party.slug,
        "opened_at": row.opened_at,
        "changed_at": row.changed_at,
        **{name: getattr(row, name) for name in same.split()},
    }


def _whole(found: CaseFile) -> dict[str, Any]:
    case, desk = found.case, found.is_desk
    return {
        **_brief(case),
        "because": case.because,
        "steps": [step.name for step in found.steps],
        "entries": [_entry(row) for row in found.entries],
        "deliveries": [row.uid.hex for row in found.deliveries],
        "deadlines": [
            {"rule": row.rule, "due_at": row.due_at, "met_at": row.met_at}
            for row in found.deadlines
        ],
        "tags": list(found.tags),
        "reporters": [party.slug for party in found.reporters],
        "assigned": case.assigned.uid.hex if desk and case.assigned else None,
    }


def _entry(row: Entry) -> dict[str, Any]:
    """Whose word it is, and not which of their people."""
    return {
        "kind": row.kind,
        "at": row.at,
        "party": row.party.slug if row.party else None,
        "audience": row.audience,
        "step": row.step,
        "state": row.state,
        "text": row.text,
    }
