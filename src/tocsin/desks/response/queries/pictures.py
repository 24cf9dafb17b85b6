"""Figures as charts: what was told over time, as what, where; of what somebody may see."""

from collections import Counter
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from urllib.parse import urlencode

from django.db.models import Count, Sum
from django.db.models.functions import TruncDate
from django.urls import reverse
from django.utils.translation import gettext as _

from tocsin.desks.response.queries.cases import SPANS, figures_for, visible_cases
from tocsin.desks.response.queries.deliveries import visible_deliveries
from tocsin.office.documents import Chart, bars, columns, tile_map
from tocsin.office.models import Receipt
from tocsin.office.people.viewer import Viewer
from tocsin.words.moments import as_utc

_MOST_BARS = 15


@dataclass(frozen=True)
class Picture:
    """The figures of one span: numbers, charts and the map."""

    span: str
    numbers: dict[str, dict[str, int]]
    charts: tuple[Chart, ...]
    map: Chart


def pictures_for(viewer: Viewer, *, span: str, at: datetime) -> Picture:
    """For `24h`, `7d` or `30d`; another span is the last."""
    name = span if span in SPANS else "30d"
    since = as_utc(at) - SPANS[name]
    return Picture(
        name,
        figures_for(viewer, at=at),
        (
            _told_by_day(viewer, since=since, at=at),
            _by_kind(viewer, since=since),
            _answers(viewer, since=since),
        ),
        _countries(viewer, since=since),
    )


def _told_by_day(viewer: Viewer, *, since: datetime, at: datetime) -> Chart:
    told = visible_deliveries(viewer).filter(created_at__gte=since).order_by()
    by_day = told.annotate(day=TruncDate("created_at")).values_list("day")
    counts: dict[date, int] = {day: n or 0 for day, n in by_day.annotate(n=Sum("rows"))}
    first, last = since.date(), as_utc(at).date()
    days = [first + timedelta(days=n) for n in range((last - first).days + 1)]
    rows = [(day, counts.get(day, 0)) for day in days]
    return columns(_("Rows told, by day"), rows, heads=(_("Day (UTC)"), _("Rows")))


def _by_kind(viewer: Viewer, *, since: datetime) -> Chart:
    cases = visible_cases(viewer).filter(seen_at__gte=since).order_by()
    rows = cases.values_list("kind").annotate(n=Count("pk")).order_by("-n", "kind")[:_MOST_BARS]
    return bars(_("Cases seen, by class"), list(rows), heads=(_("Class"), _("Cases")))


def _answers(viewer: Viewer, *, since: datetime) -> Chart:
    told = visible_deliveries(viewer)
    rows = Receipt.objects.filter(delivery__in=told, at__gte=since).order_by()
    counts = Counter(dict(rows.values_list("kind").annotate(n=Count("pk"))))
    named = {
        "received": _("received"),
        "acted": _("acted on"),
        "cured": _("cured"),
        "not_ours": _("not theirs"),
        "false_positive": _("wrong"),
        "bounced": _("bounced"),
    }
    said = [(text, counts[kind]) for kind, text in named.items() if counts[kind]]
    return bars(_("What came back"), said, heads=(_("Answer"), _("How often")))


def _countries(viewer: Viewer, *, since: datetime) -> Chart:
    cases = visible_cases(viewer).filter(seen_at__gte=since).order_by()
    counts = dict(cases.values_list("party__country").annotate(n=Count("pk")))

    def link(code: str) -> str:
        words = {"countries": code, "since": f"{since:%Y-%m-%d}"}
        return f"{reverse('response:cases')}?{urlencode(words)}"

    return tile_map(
        _("Cases seen, by state of the party told"),
        counts,
        heads=(_("Country"), _("Cases")),
        link=link,
    )
