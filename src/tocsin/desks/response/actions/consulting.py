"""Looking at the events of a case: who looked, at what, why (GDPR art. 5(2))."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from tocsin.desks.response.models import Case
from tocsin.desks.response.queries.cases import find_case, is_desk
from tocsin.desks.response.queries.events import events_of
from tocsin.office import register
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
