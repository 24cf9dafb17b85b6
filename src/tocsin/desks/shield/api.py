"""What programs may ask of the shield; `node.api` mounts it at /api/v1/.

Partners report and propose; a listing is confirmed by people on a page alone. What is listed is
public and needs no token: `/shield/lists/`, `/shield/check.json`.
"""

from datetime import datetime
from typing import Any

from django.conf import settings
from ninja import Field, Query, Router, Schema, Status

from tocsin.desks.shield.actions.deciding import approve
from tocsin.desks.shield.actions.receiving import (
    LARGEST_FILE,
    LONGEST_TEXT,
    Brought,
    receive_message,
)
from tocsin.desks.shield.models import Listing, Message
from tocsin.desks.shield.queries.listings import (
    PROPOSE,
    READ,
    READ_OWN,
    find_listing,
    visible_listings,
)
from tocsin.desks.shield.queries.reports import require_report
from tocsin.office.api import Called, Page, Paging, Scope, page_of

router = Router(tags=["shield"])
_SEE = Scope(READ, READ_OWN)
_BYTES = {"schema": {"type": "string", "format": "binary"}}
_REPORT = {
    "requestBody": {
        "required": True,
        "content": {"application/json": {"schema": {"type": "object"}}, "message/rfc822": _BYTES},
    }
}


class ListingOut(Schema):
    """One listing."""

    id: str
    reference: str
    scope: str
    value: str
    state: str
    because: str
    reason: str
    legal_basis: str
    imitates: str | None = None
    tlp: str
    warnings: dict[str, str] = {}
    proposed_at: datetime
    listed_at: datetime | None = None
    expires_at: datetime | None = None


class Proposal(Schema):
    """What to list, and why; the software chooses how wide, `scope` may narrow it."""

    url: str = Field(max_length=2000, min_length=1)
    reason: str = Field(max_length=2000, min_length=1)
    legal_basis: str = Field(max_length=300, min_length=1)
    scope: str | None = Field(None, max_length=10, description="host or url, to narrow it")
    tlp: str = Field("TLP:CLEAR", max_length=20, description="for whom: CLEAR, GREEN or AMBER")
    address: str = Field("", max_length=45, description="what the name resolved to, as you saw it")


class MessageIn(Schema):
    """A message or an address that somebody received."""

    text: str = Field(max_length=LONGEST_TEXT, min_length=1)


class MessageOut(Schema):
    """A reference, to ask what came of it."""

    reference: str
    state: str


@router.post(
    "/shield/messages", auth=Scope(PROPOSE), response={201: MessageOut}, summary="Send a message in"
)
def send_message(request: Called, words: MessageIn) -> Any:
    """As the public form does; the reporter is your party."""
    return _received(request, text=words.text)


@router.post(
    "/shield/reports",
    auth=Scope(PROPOSE),
    response={201: MessageOut},
    summary="Send a report of phishing in",
    openapi_extra=_REPORT,
)
def send_report(request: Called) -> Any:
    """XARF 4 (JSON) or ARF (RFC 5965) as the body, of the class phishing; other classes go to
    `/reports`."""
    data = bytes(request.read(LARGEST_FILE + 1))
    require_report(data)
    return _received(request, data=data)


def _received(request: Called, *, text: str = "", data: bytes = b"") -> Any:
    brought = Brought(
        text=text,
        data=data,
        reporter=f"party {request.party.pk}",
        via=Message.Via.API,
        party=request.party,
    )
    row = receive_message(
        brought, by=request.viewer.name, at=request.at, store_folder=settings.STORE
    )
    return Status(201, {"reference": row.reference, "state": row.state})


@router.get("/shield/listings", auth=_SEE, response=Page[ListingOut], summary="List listings")
def list_listings(request: Called, words: Query[Paging]) -> Any:
    """Those your party proposed, for the node all; the last changed first."""
    rows = visible_listings(request.viewer)
    return page_of(rows, words, name="listings", by="changed_at", show=_shown)


@router.get("/shield/listings/{uid}", auth=_SEE, response=ListingOut, summary="One listing")
def get_listing(request: Called, uid: str) -> Any:
    """Where it stands."""
    return _shown(find_listing(request.viewer, uid))


@router.post(
    "/shield/listings",
    auth=Scope(PROPOSE),
    response={201: ListingOut},
    summary="Propose a listing",
)
def propose(request: Called, words: Proposal) -> Any:
    """Approved by you as the first of two; a reviewer of the node is the second."""
    row = approve(
        request.viewer,
        url=words.url,
        reason=words.reason,
        basis=words.legal_basis,
        scope=words.scope,
        address=words.address,
        tlp=words.tlp,
        at=request.at,
    )
    return Status(201, _shown(row))


def _shown(row: Listing) -> dict[str, Any]:
    same = (
        "reference scope value state because reason tlp warnings proposed_at listed_at expires_at"
    )
    return {
        "id": row.uid.hex,
        "legal_basis": row.basis,
        "imitates": row.brand or None,
        **{name: getattr(row, name) for name in same.split()},
    }
