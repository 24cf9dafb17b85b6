"""The two stages of a run, and the judgement between them. All pure but for their own files.

    chunk ── read_stage ──> spool/events-N.arrow, spool/keys-N.npy
    all keys, slice by slice ── judge_stage ──> which rows are repeats
    chunk's events ── route_stage ──> spool/out-N.bin (what each party gets), one part of the store

The shuffle is files under names that follow from the chunk's number, written whole and then
renamed: a stage can run twice, anywhere, and the result is the same bytes.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import cache
from hashlib import blake2b
from pathlib import Path

import numpy as np
import polars as pl

from tocsin.flow import merge, store
from tocsin.flow.compiled import Compiled
from tocsin.flow.concern import Finder
from tocsin.flow.domains import public_suffixes, registrable_domains
from tocsin.flow.hits import is_shared
from tocsin.flow.networks import Networks, load_networks
from tocsin.flow.normalise import mark, normalise
from tocsin.flow.release import (
    NOT_ATTRIBUTABLE,
    Lane,
    as_members,
    may_receive,
    member,
    needed,
    release,
)
from tocsin.flow.tables import ROW, Chunk, Fault, Parsed
from tocsin.flow.tally import TALLY, Labels, summed, tally
from tocsin.rules.concern import ACTING, CONCERN
from tocsin.rules.disclosure import COUNTED
from tocsin.words.markings import STRICTNESS, Tlp
from tocsin.words.relations import Relation, Side


def _lanes() -> Iterator[tuple[Relation, Side]]:
    """Every relation and side that a class can concern; the reporter last, who learns of all."""
    found = {(row.relation, row.side) for row in CONCERN}
    yield from sorted(found, key=lambda lane: (lane[0] is Relation.REPORTER, *lane))


LANES: tuple[tuple[Relation, Side], ...] = tuple(_lanes())
UNROUTED_KEPT = 1000  # distinct (country, network) pairs named per chunk; the rest only counted


@dataclass(frozen=True)
class Shape:
    """How a format begins a file, writes rows, finds where each row ends, ends its name."""

    header: Callable[[list[str]], bytes]
    body: Callable[[pl.DataFrame], bytes]
    ends: Callable[[bytes], np.ndarray]
    extension: str


@dataclass(frozen=True)
class Plan:
    """Everything the stages of one run need; the same plan gives the same bytes."""

    run: str
    at: datetime
    spool: Path
    table: Path  # of the event store
    compiled: Compiled
    shapes: Mapping[str, Shape]  # by name of the format
    secret: bytes
    snapshot: Path
    overlay: Path | None = None
    window: timedelta = merge.WINDOW

    @property
    def on(self) -> date:
        """The day of the run: which rules are in force, which partition is written."""
        return self.at.date()

    @property
    def observed_us(self) -> int:
        """The moment of the run in microseconds since 1970."""
        return int(self.at.timestamp() * 1_000_000)

    def path(self, stem: str, number: int, suffix: str) -> Path:
        """Where a stage leaves its file for a chunk."""
        return self.spool / f"{stem}-{number:06}{suffix}"


@dataclass(frozen=True)
class ReadTask:
    """One chunk to read; `parse` is its format's."""

    plan: Plan
    number: int
    report: str
    tlp: Tlp
    chunk: Chunk
    parse: Callable[[Chunk], Parsed]


@dataclass(frozen=True)
class Read:
    """What reading a chunk gave: rows that flow on, rows refused, notes for the summary."""

    number: int
    report: str
    rows: int
    faults: list[Fault]
    notes: list[str]
    counts: dict[str, int]
    invalid: dict[str, int]


@dataclass(frozen=True)
class JudgeTask:
    """One slice of all keys."""

    chunks: tuple[Path, ...]
    segments: tuple[Path, ...]
    untold: tuple[Path, ...]
    window: timedelta
    bucket: int
    buckets: int


