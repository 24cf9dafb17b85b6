"""Figures, and the look-up of who would be told."""

from pathlib import Path
from typing import Any

from django.conf import settings
from ninja import Field, Query, Router, Schema

from tocsin.desks.response.queries.cases import READ, READ_OWN, figures_for
from tocsin.desks.response.queries.preview import Shown, Told
from tocsin.desks.response.queries.preview import look_up as look_up_target
from tocsin.flow.networks import load_networks, snapshot_in
from tocsin.office.api import Called, Scope
from tocsin.words.markings import read_tlp

router = Router(tags=["figures and look-up"])


class Lookup(Schema):
    """What is looked up."""

    target: str = Field(
        min_length=1, max_length=2000, description="an address, a network, a domain or a URL"
    )
    kind: str = Field("", max_length=60, description="RSIT type: infected-system, phishing, …")
    tlp: str = Field("amber", max_length=20)


class FieldOut(Schema):
    """One field as one party would get it."""

    field: str
    act: str
    value: str
    basis: str


class ToldOut(Schema):
    """One party that would be told."""

    party: str
    name: str
    relation: str
    side: str
    because: str
    attributable: str = ""
    fields: list[FieldOut]


class LookupOut(Schema):
    """What is known of the target, and everyone who would be told."""

    facts: dict[str, str]
    told: list[ToldOut]


@router.get(
    "/figures",
    auth=Scope(READ, READ_OWN),
    response=dict[str, dict[str, int]],
    summary="Cases opened, told, answered, closed",
)
def figures(request: Called) -> Any:
    """Within 24 hours, 7 and 30 days, over what you may see; and how many are open now."""
    return figures_for(request.viewer, at=request.at)


@router.get(
    "/lookup",
    auth=Scope("response:preview:read"),
    response=LookupOut,
    summary="Who would be told of something",
)
def look_up(request: Called, words: Query[Lookup]) -> Any:
    """Which fields each would see, and why; nothing is kept and nothing is sent."""
    found = look_up_target(
        words.target,
        kind=words.kind,
        fields={},
        tlp=read_tlp(words.tlp),
        networks=load_networks(snapshot_in(Path(settings.STORE) / "networks"), settings.OVERLAY),
        at=request.at,
    )
    return {"facts": found.facts, "told": [_told(one) for one in found.told]}


def _told(one: Told) -> dict[str, Any]:
    return {
        "party": one.recipient.party,
        "name": one.recipient.name,
        "relation": one.relation.value,
        "side": one.side.value,
        "because": one.because,
        "attributable": one.attributable,
        "fields": [_field(row) for row in one.fields],
    }


def _field(row: Shown) -> dict[str, str]:
    return {"field": row.field, "act": row.act, "value": row.value, "basis": row.basis}
