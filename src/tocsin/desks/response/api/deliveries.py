"""Deliveries: what a party was told, the file itself, and what comes back for it."""

from datetime import datetime
from pathlib import Path
from typing import Any, Literal
from uuid import UUID

from django.conf import settings
from django.http import FileResponse, HttpResponseBase
from ninja import Field, Query, Router, Schema

from tocsin.desks.response.queries.deliveries import (
    READ,
    READ_OWN,
    Wanted,
    delivery_for,
    every_delivery,
    fetchable_for,
)
from tocsin.office import receipts, register
from tocsin.office.api import Called, Page, Paging, Scope, page_of
from tocsin.office.models import Delivery, Receipt
from tocsin.words.errors import NotFound, Unusable

router = Router(tags=["deliveries"])

_SEE = Scope(READ, READ_OWN)
_ANSWER = "response:case:answer"
_BINARY = {"content": {"application/octet-stream": {"schema": {"type": "string"}}}}


class ReceiptOut(Schema):
    """What came back for a delivery."""

    kind: str
    at: datetime
    by: str
    note: str = ""


class DeliveryOut(Schema):
    """One delivery to one party."""

    id: str
    party: str
    relation: str
    format: str
    channel: str
    tlp: str
    rows: int
    size: int
    sha256: str
    file: str
    state: str
    created_at: datetime
    delivered_at: datetime | None = None
    first_at: datetime | None = None
    last_at: datetime | None = None


class DeliveryWhole(DeliveryOut):
    """One delivery with what came back and, field by field, why what was given or withheld."""

    receipts: list[ReceiptOut] = []
    rulings: list[dict[str, Any]] = []
    has_file: bool = Field(description="the file goes 90 days after it was delivered")


class WhichDeliveries(Paging):
    """Which deliveries a list shows."""

    state: str = Field("", max_length=20)
    party: str = Field("", max_length=60, description="a short name")
    relation: str = Field("", max_length=20)
    sha256: str = Field("", max_length=64, description="of the file, as it was delivered")


class AddReceipt(Schema):
    """What you say of a delivery."""

    kind: Literal["received", "acted", "cured", "not_ours", "false_positive"]
    note: str = Field("", max_length=200, description="a ticket of yours, a number of lines")


@router.get("/deliveries", auth=_SEE, response=Page[DeliveryOut], summary="List deliveries")
def list_deliveries(request: Called, words: Query[WhichDeliveries]) -> Any:
    """Your own, for the desk all; the newest first."""
    wanted = Wanted(words.state, words.party, words.relation, digest=words.sha256.lower())
    return page_of(
        every_delivery(request.viewer, wanted),
        words,
        name="deliveries",
        by="created_at",
        show=_brief,
        where=f"{words.state}|{words.party}|{words.relation}|{words.sha256}",
    )


@router.get("/deliveries/{uid}", auth=_SEE, response=DeliveryWhole, summary="One delivery, and why")
def get_delivery(request: Called, uid: str) -> Any:
    """With its receipts, and what its manifest says of every field."""
    found = delivery_for(request.viewer, uid, store_folder=_store())
    return {
        **_brief(found.delivery),
        "receipts": [_receipt(row) for row in found.receipts],
        "rulings": found.rulings,
        "has_file": found.has_file,
    }


@router.get(
    "/deliveries/{uid}/file",
    auth=_SEE,
    summary="The file of a delivery",
    openapi_extra={"responses": {200: {"description": "The file", **_BINARY}}},
)
def get_file(request: Called, uid: str, why: Query[str] = "") -> HttpResponseBase:
    """As an attachment. It holds personal data: the desk says why it looks."""
    delivery = _open_to(request, uid)
    _consult(request, delivery, why)
    return _attachment(delivery.path)


@router.get(
    "/deliveries/{uid}/manifest",
    auth=_SEE,
    summary="The signed manifest of a delivery",
    openapi_extra={"responses": {200: {"description": "The manifest", **_BINARY}}},
)
def get_manifest(request: Called, uid: str) -> HttpResponseBase:
    """As an attachment, byte for byte as it was signed."""
    return _attachment(_open_to(request, uid).manifest_path)


@router.post(
    "/deliveries/{uid}/receipts",
    auth=Scope(_ANSWER),
    response={201: ReceiptOut},
    summary="Say what became of a delivery",
)
def add_receipt(request: Called, uid: str, words: AddReceipt) -> Any:
    """Received, acted, cured, not ours, false positive; the same again changes nothing."""
    delivery = _own(request, uid)
    detail = {"note": words.note} if words.note else {}
    made = receipts.add_receipt(
        delivery,
        kind=words.kind,
        by=delivery.party.slug,
        actor=request.viewer.name,
        at=request.at,
        detail=detail,
    )
    return _receipt(made or _known(delivery, words.kind, detail))


def _own(request: Called, uid: str) -> Delivery:
    """A delivery to a party one may answer for; any other is not there."""
    found = Delivery.objects.filter(party_id__in=request.viewer.parties_where(_ANSWER))
    row = found.filter(uid=_as_uid(uid)).select_related("party").first()
    if row is None:
        raise NotFound(f"there is no delivery {uid}")
    return row


def _open_to(request: Called, uid: str) -> Delivery:
    """A delivery whose file may be fetched: what may not leave the node does not leave it here."""
    return fetchable_for(request.viewer, uid, store_folder=_store()).delivery


def _consult(request: Called, delivery: Delivery, why: str) -> None:
    is_own = delivery.party_id in request.viewer.parties_where(READ_OWN)
    if not why.strip() and not is_own:
        raise Unusable("looking at a delivery needs a reason. Possible: ?why=CASE-7")
    register.consult(
        noun="response:delivery",
        actor=request.viewer.name,
        at=request.at,
        why=why.strip()[:200] or "fetched by the party it is for",
        subject=delivery.uid,
        shown=delivery.rows,
    )


def _attachment(name: str) -> FileResponse:
    """Never shown in a browser, whatever it holds; no cookie belongs to this path."""
    path = _store() / name
    try:
        file = path.open("rb")
    except OSError:
        raise NotFound("the file is no more: files go 90 days after they were delivered") from None
    response = FileResponse(
        file, as_attachment=True, filename=path.name, content_type="application/octet-stream"
    )
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Content-Security-Policy"] = "sandbox; default-src 'none'"
    response.headers["Cache-Control"] = "private, no-store"
    response.headers["Vary"] = "Authorization"
    return response


def _brief(row: Delivery) -> dict[str, Any]:
    return {
        "id": row.uid.hex,
        "party": row.party.slug,
        "relation": row.relation,
        "format": row.format,
        "channel": row.channel,
        "tlp": row.tlp,
        "rows": row.rows,
        "size": row.size,
        "sha256": row.digest,
        "file": Path(row.path).name,
        "state": row.state,
        "created_at": row.created_at,
        "delivered_at": row.delivered_at,
        "first_at": row.first_at,
        "last_at": row.last_at,
    }


def _receipt(row: Receipt) -> dict[str, Any]:
    return {"kind": row.kind, "at": row.at, "by": row.by, "note": str(row.detail.get("note", ""))}


def _known(delivery: Delivery, kind: str, detail: dict[str, str]) -> Receipt:
    return delivery.receipts.get(kind=kind, by=delivery.party.slug, detail=detail)


def _as_uid(uid: str) -> UUID:
    try:
        return UUID(uid)
    except ValueError:
        raise NotFound(f"there is no delivery {uid}") from None


def _store() -> Path:
    return Path(settings.STORE)
