"""The shield's figures for everybody, by month: how often it was wrong, and how fast it is.

Made of the register alone: of a month that is closed, of its counts, which stay when the facts of
single listings are erased; of the others, of their rows, counted in the same way. What is below
the threshold is None.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields, replace
from datetime import datetime
from typing import Any

from tocsin.desks.shield.actions.counting import RENEWED, UNKNOWN
from tocsin.desks.shield.models import Appeal
from tocsin.office.models import RegisterRow
from tocsin.office.register.periods import closed_periods
from tocsin.rules.audiences import PUBLIC
from tocsin.rules.shield import LONGER, MISTAKES, SPANS

MONTHS = 24
_BEGIN, _END = "shield:term:begin", "shield:term:end"
_APPEALS = {word: f"shield:appeal:{word}" for word in ("file", "uphold", "dismiss")}
_ACTIONS = (_BEGIN, _END, *_APPEALS.values())
_ORDER = (*(name for name, _ in SPANS), LONGER)


@dataclass(frozen=True)
class Took:
    """How long something took in so many cases: the span that half, and nine tenths, kept to."""

    cases: int
    median: str
    p90: str


@dataclass(frozen=True)
class Month:
    """One month, or all; `is_closed` where its rows were counted for good."""

    period: str
    is_closed: bool
    listings: int | None
    mistakes: int | None
    false_positives: float | None
    to_list: Took | None
    to_withdraw: Took | None
    received: int | None
    upheld: int | None
    dismissed: int | None


@dataclass(frozen=True)
class Figures:
    """The months, the newest first, their sum, and what is open now."""

    months: tuple[Month, ...]
    whole: Month
    open_appeals: int | None
    least: int


@dataclass
class _Counts:
    """What the register says of a month: values to counts."""

    listed: Counter[str] = field(default_factory=Counter)
    causes: Counter[str] = field(default_factory=Counter)
    withdrawn: Counter[str] = field(default_factory=Counter)
    appeals: Counter[str] = field(default_factory=Counter)

    def add(self, actions: Mapping[str, Any]) -> None:
        """Counts of a closing row: `{action: {"rows": n, "by": {fact: {value: n}}}}`."""
        self.listed.update(actions.get(_BEGIN, {}).get("by", {}).get("within", {}))
        self.causes.update(actions.get(_END, {}).get("by", {}).get("cause", {}))
        self.withdrawn.update(actions.get(_END, {}).get("by", {}).get("within", {}))
        for word, action in _APPEALS.items():
            public = actions.get(action, {}).get("by", {}).get("is_public", {})
            self.appeals[word] += public.get("yes", 0)

    def add_row(self, action: str, facts: Mapping[str, Any]) -> None:
        """One row of a month that is not closed."""
        if action == _BEGIN:
            self.listed[str(facts.get("within"))] += 1
        elif action == _END:
            self.causes[str(facts.get("cause"))] += 1
            self.withdrawn[str(facts.get("within"))] += 1
        elif facts.get("is_public") == "yes":
            self.appeals[action.rpartition(":")[2]] += 1

    def join(self, other: "_Counts") -> None:
        """Both together."""
        self.listed += other.listed
        self.causes += other.causes
        self.withdrawn += other.withdrawn
        self.appeals += other.appeals


def figures(*, least: int) -> Figures:
    """Of the last 24 months in which anything happened; nothing that counts fewer than `least`."""
    closed, found = set[str](), dict[str, _Counts]()
    for row in closed_periods():
        period = str(row.facts["period"])
        closed.add(period)
        counts = found.setdefault(period, _Counts())
        counts.add(row.facts["actions"])
        counts.add(row.facts["late"])
    for period, counts in _open().items():
        found.setdefault(period, _Counts()).join(counts)
    some = {period: counts for period, counts in found.items() if counts.listed or counts.appeals}
    whole = _Counts()
    for counts in some.values():
        whole.join(counts)
    newest = sorted(some, reverse=True)[:MONTHS]
    months = (_month(period, some[period], least, is_closed=period in closed) for period in newest)
    waiting = Appeal.objects.filter(ended_at=None, listing__tlp=PUBLIC.most.value).count()
    all_months = [_month(period, some[period], least, is_closed=True) for period in some]
    return Figures(
        tuple(months),
        _without_remainders(_month("", whole, least, is_closed=False), all_months),
        _shown(waiting, least),
        least,
    )


def _open() -> dict[str, _Counts]:
    """By month, of the rows that no closing row has counted."""
    found: dict[str, _Counts] = {}
    rows = RegisterRow.objects.filter(period="", action__in=_ACTIONS).order_by("pk")
    wanted: Iterable[tuple[datetime, str, dict[str, Any]]] = rows.values_list(
        "at", "action", "facts"
    ).iterator(chunk_size=2000)
    for moment, action, facts in wanted:
        found.setdefault(f"{moment:%Y-%m}", _Counts()).add_row(action, facts)
    return found


def _month(period: str, counts: _Counts, least: int, *, is_closed: bool) -> Month:
    first = counts.listed.total() - counts.listed[RENEWED]
    listings = _shown(first, least)
    mistakes = sum(counts.causes[cause] for cause in MISTAKES) if listings is not None else None
    received = _shown(counts.appeals["file"], least)
    return Month(
        period,
        is_closed,
        listings,
        mistakes,
        round(100 * mistakes / first, 1) if mistakes is not None else None,
        _took(counts.listed, least),
        _took(counts.withdrawn, least),
        received,
        counts.appeals["uphold"] if received is not None else None,
        counts.appeals["dismiss"] if received is not None else None,
    )


def _without_remainders(whole: Month, months: list[Month]) -> Month:
    """The sum, without what would tell the one month that is not shown by subtraction."""
    hidden: dict[str, Any] = {
        one.name: None
        for one in fields(Month)
        if one.name not in ("period", "is_closed")
        and sum(getattr(month, one.name) is None for month in months) == 1
    }
    return replace(whole, **hidden)


def _shown(count: int, least: int) -> int | None:
    return count if count >= least else None


def _took(spans: Counter[str], least: int) -> Took | None:
    cases = sum(spans[name] for name in _ORDER)
    if cases < least:
        return None
    return Took(cases, _within(spans, cases, 50), _within(spans, cases, 90))


def _within(spans: Counter[str], cases: int, percent: int) -> str:
    """The shortest span that this share of the cases kept to."""
    kept = 0
    for name in _ORDER:
        kept += spans[name]
        if kept * 100 >= cases * percent:
            return name
    return UNKNOWN


def as_json(found: Figures) -> dict[str, Any]:
    """For programs; null where the count is below `least`."""
    return {
        "least": found.least,
        "open_appeals": found.open_appeals,
        "all": _facts(found.whole),
        "months": [{"month": one.period, **_facts(one)} for one in found.months],
    }


def _facts(one: Month) -> dict[str, Any]:
    def took(span: Took | None) -> dict[str, Any] | None:
        return {"cases": span.cases, "median": span.median, "p90": span.p90} if span else None

    return {
        "is_closed": one.is_closed,
        "listings": one.listings,
        "withdrawn_as_mistakes": one.mistakes,
        "false_positive_percent": one.false_positives,
        "time_to_list": took(one.to_list),
        "time_to_withdraw": took(one.to_withdraw),
        "appeals": {
            "received": one.received,
            "upheld": one.upheld,
            "dismissed": one.dismissed,
        },
    }
