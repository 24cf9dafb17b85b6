"""Concern: `(event, party, relation, because)` by the rows of `rules.concern`.

`because` is a sentence that a person can check against the world: which address was held by
whom, in the snapshot of which day; which domain is in whose remit.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
import polars as pl

from tocsin.flow.addresses import as_range, pack_v6
from tocsin.flow.compiled import Compiled, PrefixTable
from tocsin.flow.domains import parents, words_of
from tocsin.flow.networks import Located, Networks, locate, range_texts
from tocsin.flow.remits import Agreement
from tocsin.rules.concern import NEEDS_AGREEMENT, concerned
from tocsin.words.relations import Relation, RemitKind, Side

# One row per event and party: `event` (UInt32, row of the events table), `party` (UInt32, number of
# the recipient), `because` (String).
LINK = {"event": pl.UInt32, "party": pl.UInt32, "because": pl.String}
MOST_HOLDERS = 64  # a reported network that spans more holders than this is told to nobody


@dataclass(frozen=True)
class Place:
    """One side of the events, located. All columns are as long as the events."""

    side: Side
    ip: pl.Series
    v4: pl.Series  # UInt32
    v6: pl.Series  # String
    network: pl.Series
    asn: Located
    country: Located
    fqdn: pl.Series

    @property
    def is4(self) -> np.ndarray:
        return self.v4.is_not_null().to_numpy()


def place(events: pl.DataFrame, side: Side, networks: Networks) -> Place:
    """Locate one side: address, or the first address of a reported network."""
    ip = _column(events, f"{side}.ip", pl.String)
    v4 = _column(events, f"{side}.v4", pl.UInt32)
    network = _column(events, f"{side}.network", pl.String)
    bare = network.zip_with(ip.is_null(), pl.Series([None], dtype=pl.String))
    if bare.is_not_null().any():
        v4, ip = _first_of(bare, v4, ip)
    v6 = ip.zip_with(v4.is_null(), pl.Series([None], dtype=pl.String))
    return Place(
        side,
        ip,
        v4,
        v6,
        bare,
        locate(networks.asn, v4, v6),
        locate(networks.country, v4, v6),
        _column(events, f"{side}.fqdn", pl.String),
    )


def _column(events: pl.DataFrame, name: str, dtype: type[pl.DataType]) -> pl.Series:
    if name in events.columns:
        return events[name]
    return pl.Series(name, [None], dtype=dtype).new_from_index(0, len(events))


def _first_of(bare: pl.Series, v4: pl.Series, ip: pl.Series) -> tuple[pl.Series, pl.Series]:
    firsts4: dict[str, int | None] = {}
    firsts: dict[str, str | None] = {}
    for text in bare.drop_nulls().unique():
        span = as_range(text)
        firsts4[text] = span[1] if span and span[0] == 4 else None
        firsts[text] = text.partition("/")[0]
    return (
        v4.fill_null(bare.replace_strict(firsts4, default=None, return_dtype=pl.UInt32)),
        ip.fill_null(bare.replace_strict(firsts, default=None, return_dtype=pl.String)),
    )


class Finder:
    """Finds who is concerned by one table of events; `places` are located once."""

    def __init__(self, events: pl.DataFrame, compiled: Compiled, networks: Networks) -> None:
        self.events = events
        self.compiled = compiled
        self.networks = networks
        self.classes = _classes(events)
        self._places: dict[Side, Place] = {}

    def place(self, side: Side) -> Place:
        """The located side, computed when first asked for."""
        if side not in self._places:
            self._places[side] = place(self.events, side, self.networks)
        return self._places[side]

    def links(self, relation: Relation, side: Side) -> pl.DataFrame:
        """Columns of `LINK` for one relation on one side, sorted by event."""
        chosen = self._events_of(relation, side)
        if not len(chosen):
            return pl.DataFrame(schema=LINK)
        found = _FINDERS[relation](self, self.place(side), chosen)
        table = pl.concat([pl.DataFrame(schema=LINK), *found])
        return table.unique(["event", "party"], keep="first", maintain_order=True).sort(
            "event", maintain_order=True
        )

    def _events_of(self, relation: Relation, side: Side) -> np.ndarray:
        """Row numbers whose class has a row for the relation on the side."""
        wanted = [
            any(row.relation is relation and row.side is side for row in concerned(kind, name))
            for kind, name in self.classes["pairs"]
        ]
        if all(wanted):
            return np.arange(len(self.events), dtype=np.uint32)
        return np.flatnonzero(np.array(wanted, dtype=bool)[self.classes["of"]]).astype(np.uint32)


def _classes(events: pl.DataFrame) -> dict:  # type: ignore[type-arg]
    """Distinct (type, identifier) pairs and, per event, which one it has."""
    columns = ["classification.type", "classification.identifier"]
    table = events.select(
        _column(events, name, pl.String).fill_null("").alias(name) for name in columns
    )
    pairs = table.unique(maintain_order=True).with_row_index("n")
    of = table.join(pairs, on=columns, how="left", maintain_order="left")["n"]
    return {"pairs": pairs.select(columns).rows(), "of": of.to_numpy()}


# --- network: the most specific prefix, else the autonomous system ---------------------------


def _network(finder: Finder, place: Place, chosen: np.ndarray) -> Iterable[pl.DataFrame]:
    compiled = finder.compiled
    table = compiled.prefixes.get(Relation.NETWORK)
    rest = chosen
    if table is not None:
        rows, remits = _prefix_hits(table, place, chosen)
        yield _links(compiled, rows, remits, _prefix_reasons(compiled, remits))
        rest = np.setdiff1d(chosen, rows, assume_unique=False)
    held = compiled.lookup(Relation.NETWORK, RemitKind.ASN)
    if held and len(rest):
        yield _by_asn(finder, place, rest, held)


def _prefix_hits(
    table: PrefixTable, place: Place, chosen: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """(row, remit number) pairs: every party whose range an address or network touches."""
    rows: list[np.ndarray] = []
    groups: list[np.ndarray] = []
    is4 = place.is4[chosen]
    single = place.network.is_null().to_numpy()[chosen]
    for family, ranges in ((is4, table.v4), (~is4, table.v6)):
        take = chosen[family & single]
        if place.v4 is not None and ranges is table.v4:
            points = place.v4.gather(pl.Series(take)).to_numpy()
        else:
            known = place.v6.gather(pl.Series(take)).is_not_null().to_numpy()
            take = take[known]
            points = pack_v6(place.v6.gather(pl.Series(take)))
        found = ranges.find(points)
        hit = found >= 0
        rows.append(take[hit])
        groups.append(ranges.values[found[hit]])
    for row in chosen[~single]:
        touched = _touched(table, place.network[int(row)])
        if len(touched) <= MOST_HOLDERS:
            rows.append(np.full(len(touched), row, dtype=np.uint32))
            groups.append(touched)
    return _expand(table, np.concatenate(rows), np.concatenate(groups))


def _touched(table: PrefixTable, network: str) -> np.ndarray:
    span = as_range(network)
    if span is None:
        return np.empty(0, dtype=np.int64)
    version, low, high = span
    ranges = table.v4 if version == 4 else table.v6
    ends = (
        np.array([low, high], dtype=np.uint32)
        if version == 4
        else np.frombuffer(low.to_bytes(16, "big") + high.to_bytes(16, "big"), dtype="S16")
    )
    first, last = ranges.overlapping(ends[:1], ends[1:])
    return ranges.values[int(first[0]) : int(last[0])]


def _expand(
    table: PrefixTable, rows: np.ndarray, groups: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    sizes = np.array([len(group) for group in table.groups], dtype=np.int64)
    if not len(sizes):
        return rows, groups
    firsts = np.concatenate([[0], np.cumsum(sizes)[:-1]])
    flat = np.array([row for group in table.groups for row in group], dtype=np.int64)
    repeat = sizes[groups]
    within = np.arange(repeat.sum()) - np.repeat(np.cumsum(repeat) - repeat, repeat)
    return np.repeat(rows, repeat), flat[np.repeat(firsts[groups], repeat) + within]


def _prefix_reasons(compiled: Compiled, remits: np.ndarray) -> pl.Series:
    distinct, back = np.unique(remits, return_inverse=True)
    texts = [_remit_reason(compiled, int(remit)) for remit in distinct]
    return pl.Series(texts, dtype=pl.String).gather(pl.Series(back, dtype=pl.UInt32))


def _remit_reason(compiled: Compiled, remit: int) -> str:
    row = compiled.remits[remit]
    party = compiled.recipients[compiled.party_of[remit]]
    known = f"{party.source}, {party.as_of.isoformat()}" if party.as_of else party.source
    return f"{row.value} is in the remit of {party.name} ({known})"


def _by_asn(
    finder: Finder, place: Place, rest: np.ndarray, held: dict[str, tuple[int, ...]]
) -> pl.DataFrame:
    known = place.asn.value
    reported = _column(finder.events, f"{place.side}.asn", pl.UInt32)
    asn = known.fill_null(reported).gather(pl.Series(rest))
    rows, remits = _by_value(asn.cast(pl.String), rest, held)
    return _links(finder.compiled, rows, remits, _asn_reasons(finder, place, rows))


def _asn_reasons(finder: Finder, place: Place, rows: np.ndarray) -> pl.Series:
    at = pl.Series(rows)
    located = _subset(place.asn, rows)
    spans = range_texts(finder.networks.asn, located, place.is4[rows])
    asn = place.asn.value.gather(at)
    source = _sources([layer.source for layer in finder.networks.asn], located)
    reported = _column(finder.events, f"{place.side}.asn", pl.UInt32).gather(at)
    return pl.select(
        pl.when(pl.lit(spans).is_not_null())
        .then(
            pl.concat_str(
                [pl.lit("AS"), pl.lit(asn), pl.lit(" held "), pl.lit(spans), pl.lit(" in "), pl.lit(source)]
            )
        )
        .otherwise(pl.concat_str([pl.lit("the report says AS"), pl.lit(reported)]))
    ).to_series()


def _subset(located: Located, rows: np.ndarray) -> Located:
    return Located(located.value.gather(pl.Series(rows)), located.layer[rows], located.index[rows])


def _sources(names: list[str], located: Located) -> pl.Series:
    picked = pl.Series(np.maximum(located.layer, 0), dtype=pl.UInt32)
    return pl.Series(names, dtype=pl.String).gather(picked)


# --- csirt: the state of the address, else of the country's top-level domain ------------------


def _csirt(finder: Finder, place: Place, chosen: np.ndarray) -> Iterable[pl.DataFrame]:
    held = finder.compiled.lookup(Relation.CSIRT, RemitKind.COUNTRY)
    if not held:
        return
    reported = _column(finder.events, f"{place.side}.geolocation.cc", pl.String)
    country = place.country.value.fill_null(reported).gather(pl.Series(chosen))
    rows, remits = _by_value(country, chosen, held)
    yield _links(finder.compiled, rows, remits, _country_reasons(finder, place, rows))
    nowhere = chosen[country.is_null().to_numpy()]
    if len(nowhere):
        yield from _csirt_by_name(finder, place, nowhere, held)


def _csirt_by_name(
    finder: Finder, place: Place, nowhere: np.ndarray, held: dict[str, tuple[int, ...]]
) -> Iterable[pl.DataFrame]:
    tld = place.fqdn.gather(pl.Series(nowhere)).str.extract(r"\.([a-z]{2})$")
    code = tld.replace({"uk": "gb", "el": "gr"}).str.to_uppercase()
    rows, remits = _by_value(code, nowhere, held)
    names = place.fqdn.gather(pl.Series(rows))
    yield _links(finder.compiled, rows, remits, names + " is under a top-level domain of the state")


def _country_reasons(finder: Finder, place: Place, rows: np.ndarray) -> pl.Series:
    at = pl.Series(rows)
    located = _subset(place.country, rows)
    spans = range_texts(finder.networks.country, located, place.is4[rows])
    country = place.country.value.gather(at)
    source = _sources([layer.source for layer in finder.networks.country], located)
    reported = _column(finder.events, f"{place.side}.geolocation.cc", pl.String).gather(at)
    return pl.select(
        pl.when(pl.lit(spans).is_not_null())
        .then(
            pl.concat_str(
                [pl.lit(spans), pl.lit(" belonged to "), pl.lit(country), pl.lit(" in "), pl.lit(source)]
            )
        )
        .otherwise(pl.concat_str([pl.lit("the report says "), pl.lit(reported)]))
    ).to_series()


# --- names: registry, platform, brand ----------------------------------------------------------


def _registry(finder: Finder, place: Place, chosen: np.ndarray) -> Iterable[pl.DataFrame]:
    held = finder.compiled.lookup(Relation.REGISTRY, RemitKind.TLD)
    yield from _by_name(finder, place, chosen, held, "{name} is under .{value}")


def _platform(finder: Finder, place: Place, chosen: np.ndarray) -> Iterable[pl.DataFrame]:
    held = finder.compiled.lookup(Relation.PLATFORM, RemitKind.DOMAIN)
    yield from _by_name(finder, place, chosen, held, "{name} is under {value}")
    table = finder.compiled.prefixes.get(Relation.PLATFORM)
    if table is not None:
        rows, remits = _prefix_hits(table, place, chosen)
        yield _links(finder.compiled, rows, remits, _prefix_reasons(finder.compiled, remits))


def _by_name(
    finder: Finder,
    place: Place,
    chosen: np.ndarray,
    held: dict[str, tuple[int, ...]],
    sentence: str,
) -> Iterable[pl.DataFrame]:
    """The longest domain above each name that somebody holds."""
    if not held:
        return
    names = place.fqdn.gather(pl.Series(chosen))
    hits: dict[str, str] = {}
    for name in names.drop_nulls().unique():
        value = next((parent for parent in parents(name) if parent in held), None)
        if value is not None:
            hits[name] = value
    value = names.replace_strict(hits, default=None, return_dtype=pl.String)
    rows, remits = _by_value(value, chosen, held)
    told = place.fqdn.gather(pl.Series(rows))
    why = {name: sentence.format(name=name, value=hits[name]) for name in told.unique()}
    yield _links(
        finder.compiled, rows, remits, told.replace_strict(why, default="", return_dtype=pl.String)
    )


def _brand(finder: Finder, place: Place, chosen: np.ndarray) -> Iterable[pl.DataFrame]:
    """The report names the target, or the host name carries the brand's name as a word."""
    held = finder.compiled.lookup(Relation.BRAND, RemitKind.BRAND)
    if not held:
        return
    at = pl.Series(chosen)
    target = _column(finder.events, "event_description.target", pl.String).gather(at)
    rows, remits = _by_value(target.str.to_lowercase(), chosen, held)
    said = _same("the report names it as the target", len(rows))
    yield _links(finder.compiled, rows, remits, said)
    names = place.fqdn.gather(at)
    worded = {value.replace(" ", "-"): value for value in held}
    hits = {name: _brand_in(name, worded) for name in names.drop_nulls().unique()}
    rows, remits = _by_value(
        names.replace_strict(hits, default=None, return_dtype=pl.String), chosen, held
    )
    why = place.fqdn.gather(pl.Series(rows)) + " carries its name"
    yield _links(finder.compiled, rows, remits, why)


