"""Deadlines: what should have been done, and what is to be done soon."""

from collections.abc import Iterator
from datetime import timedelta

from tocsin.node.doctor.finding import Case, Finding
from tocsin.node.doctor.words import many, note, ok, wrong
from tocsin.words.moments import iso

AREA = "deadlines"
SOON = timedelta(hours=24)
MOST = 5


def look(case: Case) -> Iterator[Finding]:
    """Overdue first."""
    from tocsin.office import deadlines

    overdue = list(deadlines.overdue(case.at))
    late = {row.pk for row in overdue}
    soon = [row for row in deadlines.due_before(case.at + SOON) if row.pk not in late]
    found = []
    for row in overdue[:MOST]:
        who = row.party.slug if row.party else "nobody named"
        what = f"{row.rule} was due {iso(row.due_at)} by {who}, matter {str(row.matter)[:8]}"
        found.append(wrong(AREA, what, "do it, or withdraw the matter"))
    if len(overdue) > MOST:
        rest = len(overdue) - MOST
        found.append(wrong(AREA, f"and {rest:,} more are overdue", "do them, oldest first"))
    if soon:
        first = soon[0]
        what = f"{many(len(soon), 'is', 'are')} due within a day, {first.rule} {iso(first.due_at)}"
        found.append(note(AREA, what, "do it in time"))
    yield from found or [ok(AREA, "nothing is overdue")]
