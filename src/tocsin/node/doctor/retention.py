"""Retention: what is kept longer than it may be."""

from collections.abc import Iterator
from datetime import timedelta

from tocsin.node.doctor.finding import Case, Finding
from tocsin.node.doctor.words import many, note, ok, wrong

AREA = "retention"
GRACE = timedelta(days=2)  # it runs once a day
RETAIN = "tocsin retain, once a day"


def look(case: Case) -> Iterator[Finding]:
    """Evidence, which is the most personal, and how long since anybody dropped anything."""
    from tocsin.office import evidence, register
    from tocsin.office.models import Evidence, Run

    overdue = evidence.expired(at=case.at - GRACE).count()
    if overdue:
        what = f"{many(overdue, 'file', 'files')} of evidence should have been dropped by now"
        yield wrong(AREA, what, RETAIN)
    reviews = Evidence.objects.exclude(hold_authority="").filter(hold_until__lte=case.at).count()
    if reviews:
        what = f"{many(reviews, 'hold is', 'holds are')} over and wait for a review"
        yield note(AREA, what, "tocsin hold list")
    last = register.rows(action="office:retention:run").order_by("-at").first()
    since = last.at if last else None
    if since is None and Run.objects.filter(at__lt=case.at - GRACE).exists():
        yield note(AREA, "it never ran here", RETAIN)
    elif since is not None and case.at - since > GRACE:
        yield note(AREA, f"it last ran on {since:%Y-%m-%d}", RETAIN)
    elif not overdue:
        yield ok(AREA, "nothing is kept longer than it may be")
