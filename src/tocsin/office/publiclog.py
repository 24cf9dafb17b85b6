"""From register to public log: one batch a slot of the schedule, padded, in random order.

The database row of a batch is the commit point: what was given a position there reaches the
log's files whatever happens in between, and the same batch again changes nothing.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from django.db import transaction

from tocsin.ledger.checkpoints import Checkpoint
from tocsin.ledger.leaves import LEAF, Row, make_key, padded
from tocsin.ledger.log import Log
from tocsin.office import log_keys, register
from tocsin.office.models import LogBatch, RegisterRow
from tocsin.words.errors import NotFound, Unproven
from tocsin.words.moments import as_utc

FOLDER = "log"
MOST_AT_ONCE = 65536  # rows of one batch; what is left comes with the next slot
# So long a batch's leaves stay in the database: a log restored from an older backup heals.
KEPT = timedelta(days=30)


@dataclass(frozen=True)
class Schedule:
    """When a batch is due and how it is padded; every node says it of itself in its settings."""

    every: timedelta = timedelta(minutes=5)
    quantum: int = 64

    def slot(self, at: datetime) -> int:
        """The number of the slot that a moment lies in."""
        return int(as_utc(at).timestamp()) // int(self.every.total_seconds())


def schedule_of(words: Mapping[str, str]) -> Schedule:
    """The schedule that a node's settings name."""
    return Schedule(timedelta(seconds=int(words["interval"])), int(words["quantum"]))


def open_log(store_folder: Path) -> Log:
    """The log of a store."""
    return Log(store_folder / FOLDER)


def publish_due(
    *, store_folder: Path, schedule: Schedule, origin: str, by: str, at: datetime
) -> Checkpoint | None:
    """Publish the batch of this slot; None where that was done already and nothing is left over.

    Raises `Unproven` where the log's files are not what the database knows of them.
    """
    log = open_log(store_folder)
    batch = sequence(log, schedule=schedule, by=by, at=at)
    waiting = LogBatch.objects.filter(published_at=None)
    if batch is None and not waiting.exists():
        return None
    keys = log_keys.signers(store_folder / "keys", log, origin=origin)
    _append(log)
    made = log.publish(signers=keys, at=at)
    waiting.filter(start__lt=made.size).update(published_at=as_utc(at))
    old = LogBatch.objects.filter(made_at__lt=as_utc(at) - KEPT).exclude(published_at=None)
    old.exclude(leaves=b"").update(leaves=b"")
    return made


def sequence(log: Log, *, schedule: Schedule, by: str, at: datetime) -> LogBatch | None:
    """Give every row that has none a position, in one batch; None where the slot has its batch."""
    slot = schedule.slot(at)
    with transaction.atomic():
        last = LogBatch.objects.select_for_update().order_by("-start").first()
        if last is not None and last.slot >= slot:
            return None
        start = _start(log, last, by=by, at=at)
        rows = list(RegisterRow.objects.filter(position=None).order_by("pk")[:MOST_AT_ONCE])
        _seal(rows)
        batch = padded([bytes(row.leaf) for row in rows], quantum=schedule.quantum)
        for row, place in zip(rows, batch.positions, strict=True):
            row.position = start + place
        RegisterRow.objects.bulk_update(rows, ["position"], batch_size=500)
        return LogBatch.objects.create(
            slot=slot,
            start=start,
            count=len(batch.leaves),
            leaves=b"".join(batch.leaves),
            made_at=as_utc(at),
        )


def _start(log: Log, last: LogBatch | None, *, by: str, at: datetime) -> int:
    """Where the next batch begins: behind what the database knows, and behind what the log shows.

    A log that is ahead has outlived its database (an older backup was restored). What it shows
    stays shown; the gap is written down.
    """
    known = last.start + last.count if last else 0
    shown = log.size
    if shown > known:
        register.record(
            action="office:log:skip", actor=by, at=at, facts={"known": known, "shown": shown}
        )
    return max(known, shown)


def _seal(rows: Iterable[RegisterRow]) -> None:
    """A leaf for rows from before there were leaves."""
    for row in rows:
        if not row.leaf:
            row.leaf_key = make_key()
            row.leaf = register.leaf_of(row)
            row.save(update_fields=["leaf", "leaf_key"])


def _append(log: Log) -> None:
    """Bring the log's journal up to the database."""
    size = log.size
    for batch in LogBatch.objects.filter(start__gte=size).order_by("start"):
        if batch.start != log.size or not batch.leaves:
            raise Unproven(
                f"the log has {log.size:,} leaves, and the next batch of the database begins at "
                f"{batch.start:,}: the log's files lost leaves. Possible: restore the folder "
                f"{FOLDER}/ of the newest backup, or a copy of what was published"
            )
        data = bytes(batch.leaves)
        leaves = [data[place : place + LEAF] for place in range(0, len(data), LEAF)]
        log.append(leaves, start=batch.start)


# ── proofs ───────────────────────────────────────────────────────────────────────────────


def proof_of(row: RegisterRow, *, store_folder: Path) -> tuple[bytes, bytes]:
    """The `.tlog-proof` of a register row and its row file; raises `NotFound`, `Refused`.

    Both are all that anybody needs to check the row offline: `tocsin log verify`.
    """
    register.leaf_of(row)
    if row.position is None:
        raise NotFound(
            f"register row {row.uid} has no place in the log yet. Possible: wait for the next "
            "slot of the schedule, or tocsin log publish"
        )
    log = open_log(store_folder)
    return log.proof_file(row.position), Row(register.sealed(row), bytes(row.leaf_key)).data


# ── health ───────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class Health:
    """How the log stands: leaves known, appended and shown, when last, and what is wrong."""

    known: int
    appended: int
    shown: int
    unlogged: int
    last_at: datetime | None
    problems: tuple[str, ...] = ()


def health(*, store_folder: Path, schedule: Schedule, at: datetime) -> Health:
    """Look at the log without changing it."""
    last = LogBatch.objects.order_by("-start").first()
    log = open_log(store_folder)
    known = last.start + last.count if last else 0
    unlogged = RegisterRow.objects.filter(position=None)
    problems = []
    try:
        appended = log.size
        shown = log.published().size if log.note() else 0
        if shown:
            log_keys.check_own(log)
    except (Unproven, NotFound) as fault:
        return Health(known, 0, 0, unlogged.count(), None, (str(fault),))
    late = as_utc(at) - 3 * schedule.every
    if unlogged.filter(at__lt=late).exists() and (last is None or last.made_at < late):
        problems.append("nothing was published for three slots. Possible: start tocsin worker")
    if appended > known:
        problems.append(f"the log shows {appended - known:,} leaves that the database lost")
    if appended < known and last and last.published_at:
        problems.append(
            f"the log's files lost {known - appended:,} leaves. Possible: restore {FOLDER}/ from "
            "the newest backup"
        )
    return Health(
        known, appended, shown, unlogged.count(), last.made_at if last else None, tuple(problems)
    )
