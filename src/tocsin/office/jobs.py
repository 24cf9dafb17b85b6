"""Recurring jobs: what a node does on a schedule, each slot once, whatever the number of workers.

The office has its own (`office.recurring`), a desk names its in its `tasks.py`. A job whose worker
died is taken over when the lease ends; so every job can be run twice without harm.
"""

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from tocsin.office import leases
from tocsin.office.models import Job
from tocsin.office.outbox import wait_before
from tocsin.words.errors import TocsinError
from tocsin.words.moments import as_utc

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
Settings = Mapping[str, Mapping[str, str]]
JOBS = "jobs"  # the lane of what is quick


@dataclass(frozen=True)
class Slot:
    """What a job gets: its moment, who runs it, where, and this node's settings."""

    at: datetime
    by: str
    store_folder: Path
    settings: Settings = field(default_factory=dict)
    lease: timedelta = leases.LEASE


@dataclass(frozen=True)
class Recurring:
    """A job with its schedule: `every` is a span, aligned to midnight UTC of 1 January 1970.

    `run` does it and says what it did in a sentence, or nothing where there was nothing to do.
    Jobs of one `lane` wait for each other and for no others: what may be slow has one of its own.
    """

    name: str
    every: timedelta
    run: Callable[[Slot], str | None]
    lane: str = JOBS

    def after(self, at: datetime) -> datetime:
        """The first slot after a moment."""
        return _EPOCH + self.every * ((as_utc(at) - _EPOCH) // self.every + 1)


@dataclass(frozen=True)
class Ran:
    """What came of one job: a sentence, or the error and when it is tried again."""

    name: str
    said: str = ""
    error: str = ""
    next_attempt_at: datetime | None = None


def enlist(jobs: Iterable[Recurring], *, at: datetime) -> None:
    """Make the rows of jobs that have none; they are due at once."""
    known = set(Job.objects.values_list("name", flat=True))
    new = [Job(name=job.name, next_attempt_at=as_utc(at)) for job in jobs if job.name not in known]
    Job.objects.bulk_create(new, ignore_conflicts=True)


def run_due(
    jobs: Mapping[str, Recurring],
    *,
    owner: str,
    at: datetime,
    store_folder: Path,
    settings: Settings,
    lease: timedelta = leases.LEASE,
) -> list[Ran]:
    """Run what is due, one after the other; what came of each."""
    at = as_utc(at)
    due = Job.objects.filter(name__in=jobs).order_by("next_attempt_at", "name")
    done: list[Ran] = []
    if not due.filter(leases.unheld(at)).exists():
        return done  # seen without the lock that taking needs: lanes look every second
    while taken := leases.take(due, owner=owner, at=at, lease=lease, limit=1):
        slot = Slot(at=at, by=owner, store_folder=store_folder, settings=settings, lease=lease)
        done.append(_run(jobs[taken[0].name], taken[0], slot))
    return done


def _run(job: Recurring, row: Job, slot: Slot) -> Ran:
    started = time.monotonic()

    def settle(changes: Mapping[str, Any]) -> None:
        left = slot.lease - timedelta(seconds=time.monotonic() - started)
        leases.patiently(lambda: leases.settle(row, changes), left=left)

    try:
        said = job.run(slot) or ""
    except Exception as fault:
        # A slip in one job must not keep all others from their turn.
        known = isinstance(fault, TocsinError)
        error = str(fault) if known else f"{type(fault).__name__}: {fault}"
        again = min(job.after(slot.at), slot.at + wait_before(job.name, row.attempt - 1))
        settle({"last_error": error, "next_attempt_at": again})
        return Ran(job.name, error=error, next_attempt_at=again)
    again = job.after(slot.at)
    changes = {"last_error": "", "next_attempt_at": again, "done_at": slot.at, "attempt": 0}
    settle(changes)
    return Ran(job.name, said=said, next_attempt_at=again)
