"""The answer that the desk owes whoever brought a report in: by when, given, no longer owed.

Owed to another party that brought it in itself, on a page or by API. What came by a watched
folder, a mailbox or a feed names nobody who waits for one. The matter of the clock is the row of
what was brought in, which the run it becomes is named after.
"""

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.db.models import Q

from tocsin.desks.response.actions import clocks
from tocsin.desks.response.actions.moving import Post
from tocsin.desks.response.actions.steps import require_text
from tocsin.desks.response.models import Intake, Report, Sighting
from tocsin.desks.response.queries.reports import visible_intakes
from tocsin.office import deadlines, notices, register
from tocsin.office.models import Deadline, Party
from tocsin.office.people.viewer import Viewer
from tocsin.words.errors import NotFound, Refused
from tocsin.words.moments import as_utc, iso

ANSWER = "response:report:answer"


def owe_answer(row: Intake, *, by: str, at: datetime) -> None:
    """Start the clock, in the transaction in which it was brought in; a preview is no report."""
    if is_owed(row):
        clocks.start(clocks.ANSWER_REPORTER, row.uid, clocks.desk(), by=by, at=at)


def is_owed(row: Intake) -> bool:
    """Whether somebody else than the desk brought it in, to be routed."""
    if row.purpose != Intake.Purpose.ROUTE or row.party is None:
        return False
    return not row.party.runs_node


def answer_reporter(
    viewer: Viewer, uid: UUID | str, *, text: str, at: datetime, post: Post
) -> Intake:
    """Tell whoever brought a report in what became of it; they see it there and get a notice.

    Raises `NotFound`, `Refused` where nobody waits for an answer, `Unusable` for no text.
    """
    said = require_text(text, may_be_empty=False)
    with transaction.atomic():
        row = _locked(viewer, uid)
        viewer.require(ANSWER, row.party)
        if not is_owed(row) or row.party is None:
            raise Refused(
                "nobody waits for an answer to this: it was brought in by the desk itself, or only "
                "to see what routing would do"
            )
        row.answer = f"{row.answer}\n\n{said}".strip()
        row.answered_at = as_utc(at)
        row.save(update_fields=["answer", "answered_at"])
        notices.queue_notice(
            party=row.party,
            about=f"answer:{row.uid.hex}:{iso(at)}",
            subject=f"Your report of {iso(row.received_at)}",
            text=said,
            facts={"report": row.uid.hex},
            at=at,
            store_folder=post.store_folder,
            node=post.node,
        )
        facts: dict[str, register.Fact] = {"party": row.party.slug}
        register.record(action=ANSWER, actor=viewer.name, at=at, subject=row.uid, facts=facts)
        deadlines.meet(row.uid, clocks.ANSWER_REPORTER, by=viewer.name, at=at)
    return row


def _locked(viewer: Viewer, uid: UUID | str) -> Intake:
    try:
        wanted = uid if isinstance(uid, UUID) else UUID(uid)
    except ValueError:
        raise NotFound(f"there is no upload {uid}") from None
    rows = visible_intakes(viewer).select_for_update(of=("self",)).select_related("party")
    row = rows.filter(uid=wanted).first()
    if row is None:
        raise NotFound(f"there is no upload {uid}")
    return row


def note_told(party: Party, since: datetime, until: datetime, *, by: str, at: datetime) -> int:
    """A notice told a reporter of cases that were answered or closed: its reports are answered.

    How many clocks that stopped. Call it in the transaction of the notice.
    """
    moved = Q(case__answered_at__gt=since, case__answered_at__lte=until)
    moved |= Q(case__closed_at__gt=since, case__closed_at__lte=until)
    told = Sighting.objects.filter(moved, report__reporter=party).values("report__run__uid")
    waiting = Deadline.objects.filter(rule=clocks.ANSWER_REPORTER, met_at=None, matter__in=told)
    waiting = waiting.exclude(state=Deadline.State.WITHDRAWN)
    matters = list(waiting.order_by("pk").values_list("matter", flat=True))
    for matter in matters:
        deadlines.meet(matter, clocks.ANSWER_REPORTER, by=by, at=at)
    return len(matters)


def owe_no_longer(matters: Iterable[UUID], *, why: str, by: str, at: datetime) -> int:
    """Stop the clocks of what is gone; how many ran."""
    return sum(deadlines.withdraw(matter, why=why, by=by, at=at) for matter in matters)


def forget_reports(ids: Iterable[str], *, by: str, at: datetime) -> None:
    """Reports were erased: nobody can be told what became of them (`office.erasure`).

    Of a run of several reports the clock goes with the last of them.
    """
    uids = [UUID(one) for one in ids]
    erased = Report.objects.filter(uid__in=uids)
    left = Report.objects.filter(run__in=erased.values("run")).exclude(uid__in=uids)
    whole = erased.exclude(run__in=left.values("run")).values_list("run__uid", flat=True)
    owe_no_longer(set(whole), why="the report was erased", by=by, at=at)
