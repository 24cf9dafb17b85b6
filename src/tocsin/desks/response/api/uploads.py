"""Uploads that may break off: begun, grown piece by piece, ended as a report.

In the manner of draft-ietf-httpbis-resumable-upload: `Upload-Offset` says where a piece begins,
`Upload-Complete: ?1` that it is the last.
"""

from datetime import datetime
from pathlib import Path
from typing import Any

from django.conf import settings
from django.http import HttpResponse
from ninja import Field, Query, Router, Schema, Status

from tocsin.desks.response.actions.upload import (
    KEPT,
    append,
    begin_upload,
    cancel_upload,
    find_upload,
    finish_upload,
    offset_of,
)
from tocsin.desks.response.api.bodies import Describes, reader, size_of
from tocsin.desks.response.api.reports import ADD, ReportOut, shown
from tocsin.desks.response.models import Upload
from tocsin.office.api import Called, Scope
from tocsin.office.api.digest_fields import read_digests
from tocsin.words.errors import Unusable

router = Router(tags=["uploads"])

PARTIAL = "application/partial-upload"


class BeginUpload(Describes):
    """How the report is to be read, and how long it is, where that is known."""

    length: int | None = Field(None, ge=1, description="bytes of the whole report")


class UploadOut(Schema):
    """One upload; `report` once it is whole."""

    id: str
    offset: int
    length: int | None = None
    limit: int
    expires_at: datetime
    report: str | None = None


def _header(name: str, said: str, *, required: bool = False) -> dict[str, Any]:
    return {
        "in": "header",
        "name": name,
        "required": required,
        "schema": {"type": "string", "maxLength": 2000},
        "description": said,
    }


@router.post(
    "/uploads",
    auth=Scope(*ADD),
    response={201: UploadOut},
    summary="Begin an upload",
    openapi_extra={
        "parameters": [
            _header("Idempotency-Key", "a word of your own: the same again gives the same upload"),
            _header("Repr-Digest", "RFC 9530, sha-256 of the whole report"),
        ]
    },
)
def begin(request: Called, response: HttpResponse, words: Query[BeginUpload]) -> Any:
    """An address that takes the report in pieces; it ends a day later."""
    digest = read_digests(request.headers.get("Repr-Digest"), field="Repr-Digest")
    row = begin_upload(
        party=request.party,
        by=request.viewer.name,
        name=words.name,
        brought=words.brought(),
        length=words.length,
        digest=digest.wanted.get("sha-256", b"").hex(),
        key=request.headers.get("Idempotency-Key", "")[:500],
        limit=settings.UPLOAD_LIMIT,
        at=request.at,
        store_folder=_store(),
    )
    response.headers["Location"] = f"/api/v1/uploads/{row.uid.hex}"
    return _shown(row, response)


@router.get("/uploads/{uid}", auth=Scope(*ADD), response=UploadOut, summary="How far an upload is")
def look(request: Called, response: HttpResponse, uid: str) -> Any:
    """How many bytes are there."""
    return _shown(_find(request, uid), response)


@router.api_operation(
    ["HEAD"], "/uploads/{uid}", auth=Scope(*ADD), response={204: None}, summary="Where to go on"
)
def head(request: Called, response: HttpResponse, uid: str) -> Any:
    """The same in headers: Upload-Offset, Upload-Complete, Upload-Length, Upload-Limit."""
    _shown(_find(request, uid), response)
    return None


@router.patch(
    "/uploads/{uid}",
    auth=Scope(*ADD),
    response={200: UploadOut, 202: ReportOut},
    summary="Send a piece",
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {PARTIAL: {"schema": {"type": "string", "format": "binary"}}},
        },
        "parameters": [
            _header("Upload-Offset", "where the piece begins", required=True),
            _header("Upload-Complete", "?1 for the last piece, else ?0"),
            _header("Content-Digest", "RFC 9530, of this piece; it is kept whole or not at all"),
        ],
    },
)
def send(request: Called, response: HttpResponse, uid: str) -> Any:
    """A piece, from where the upload ends; with Upload-Complete: ?1 it becomes a report."""
    row = _find(request, uid)
    if request.content_type != PARTIAL:
        raise Unusable(f"a piece has the type {PARTIAL}")
    if row.intake is None:
        append(
            row,
            reader(request),
            offset=_number(request, "Upload-Offset"),
            size=size_of(request),
            expected=read_digests(request.headers.get("Content-Digest"), field="Content-Digest"),
            limit=settings.UPLOAD_LIMIT,
            store_folder=_store(),
        )
    if not _is_last(request):
        return Status(200, _shown(row, response))
    intake = finish_upload(row, by=request.viewer.name, at=request.at, store_folder=_store())
    response.headers["Location"] = f"/api/v1/reports/{intake.uid.hex}"
    response.headers["Upload-Complete"] = "?1"
    return Status(202, shown(request, intake))


@router.delete("/uploads/{uid}", auth=Scope(*ADD), response={204: None}, summary="Cancel an upload")
def cancel(request: Called, uid: str) -> Any:
    """What came so far is thrown away; what became a report stays one."""
    row = _find(request, uid)
    cancel_upload(row, by=request.viewer.name, at=request.at, store_folder=_store())
    return None


def _store() -> Path:
    return Path(settings.STORE)


def _find(request: Called, uid: str) -> Upload:
    return find_upload(uid, party=request.party, at=request.at)


def _is_last(request: Called) -> bool:
    said = request.headers.get("Upload-Complete", "?0").strip()
    if said not in ("?0", "?1"):
        raise Unusable("Upload-Complete is ?0 or ?1")
    return said == "?1"


def _number(request: Called, name: str) -> int:
    text = request.headers.get(name, "").strip()
    if not (text.isascii() and text.isdigit() and len(text) < 16):
        raise Unusable(f"{name} is missing or no number. Possible: what HEAD says")
    return int(text)


def _shown(row: Upload, response: HttpResponse) -> dict[str, Any]:
    offset = offset_of(row, store_folder=_store())
    response.headers["Upload-Offset"] = str(offset)
    response.headers["Upload-Complete"] = "?1" if row.intake else "?0"
    limits = f"max-size={settings.UPLOAD_LIMIT}, max-age={int(KEPT.total_seconds())}"
    response.headers["Upload-Limit"] = limits
    response.headers["Cache-Control"] = "no-store"
    if row.length is not None:
        response.headers["Upload-Length"] = str(row.length)
    return {
        "id": row.uid.hex,
        "offset": offset,
        "length": row.length,
        "limit": settings.UPLOAD_LIMIT,
        "expires_at": row.expires_at,
        "report": row.intake.uid.hex if row.intake else None,
    }
