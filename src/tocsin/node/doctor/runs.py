"""Runs of the main job: cut off, failed."""

from collections.abc import Iterator
from datetime import timedelta

from tocsin.node.doctor.finding import Case, Finding
from tocsin.node.doctor.store import is_busy
from tocsin.node.doctor.words import many, note, ok, wrong
from tocsin.words.moments import iso

AREA = "runs"
LATELY = timedelta(days=14)
AGAIN = "tocsin route with the same files again"


def look(case: Case) -> Iterator[Finding]:
    """A run that says it is under way while nobody has the store was cut off."""
    from tocsin.office import cut_off
    from tocsin.office.models import Run

    found = []
    under_way = cut_off.runs()
    if under_way and not is_busy(case.store):
        for run in under_way:
            what = f"the run of {iso(run.started_at)} was cut off; nothing of it was told"
            found.append(wrong(AREA, what, AGAIN))
    for run in Run.objects.filter(state=Run.State.FAILED, started_at__gt=case.at - LATELY)[:5]:
        why = run.error.partition(". Possible:")[0] or "no reason was written down"
        found.append(note(AREA, f"the run of {iso(run.started_at)} failed: {why}", AGAIN))
    done = Run.objects.filter(state=Run.State.DONE).count()
    yield from found or [ok(AREA, f"{many(done, 'run', 'runs')}, all done")]