@dataclass(frozen=True)
class RouteTask:
    """One chunk's events with the judgement: rows to leave out (bool), how often each row came
    again (uint32), and which rows an earlier run had and could tell to nobody (bool); all as long
    as the chunk's events."""

    plan: Plan
    number: int
    report: str
    repeated: np.ndarray
    repeats: np.ndarray
    heard: np.ndarray


@dataclass(frozen=True)
class Piece:
    """A stretch of `out-N.bin` that belongs to one delivery."""

    party: int
    relation: Relation
    offset: int
    size: int
    rows: int
    first: datetime | None
    last: datetime | None
    classes: dict[str, int]
    strictest: int
    report: str = ""  # figures are of many, and name none


@dataclass(frozen=True)
class Routed:
    """What routing a chunk gave. `untold`: rows that reached nobody who could act; `again`: rows
    that an earlier run had and that reach nobody now either, so that they stay repeats."""

    number: int
    events: int
    unrouted: int
    held: int
    untold: np.ndarray
    again: np.ndarray
    pieces: list[Piece]
    figures: dict[tuple[int, Relation], pl.DataFrame]
    nobody: dict[tuple[str, str], int]
    part: store.Part | None
    classes: dict[str, int] = field(default_factory=dict)
    tallies: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=TALLY))


def read_stage(task: ReadTask) -> Read:
    """Parse and validate one chunk; leave events and keys in the spool."""
    plan = task.plan
    parsed = task.parse(task.chunk)
    done = normalise(parsed)
    events = mark(done.events, task.tlp)
    keys = merge.event_keys(events)
    np.save(plan.path("keys", task.number, ".npy"), merge.keyed(events, keys, plan.observed_us))
    events = as_members(events.with_columns(_hashes(keys, plan.secret).alias("event_hash")))
    # Not compressed: the spool lives for seconds, and packing it would cost 0.9 µs a row.
    events.write_ipc(plan.path("events", task.number, ".arrow"), compression="uncompressed")
    return Read(
        task.number,
        task.report,
        len(events),
        [*parsed.faults, *done.faults],
        parsed.notes,
        parsed.counts,
        done.invalid,
    )


def _hashes(keys: bytes, secret: bytes) -> pl.Series:
    """Names of the keys that only this node can give.

    The key itself would say whom it hides: who sees all fields of an event but the address, or
    its network only, could try every address until the key fits.
    """
    locked = blake2b(digest_size=16, key=blake2b(secret).digest())  # RFC 7693 2.9
    names = []
    for at in range(0, len(keys), 16):
        name = locked.copy()
        name.update(keys[at : at + 16])
        names.append(name.hexdigest())
    return pl.Series(names, dtype=pl.String)


def judge_stage(task: JudgeTask) -> merge.Verdict:
    """One slice of all keys, judged."""
    return merge.judge(
        task.bucket, task.buckets, task.chunks, task.segments, task.window, untold=task.untold
    )


@cache
def _networks(snapshot: Path, overlay: Path | None) -> Networks:
    return load_networks(snapshot, overlay)


def route_stage(task: RouteTask) -> Routed:
    """Locate, find the concerned, release, write what each gets, keep the events."""
    plan = task.plan
    rows = _flowing(task)
    events, heard = _kept(task, rows), task.heard[rows]
    finder = Finder(events, plan.compiled, _networks(plan.snapshot, plan.overlay))
    events = located(events, finder)
    out = _Out(plan, events, task.report)
    told, labels = _Told(len(events)), Labels(len(events), plan.compiled)
    for relation, side in LANES:
        links = out.allowed(relation, finder.links(relation, side))
        labels.add(relation, side, links)
        if relation in COUNTED and heard.any():
            links = links.filter(~pl.Series(heard).gather(links["event"]))  # figures have them
        if len(links):
            told.add(relation, links)
            out.add(finder, relation, side, links, told)
    out.write(task.number)
    part = None
    routed, red = told.by_acting(), (events["tlp"] == Tlp.RED.value).to_numpy()
    if len(events):
        events = events.with_columns(pl.Series("routed", routed), labels.column())
        name = f"{plan.run}-{task.number:06}"
        part = store.write_part(events, plan.table, name=name, day=plan.on)
    return Routed(
        task.number,
        len(events),
        int((~routed & ~red).sum()),
        int(red.sum()),
        rows[~routed],
        np.setdiff1d(np.flatnonzero(~task.repeated), rows, assume_unique=True),
        out.pieces,
        out.figures,
        _nobody(events, routed | red),
        part,
        dict(events["classification.type"].value_counts().rows()),
        summed(out.tallies),
    )