def _brand_in(name: str, worded: dict[str, str]) -> str | None:
    words = words_of(name)
    for written, value in worded.items():
        bare = written.replace("-", "")
        inside = f"-{written}-" in f"-{name.replace('.', '-')}-"
        if written in words or bare in words or inside:
            return value
    return None


# --- the reporter, and those whom an agreement lets in ------------------------------------------


def _reporter(finder: Finder, place: Place, chosen: np.ndarray) -> Iterable[pl.DataFrame]:
    held = finder.compiled.lookup(Relation.REPORTER, RemitKind.EVERYTHING)
    if not held:
        return
    feed = _column(finder.events, "feed.provider", pl.String).gather(pl.Series(chosen))
    rows, remits = _by_value(feed.str.to_lowercase(), chosen, held)
    yield _links(finder.compiled, rows, remits, _same("it sent the report", len(rows)))


def _under_agreement(relation: Relation) -> "Finding":
    def find(finder: Finder, place: Place, chosen: np.ndarray) -> Iterable[pl.DataFrame]:
        for agreement in finder.compiled.agreements:
            if agreement.relation is relation:
                yield from _opened(finder, place, chosen, agreement)

    return find


def _opened(
    finder: Finder, place: Place, chosen: np.ndarray, agreement: Agreement
) -> Iterable[pl.DataFrame]:
    """What one agreement opens of its party's remit: by state, or everything."""
    compiled, party, relation = finder.compiled, agreement.party, agreement.relation
    covered = _covered(finder, chosen, agreement)
    reported = _column(finder.events, f"{place.side}.geolocation.cc", pl.String)
    country = place.country.value.fill_null(reported).gather(pl.Series(covered))
    states = _held_by(compiled, relation, RemitKind.COUNTRY, party)
    rows, remits = _by_value(country, covered, states)
    if everything := _held_by(compiled, relation, RemitKind.EVERYTHING, party):
        rows = covered
        remits = np.full(len(rows), next(iter(everything.values()))[0], dtype=np.int64)
    yield _links(compiled, rows, remits, _same(f"agreement {agreement.reference}", len(rows)))


