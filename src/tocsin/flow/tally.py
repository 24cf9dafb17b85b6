"""Tallies: how many events of which kind each party was told of, by what they are about.

What cases are made from. Columns all the way: rows are counted where they are routed, and what
leaves a chunk is one row per party, relation, class, family and thing, with a few released rows.
"""

from collections.abc import Iterable

import numpy as np
import polars as pl

from tocsin.flow.compiled import Compiled
from tocsin.flow.domains import registrable_domains
from tocsin.flow.release import Lane
from tocsin.rules.concern import ACTING
from tocsin.words.markings import STRICTNESS
from tocsin.words.relations import Relation, RemitKind, Side

MOST_THINGS = 50  # of one party, relation and class in one run; the rest is counted together
MOST_SAMPLED = 4 * MOST_THINGS  # in one chunk, with a row of theirs; writing it out costs most
# Until all chunks are known, so that what ends up apart was counted apart in every one of them. Of
# more things than this, some may be counted for less than what is read back of them.
MOST_APART = 20_000
REST = "rest"
SEVERITIES = ("info", "low", "medium", "high", "critical")

KEYS = ("party", "relation", "side", "kind", "family", "about_kind", "about")
# `sample`: one released row as JSON, or null (a few cost as much as all the counting). `severity`
# is an index into SEVERITIES or null, `strictest` one into the markings.
TALLY: dict[str, pl.DataType | type[pl.DataType]] = {
    "party": pl.UInt32,
    "relation": pl.String,
    "side": pl.String,
    "kind": pl.String,
    "family": pl.String,
    "about_kind": pl.String,
    "about": pl.String,
    "report": pl.String,
    "events": pl.UInt32,
    "first": pl.Datetime("us", "UTC"),
    "last": pl.Datetime("us", "UTC"),
    "severity": pl.UInt8,
    "strictest": pl.UInt8,
    "because": pl.String,
    "sample": pl.String,
}
_COUNTS = (
    pl.col("events").sum(),
    pl.col("first").min(),
    pl.col("last").max(),
    pl.col("severity").max(),
    pl.col("strictest").max(),
    pl.col("because").first(),
    pl.col("sample").drop_nulls().first(),
)


def tally(
    lane: Lane,
    told: pl.DataFrame,
    released: pl.DataFrame,
    links: pl.DataFrame,
    compiled: Compiled,
    *,
    report: str,
) -> pl.DataFrame:
    """The rows of one lane, counted. `told` are the events with `because`, `released` the same rows
    as they leave, `links` those that led to them; all in one order.

    Figures come from the event, texts from what was released: nothing is said of a case that its
    party may not see.
    """
    about_kind, about = _about(lane, released, links["remit"], compiled)
    moment = "time.source" if "time.source" in told.columns else "time.observation"
    ranks = {tlp.value: rank for tlp, rank in STRICTNESS.items()}
    grouped = (
        pl.DataFrame(
            {
                "party": links["party"],
                "kind": told["classification.type"],
                "family": _family(released),
                "about_kind": about_kind,
                "about": about,
                "moment": told[moment].cast(pl.Datetime("us", "UTC")),
                "severity": _severity(released),
                "strictest": told["tlp"].replace_strict(ranks, return_dtype=pl.UInt8),
                "at": pl.Series(np.arange(len(told), dtype=np.uint32)),
            }
        )
        .group_by("party", "kind", "family", "about_kind", "about", maintain_order=True)
        .agg(
            pl.len().cast(pl.UInt32).alias("events"),
            pl.col("moment").min().alias("first"),
            pl.col("moment").max().alias("last"),
            pl.col("severity").max(),
            pl.col("strictest").max(),
            pl.col("at").first(),
        )
    )
    found = grouped.with_columns(
        pl.lit(lane.relation.value).alias("relation"),
        pl.lit(lane.side.value).alias("side"),
        pl.lit(report).alias("report"),
        told["because"].gather(grouped["at"]).alias("because"),
        pl.col("at").alias("sample"),
    )
    rank = pl.col("events").rank("ordinal", descending=True).over("party", "kind")
    places = found.select(rank).to_series()
    counted = found.select(*TALLY)
    sampled = counted.filter(places <= MOST_SAMPLED)
    others = counted.filter(places > MOST_SAMPLED).with_columns(pl.lit(None).alias("sample"))
    written = sampled.with_columns(_written(released, sampled["sample"]))
    schema = pl.Schema(TALLY)
    return together(pl.concat([written.cast(schema), others.cast(schema)]), MOST_APART)


