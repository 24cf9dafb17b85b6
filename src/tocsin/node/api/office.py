"""Calls that belong to no desk: who one is."""

from typing import Any

from ninja import Router, Schema

from tocsin.office.api import Called, Scope

router = Router(tags=["own party"])


class PartyOut(Schema):
    """The party that a token acts for, as it is on file, and what the token opens."""

    party: str
    name: str
    role: str
    country: str
    language: str
    channel: str
    format: str
    interval: str
    remits: list[dict[str, str]]
    scopes: list[str]


@router.get(
    "/party",
    auth=Scope("office:party:read_own"),
    response=PartyOut,
    summary="One's own party",
)
def own_party(request: Called) -> Any:
    """What is on file of it, what it answers for, and the scopes of this token."""
    party = request.party
    return {
        "party": party.slug,
        "name": party.name,
        "role": party.role,
        "country": party.country,
        "language": party.language,
        "channel": party.channel,
        "format": party.format,
        "interval": party.interval,
        "remits": [
            {"kind": row.kind, "value": row.value, "relation": row.relation}
            for row in party.remits.order_by("kind", "value")[:1000]
        ],
        "scopes": sorted(request.viewer.scopes or ()),
    }
