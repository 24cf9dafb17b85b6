"""What became of reports: counts and states for whoever sent them, no data of anyone told.

A reporter learns how many events went into how many cases and where those stand; never who was
told, of which address, or what they wrote.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from django.db.models import Count, QuerySet, Sum
from django.db.models.functions import Coalesce

from tocsin.desks.response.models import Feedback, Report, Sighting
from tocsin.desks.response.queries.reports import READ_OWN, visible_reports
from tocsin.office.models import Party
from tocsin.office.people.viewer import Viewer


@dataclass
class Fate:
    """Cases and events by the state of the case."""

    cases: dict[str, int] = field(default_factory=dict)
    events: dict[str, int] = field(default_factory=dict)

    @property
    def total(self) -> int:
        """How many cases."""
        return sum(self.cases.values())


def fates_of(viewer: Viewer, reports: Iterable[Report]) -> dict[int, Fate]:
    """Key of a report to what became of it; of reports that somebody may see. One query."""
    keys = [report.pk for report in reports]
    seen = visible_reports(viewer).filter(pk__in=keys).values("pk")
    found: dict[int, Fate] = defaultdict(Fate)
    for key, state, cases, events in _counted(Sighting.objects.filter(report__in=seen), "report"):
        found[key].cases[state] = cases
        found[key].events[state] = events
    return dict(found)


def fate_for(viewer: Viewer, *, since: datetime | None = None) -> Fate:
    """What became of all reports of one's own parties, or of those since a moment. One query."""
    rows = Sighting.objects.filter(report__reporter__in=viewer.parties_where(READ_OWN))
    return _fate(rows.filter(report__received_at__gte=since) if since else rows)


def answered_since(party: Party, since: datetime, until: datetime) -> Fate:
    """Cases of one reporter's reports that were answered or closed within a time, by state now."""
    rows = Sighting.objects.filter(report__reporter=party)
    answered = rows.filter(case__answered_at__gt=since, case__answered_at__lte=until)
    closed = rows.filter(case__closed_at__gt=since, case__closed_at__lte=until)
    return _fate(
        rows.filter(pk__in=answered.values("pk")) | rows.filter(pk__in=closed.values("pk"))
    )


def feedback_wanted(viewer: Viewer) -> dict[str, bool]:
    """Short name of each party somebody reports for, and whether it wants notices."""
    wanted = dict(
        Feedback.objects.filter(party__in=viewer.parties_where(READ_OWN)).values_list(
            "party__slug", "wanted"
        )
    )
    mine = viewer.parties_where(READ_OWN)
    return {row.slug: wanted.get(row.slug, False) for row in viewer.parties if row.pk in mine}


def _fate(rows: QuerySet[Sighting]) -> Fate:
    fate = Fate()
    for _, state, cases, events in _counted(rows, "report__reporter"):
        fate.cases[state] = fate.cases.get(state, 0) + cases
        fate.events[state] = fate.events.get(state, 0) + events
    return fate


def _counted(rows: QuerySet[Sighting], by: str) -> Iterable[tuple[int, str, int, int]]:
    """A merged case stands where the one it went into stands, and is no case of its own."""
    stands = rows.annotate(
        into=Coalesce("case__merged_into", "case"),
        now=Coalesce("case__merged_into__state", "case__state"),
    )
    grouped = stands.order_by().values_list(by, "now")
    return grouped.annotate(cases=Count("into", distinct=True), events_=Sum("events"))