def _covered(finder: Finder, chosen: np.ndarray, agreement: Agreement) -> np.ndarray:
    if "*" in agreement.classes:
        return chosen
    kinds = finder.events["classification.type"].gather(pl.Series(chosen))
    return chosen[kinds.is_in(list(agreement.classes)).fill_null(value=False).to_numpy()]


def _same(text: str, size: int) -> pl.Series:
    return pl.Series([text], dtype=pl.String).new_from_index(0, size)


def _held_by(
    compiled: Compiled, relation: Relation, kind: RemitKind, party: str
) -> dict[str, tuple[int, ...]]:
    held = compiled.lookup(relation, kind)
    mine = {
        value: tuple(row for row in rows if compiled.remits[row].party == party)
        for value, rows in held.items()
    }
    return {value: rows for value, rows in mine.items() if rows}


# --- shared small steps -----------------------------------------------------------------------------


def _by_value(
    values: pl.Series, rows: np.ndarray, held: dict[str, tuple[int, ...]]
) -> tuple[np.ndarray, np.ndarray]:
    """Rows whose value somebody holds, with the number of the remit; ties give several."""
    table = pl.DataFrame(
        {
            "value": [value for value, remits in held.items() for _ in remits],
            "remit": [remit for remits in held.values() for remit in remits],
        },
        schema={"value": pl.String, "remit": pl.Int64},
    )
    named = pl.DataFrame({"value": values.cast(pl.String), "row": pl.Series(rows, dtype=pl.UInt32)})
    hits = named.join(table, on="value", how="inner", maintain_order="left_right")
    return hits["row"].to_numpy(), hits["remit"].to_numpy()


