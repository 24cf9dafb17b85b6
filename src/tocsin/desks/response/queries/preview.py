"""Who would be told of something, which fields, and why; writes nothing."""

from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime

import polars as pl

from tocsin.flow.compiled import Compiled, compile_directory
from tocsin.flow.concern import Finder
from tocsin.flow.hits import is_shared
from tocsin.flow.networks import Networks
from tocsin.flow.normalise import mark, normalise
from tocsin.flow.release import (
    NOT_ATTRIBUTABLE,
    Lane,
    as_members,
    columns_of,
    may_receive,
    member_value,
    release,
)
from tocsin.flow.remits import Recipient
from tocsin.flow.stages import LANES, located
from tocsin.flow.tables import Parsed
from tocsin.formats.indicators import refang
from tocsin.office.parties import compiled_parties, directory
from tocsin.rules.disclosure import COUNTED, rule
from tocsin.words.classes import TYPES
from tocsin.words.errors import Unusable
from tocsin.words.fields import EXTRA, is_field
from tocsin.words.markings import Tlp
from tocsin.words.relations import Relation, Side


@dataclass(frozen=True)
class Shown:
    """One field as one party would get it."""

    field: str
    act: str
    value: str
    basis: str


@dataclass(frozen=True)
class Told:
    """One party that would be told, why, and which fields it would see."""

    recipient: Recipient
    relation: Relation
    side: Side
    because: str
    fields: tuple[Shown, ...]
    attributable: str = ""


@dataclass(frozen=True)
class Preview:
    """What is known of a target, and everyone who would be told."""

    facts: dict[str, str]
    told: tuple[Told, ...]


def look_up(
    target: str,
    *,
    kind: str,
    fields: dict[str, str],
    tlp: Tlp,
    networks: Networks,
    at: datetime,
    supposing: AbstractContextManager[None] | None = None,
) -> Preview:
    """Who would be told of an address, a network, a URL or a domain; raises `Unusable`.

    `kind` "" is what such a target is reported for most often. `supposing` is what the parties
    are looked up in, such as `office.parties.as_if_imported`.
    """
    kind = kind or usual_class(target)
    if kind not in TYPES:
        raise Unusable(f"no class {kind!r}. Possible: {', '.join(sorted(TYPES))}")
    if supposing is None:
        compiled = compiled_parties(at=at)
    else:
        with supposing:
            compiled = compile_directory(directory(at=at), on=at.date())
    return preview(
        as_event(target, kind=kind, extras=fields, at=at),
        compiled=compiled,
        networks=networks,
        tlp=tlp,
        on=at,
    )


def usual_class(target: str) -> str:
    """A name is reported for phishing, an address for a machine that is infected."""
    target = refang(target)
    last = target.rpartition(".")[2]
    has_name = "://" in target or (":" not in target and any(c.isalpha() for c in last))
    return "phishing" if has_name else "infected-system"


def as_event(target: str, *, kind: str, extras: dict[str, str], at: datetime) -> pl.DataFrame:
    """An address, network, URL or domain as an event of one row; raises `Unusable`."""
    target = refang(target)
    field = _field_of(target)
    row = {
        field: target,
        "classification.type": kind,
        "time.source": at.strftime("%Y-%m-%d %H:%M:%S"),
        **extras,
    }
    unknown = [name for name in extras if not is_field(name)]
    if unknown:
        raise Unusable(f"{unknown[0]!r} is no IDF field. Possible: source.port, extra.tag …")
    done = normalise(Parsed.of([row]))
    if done.invalid or done.faults:
        name = next(iter(done.invalid), field)
        raise Unusable(_not_valid(name, row.get(name, target), is_target=name == field))
    return done.events


def _not_valid(name: str, value: str, *, is_target: bool) -> str:
    if is_target:
        return (
            f"{value!r} is no address, network, domain or URL. Possible: 192.0.2.7, "
            "2001:db8::/48, name.example, https://name.example/path"
        )
    return f"{value!r} is not valid for {name}"


def _field_of(target: str) -> str:
    if "://" in target:
        return "source.url"
    if target.replace(".", "").isdigit() or ":" in target or "/" in target:
        return "source.ip"
    return "source.fqdn"


def preview(
    events: pl.DataFrame, *, compiled: Compiled, networks: Networks, tlp: Tlp, on: datetime
) -> Preview:
    """Who would be told of an event of one row, why, and which fields; writes nothing."""
    events = as_members(mark(events, tlp)).with_columns(
        pl.lit("preview").alias("report"), pl.lit(0, dtype=pl.UInt32).alias("repeats")
    )
    finder = Finder(events, compiled, networks)
    events = located(events, finder)
    facts = {
        name: str(events[name][0])
        for name in sorted(events.columns)
        if events[name][0] is not None and name in _FACTS
    }
    told = [
        told
        for relation, side in LANES
        if events["tlp"][0] in may_receive(relation)
        for told in _told(finder, events, Lane(relation, side, on.date()))
    ]
    return Preview(facts, tuple(told))


_FACTS = (
    "source.ip",
    "source.network",
    "source.fqdn",
    "source.url",
    "source.asn",
    "source.as_name",
    "source.geolocation.cc",
    "classification.type",
    "tlp",
)


def _told(finder: Finder, events: pl.DataFrame, lane: Lane) -> Iterator[Told]:
    links = finder.links(lane.relation, lane.side)
    for party, because in links.select("party", "because").rows():
        vague = (
            lane.relation is Relation.NETWORK
            and "source.port" not in events.columns
            and bool(is_shared(finder.scene, lane.side)[0])
        )
        attributable = NOT_ATTRIBUTABLE if vague else ""
        row = events.with_columns(
            pl.lit(because).alias("because"), pl.lit(attributable).alias("attributable")
        )
        yield Told(
            finder.scene.compiled.recipients[party],
            lane.relation,
            lane.side,
            because,
            tuple(_shown(row, lane)),
            attributable,
        )


def _shown(row: pl.DataFrame, lane: Lane) -> Iterator[Shown]:
    """Every field the event has: what happens to it, and the value that leaves."""
    released = release(row, lane, secret=b"preview")
    kind = row["classification.type"][0]
    given = {name: released[name][0] for name in released.columns if name in released.columns}
    names = [name for name in row.columns if is_field(name) and row[name][0] is not None]
    coarse = [n for n in columns_of(lane.relation, lane.on) if n.endswith(".network")]
    for name in sorted({*names, *(n for n in coarse if given.get(n) is not None)}):
        ruling = rule(lane.relation, lane.side, kind, name, lane.on)
        value = member_value(row[name][0]) if name.startswith(EXTRA) else given.get(name)
        leaves = ruling.act.value in ("keep", "coarsen", "pseudonymise")
        act = "counted" if leaves and lane.relation in COUNTED else ruling.act.value
        if not leaves and given.get(name) is not None:
            act, leaves = "coarsen", True
        yield Shown(
            name,
            act,
            str(value) if leaves and value is not None else "",
            ruling.row.basis if ruling.row else "",
        )
