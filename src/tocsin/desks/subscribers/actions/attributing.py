"""Reports that were taken in: each event of the node's own network to the line it was.

The ordinary intake routes what comes in and says with each event who was told of it; what the party
that runs this node was told of is its own network's. A run is looked up once, when the logs reach
its events or there was time enough for them to come. One register row for each run.
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
from django.db import transaction
from django.db.models import QuerySet

from tocsin.desks.subscribers.models import Finding, LookUp, Source
from tocsin.desks.subscribers.queries.bindings import records
from tocsin.flow.bindings.look_up import Outcome, look_up
from tocsin.flow.bindings.questions import questions
from tocsin.flow.store import read_events
from tocsin.flow.tally import told_as
from tocsin.formats.mail import arf
from tocsin.formats.xarf.classes import CLASSES
from tocsin.office import register
from tocsin.office.models import Party, Run
from tocsin.words.moments import as_utc
from tocsin.words.relations import Relation, Side

PATIENCE = timedelta(hours=6)  # for logs that reach the events of a run
OLDEST = timedelta(days=14)  # what came longer ago is history, and nobody is warned of it
CLOCKS = timedelta(seconds=10)  # tolerance of the reporters' clocks
MOST_RUNS = 20
_TOGETHER = 400
_FATES = {
    Outcome.EXACT.value: Finding.Fate.ONE.value,
    Outcome.AMBIGUOUS.value: Finding.Fate.AMBIGUOUS.value,
    Outcome.NONE.value: Finding.Fate.NOBODY.value,
    Outcome.NOT_ATTRIBUTABLE.value: Finding.Fate.NOT_ATTRIBUTABLE.value,
}
_READ = (
    *("source.ip", "source.port", "protocol.transport", "time.source", "classification.type"),
    *("malware.name", "classification.identifier", "extra"),
)
_DEVICE = ("device_type", "device_vendor")
# Where nothing else is known, abuse reports and XARF have the type of the report for identifier:
# `abuse`, `infected-host`. Nothing is known by such a name.
_NO_NAMES = sorted(set(arf.TYPES) | {kind.partition("/")[2].replace("_", "-") for kind in CLASSES})


@dataclass(frozen=True)
class Seen:
    """One problem of one line in one run, or what no line can be said for."""

    line: int
    fate: str
    kind: str
    family: str
    device: str
    events: int
    first_at: datetime
    last_at: datetime


def look_up_runs(
    *, by: str, at: datetime, store_folder: Path, patience: timedelta = PATIENCE
) -> list[LookUp]:
    """Look up what was taken in since the last time; each run in a transaction of its own."""
    at = as_utc(at)
    own = Party.objects.filter(runs_node=True).first()
    if own is None:
        return []
    made = []
    for run in waiting_runs(at)[:MOST_RUNS]:
        events = own_events(run, own, store_folder=store_folder)
        if not _is_ripe(run, events, at=at, patience=patience):
            continue
        rows = list(whose_events(events, at=run.at, store_folder=store_folder))
        made.append(_commit(run, rows, by=by, at=at))
    return made


def waiting_runs(at: datetime) -> QuerySet[Run]:
    """Runs of reports that nobody looked up yet, oldest first."""
    done = Run.objects.filter(kind="route", state=Run.State.DONE, at__gt=as_utc(at) - OLDEST)
    return done.exclude(pk__in=LookUp.objects.values("run")).order_by("at")


def own_events(run: Run, own: Party, *, store_folder: Path) -> pl.DataFrame:
    """The events of a run that the party that runs this node was told of as its network's."""
    table = store_folder / "events"
    if not (table / "_delta_log").is_dir():
        return pl.DataFrame(schema=dict.fromkeys(_READ, pl.String))
    label = f"{told_as(Relation.NETWORK.value, Side.SOURCE.value, own.slug)}:"
    # A label begins a line of its own, so that `meadow` is not found in `red-meadow`.
    is_ours = ("\n" + pl.col("told")).str.contains(f"\n{label}", literal=True)
    rows = read_events(table, days=[run.at.date()])
    return rows.filter(pl.col("run") == run.uid.hex, is_ours).select(_READ).collect()


def _is_ripe(run: Run, events: pl.DataFrame, *, at: datetime, patience: timedelta) -> bool:
    """Whether every log reaches beyond the events, or it was waited for long enough."""
    if not len(events) or run.at <= at - patience:
        return True
    reached = list(Source.objects.values_list("reaches_to", flat=True))
    latest: Any = events["time.source"].max()
    return bool(reached) and all(one is not None and one >= (latest or at) for one in reached)