def _links(
    compiled: Compiled, rows: np.ndarray, remits: np.ndarray, because: pl.Series
) -> pl.DataFrame:
    party = np.array(compiled.party_of, dtype=np.uint32)[remits.astype(np.int64)]
    return pl.DataFrame(
        {
            "event": pl.Series(rows, dtype=pl.UInt32),
            "party": pl.Series(party, dtype=pl.UInt32),
            "because": because.alias("because"),
        }
    )


def is_shared(finder: Finder, side: Side) -> np.ndarray:
    """True where the address is one that many lines use at once (a declared pool, RFC 6598)."""
    table = finder.compiled.shared
    found = np.zeros(len(finder.events), dtype=bool)
    if table is not None:
        rows, _ = _prefix_hits(
            PrefixTable(table.v4, table.v6, tuple((0,) for _ in table.groups)),
            finder.place(side),
            np.arange(len(finder.events), dtype=np.uint32),
        )
        found[rows] = True
    return found


Finding = Callable[[Finder, Place, np.ndarray], Iterable[pl.DataFrame]]

_FINDERS: dict[Relation, Finding] = {
    Relation.NETWORK: _network,
    Relation.CSIRT: _csirt,
    Relation.REGISTRY: _registry,
    Relation.PLATFORM: _platform,
    Relation.BRAND: _brand,
    Relation.REPORTER: _reporter,
    **{relation: _under_agreement(relation) for relation in NEEDS_AGREEMENT},
}
