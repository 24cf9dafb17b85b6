"""The register: rows without leaf, months that stay open."""

from collections.abc import Iterator

from tocsin.node.doctor.finding import Case, Finding
from tocsin.node.doctor.words import many, named, ok, wrong

AREA = "register"


def look(case: Case) -> Iterator[Finding]:
    """Counts alone; no row is read."""
    from tocsin.office.models import RegisterRow
    from tocsin.office.register.periods import open_months

    found = []
    bare = RegisterRow.objects.filter(leaf=b"", position=None).count()
    if bare:
        what = f"{many(bare, 'row has', 'rows have')} no leaf for the public log"
        found.append(
            wrong(AREA, what, "start tocsin worker: it gives each one before it publishes")
        )
    months = open_months(case.at)
    if months:
        what = f"months that are over and not closed: {named(months)}"
        found.append(
            wrong(AREA, what, f"start tocsin worker, or tocsin register close {months[0]}")
        )
    rows = RegisterRow.objects.count()
    yield from found or [ok(AREA, f"{many(rows, 'row', 'rows')}, every month closed")]
