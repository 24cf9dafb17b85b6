"""Retention: what was kept as long as it may be goes, as `rules.retention` says.

A legal hold keeps its evidence. Small files of the event store are put together on the way, and
what a crash left behind is removed. Nothing else may write to the store meanwhile (`Busy`).
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

from django.apps import apps
from django.db import transaction
from django.db.models import ProtectedError, Q
from django.db.models.functions import Coalesce
from django.utils.module_loading import import_string

from tocsin.flow import erasure
from tocsin.flow.progress import Progress, unseen
from tocsin.office import cut_off, evidence, leftovers, register, window
from tocsin.office.alone import alone
from tocsin.office.models import Delivery, Evidence, RegisterRow, Run, WindowSegment
from tocsin.rules.retention import Place, kept_for, kinds
from tocsin.words.errors import TocsinError
from tocsin.words.moments import as_utc


@dataclass(frozen=True)
class Dropped:
    """What was due in one place and went, or would go; `held` says what a hold kept."""

    place: str
    due: int
    unit: str
    held: int = 0
    note: str = ""


@dataclass(frozen=True)
class _Pass:
    """One pass: when, by whom, where; `dry_run` counts and changes nothing."""

    at: datetime
    by: str
    store_folder: Path
    dry_run: bool

    def before(self, place: Place) -> datetime:
        """What was counted from before this moment is due."""
        span = kept_for(place, on=self.at.date())
        return self.at - (span if span is not None else timedelta(days=36500))


def retain(
    *,
    at: datetime,
    by: str,
    store_folder: Path,
    dry_run: bool = False,
    progress: Progress = unseen,
) -> list[Dropped]:
    """Drop what is due, place by place; raises `Busy`."""
    one = _Pass(as_utc(at), by, store_folder, dry_run)
    dropped: list[Dropped] = []
    with alone(store_folder):
        for name, step in {**_of_desks(), **_STEPS}.items():
            progress(name, 0)
            dropped.append(step(one))
            progress(name, dropped[-1].due)
        dropped += _files_of_desks(one)
        if not dry_run:
            with transaction.atomic():
                counts: dict[str, register.Fact] = {row.place: row.due for row in dropped}
                facts: dict[str, register.Fact] = {"places": counts}
                register.record(action="office:retention:run", actor=by, at=at, facts=facts)
    return dropped


def _of_desks() -> dict[str, Callable[[_Pass], Dropped]]:
    """`retention` in a desk's `apps.py`: model, place, the field that is counted from, and what its
    fields are emptied to; None where the row goes."""
    found: dict[str, Callable[[_Pass], Dropped]] = {}
    for config in apps.get_app_configs():
        for name, place, counted, empty in getattr(config, "retention", ()):
            found[place.value] = partial(_of_desk, config.get_model(name), place, counted, empty)
    return found


def _files_of_desks(one: _Pass) -> list[Dropped]:
    """`retain_files` in a desk's `apps.py` drops what is due of files that it alone can read."""
    named = [getattr(config, "retain_files", "") for config in apps.get_app_configs()]
    return [
        import_string(name)(at=one.at, store_folder=one.store_folder, dry_run=one.dry_run)
        for name in filter(None, named)
    ]


def _of_desk(
    model: Any, place: Place, counted: str, empty: dict[str, Any] | None, one: _Pass
) -> Dropped:
    due = model.objects.filter(**{f"{counted}__lte": one.before(place)})
    if empty is not None:
        due = due.exclude(**empty)
    count = due.count()
    if not one.dry_run:
        due.delete() if empty is None else due.update(**empty)
    return Dropped(place.value, count, "rows")


def _events(one: _Pass) -> Dropped:
    """Whole days where all classes are due; else the rows of the classes that are."""
    today = one.at.date()
    spans = {kind: kept_for(Place.EVENTS, kind, on=today) for kind in kinds(Place.EVENTS, on=today)}
    table, default = one.store_folder / "events", one.before(Place.EVENTS).date()
    before = {kind: today - span for kind, span in spans.items() if span is not None}
    gone = erasure.drop_events(
        table, before=before, default=default, at=one.at, dry_run=one.dry_run
    )
    left = 0 if one.dry_run else erasure.count_due(table, before=before, default=default)
    if left:
        raise TocsinError(
            f"{left} events are still in the files of {table} although they were dropped. "
            "Possible: the same command again; then report it"
        )
    return Dropped("events", gone.rows, "events")


def _small_files(one: _Pass) -> Dropped:
    fewer = erasure.compact(one.store_folder / "events", at=one.at, dry_run=one.dry_run)
    return Dropped("small files of the event store", fewer, "files put together")


def _evidence(one: _Pass) -> Dropped:
    """By the day that each row carries; a hold keeps it."""
    due = evidence.expired(at=one.at).count()
    overdue = Evidence.objects.filter(keep_until__lte=one.at, erased_at=None)
    held = overdue.exclude(key=b"").count() - due
    if not one.dry_run:
        evidence.forget_expired(at=one.at, by=one.by, store_folder=one.store_folder)
    return Dropped("evidence", due, "files", held=max(0, held))