def _flowing(task: RouteTask) -> np.ndarray:
    """Which rows of the chunk flow: no repeats, and of those heard before only what reaches
    somebody now who could act."""
    rows: np.ndarray = np.flatnonzero(~task.repeated)
    heard = task.heard[rows]
    if not heard.any():
        return rows
    plan, events = task.plan, _kept(task, rows[heard])
    finder = Finder(events, plan.compiled, _networks(plan.snapshot, plan.overlay))
    out, told = _Out(plan, events, task.report), _Told(len(events))
    for relation, side in LANES:
        if relation in ACTING:
            told.add(relation, out.allowed(relation, finder.links(relation, side)))
    flows = ~heard
    flows[heard] = told.by_acting()
    chosen: np.ndarray = rows[flows]
    return chosen


def _kept(task: RouteTask, rows: np.ndarray) -> pl.DataFrame:
    """These of the chunk's events, with what only the run knows of them."""
    plan = task.plan
    events = pl.read_ipc(plan.path("events", task.number, ".arrow"))
    chosen = np.zeros(len(events), dtype=bool)
    chosen[rows] = True
    return events.with_columns(
        pl.Series("repeats", task.repeats, dtype=pl.UInt32),
        pl.lit(plan.run).alias("run"),
        pl.lit(task.report).alias("report"),
        pl.lit(plan.at).dt.cast_time_unit("us").alias("time.observation"),
        pl.col(ROW).alias("row"),
    ).filter(pl.Series(chosen))


def located(events: pl.DataFrame, finder: Finder) -> pl.DataFrame:
    """What the snapshot knows of the source stands above what the report says."""
    spot = finder.scene.place(Side.SOURCE)
    asn = spot.asn.value
    known = asn.drop_nulls().unique()
    names = finder.scene.networks.as_names
    named = pl.DataFrame(
        {"asn": known, "name": [names.get(number) for number in known.to_list()]},
        schema={"asn": pl.UInt32, "name": pl.String},
    )
    as_name = asn.to_frame("asn").join(named, on="asn", how="left", maintain_order="left")["name"]
    if "source.as_name" in events.columns:
        as_name = as_name.zip_with(asn.is_not_null(), events["source.as_name"])
    country = spot.country.value
    if "source.asn" in events.columns:
        asn = asn.fill_null(events["source.asn"])
    if "source.geolocation.cc" in events.columns:
        country = country.fill_null(events["source.geolocation.cc"])
    return events.with_columns(
        asn.alias("source.asn"),
        as_name.alias("source.as_name"),
        country.alias("source.geolocation.cc"),
        *_domains(events),
    )


def _domains(events: pl.DataFrame) -> list[pl.Series]:
    """The public suffix and the registrable domain of the host name, where there is one."""
    if "source.fqdn" not in events.columns or events["source.fqdn"].is_null().all():
        return []
    name = events["source.fqdn"]
    domain = member("registrable_domain", registrable_domains(name))
    return [public_suffixes(name).alias("source.domain_suffix"), domain]


