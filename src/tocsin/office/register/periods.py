"""Months that are closed: their figures as a row of their own.

A figure that was published must be recomputable after the facts it was made from were erased.
So when a month is over, its rows are counted by the shapes of their actions, and the counts are
written down as a row of the register, with a leaf of its own like any other. Rows that commit
late (their action began before midnight) are counted with the next month, apart, as `late`.
"""

from collections import Counter
from datetime import UTC, datetime
from typing import Any
from uuid import NAMESPACE_OID, uuid5

from django.db import transaction
from django.db.models import QuerySet

from tocsin.office.models import RegisterRow
from tocsin.office.register.recording import Fact, record
from tocsin.office.shapes import Shape, shapes
from tocsin.words.errors import NotFound, Refused, Unusable
from tocsin.words.moments import as_utc, iso

PERIOD_CLOSED = "office:period:close"
_BATCH = 2000

Counts = dict[str, Fact]


def bounds(period: str) -> tuple[datetime, datetime]:
    """First moment of a month `YYYY-MM` (UTC), and of the next; raises `Unusable`."""
    try:
        since = datetime.strptime(period, "%Y-%m").replace(tzinfo=UTC)
    except ValueError:
        raise Unusable(f"{period!r} is no month. Possible: 2026-11") from None
    if f"{since:%Y-%m}" != period:
        raise Unusable(f"{period!r} is no month. Possible: {since:%Y-%m}")
    year, month = divmod(since.year * 12 + since.month, 12)
    return since, since.replace(year=year, month=month + 1)


def close_period(period: str, *, at: datetime, by: str) -> RegisterRow:
    """Count the rows of a month and write the counts down; again: the row that is there.

    Raises `Refused` before the month is over.
    """
    since, until = bounds(period)
    if as_utc(at) < until:
        raise Refused(
            f"{period} is not over. Possible: close it from {iso(until)} on, so that no row of it "
            "is missed"
        )
    uid = uuid5(NAMESPACE_OID, f"tocsin period {period}")
    with transaction.atomic():
        if (closed := RegisterRow.objects.filter(uid=uid).first()) is not None:
            return closed
        _require_next(period, at=at)
        keys, counts, late = _count_open(since, until)
        facts: dict[str, Fact] = {
            "period": period,
            "since": iso(since),
            "until": iso(until),
            "rows": len(keys),
            "actions": counts,
            "late": late,
        }
        for start in range(0, len(keys), _BATCH):
            batch = RegisterRow.objects.filter(pk__in=keys[start : start + _BATCH])
            batch.update(period=period)
        return record(action=PERIOD_CLOSED, actor=by, at=at, facts=facts, uid=uid)


def _require_next(period: str, *, at: datetime) -> None:
    earlier = [month for month in open_months(at) if month < period]
    if earlier:
        raise Refused(
            f"{period}: {earlier[0]} is not closed yet, and its rows would count as late. "
            f"Possible: tocsin register close {earlier[0]}"
        )


def _count_open(since: datetime, until: datetime) -> tuple[list[int], Counts, Counts]:
    """The rows no period counted yet, in one reading: what is counted is what is marked."""
    keys: list[int] = []
    counts, late = _Counts(), _Counts()
    found = RegisterRow.objects.filter(period="", at__lt=until).order_by("pk")
    wanted = found.values_list("pk", "at", "action", "facts")
    for key, moment, action, facts in wanted.iterator(chunk_size=_BATCH):
        keys.append(key)
        (counts if moment >= since else late).add(action, facts)
    return keys, counts.facts(), late.facts()


def closed_periods() -> list[RegisterRow]:
    """The closing rows, oldest first."""
    return list(RegisterRow.objects.filter(action=PERIOD_CLOSED).order_by("pk"))


def open_months(at: datetime) -> list[str]:
    """Months that are over and have rows that no closing row counted, oldest first."""
    this = as_utc(at).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    moments = RegisterRow.objects.filter(period="", at__lt=this).order_by()
    found = {f"{moment:%Y-%m}" for moment in moments.datetimes("at", "month", tzinfo=UTC)}
    closed = {str(row.facts["period"]) for row in closed_periods()}
    latest = max(closed, default="")
    # What came late for a closed month is counted with the next one that is closed.
    return sorted(month for month in found if month > latest)


def recompute(period: str) -> tuple[RegisterRow, dict[str, Fact], int]:
    """The closing row of a month, its counts made anew, and how many rows lost facts since.

    Where none did, both agree; else the closing row is what stands. Raises `NotFound`.
    """
    since, _ = bounds(period)
    closed = RegisterRow.objects.filter(action=PERIOD_CLOSED, facts__period=period).first()
    if closed is None:
        raise NotFound(f"{period} was not closed. Possible: tocsin register close {period}")
    counted = RegisterRow.objects.filter(period=period)
    facts: dict[str, Fact] = {
        "actions": _counted(counted.filter(at__gte=since)),
        "late": _counted(counted.filter(at__lt=since)),
    }
    return closed, facts, counted.filter(erased_at__isnull=False).count()


# ── counting ─────────────────────────────────────────────────────────────────────────────


def _counted(rows: QuerySet[RegisterRow]) -> Counts:
    counts = _Counts()
    wanted = rows.order_by("pk").values_list("action", "facts")
    for action, facts in wanted.iterator(chunk_size=_BATCH):
        counts.add(action, facts)
    return counts.facts()


class _Counts:
    """`{action: {"rows": n, "sum": {fact: total}, "by": {fact: {value: n}}}}`, sorted."""

    def __init__(self) -> None:
        self._found: dict[str, _Count] = {}

    def add(self, action: str, facts: dict[str, Any]) -> None:
        if action not in self._found:
            self._found[action] = _Count(action)
        self._found[action].add(facts)

    def facts(self) -> Counts:
        return {action: count.facts() for action, count in sorted(self._found.items())}


class _Count:
    def __init__(self, action: str) -> None:
        # An action of a desk that this node no longer runs is still counted.
        shape = shapes().get(action, Shape({}))
        self._rows = 0
        self._sums = dict.fromkeys(sorted(shape.summed), 0)
        self._by: dict[str, Counter[str]] = {name: Counter() for name in sorted(shape.counted)}

    def add(self, facts: dict[str, Any]) -> None:
        self._rows += 1
        for name in self._sums:
            value = facts.get(name)
            self._sums[name] += value if isinstance(value, int) else 0
        for name, counter in self._by.items():
            counter[str(facts.get(name))] += 1

    def facts(self) -> dict[str, Fact]:
        counted: dict[str, Fact] = {"rows": self._rows}
        if self._sums:
            counted["sum"] = {**self._sums}
        if self._by:
            counted["by"] = {name: dict(sorted(by.items())) for name, by in self._by.items()}
        return counted
