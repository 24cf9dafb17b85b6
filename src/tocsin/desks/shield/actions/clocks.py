"""The clocks of the shield; all are owed by the party that runs the node."""

from datetime import datetime
from typing import Any
from uuid import UUID

from tocsin.office import deadlines
from tocsin.office.models import Party
from tocsin.rules import shield
from tocsin.rules.calendar import PublicHolidays, country
from tocsin.rules.deadline import in_force
from tocsin.words.errors import NotFound
from tocsin.words.moments import as_utc, read_zone

_NOWHERE = "BE"  # where the Union's own institutions count their days


def start(name: str, matter: UUID, *, started_at: datetime, by: str, at: datetime) -> None:
    """Start a clock of `rules.shield` for a group, a listing, an appeal or a message."""
    deadlines.start(
        in_force(shield.DEADLINES, f"shield:{name}", on=as_utc(at).date()),
        matter=matter,
        started_at=started_at,
        by=by,
        at=at,
        **_owed(),
    )


def start_new(name: str, matters: list[UUID], *, by: str, at: datetime) -> None:
    """Start one now for each of what this very transaction made."""
    if matters:
        deadlines.start_new(
            in_force(shield.DEADLINES, f"shield:{name}", on=as_utc(at).date()),
            matters=matters,
            started_at=at,
            by=by,
            at=at,
            **_owed(),
        )


def _owed() -> dict[str, Any]:
    """By whom, and in whose days."""
    party = Party.objects.filter(runs_node=True).first()
    try:
        place = country(party.country if party else _NOWHERE)
    except NotFound:
        place = country(_NOWHERE)
    zone, holidays = read_zone(place.zone), PublicHolidays(place.code)
    return {"party": party, "zone": zone, "holidays": holidays}


def meet(name: str, matter: UUID, *, by: str, at: datetime) -> None:
    """Stop a clock because what was owed is done."""
    deadlines.meet(matter, f"shield:{name}", by=by, at=at)


def drop(matter: UUID, *, why: str, by: str, at: datetime) -> None:
    """Stop every clock of a matter."""
    deadlines.withdraw(matter, why=why, by=by, at=at)