def _quarantine(one: _Pass) -> Dropped:
    """Each file is named by its run; one whose run nobody knows is due at once."""
    runs = {run.uid.hex: run.at for run in Run.objects.all()}
    limit = one.before(Place.QUARANTINE)
    files = sorted((one.store_folder / "quarantine").glob("*.parquet"))
    due = [path for path in files if runs.get(path.stem, limit) <= limit]
    _unlink(one, due)
    return Dropped("quarantine", len(due), "files")


def _delivery_files(one: _Pass) -> Dropped:
    """After hand-over; what nobody could be given is withdrawn when it is as old."""
    limit = one.before(Place.DELIVERY_FILES)
    old = Delivery.objects.annotate(counted=Coalesce("delivered_at", "created_at"))
    due = [
        delivery
        for delivery in old.filter(counted__lte=limit).exclude(state=Delivery.State.READY)
        if (one.store_folder / delivery.path).exists()
    ]
    if not one.dry_run:
        _withdraw(one, [row for row in due if row.state == Delivery.State.PARKED])
    paths = [one.store_folder / path for row in due for path in (row.path, row.manifest_path)]
    _unlink(one, paths)
    return Dropped("delivery files", len(due), "deliveries")


def _withdraw(one: _Pass, parked: list[Delivery]) -> None:
    with transaction.atomic():
        for delivery in parked:
            delivery.state = Delivery.State.WITHDRAWN
            delivery.last_error = f"withdrawn by retention; it was parked: {delivery.last_error}"
            delivery.save(update_fields=["state", "last_error"])
            facts: dict[str, register.Fact] = {"digest": delivery.digest, "rows": delivery.rows}
            register.record(
                action="office:delivery:withdraw",
                actor=one.by,
                at=one.at,
                subject=delivery.uid,
                facts=facts,
            )


def _deliveries(one: _Pass) -> Dropped:
    """Rows whose files are gone, with their receipts."""
    limit = one.before(Place.DELIVERIES)
    due = Delivery.objects.filter(created_at__lte=limit).exclude(state=Delivery.State.READY)
    count = due.count()
    if not one.dry_run:
        due.delete()
    return Dropped("deliveries", count, "rows")


def _runs(one: _Pass) -> Dropped:
    """Runs with their reports; then evidence that was erased and that no report names."""
    limit = one.before(Place.RUNS)
    due = Run.objects.filter(at__lte=limit, deliveries=None)
    count = due.count()
    if not one.dry_run:
        due.delete()
        for row in Evidence.objects.filter(key=b"", received_at__lte=limit):
            _delete_unless_named(row)
    return Dropped("runs and reports", count, "rows")


def _delete_unless_named(row: Evidence) -> None:
    try:
        with transaction.atomic():
            row.delete()
    except ProtectedError:  # a report that is younger names it
        return


def _window(one: _Pass) -> Dropped:
    count = WindowSegment.objects.filter(until__lte=one.at).count()
    if not one.dry_run:
        window.expire_window(at=one.at, store_folder=one.store_folder)
    return Dropped("window", count, "files")


def _cut_off(one: _Pass) -> Dropped:
    """Runs that nobody works on any more; feeding the same files takes them up again."""
    if one.dry_run:
        return Dropped("runs that were cut off", len(cut_off.runs()), "runs")
    failed = cut_off.fail_others(at=one.at, by=one.by, store_folder=one.store_folder)
    return Dropped("runs that were cut off", len(failed), "runs")


def _leftovers(one: _Pass) -> Dropped:
    found = leftovers.find(one.store_folder)
    if not one.dry_run:
        leftovers.remove(one.store_folder, found)
    return Dropped("leftovers", len(found), "files")


def _register(one: _Pass) -> Dropped:
    """Rows of holds that are in force stay: they say why something is still here."""
    held = Evidence.objects.exclude(hold_authority="").filter(
        Q(hold_until=None) | Q(hold_until__gt=one.at)
    )
    names = held.values_list("digest", flat=True)
    due = RegisterRow.objects.filter(at__lte=one.before(Place.REGISTER)).exclude(
        action__startswith="office:evidence:", facts__digest__in=list(names)
    )
    count = due.count()
    if not one.dry_run:
        due.delete()
    return Dropped("register", count, "rows")


def _unlink(one: _Pass, paths: list[Path]) -> None:
    if not one.dry_run:
        for path in paths:
            path.unlink(missing_ok=True)


# Files before the rows that name them; leftovers last, for they are what nothing names any more.
_STEPS: dict[str, Callable[[_Pass], Dropped]] = {
    "events": _events,
    "small files of the event store": _small_files,
    "evidence": _evidence,
    "quarantine": _quarantine,
    "delivery files": _delivery_files,
    "deliveries": _deliveries,
    "runs that were cut off": _cut_off,
    "runs and reports": _runs,
    "window": _window,
    "register": _register,
    "leftovers": _leftovers,
}