def _about(
    lane: Lane, released: pl.DataFrame, remits: pl.Series, compiled: Compiled
) -> tuple[pl.Series, pl.Series]:
    """What each row is about: for a network the part of its remit; for a state's team the network;
    for whoever answers for names the domain; and the remit where the event has none of these."""
    kind, about = _remit_texts(remits, compiled)
    if lane.relation is Relation.NETWORK:
        return kind, about
    domain = f"{lane.side}.fqdn"
    if domain in released.columns and released[domain].null_count() < len(released):
        names = registrable_domains(released[domain])
        known = names.is_not_null()
        about = names.zip_with(known, about)
        kind = _same(RemitKind.DOMAIN.value, len(kind)).zip_with(known, kind)
    number = f"{lane.side}.asn"
    if lane.relation is Relation.CSIRT and number in released.columns:
        asn = released[number]
        known = asn.is_not_null()
        about = ("AS" + asn.cast(pl.String)).zip_with(known, about)
        kind = _same(RemitKind.ASN.value, len(kind)).zip_with(known, kind)
    return kind, about


def _remit_texts(remits: pl.Series, compiled: Compiled) -> tuple[pl.Series, pl.Series]:
    """Kind and value of the remit of each row; `AS64500`, `.example`, else as it stands."""
    distinct, back = np.unique(remits.to_numpy(), return_inverse=True)
    rows = [compiled.remits[int(number)] for number in distinct]
    places = pl.Series(back, dtype=pl.UInt32)
    kinds = pl.Series([row.kind.value for row in rows], dtype=pl.String)
    texts = pl.Series([remit_text(row.kind, row.value) for row in rows], dtype=pl.String)
    return kinds.gather(places), texts.gather(places)


def remit_text(kind: RemitKind, value: str) -> str:
    """The value of a remit as people write it."""
    if kind is RemitKind.ASN:
        return f"AS{value.upper().removeprefix('AS')}"
    return f".{value.strip('.')}" if kind is RemitKind.TLD else value


def _same(text: str, size: int) -> pl.Series:
    return pl.Series([text], dtype=pl.String).new_from_index(0, size)


def _family(released: pl.DataFrame) -> pl.Series:
    """The malware, or else what the class is told apart by (`open-rdp`, `ssh`); "" for neither."""
    named = [n for n in ("malware.name", "classification.identifier") if n in released.columns]
    return released.select(pl.coalesce(*named, pl.lit("")).alias("family"))["family"]


def _severity(released: pl.DataFrame) -> pl.Series:
    """The place of each word in `SEVERITIES`; null for another word or none."""
    name = "severity"
    if name not in released.columns or released[name].null_count() == len(released):
        return pl.Series([None], dtype=pl.UInt8).new_from_index(0, len(released))
    places = {word: place for place, word in enumerate(SEVERITIES)}
    return released[name].replace_strict(places, default=None, return_dtype=pl.UInt8)


def _written(released: pl.DataFrame, at: pl.Series) -> pl.Series:
    """The released rows at these places as JSON; columns that none of them has are left out."""
    rows = released[at]
    named = [name for name in rows.columns if rows[name].null_count() < len(rows)]
    return rows.select(pl.struct(named).struct.json_encode().alias("sample"))["sample"]


