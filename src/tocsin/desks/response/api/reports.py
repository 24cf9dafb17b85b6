"""Reports: brought in, worked by the worker, and what became of each."""

from datetime import datetime
from pathlib import Path
from typing import Any, Literal

from django.conf import settings
from django.http import HttpResponse
from ninja import Field, Query, Router, Schema

from tocsin.desks.response.actions.arrive import key_of, take_in_once
from tocsin.desks.response.actions.moving import Post
from tocsin.desks.response.actions.owing import ANSWER, answer_reporter
from tocsin.desks.response.actions.take_in import take_in
from tocsin.desks.response.api.bodies import Describes, body_as_file, mapping_of
from tocsin.desks.response.models import Arrival, Intake
from tocsin.desks.response.queries.deliveries import visible_deliveries
from tocsin.desks.response.queries.reports import (
    intake_for,
    relations_told,
    told_of,
    visible_intakes,
)
from tocsin.office.api import Called, Page, Paging, Scope, page_of
from tocsin.words.errors import NotFound

router = Router(tags=["reports"])

ADD = ("response:report:add", "response:report:add_own")
READ = ("response:report:read", "response:report:read_own")
PREVIEW = "response:preview:read"
_MOST_TOLD = 500
_COUNTS = ("read", "quarantined", "duplicates", "events", "unrouted", "held")
_BODY = {
    "requestBody": {
        "required": True,
        "content": {
            "application/octet-stream": {"schema": {"type": "string", "format": "binary"}},
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "properties": {
                        "file": {"type": "string", "format": "binary"},
                        "mapping": {"type": "string", "format": "binary"},
                    },
                    "required": ["file"],
                }
            },
        },
    },
    "parameters": [
        {
            "in": "header",
            "name": name,
            "required": False,
            "schema": {"type": "string", "maxLength": 2000},
            "description": said,
        }
        for name, said in (
            ("Idempotency-Key", "a word of your own: the same again takes nothing in twice"),
            ("Content-Digest", "RFC 9530; bytes that hash otherwise are refused"),
            ("Repr-Digest", "likewise"),
        )
    ],
}


class Told(Schema):
    """As what parties were told, how many of them, and how many rows."""

    relation: str
    parties: int
    rows: int


class DeliveryName(Schema):
    """One delivery that came of a report, of those that you may see."""

    id: str
    party: str
    relation: str
    rows: int
    state: str


class ReportBrief(Schema):
    """One report in a list. Counts are null until it was worked."""

    id: str
    name: str
    party: str | None = Field(None, description="who brought it in")
    tlp: str
    purpose: str
    state: str = Field(description="waiting, done or failed")
    received_at: datetime
    finished_at: datetime | None = None
    read: int | None = None
    quarantined: int | None = None
    duplicates: int | None = None
    events: int | None = None
    unrouted: int | None = None
    held: int | None = None


class ReportOut(ReportBrief):
    """One report, and who was told of it as far as you may see."""

    stage: str = Field("", description="what the worker is at")
    rows: int = Field(0, description="rows the worker has got through in this stage")
    sha256: str
    size: int
    format: str = ""
    classification: str = ""
    error: str = ""
    notes: list[str] = []
    answer: str = Field("", description="what the desk answered whoever brought it in")
    answered_at: datetime | None = None
    told: list[Told] = []
    deliveries: list[DeliveryName] = []


class AddReport(Describes):
    """How a report is to be read, and what for."""

    purpose: Literal["route", "preview"] = Field(
        "route", description="preview says what routing would do, and tells nobody"
    )


class AnswerReporter(Schema):
    """What became of a report, for whoever brought it in."""

    text: str = Field(min_length=1, max_length=10_000)


class WhichReports(Paging):
    """Which reports a list shows."""

    state: Literal["", "waiting", "done", "failed"] = ""


