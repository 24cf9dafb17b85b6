"""Reports and uploads as somebody may see them, and who was told of each."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db.models import Count, Q, QuerySet, Sum

from tocsin.desks.response.models import Intake, Report
from tocsin.desks.response.queries.listing import Slice, cut
from tocsin.office.models import Deadline, Delivery
from tocsin.office.people.viewer import Viewer
from tocsin.words.errors import NotFound, Unusable

READ, READ_OWN = "response:report:read", "response:report:read_own"
STATES = ("waiting", "failed", "unreadable", "quarantined", "unrouted", "unanswered")
ANSWER_REPORTER = "response:answer-reporter"
MOST_TOLD = 500


def visible_reports(viewer: Viewer) -> QuerySet[Report]:
    """All for the desk, else those that one's own parties brought in."""
    if viewer.may(READ):
        return Report.objects.all()
    return Report.objects.filter(reporter_id__in=viewer.parties_where(READ_OWN))


def visible_intakes(viewer: Viewer) -> QuerySet[Intake]:
    """Uploads, likewise."""
    if viewer.may(READ):
        return Intake.objects.all()
    return Intake.objects.filter(party_id__in=viewer.parties_where(READ_OWN))


def reports_for(viewer: Viewer, *, state: str = "", page: int = 1) -> Slice:
    """One page, the newest first; `state` is one of `STATES`."""
    if state and state not in STATES:
        raise Unusable(f"{state!r} is no state of a report. Possible: {', '.join(STATES)}")
    rows = visible_reports(viewer).select_related("run", "reporter")
    if state == "unreadable":
        rows = rows.filter(state=Report.State.UNREADABLE)
    elif state == "quarantined":
        rows = rows.filter(quarantined__gt=0)
    elif state == "unrouted":
        rows = rows.filter(run__counts__unrouted__gt=0)
    elif state == "unanswered":
        rows = rows.filter(run__uid__in=_waiting_for_answer())
    elif state:
        rows = rows.none()  # uploads alone can wait or fail
    return cut(rows.order_by("-received_at", "-pk"), page=page)


def intakes_for(viewer: Viewer, *, state: str = "", most: int = 20) -> list[Intake]:
    """Uploads that wait or failed, the newest first."""
    wanted = [state] if state in ("waiting", "failed") else ["waiting", "failed"]
    rows = visible_intakes(viewer).filter(state__in=wanted).select_related("party")
    if state == "unanswered":
        rows = rows.filter(uid__in=_waiting_for_answer())
    return list(rows.order_by("-received_at", "-pk")[:most])


def _waiting_for_answer() -> QuerySet[Deadline, Any]:
    waiting = Deadline.objects.filter(rule=ANSWER_REPORTER, met_at=None)
    return waiting.exclude(state=Deadline.State.WITHDRAWN).values("matter")


def answer_clocks(matter: UUID) -> list[Deadline]:
    """The clock of the answer to whoever brought something in, where one runs or ran."""
    rows = Deadline.objects.filter(matter=matter, rule=ANSWER_REPORTER).select_related("party")
    return list(rows.order_by("due_at", "pk"))


@dataclass(frozen=True)
class ReportFile:
    """One report; who was told is for the desk, a reporter sees as what and how many.

    `intake` is what was brought in, where somebody did; `clocks` is when its answer is owed.
    """

    report: Report
    is_desk: bool
    deliveries: list[Delivery]
    relations: list[tuple[str, int, int]]
    intake: Intake | None = None
    clocks: tuple[Deadline, ...] = ()

    @property
    def counts(self) -> dict[str, Any]:
        """Of the run that the report came in."""
        return dict(self.report.run.counts)


def report_for(viewer: Viewer, uid: UUID | str) -> ReportFile:
    """One report that somebody may see; raises `NotFound`."""
    found = visible_reports(viewer).filter(uid=_uid(uid)).select_related("run", "evidence")
    report = found.first()
    if report is None:
        raise NotFound(f"there is no report {uid}")
    told = Delivery.objects.filter(run=report.run)
    desk = viewer.may(READ)
    rows = list(told.select_related("party").order_by("-rows", "pk")[:MOST_TOLD]) if desk else []
    intake = Intake.objects.filter(run=report.run).select_related("party").first()
    clocks = tuple(answer_clocks(report.run.uid))
    return ReportFile(report, desk, rows, relations_told(told), intake, clocks)


def relations_told(told: QuerySet[Delivery]) -> list[tuple[str, int, int]]:
    """Relation, how many parties, how many rows: what a reporter may know of who was told."""
    rows = told.order_by().values_list("relation")
    return sorted(rows.annotate(n=Count("pk"), rows_told=Sum("rows")))


def intake_for(viewer: Viewer, uid: UUID | str) -> Intake:
    """One upload that somebody may see; raises `NotFound`."""
    rows = visible_intakes(viewer).filter(uid=_uid(uid)).select_related("evidence", "run", "party")
    intake = rows.first()
    if intake is None:
        raise NotFound(f"there is no upload {uid}")
    return intake


def told_of(intake: Intake) -> QuerySet[Delivery]:
    """The deliveries of an upload that was routed."""
    return Delivery.objects.filter(Q(run=intake.run) if intake.run else Q(pk__in=()))


def _uid(uid: UUID | str) -> UUID:
    try:
        return uid if isinstance(uid, UUID) else UUID(uid)
    except ValueError:
        raise NotFound(f"there is no report {uid}") from None
