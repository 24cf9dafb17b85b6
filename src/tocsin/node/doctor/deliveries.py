"""Deliveries: what waits too long, what was given up, what lost its file."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from tocsin.node.doctor.finding import Case, Finding
from tocsin.node.doctor.words import ago, many, named, note, ok, reasons, wrong

AREA = "deliveries"
LONG = timedelta(hours=1)
MOST = 1000  # rows looked at one by one


def look(case: Case) -> Iterator[Finding]:
    """Nothing is handed over here."""
    from tocsin.office import outbox

    due, unsent = outbox.waiting(case.at).count(), outbox.unsent().count()
    old = outbox.unsent().filter(created_at__lt=case.at - LONG).order_by("pk")[:MOST]
    late = [row for row in old if _is_late(row, case)]
    found = [*_late(late, case), *_parked(), *_lost(case)]
    if unsent > due and not late:
        found.append(note(AREA, f"{many(unsent - due, 'waits', 'wait')} for its moment"))
    yield from found or [ok(AREA, f"{many(due, 'is', 'are')} due, none for long")]


def _is_late(row: Any, case: Case) -> bool:
    """Due for over an hour, or tried in vain; postponing it makes it no younger."""
    from tocsin.office.digests import due_at

    return bool(row.last_error) or case.at - due_at(row) > LONG


def _late(late: list[Any], case: Case) -> Iterator[Finding]:
    if not late:
        return
    oldest = max(case.at - row.created_at for row in late)
    names = named(sorted({row.party.slug for row in late}))
    why = reasons(row.last_error for row in late if row.last_error)
    what = f"{many(len(late), 'waits', 'wait')} for up to {ago(oldest)}: {names}"
    yield wrong(AREA, f"{what} ({why})" if why else what, "tocsin deliver, or start tocsin worker")


def _parked() -> Iterator[Finding]:
    from tocsin.office import outbox

    rows = list(outbox.parked())
    if not rows:
        return
    names = named(sorted({row.party.slug for row in rows}))
    why = reasons(row.last_error for row in rows)
    mend = f"mend that, then tocsin deliver --resume {str(rows[0].uid)[:8]}"
    yield wrong(AREA, f"{many(len(rows), 'was', 'were')} given up: {names} ({why})", mend)


def _lost(case: Case) -> Iterator[Finding]:
    from tocsin.office import outbox

    rows = outbox.unsent()[:MOST]
    lost = [row for row in rows if not (case.store.path / row.path).is_file()]
    if lost:
        names = named(row.path for row in lost)
        yield wrong(AREA, f"files to hand over are gone: {names}", "route the report again")