def whose_events(events: pl.DataFrame, *, at: datetime, store_folder: Path) -> Iterator[Seen]:
    """Events by the line they are of; what names no moment is attributable to nobody."""
    if not len(events):
        return
    has = events["time.source"].is_not_null() & events["source.ip"].is_not_null()
    asked = events.filter(has)
    parts = []
    if len(asked):
        said = look_up(questions(asked, slack=CLOCKS), records(store_folder))
        parts.append(asked.with_columns(said["outcome"], said["line"]))
    if not has.all():
        rest = events.filter(~has).with_columns(
            pl.lit(Outcome.NOT_ATTRIBUTABLE.value, pl.UInt8).alias("outcome"),
            pl.lit(0, pl.UInt64).alias("line"),
        )
        parts.append(rest)
    yield from _grouped(pl.concat(parts), at=at)


def _grouped(found: pl.DataFrame, *, at: datetime) -> Iterator[Seen]:
    is_one = pl.col("outcome") == Outcome.EXACT.value
    named = pl.when(~pl.col("classification.identifier").is_in(_NO_NAMES)).then(
        "classification.identifier"
    )
    rows = found.select(
        pl.when(is_one).then("line").otherwise(0).alias("line"),
        pl.col("outcome").replace_strict(_FATES, return_dtype=pl.String).alias("fate"),
        pl.col("classification.type").fill_null("undetermined").alias("kind"),
        pl.coalesce("malware.name", named, pl.lit("")).alias("family"),
        pl.col("time.source").fill_null(as_utc(at)).alias("at"),
        "extra",
    )
    by = ["line", "fate", "kind", "family"]
    groups = rows.group_by(by, maintain_order=True).agg(
        pl.len().alias("events"),
        pl.col("at").min().alias("first_at"),
        pl.col("at").max().alias("last_at"),
        pl.col("extra").drop_nulls().first(),
    )
    for row in groups.sort(by).iter_rows(named=True):
        extra = row.pop("extra")
        device = _device(extra) if row["line"] else ""
        names = {"kind": row.pop("kind")[:50], "family": row.pop("family")[:100]}
        yield Seen(device=device, **names, **row)


def _device(extra: str | None) -> str:
    """The kind of device, as far as the report says one: a word of it, and never an address."""
    said: Any = json.loads(extra) if extra else {}
    words = [str(said.get(name) or "").strip() for name in _DEVICE]
    return ", ".join(" ".join(word.split())[:28] for word in words if word)


# ── what is kept of it ───────────────────────────────────────────────────────────────────


def _commit(run: Run, rows: list[Seen], *, by: str, at: datetime) -> LookUp:
    counts = {fate: sum(row.events for row in rows if row.fate == fate) for fate in Finding.Fate}
    with transaction.atomic():
        done = LookUp.objects.create(
            run=run,
            at=at,
            events=sum(counts.values()),
            exact=counts[Finding.Fate.ONE],
            ambiguous=counts[Finding.Fate.AMBIGUOUS],
            nobody=counts[Finding.Fate.NOBODY],
            not_attributable=counts[Finding.Fate.NOT_ATTRIBUTABLE],
            digests=list(run.counts.get("files", [])),
        )
        for start in range(0, len(rows), _TOGETHER):
            _note(rows[start : start + _TOGETHER], done, at=at)
        register.record(
            action="subscribers:line:look_up", actor=by, at=at, subject=run.uid,
            facts={
                "events": done.events, "exact": done.exact, "ambiguous": done.ambiguous,
                "nobody": done.nobody, "not_attributable": done.not_attributable,
            },
        )  # fmt: skip
    return done


def _note(rows: list[Seen], done: LookUp, *, at: datetime) -> None:
    known = _known(rows)
    found = [_seen(known.get(_key(row)), row, at=at) for row in rows]
    for finding in found:
        finding.save()
    done.findings.add(*[finding for finding in found if finding.line])


def _known(rows: Iterable[Seen]) -> dict[tuple[int, str, str, str], Finding]:
    lines = {row.line for row in rows}
    found = Finding.objects.select_for_update().filter(line__in=lines)
    return {(row.line, row.fate, row.kind, row.family): row for row in found}


def _key(row: Seen) -> tuple[int, str, str, str]:
    return row.line, row.fate, row.kind, row.family


def _seen(finding: Finding | None, row: Seen, *, at: datetime) -> Finding:
    """A new finding, or the one there is with what was seen now; what was over may be back."""
    if finding is None:
        finding = Finding(
            line=row.line, fate=row.fate, kind=row.kind, family=row.family,
            first_at=row.first_at, last_at=row.last_at,
        )  # fmt: skip
    if finding.state == Finding.State.CURED and row.last_at > _over_since(finding):
        finding.state, finding.taken, finding.warned_at = Finding.State.SEEN, 0, None
        finding.cured_at, finding.cure = None, ""
        finding.returned += 1
    finding.events += row.events
    finding.first_at = min(finding.first_at, row.first_at)
    finding.last_at = max(finding.last_at, row.last_at)
    finding.device = row.device or finding.device
    finding.changed_at = at
    return finding


def _over_since(finding: Finding) -> datetime:
    """From when on a sighting says that it is not over: the subscriber's word, or the last one."""
    is_said = finding.cure == Finding.Cure.SAID and finding.cured_at is not None
    return finding.cured_at if is_said and finding.cured_at else finding.last_at
