"""Runs that were cut off: a power cut, a kill, a full disk.

A run holds the store's lock (`office.alone`) for as long as it goes. Whoever holds the lock
therefore knows that every other run that says it is under way is not: it is marked as failed,
and what it left is swept. It told nobody anything. When the same files come back it is taken up
again under its own name, failed or not, so that the event store never holds it twice.
"""

from datetime import datetime
from pathlib import Path
from typing import Any

from django.db import transaction

from tocsin.office import leftovers, register
from tocsin.office.models import Run
from tocsin.words.moments import as_utc, iso

WHY = (
    "cut off before it was done, so nothing of it was told. Possible: the same files again; "
    "the run is taken up where nothing of it counts twice"
)


def runs() -> list[Run]:
    """Runs that say they are under way; true only of the one whose process holds the lock."""
    return list(Run.objects.filter(kind="route", state=Run.State.RUNNING))


def take_up(files: list[str], *, at: datetime, store_folder: Path) -> Run | None:
    """The run of these files that was cut off, under way again from now; None if there is none.

    What it left is swept: on another day it writes elsewhere. Events that it had committed stay
    under the day on which they came.
    """
    unfinished = (Run.State.RUNNING, Run.State.FAILED)
    for run in Run.objects.filter(kind="route", state__in=unfinished).order_by("pk"):
        if run.counts.get("files") == files:
            leftovers.sweep_run(store_folder, run.uid.hex)
            run.state, run.error, run.finished_at = Run.State.RUNNING, "", None
            run.at = run.started_at = as_utc(at)
            run.save()
            return run
    return None


def fail_others(*, at: datetime, by: str, store_folder: Path, run: Run | None = None) -> list[Run]:
    """Mark every run but this one as failed and sweep what it left; only while alone.

    Files first: whoever is cut off in here finds the run again.
    """
    failed = [one for one in runs() if run is None or one.pk != run.pk]
    for one in failed:
        leftovers.sweep_run(store_folder, one.uid.hex)
        with transaction.atomic():
            one.state, one.error, one.finished_at = Run.State.FAILED, WHY, as_utc(at)
            one.save()
            facts: dict[str, Any] = {"files": len(one.counts["files"]), "begun": iso(one.at)}
            register.record(action="office:run:fail", actor=by, at=at, subject=one.uid, facts=facts)
    return failed
