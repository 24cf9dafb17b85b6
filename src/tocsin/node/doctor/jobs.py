"""Recurring jobs: late, failing."""

from collections.abc import Iterator
from datetime import timedelta

from tocsin.node.doctor.finding import Case, Finding
from tocsin.node.doctor.words import ago, many, ok, wrong

AREA = "jobs"
LATE = timedelta(minutes=15)


def look(case: Case) -> Iterator[Finding]:
    """By the rows that workers keep; there are none before the first worker."""
    from tocsin.node.jobs import recurring
    from tocsin.office.models import Job

    schedule = recurring()
    rows = list(Job.objects.filter(name__in=schedule))
    found = []
    for row in rows:
        behind = case.at - row.next_attempt_at
        if row.last_error:
            what = f"{row.name} fails: {row.last_error.partition(' Possible: ')[0]}"
            mend = row.last_error.partition(" Possible: ")[2] or "mend that; it is tried again"
            found.append(wrong(AREA, what, mend))
        elif behind > max(LATE, schedule[row.name].every):
            what = f"{row.name} is {ago(behind)} late"
            found.append(wrong(AREA, what, "start tocsin worker"))
    yield from found or [ok(AREA, f"{many(len(rows), 'job', 'jobs')} on time")]