def _nobody(events: pl.DataFrame, routed: np.ndarray) -> dict[tuple[str, str], int]:
    """Unrouted events by country and network, the most frequent first."""
    table = (
        events.filter(pl.Series(~routed))
        .select(
            pl.col("source.geolocation.cc").fill_null("").alias("cc"),
            pl.concat_str([pl.lit("AS"), pl.col("source.asn")]).fill_null("").alias("asn"),
        )
        .group_by("cc", "asn")
        .len()
        .sort(["len", "cc", "asn"], descending=[True, False, False])
        .head(UNROUTED_KEPT)
    )
    return {(cc, asn): count for cc, asn, count in table.rows()}


class _Told:
    """Which relations were told of each event."""

    def __init__(self, events: int) -> None:
        self._bits = np.zeros(events, dtype=np.uint32)

    def add(self, relation: Relation, links: pl.DataFrame) -> None:
        """Note that the relation is told of these events."""
        self._bits[links["event"].to_numpy()] |= _BIT[relation]

    def by_acting(self) -> np.ndarray:
        """True where somebody was told who can mend something."""
        acting = np.uint32(sum(_BIT[relation] for relation in ACTING))
        return np.asarray((self._bits & acting) != 0)

    def sentences(self) -> pl.Series:
        """`csirt, network`: the reporter learns that they were told, not who they are."""
        distinct, back = np.unique(self._bits, return_inverse=True)
        texts = [
            ", ".join(relation.value for relation, bit in _BIT.items() if bits & bit)
            for bits in distinct
        ]
        return pl.Series(texts, dtype=pl.String).gather(pl.Series(back, dtype=pl.UInt32))


_BIT = {
    relation: np.uint32(1 << place)
    for place, relation in enumerate(sorted(set(Relation) - COUNTED - {Relation.REPORTER}))
} | dict.fromkeys([*COUNTED, Relation.REPORTER], np.uint32(0))


