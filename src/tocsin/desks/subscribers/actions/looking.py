"""Asking whose line it was: each look-up is a consultation row with its reason."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address, ip_address
from pathlib import Path

import polars as pl
from django.db import transaction

from tocsin.desks.subscribers.models import Contact, Source
from tocsin.desks.subscribers.queries.bindings import records
from tocsin.flow.bindings.look_up import Outcome, Why, look_up
from tocsin.flow.bindings.search import QUESTION
from tocsin.office import register
from tocsin.words.errors import Unusable
from tocsin.words.moments import as_utc, iso

_SAID = {
    Outcome.EXACT: "exactly one line",
    Outcome.AMBIGUOUS: "ambiguous",
    Outcome.NONE: "none",
    Outcome.NOT_ATTRIBUTABLE: "not attributable",
}


@dataclass(frozen=True)
class Sighting:
    """What is asked: an address, its port and protocol where they are known, a moment."""

    address: str
    at: datetime
    port: int | None = None
    protocol: int = 0
    slack: timedelta = timedelta(0)


@dataclass(frozen=True)
class Answer:
    """What can be said: the outcome, why, and the lines it is about."""

    outcome: str
    because: str
    lines: list[int]
    name: str = ""
    since: datetime | None = None
    until: datetime | None = None
    source: str = ""


def question(asked: list[Sighting]) -> pl.DataFrame:
    """Sightings as `flow.bindings.look_up` takes them; raises Unusable for what is no address."""
    rows = []
    for one in asked:
        try:
            ip = ip_address(one.address)
        except ValueError:
            raise Unusable(f"{one.address[:60]!r} is no IPv4 or IPv6 address") from None
        if not isinstance(ip, IPv4Address) and ip.ipv4_mapped:
            ip = ip.ipv4_mapped
        is_four = isinstance(ip, IPv4Address)
        six = (None, None) if is_four else (int(ip) >> 64, int(ip) % 2**64)
        moment = int(as_utc(one.at).timestamp() * 1e6)
        slack = int(one.slack.total_seconds() * 1e6)
        four = int(ip) if is_four else None
        rows.append((0, four, *six, one.port, one.protocol, moment, slack))
    return pl.DataFrame(rows, schema=QUESTION, orient="row")


def whose(
    asked: Sighting, *, why: str, by: str, at: datetime, store_folder: Path, named: bool = False
) -> Answer:
    """Whose line it was, with a row in the register; `named` adds the subscriber's name.

    Raises Unusable without a reason.
    """
    if not why.strip():
        raise Unusable("a look-up needs a reason. Possible: the reference of the report")
    found = look_up(question([asked]), records(store_folder)).row(0, named=True)
    source = Source.objects.filter(number=found["source"]).first()
    outcome = Outcome(found["outcome"])
    lines = [line for line in (found["line"], found["other"]) if line]
    is_line = outcome in (Outcome.EXACT, Outcome.AMBIGUOUS)
    row = Contact.objects.filter(line=lines[0]).first() if outcome is Outcome.EXACT else None
    name = row.name if named and row else ""
    with transaction.atomic():
        register.consult(
            noun="subscribers:line", actor=by, at=at, why=why,
            what="line and name" if name else "line", shown=len(lines) if is_line else 0,
        )  # fmt: skip
    return Answer(
        outcome=_SAID[outcome],
        because=_because(asked, found, source),
        lines=lines if is_line else [],
        name=name,
        since=_moment(found["since"]) if is_line else None,
        until=_moment(found["until"]) if is_line else None,
        source=source.name if source and is_line else "",
    )


def _moment(micros: int) -> datetime:
    return datetime.fromtimestamp(micros / 1e6, UTC)


def _because(asked: Sighting, found: dict[str, int], source: Source | None) -> str:
    where = asked.address + (f" port {asked.port}" if asked.port is not None else "")
    when = iso(asked.at)
    since, until = iso(_moment(found["since"])), iso(_moment(found["until"]))
    log = source.name if source else "the log"
    return {
        Why.HELD: f"one line held {where} from {since} to {until}, says {log}; no other within "
        "the tolerance of the clocks",
        Why.SEVERAL: f"more than one line held {where} within the tolerance of the clocks "
        f"around {when}",
        Why.EDGE: f"nobody held {where} at {when}; one line did from {since} to {until}, which is "
        "within the tolerance of the clocks and no more",
        Why.NOBODY: f"nobody held {where} at {when}, though the logs reach there",
        Why.NOT_COVERED: f"no log that was read reaches to {when}",
        Why.NO_PORT: f"{where} is shared by several lines, told apart by their ports, and no port "
        "is named",
        Why.INSIDE_UNKNOWN: f"{where} was translated from an inside address that no log explains",
    }[Why(found["why"])]