def together(tallies: pl.DataFrame, most: int | None = None) -> pl.DataFrame:
    """At most so many things of one party, relation and class: those with the most events. What the
    others are about is not told apart: they are `REST`, one row of them all."""
    most = MOST_THINGS if most is None else most
    if len(tallies) <= most:
        return tallies
    rest = pl.col("about_kind") == REST
    # The other keys say which things are ranked together, so these four make the order a whole one.
    by = ["events", "family", "about_kind", "about"]
    things = tallies.filter(~rest).group_by(KEYS).agg(pl.col("events").sum())
    ranked = things.sort(by, descending=[True, False, False, False])
    folded = ranked.filter(pl.int_range(pl.len()).over(KEYS[:4]) >= most).select(KEYS)
    if not len(folded):
        return tallies
    few = tallies.join(folded, on=KEYS, how="anti")
    return summed([few, _rest(tallies.join(folded, on=KEYS, how="semi"))])


def _rest(tallies: pl.DataFrame) -> pl.DataFrame:
    """What is not told apart, as one row for each party, relation, class and report."""
    names = (
        pl.lit("").alias("family"),
        pl.lit(REST).alias("about_kind"),
        pl.lit(REST).alias("about"),
    )
    return _grouped(tallies.with_columns(names))


def summed(tallies: Iterable[pl.DataFrame]) -> pl.DataFrame:
    """Tallies of several chunks or lanes as one, in the order of their keys."""
    tables = list(tallies)
    if not tables:
        return pl.DataFrame(schema=TALLY)
    return _grouped(pl.concat(tables)).sort(*KEYS, "report")


def _grouped(tallies: pl.DataFrame) -> pl.DataFrame:
    by = [*KEYS, "report"]
    return tallies.group_by(by, maintain_order=True).agg(_COUNTS).select(*tallies.columns)


# ── who was told, event by event ─────────────────────────────────────────────────────────


class Labels:
    """Whom each event was told to, and for which part of their remit; kept with the event.

    `network:source:meadow-net:asn:AS64496`, one per party and line; none for relations that get
    figures. So a case can be read back exactly, whatever remits say later.
    """

    def __init__(self, events: int, compiled: Compiled) -> None:
        self._size = events
        self._compiled = compiled
        self._layers: list[pl.Series] = []

    def add(self, relation: Relation, side: Side, links: pl.DataFrame) -> None:
        """Note the links of one lane, sorted by event."""
        if relation not in ACTING or not len(links):
            return
        texts = self._texts(relation, side, links["remit"])
        events = links["event"].to_numpy()
        starts = np.flatnonzero(np.r_[True, events[1:] != events[:-1]])
        nth = np.arange(len(events)) - np.repeat(starts, np.diff(np.r_[starts, len(events)]))
        for layer in range(int(nth.max()) + 1):
            chosen = np.flatnonzero(nth == layer)
            place = np.full(self._size, len(texts), dtype=np.uint32)
            place[events[chosen]] = chosen
            self._layers.append(texts.extend_constant(None, 1).gather(pl.Series(place)))

    def _texts(self, relation: Relation, side: Side, remits: pl.Series) -> pl.Series:
        distinct, back = np.unique(remits.to_numpy(), return_inverse=True)
        texts = [label(relation, side, self._compiled, int(remit)) for remit in distinct]
        return pl.Series(texts, dtype=pl.String).gather(pl.Series(back, dtype=pl.UInt32))

    def column(self) -> pl.Series:
        """The labels of every event, one per line; null where nobody was told."""
        if not self._layers:
            return pl.Series("told", [None], dtype=pl.String).new_from_index(0, self._size)
        layers = [series.alias(str(number)) for number, series in enumerate(self._layers)]
        joined = pl.concat_str(layers, separator="\n", ignore_nulls=True)
        table = pl.DataFrame(layers).select(joined.alias("told"))
        return table.select(pl.when(pl.col("told") != "").then("told"))["told"]


def label(relation: Relation, side: Side, compiled: Compiled, remit: int) -> str:
    """What stands with an event that a party was told of for a part of its remit."""
    row = compiled.remits[remit]
    value = remit_text(row.kind, row.value)
    return f"{told_as(relation, side, row.party)}:{row.kind}:{value}"


def told_as(relation: str, side: str, party: str) -> str:
    """The beginning of every label of one party in one relation on one side."""
    return f"{relation}:{side}:{party}"