@router.post(
    "/reports",
    auth=Scope(*ADD),
    response={202: ReportOut},
    openapi_extra=_BODY,
    summary="Bring in a report",
)
def add_report(request: Called, response: HttpResponse, words: Query[AddReport]) -> Any:
    """The file as the body, or as the part `file` of a form; it waits for the worker.

    CSV of any kind comes in a form, with a mapping file as the part `mapping`.
    """
    if words.purpose == "preview":
        request.viewer.require(PREVIEW)
    words.brought(words.purpose)  # refused before the body is read, where it cannot be
    with body_as_file(request) as (path, named):
        common: dict[str, Any] = {
            "name": named or words.name,
            "brought": words.brought(words.purpose, mapping_of(request)),
            "party": request.party,
            "by": request.viewer.name,
            "at": request.at,
            "store_folder": Path(settings.STORE),
        }
        key = request.headers.get("Idempotency-Key", "")[:500]
        if key:
            hashed = key_of("report", request.party.uid.hex, key)
            row, _ = take_in_once(path, source=Arrival.Source.API, key=hashed, **common)
        else:
            row = take_in(path, **common)
    if row is None:
        raise NotFound("there is no such report")
    response.headers["Location"] = f"/api/v1/reports/{row.uid.hex}"
    return shown(request, row)


@router.get("/reports", auth=Scope(*READ), response=Page[ReportBrief], summary="List reports")
def list_reports(request: Called, words: Query[WhichReports]) -> Any:
    """What you, or for the desk anybody, brought in; the newest first."""
    rows = visible_intakes(request.viewer).select_related("party")
    if words.state:
        rows = rows.filter(state=words.state)
    return page_of(rows, words, name="reports", by="received_at", show=brief, where=words.state)


@router.get(
    "/reports/{uid}", auth=Scope(*READ), response=ReportOut, summary="What became of a report"
)
def get_report(request: Called, uid: str) -> Any:
    """How far it is, its counts, and who was told as far as you may see."""
    return shown(request, intake_for(request.viewer, uid))


@router.post(
    "/reports/{uid}/answers",
    auth=Scope(ANSWER),
    response={201: ReportOut},
    summary="Answer whoever brought a report in",
)
def answer_report(request: Called, uid: str, words: AnswerReporter) -> Any:
    """They get a notice and see it with the report; the clock of the answer stops."""
    post = Post(Path(settings.STORE), settings.NODE_NAME)
    answer_reporter(request.viewer, uid, text=words.text, at=request.at, post=post)
    return shown(request, intake_for(request.viewer, uid))


def brief(row: Intake) -> dict[str, Any]:
    """A report in a list."""
    return {
        "id": row.uid.hex,
        "name": row.name,
        "party": row.party.slug if row.party else None,
        "tlp": row.tlp,
        "purpose": row.purpose,
        "state": row.state,
        "received_at": row.received_at,
        "finished_at": row.finished_at,
        **{name: row.outcome.get(name) for name in _COUNTS},
    }


def shown(request: Called, row: Intake) -> dict[str, Any]:
    """A report with what became of it."""
    told = told_of(row)
    seen = told & visible_deliveries(request.viewer)
    files = row.outcome.get("files", [])
    return {
        **brief(row),
        "stage": row.stage,
        "rows": row.rows,
        "sha256": row.evidence.digest,
        "size": row.evidence.size,
        "format": row.format or "".join(file["format"] for file in files[:1]),
        "classification": row.classification,
        "error": row.error,
        "answer": row.answer,
        "answered_at": row.answered_at,
        "notes": [note for file in files for note in file["notes"]],
        "told": [
            {"relation": relation, "parties": parties, "rows": rows}
            for relation, parties, rows in relations_told(told)
        ],
        "deliveries": [
            {
                "id": one.uid.hex,
                "party": one.party.slug,
                "relation": one.relation,
                "rows": one.rows,
                "state": one.state,
            }
            for one in seen.select_related("party").order_by("-rows", "uid")[:_MOST_TOLD]
        ],
    }
