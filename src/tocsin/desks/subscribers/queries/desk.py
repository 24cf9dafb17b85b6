"""What those who look after lines ask: today's queue, one line's history, a ticket, figures.

A line is its pseudonym throughout, and one of its findings stands for it.
"""

import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from django.db.models import Count, Max, Min, Q, QuerySet, Sum

from tocsin.desks.subscribers.actions.codes import kept_of
from tocsin.desks.subscribers.models import Finding, LookUp, Measure, Warned
from tocsin.words.errors import NotFound
from tocsin.words.moments import as_utc

SPANS = {"24h": timedelta(hours=24), "7d": timedelta(days=7), "30d": timedelta(days=30)}
OPEN, LIMITED, OVER = "open", "limited", "over"
SHOWN = (OPEN, LIMITED, OVER)
_TICKET = re.compile(r"[0-9a-f]{8,32}")
_STATE, _LIFTED = Finding.State, Measure.State.LIFTED


@dataclass(frozen=True)
class Row:
    """One line of the queue: the finding seen last stands for it."""

    finding: Finding
    problems: tuple[Finding, ...]
    measures: tuple[Measure, ...]
    events: int
    first_at: datetime
    last_at: datetime
    warned_at: datetime | None


@dataclass(frozen=True)
class History:
    """All that is known of one line, but who it is."""

    finding: Finding
    findings: tuple[Finding, ...]
    warnings: tuple[Warned, ...]
    measures: tuple[Measure, ...]

    @property
    def is_open(self) -> bool:
        """Whether any problem is left."""
        return any(one.state != _STATE.CURED for one in self.findings)

    @property
    def is_limited(self) -> bool:
        """Whether anything on the line can be lifted."""
        return any(one.lift_asked_at is None and one.state != _LIFTED for one in self.measures)


def lines(*, show: str = OPEN, kind: str = "") -> "QuerySet[Finding, Any]":
    """A row for each line, that was seen last first; of those with a problem of a class."""
    found = Finding.objects.filter(fate=Finding.Fate.ONE)
    if kind:
        found = found.filter(kind=kind)
    if show == LIMITED:
        limited = Measure.objects.exclude(state=_LIFTED).values("line")
        found = found.filter(line__in=limited)
    else:
        is_over = Q(state=_STATE.CURED)
        found = found.filter(is_over if show == OVER else ~is_over)
    return (
        found.order_by()
        .values("line")
        .annotate(
            events_=Sum("events"), first=Min("first_at"), last=Max("last_at"),
            warned=Max("warned_at"),
        )
        .order_by("-last", "line")
    )  # fmt: skip


def rows_of(page: Iterable[dict[str, Any]], *, show: str = OPEN) -> list[Row]:
    """The lines of one page with what is on them, in three queries however many they are."""
    asked = list(page)
    keys = [one["line"] for one in asked]
    problems: dict[int, list[Finding]] = defaultdict(list)
    found = Finding.objects.filter(line__in=keys, fate=Finding.Fate.ONE)
    if show != LIMITED:
        is_over = Q(state=_STATE.CURED)
        found = found.filter(is_over if show == OVER else ~is_over)
    for finding in found.order_by("-last_at", "-pk"):
        problems[finding.line].append(finding)
    limits: dict[int, list[Measure]] = defaultdict(list)
    for measure in Measure.objects.filter(line__in=keys).exclude(state=_LIFTED):
        limits[measure.line].append(measure)
    return [
        Row(
            finding=problems[one["line"]][0],
            problems=tuple(problems[one["line"]]),
            measures=tuple(limits[one["line"]]),
            events=one["events_"],
            first_at=one["first"],
            last_at=one["last"],
            warned_at=one["warned"],
        )
        for one in asked
        if problems[one["line"]]
    ]


def kinds() -> list[str]:
    """The classes that were found on lines."""
    found = Finding.objects.filter(fate=Finding.Fate.ONE).order_by("kind")
    return list(found.values_list("kind", flat=True).distinct())


def history_of(uid: UUID) -> History:
    """The line of a finding, with everything on it; raises `NotFound`."""
    finding = Finding.objects.filter(uid=uid, fate=Finding.Fate.ONE).first()
    if finding is None:
        raise NotFound("there is no such finding")
    findings = Finding.objects.filter(line=finding.line, fate=Finding.Fate.ONE)
    warnings = Warned.objects.filter(finding__in=findings).select_related("finding")
    measures = Measure.objects.filter(line=finding.line).select_related("finding")
    return History(
        finding,
        tuple(findings.order_by("-last_at", "-pk")),
        tuple(warnings.order_by("-at", "-pk")),
        tuple(measures.order_by("-asked_at", "-pk")),
    )


def found_by(text: str, *, store_folder: Path) -> Finding | None:
    """By a ticket (the first 8 to 32 letters and digits of a finding) or a warning's code."""
    ticket = text.strip().lower().replace("-", "")
    ones = Finding.objects.filter(fate=Finding.Fate.ONE)
    if _TICKET.fullmatch(ticket):
        least, most = UUID(ticket.ljust(32, "0")), UUID(ticket.ljust(32, "f"))
        found = list(ones.filter(uid__gte=least, uid__lte=most)[:2])
        if len(found) == 1:
            return found[0]
    warned = Warned.objects.filter(code=kept_of(text, store_folder)).select_related("finding")
    row = warned.first()
    return row.finding if row else None


@dataclass(frozen=True)
class Span:
    """What came of one span of time; `fates` are events by what could be said of whose they were.

    `warned` counts warnings that some way took, `failed` those that none did.
    """

    name: str
    fates: dict[str, int] = field(default_factory=dict)
    lines: int = 0
    problems: int = 0
    came_back: int = 0
    warned: int = 0
    failed: int = 0
    asked: int = 0
    not_seen: int = 0
    said: int = 0
    limited: int = 0
    lifted: int = 0


def spans(*, at: datetime) -> list[Span]:
    """24 hours, 7 days, 30 days up to a moment."""
    return [_span(name, since=as_utc(at) - span, at=as_utc(at)) for name, span in SPANS.items()]


def _span(name: str, *, since: datetime, at: datetime) -> Span:
    within = (since, at)
    ones = Finding.objects.filter(fate=Finding.Fate.ONE)
    looked = LookUp.objects.filter(at__range=within).aggregate(
        **{key: Sum(key, default=0) for key in ("exact", "ambiguous", "nobody", "not_attributable")}
    )
    seen = ones.filter(last_at__range=within).aggregate(
        lines=Count("line", distinct=True),
        came_back=Count("pk", filter=Q(returned__gt=0) & ~Q(state=_STATE.CURED)),
    )
    over = ones.filter(cured_at__range=within, state=_STATE.CURED).aggregate(
        not_seen=Count("pk", filter=Q(cure=Finding.Cure.NOT_SEEN)),
        said=Count("pk", filter=Q(cure=Finding.Cure.SAID)),
    )
    told = Warned.objects.aggregate(
        warned=Count("pk", filter=Q(at__range=within, failed_at=None)),
        failed=Count("pk", filter=Q(failed_at__range=within)),
        asked=Count("pk", filter=Q(asked_at__range=within)),
    )
    measured = Measure.objects.aggregate(
        limited=Count("pk", filter=Q(set_at__range=within)),
        lifted=Count("pk", filter=Q(lifted_at__range=within, set_at__isnull=False)),
    )
    new = ones.filter(first_at__range=within).count()
    return Span(name, fates=looked, problems=new, **seen, **over, **told, **measured)
