"""The files of bindings: merged when there are many, dropped when they are due, swept."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import polars as pl
from django.db import transaction

from tocsin.desks.subscribers.models import BindingRun, Source
from tocsin.desks.subscribers.queries.bindings import FOLDER, open_path, pending_path, run_path
from tocsin.flow.bindings.runs import Run, merged, write_sorted
from tocsin.office.retention import Dropped
from tocsin.rules.retention import Place, kept_for
from tocsin.words.moments import as_utc

MOST_RUNS = 8


def merge_runs(*, at: datetime, store_folder: Path, most: int = MOST_RUNS) -> int:
    """Where there are more runs than `most`, put them together; how many there were.

    What is due goes on the way. The old files are there until the new one counts.
    """
    rows = list(BindingRun.objects.all())
    if len(rows) <= most:
        return 0
    _rewrite(rows, at=at, store_folder=store_folder)
    return len(rows)


def drop_due(*, at: datetime, store_folder: Path, dry_run: bool = False) -> Dropped:
    """Take out what ended longer ago than it may be kept."""
    rows = list(BindingRun.objects.all())
    due = sum(_due(Run(run_path(store_folder, row.uid.hex)), at) for row in rows)
    if due and not dry_run:
        _rewrite(rows, at=at, store_folder=store_folder)
    return Dropped(Place.BINDINGS.value, due, "bindings")


def _limit(at: datetime) -> int:
    """Microseconds since 1970: what ended before it is due."""
    span = kept_for(Place.BINDINGS, on=at.date())
    return int((as_utc(at) - span).timestamp() * 1e6) if span is not None else 0


def _due(run: Run, at: datetime) -> int:
    limit = _limit(at)
    return sum(int((frame["until"] <= limit).sum()) for frame in run.frames())


def _rewrite(rows: list[BindingRun], *, at: datetime, store_folder: Path) -> None:
    limit = _limit(at)

    def keep(frame: pl.DataFrame) -> pl.DataFrame:
        return frame.filter(pl.col("until") > limit)

    replace_runs(rows, keep=keep, at=at, store_folder=store_folder)


def replace_runs(
    rows: list[BindingRun],
    *,
    keep: Callable[[pl.DataFrame], pl.DataFrame],
    at: datetime,
    store_folder: Path,
) -> None:
    """One run in the stead of several, of the rows that `keep` keeps."""
    uid = uuid4().hex
    runs = [Run(run_path(store_folder, row.uid.hex)) for row in rows]
    made = write_sorted(merged(runs, keep=keep), run_path(store_folder, uid))
    with transaction.atomic():
        BindingRun.objects.filter(pk__in=[row.pk for row in rows]).delete()
        if made.rows:
            since, until = (datetime.fromtimestamp(end / 1e6, UTC) for end in made.reach)
            BindingRun.objects.create(
                uid=uid, made_at=as_utc(at), rows=made.rows, since=since, until=until
            )
    sweep(store_folder)


def sweep(store_folder: Path) -> int:
    """Remove files that no row names: of an import that was cut off, or replaced; how many."""
    folder = store_folder / FOLDER
    named = {run_path(store_folder, row.uid.hex) for row in BindingRun.objects.all()}
    for source in Source.objects.exclude(latest=None):
        latest = source.latest.hex if source.latest else ""
        named |= {open_path(store_folder, latest), pending_path(store_folder, latest)}
    stray = [path for path in folder.glob("*") if path not in named]
    for path in stray:
        path.unlink()
    return len(stray)
