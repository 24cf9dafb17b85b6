"""What a warning does: how long a problem is still seen, before it and by which ways after it.

The clock is one for all: days since the problem was first seen. A finding counts as not yet warned
until the day after its first warning, then as warned by that way, and by the next as well from the
day after that one; so nobody's good days before a warning are the warning's (no immortal time).
What is over is what was not seen for as long as its playbook says, up to the last look; a
subscriber's word counts for nothing here, since only who was warned can give it. What came back
counts as having lasted until it was seen last.

Only a staggered start makes this a comparison: otherwise who is warned late differs from who is
warned at once by more than that.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import polars as pl

from tocsin.desks.subscribers.models import Finding, LookUp, Measure, Warned
from tocsin.flow.cleaning import CURVE, share_at, survival
from tocsin.rules.playbooks import playbook_for
from tocsin.words.moments import as_utc

NOT_YET = "not yet warned"
DAYS = (7, 14, 30)
_SCHEMA: dict[str, pl.DataType | type[pl.DataType]] = {
    "kind": pl.String,
    "family": pl.String,
    "treatment": pl.String,
    "entered": pl.Int32,
    "lasted": pl.Int32,
    "is_over": pl.Boolean,
}


@dataclass(frozen=True)
class Point:
    """After so many days: the share still seen with its 95 % interval, None where nobody is left
    to say it; and how many were at risk on that day.
    """

    day: int
    at_risk: int
    share: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True)
class Effect:
    """One problem under one treatment: findings that were ever under it, those that ended so."""

    kind: str
    family: str
    treatment: str
    findings: int
    over: int
    points: tuple[Point, ...]


def effects(*, at: datetime) -> list[Effect]:
    """A row for each problem and treatment, by problem, the untreated first."""
    found = periods(at=at)
    groups = found.group_by("kind", "family", "treatment").agg(pl.len()).drop("len")
    keys = sorted(groups.rows(), key=lambda one: (one[0], one[1], one[2] != NOT_YET, one[2]))
    return [_effect(found, *key) for key in keys]


def _effect(found: pl.DataFrame, kind: str, family: str, treatment: str) -> Effect:
    rows = found.filter(
        pl.col("kind") == kind, pl.col("family") == family, pl.col("treatment") == treatment
    )
    curve = survival(rows) if rows["is_over"].any() else pl.DataFrame(schema=CURVE)
    points = tuple(_point(rows, curve, day) for day in DAYS)
    return Effect(kind, family, treatment, len(rows), int(rows["is_over"].sum()), points)


def _point(rows: pl.DataFrame, curve: pl.DataFrame, day: int) -> Point:
    at_risk = rows.filter(pl.col("entered") < day, pl.col("lasted") >= day).height
    share = share_at(curve, day)
    if not at_risk and share > 0:
        return Point(day, 0, None, None, None)
    passed = curve.filter(pl.col("day") <= day)
    low, high = (passed["low"][-1], passed["high"][-1]) if len(passed) else (None, None)
    return Point(day, at_risk, share, low, high)


# ── who was under which treatment, from when to when ─────────────────────────────────────


def periods(*, at: datetime) -> pl.DataFrame:
    """One row per finding and treatment (`_SCHEMA`), in whole days since it was first seen."""
    looked_at = _looked_at(at)
    rows: list[tuple[str, str, str, int, int, bool]] = []
    if looked_at is None:
        return pl.DataFrame(schema=_SCHEMA)
    warnings = _treatments()
    for one in Finding.objects.filter(fate=Finding.Fate.ONE, first_at__lte=looked_at).iterator():
        playbook = playbook_for(one.kind, one.family, on=looked_at.date())
        if playbook is None:
            continue
        is_over = one.last_at + playbook.clean_after <= looked_at
        lasted = (as_utc(one.last_at).date() - as_utc(one.first_at).date()).days + 1
        begins = _begins(as_utc(one.first_at).date(), warnings.get(one.pk, []))
        rows.extend(
            (one.kind, one.family, *period)
            for period in _periods(begins, lasted=lasted, is_over=is_over)
        )
    return pl.DataFrame(rows, schema=_SCHEMA, orient="row")


def _looked_at(at: datetime) -> datetime | None:
    latest = LookUp.objects.order_by("-run__at").select_related("run").first()
    return min(as_utc(latest.run.at), as_utc(at)) if latest else None


def _treatments() -> dict[int, list[tuple[datetime, str]]]:
    found: dict[int, list[tuple[datetime, str]]] = defaultdict(list)
    sent = Warned.objects.filter(failed_at=None).order_by("at", "pk")
    for finding, when, way in sent.values_list("finding", "at", "way").iterator():
        found[finding].append((when, way))
    for row in Measure.objects.exclude(set_at=None).iterator():
        if row.set_at is not None:
            found[row.finding_id].append((row.set_at, row.kind))
    return {finding: sorted(told) for finding, told in found.items()}


def _begins(first: date, warnings: Sequence[tuple[datetime, str]]) -> list[tuple[int, str]]:
    """From which day on it was under which treatment: all ways and measures until then, one that
    was lifted again too.
    """
    begins, ways = [(0, NOT_YET)], list[str]()
    for when, way in warnings:
        if way not in ways:
            ways.append(way)
            after = (as_utc(when) + timedelta(days=1)).date() - first
            begins.append((max(after.days, 1), "+".join(ways)))
    return begins


def _periods(
    begins: Sequence[tuple[int, str]], *, lasted: int, is_over: bool
) -> Iterator[tuple[str, int, int, bool]]:
    """Treatment, days from and to, whether it ended in it."""
    ends = [*(begin for begin, _ in begins[1:]), lasted]
    for (begin, treatment), end in zip(begins, ends, strict=True):
        until = min(end, lasted)
        is_last = until == lasted and begin < lasted
        if begin < until:
            yield treatment, begin, until, is_over and is_last
        if is_last:
            return
