"""The public log: its files and what the database knows of them."""

from collections.abc import Iterator

from tocsin.node.doctor.finding import Case, Finding
from tocsin.node.doctor.words import many, ok, wrong
from tocsin.words.errors import TocsinError

AREA = "public log"


def look(case: Case) -> Iterator[Finding]:
    """As the log's own health has it."""
    from tocsin.node.job_settings import job_settings
    from tocsin.office import publiclog

    try:
        schedule = publiclog.schedule_of(job_settings()["log"])
    except TocsinError:
        return  # the settings say so
    health = publiclog.health(store_folder=case.store.path, schedule=schedule, at=case.at)
    for problem in health.problems:
        what, _, mend = problem.partition(" Possible: ")
        yield wrong(AREA, what.rstrip("."), mend or "see docs/how-to/find-what-is-wrong.md")
    if not health.problems:
        yield ok(AREA, f"{many(health.shown, 'leaf', 'leaves')} shown, {_waiting(health.unlogged)}")


def _waiting(rows: int) -> str:
    return f"{many(rows, 'row waits', 'rows wait')} for the next slot"