class _Out:
    """Collects what each party gets from one chunk and writes it as one file."""

    def __init__(self, plan: Plan, events: pl.DataFrame, report: str) -> None:
        self.plan = plan
        self.events = events
        self.report = report
        self.pieces: list[Piece] = []
        self.tallies: list[pl.DataFrame] = []
        self.figures: dict[tuple[int, Relation], pl.DataFrame] = {}
        self._buffers: list[bytes] = []
        self._size = 0

    def allowed(self, relation: Relation, links: pl.DataFrame) -> pl.DataFrame:
        """The links whose event may go to the relation at all, by its marking."""
        allowed = self.events["tlp"].is_in(may_receive(relation))
        return links if allowed.all() else links.filter(allowed.gather(links["event"]))

    def add(
        self, finder: Finder, relation: Relation, side: Side, links: pl.DataFrame, told: "_Told"
    ) -> None:
        """Release the rows of one lane, party by party, in the party's format."""
        lane = Lane(relation, side, self.plan.on)
        links = links.sort("party", "event")
        rows = self.events.select(needed(lane, self.events.columns))[links["event"]].with_columns(
            links["because"], self._attributable(finder, relation, side, links)
        )
        if relation is Relation.REPORTER:
            rows = rows.with_columns(told.sentences().gather(links["event"]).alias("told"))
        if relation in COUNTED:
            self._count(lane, rows, links["party"])
        else:
            released = self._render(lane, rows, links["party"])
            if relation in ACTING:
                compiled, report = self.plan.compiled, self.report
                self.tallies.append(tally(lane, rows, released, links, compiled, report=report))

    def _attributable(
        self, finder: Finder, relation: Relation, side: Side, links: pl.DataFrame
    ) -> pl.Series:
        blank = pl.Series("attributable", [None], dtype=pl.String)
        if relation is not Relation.NETWORK or side is not Side.SOURCE:
            return blank.new_from_index(0, len(links))
        port = self.events["source.port"] if "source.port" in self.events.columns else None
        without = np.ones(len(self.events), bool) if port is None else port.is_null().to_numpy()
        vague = (is_shared(finder.scene, side) & without)[links["event"].to_numpy()]
        return (
            pl.select(
                pl.when(pl.lit(pl.Series(vague)))
                .then(pl.lit(NOT_ATTRIBUTABLE))
                .alias("attributable")
            ).to_series()
            if len(vague)
            else blank.clear()
        )

    def _count(self, lane: Lane, told: pl.DataFrame, party: pl.Series) -> None:
        for number in party.unique().sort():
            counted = release(told.filter(party == number), lane, secret=self.plan.secret)
            self.figures[int(number), lane.relation] = counted

    def _render(self, lane: Lane, told: pl.DataFrame, party: pl.Series) -> pl.DataFrame:
        """`told` is sorted by party; rows of one format are written at once and cut. What left."""
        recipients = self.plan.compiled.recipients
        released = release(told, lane, secret=self.plan.secret)
        formats = {int(n): recipients[int(n)].format for n in party.unique()}
        for name in sorted(set(formats.values())):
            members = [number for number, format_ in formats.items() if format_ == name]
            chosen = party.is_in(members)
            everyone = len(set(formats.values())) == 1
            rows = released if everyone else released.filter(chosen)
            self._cut(
                lane,
                self.plan.shapes[name],
                rows,
                told if everyone else told.filter(chosen),
                party if everyone else party.filter(chosen),
            )
        return released

    def _cut(
        self, lane: Lane, shape: Shape, rows: pl.DataFrame, told: pl.DataFrame, party: pl.Series
    ) -> None:
        body = shape.body(rows)
        ends = row_ends(body, len(rows), shape)
        numbers = party.to_numpy()
        firsts = np.flatnonzero(np.r_[True, numbers[1:] != numbers[:-1]])
        lasts = np.r_[firsts[1:], len(numbers)] - 1
        facts = _facts(told, party)
        for first, last in zip(firsts, lasts, strict=True):
            start = int(ends[first - 1]) if first else 0
            number = int(numbers[first])
            self.pieces.append(
                Piece(
                    number,
                    lane.relation,
                    self._size + start,
                    int(ends[last]) - start,
                    int(last - first + 1),
                    **facts[number],
                    report=self.report,
                )
            )
        self._buffers.append(body)
        self._size += len(body)

    def write(self, number: int) -> None:
        """All bodies of the chunk, one after the other."""
        path = self.plan.path("out", number, ".bin")
        with path.open("wb") as file:
            file.writelines(self._buffers)
        self._buffers.clear()


def row_ends(body: bytes, rows: int, shape: Shape) -> np.ndarray:
    """The offset behind each row; line feeds, unless a value has some too (then the format says).

    Raises RuntimeError where rows and ends are not as many: a mistake of ours.
    """
    ends = np.flatnonzero(np.frombuffer(body, dtype=np.uint8) == 10) + 1
    ends = ends if len(ends) == rows else shape.ends(body)
    if len(ends) != rows:
        raise RuntimeError(f"{rows} rows were written as {len(ends)}")
    return ends


def _facts(told: pl.DataFrame, party: pl.Series) -> dict[int, dict]:  # type: ignore[type-arg]
    """Per party: first and last moment, events per class, the strictest marking."""
    moment = "time.source" if "time.source" in told.columns else "time.observation"
    ranks = {tlp.value: rank for tlp, rank in STRICTNESS.items()}
    table = told.select(
        party.alias("party"),
        pl.col(moment).alias("moment"),
        pl.col("classification.type").alias("type"),
        pl.col("tlp").replace_strict(ranks, return_dtype=pl.UInt8).alias("tlp"),
    )
    ends = table.group_by("party").agg(
        pl.col("moment").min().alias("first"),
        pl.col("moment").max().alias("last"),
        pl.col("tlp").max(),
    )
    facts = {
        number: {"first": first, "last": last, "classes": {}, "strictest": tlp}
        for number, first, last, tlp in ends.rows()
    }
    for number, kind, count in table.group_by("party", "type").len().rows():
        facts[number]["classes"][kind] = count
    return facts
