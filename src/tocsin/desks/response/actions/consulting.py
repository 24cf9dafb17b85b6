"""Looking at events of a case, or at notifications: who looked, at what, why (GDPR art. 5(2))."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from tocsin.desks.response.models import Case
from tocsin.desks.response.queries.cases import CaseFile, case_for, find_case, is_desk
from tocsin.desks.response.queries.events import events_of
from tocsin.desks.response.queries.listing import Slice
from tocsin.desks.response.queries.notifications import (
    READ,
    NotificationFile,
    notification_for,
    notifications_for,
)
from tocsin.office import register
from tocsin.office.models import RegisterRow
from tocsin.office.people.viewer import Viewer
from tocsin.words.moments import as_utc

PAGE, MOST_ON_PAGE = 50, 500


@dataclass(frozen=True)
class Events:
    """A page of a case's events as its party may see them, the latest first."""

    case: Case
    rows: list[dict[str, Any]]
    total: int
    number: int
    size: int

    @property
    def pages(self) -> int:
        """How many pages there are; at least one."""
        return max(1, -(-self.total // self.size))


def consult_case(
    viewer: Viewer,
    uid: UUID | str,
    *,
    why: str = "",
    page: int = 1,
    size: int = PAGE,
    at: datetime,
    store_folder: Path,
) -> Events:
    """Show events of a case and write down who looked; raises `NotFound`, `Unusable` without a why.

    A party that looks at what it was told itself needs to give no reason: the case is the reason.
    """
    case = find_case(viewer, uid)
    size, page = min(max(1, size), MOST_ON_PAGE), max(1, page)
    reason = why.strip()[:500] or ("" if is_desk(viewer) else f"case {case.reference}")
    found = events_of(
        case, viewer, page=page, size=size, on=as_utc(at).date(), store_folder=store_folder
    )
    register.consult(
        noun="response:case",
        actor=viewer.name,
        at=at,
        why=reason,
        subject=case.uid,
        shown=len(found.rows),
    )
    return Events(case, found.rows, found.total, page, size)


@dataclass(frozen=True)
class Document:
    """A case to be written into a document, and the register row of whoever asked."""

    file: CaseFile
    why: str
    row: RegisterRow


def consult_case_file(viewer: Viewer, uid: UUID | str, *, why: str = "", at: datetime) -> Document:
    """All that somebody may see of a case, to take along; raises as `consult_case` does."""
    file = case_for(viewer, uid)
    reason = why.strip()[:200] or ("" if file.is_desk else f"case {file.case.reference}")
    row = register.consult(
        noun="response:case",
        actor=viewer.name,
        at=at,
        why=reason,
        subject=file.case.uid,
        what="as a document",
        shown=len(file.case.sample),
    )
    return Document(file, reason, row)


def consult_notifications(
    viewer: Viewer, *, state: str = "open", page: int = 1, at: datetime
) -> Slice:
    """A page of notifications, and a register row of how many were shown to whom.

    Whoever notifies or receives them looks at them for that; nobody is asked for a reason.
    """
    found = notifications_for(viewer, state=state, page=page)
    if found.rows:
        register.consult(
            noun=_NOTIFICATION,
            actor=viewer.name,
            at=at,
            why=_duty(viewer),
            what=f"list: {state}, page {found.number}",
            shown=len(found.rows),
        )
    return found


def consult_notification(viewer: Viewer, uid: UUID | str, *, at: datetime) -> NotificationFile:
    """One notification with all that was submitted; raises `NotFound`, and then writes nothing."""
    file = notification_for(viewer, uid)
    register.consult(
        noun=_NOTIFICATION,
        actor=viewer.name,
        at=at,
        why=_duty(viewer),
        subject=file.notification.uid,
        shown=len(file.submissions),
    )
    return file


_NOTIFICATION = "response:notification"


def _duty(viewer: Viewer) -> str:
    return "receives notifications" if viewer.may(READ) else "notifies for its party"
