"""Take reports in: kept at once, worked by whoever has the time; nobody waits for it.

The bytes become evidence when they come; a row waits for the worker (`desks.response.tasks`), which
routes them, or says what routing would do. The run bears the row's id, so that a worker that was
killed at any moment does nothing twice.
"""

import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from django.db import transaction
from django.db.models import F, OuterRef, Subquery

from tocsin.desks.response.actions.owing import owe_answer, owe_no_longer
from tocsin.desks.response.actions.pipeline import PROHIBITED, evidence_class_of
from tocsin.desks.response.actions.pipeline import Intake as Reading
from tocsin.desks.response.actions.preview import preview_reports
from tocsin.desks.response.actions.route import (
    KEEP_EVIDENCE,
    Options,
    Outcome,
    route_reports,
)
from tocsin.desks.response.models import Intake, Report
from tocsin.desks.response.queries.insides import facts_of
from tocsin.formats import xarf
from tocsin.formats.catalogue import chosen
from tocsin.office import evidence, leases, register
from tocsin.office.models import Party, Run
from tocsin.office.outbox import wait_before
from tocsin.words.classes import TYPES
from tocsin.words.errors import Busy, NotFound, Refused, TocsinError, Unreadable, Unusable
from tocsin.words.markings import Tlp
from tocsin.words.moments import as_utc

MOST_TRIES = 5
LONGEST_MAPPING = 64 * 1024
_SOON = timedelta(seconds=5)  # to wait for a run that is under way
_TOLD_EVERY = 1.0  # seconds between two words about progress
_FORGOTTEN = timedelta(days=30)
_ROUTE, _PREVIEW = Intake.Purpose.ROUTE, Intake.Purpose.PREVIEW


@dataclass(frozen=True)
class Brought:
    """How a file is to be read, and what for; `format` "" lets it be recognised.

    `mapping` is the text of a mapping file, for CSV of any kind.
    """

    tlp: Tlp = Tlp.AMBER
    format: str = ""
    classification: str = ""
    purpose: str = _ROUTE
    mapping: str = ""


@dataclass(frozen=True)
class Bench:
    """What the worker needs of its node."""

    owner: str
    store_folder: Path
    node: str
    sender: xarf.Sender | None
    overlay: Path | None
    lease: timedelta = leases.LEASE


def take_in(
    path: Path,
    *,
    name: str,
    brought: Brought,
    party: Party | None,
    by: str,
    at: datetime,
    store_folder: Path,
    also: Callable[[Intake], None] | None = None,
) -> Intake:
    """Keep a file as evidence and put it before the worker; `also` is of the same transaction.

    Raises `Unusable` for a format or class that there is not, `Refused` for a report that may not
    be kept, and what `evidence.keep` raises.
    """
    reading = _reading(brought)
    kind = evidence_class_of(path, reading)
    if kind == PROHIBITED:
        raise Refused(
            f"{name}: of a report like this no byte may be kept, so that it cannot wait here. "
            "Possible: tocsin route, which refers it at once"
        )
    kept = evidence.keep(
        path,
        evidence_class=kind,
        media_type="application/octet-stream",
        at=at,
        keep_for=KEEP_EVIDENCE,
        store_folder=store_folder,
    )
    with transaction.atomic():
        row = Intake.objects.create(
            party=party,
            evidence=kept,
            name=_file_name(name),
            format=brought.format,
            tlp=brought.tlp.value,
            classification=brought.classification,
            purpose=brought.purpose,
            mapping=brought.mapping,
            by=by,
            received_at=as_utc(at),
            changed_at=as_utc(at),
            next_attempt_at=as_utc(at),
        )
        facts: dict[str, register.Fact] = {
            "digest": kept.digest,
            "size": kept.size,
            "tlp": row.tlp,
            "purpose": row.purpose,
            "party": party.slug if party else None,
        }
        register.record(action="response:intake:add", actor=by, at=at, subject=row.uid, facts=facts)
        owe_answer(row, by=by, at=at)
        if also is not None:
            also(row)
    return row


def _reading(brought: Brought) -> Reading:
    """Refuses now what would only be refused when the worker comes."""
    if brought.classification and brought.classification not in TYPES:
        raise Unusable(f"no class {brought.classification!r}. Possible: {', '.join(sorted(TYPES))}")
    return Reading(
        chosen(brought.format or None, mapping=brought.mapping or None),
        tuple(_constants(brought.classification)),
    )


def mapping_text(sent: bytes) -> str:
    """The text of a mapping file that was sent; raises `Unusable` for too much or no UTF-8."""
    if len(sent) > LONGEST_MAPPING:
        raise Unusable(f"a mapping has at most {LONGEST_MAPPING // 1024} KiB")
    try:
        return sent.decode("utf-8-sig").replace("\0", "")
    except UnicodeDecodeError:
        raise Unusable("the mapping is no UTF-8 text. Possible: a TOML file") from None


def _constants(classification: str) -> list[tuple[str, str]]:
    return [("classification.type", classification)] if classification else []


def _file_name(name: str) -> str:
    """The last part of what a browser says, one line, never a path."""
    plain = "".join(c for c in name.replace("\\", "/").rpartition("/")[2] if c.isprintable())
    return plain.strip(". ")[:200] or "report"


# ── the worker's part ────────────────────────────────────────────────────────────────────


def work_through(bench: Bench, *, at: datetime) -> list[str]:
    """Work whatever waits, one sentence each: parties in turns, of each the oldest first.

    What the node's own people and its ways in bring goes first. Whoever sends much, or what takes
    long, so makes the others wait for one report of theirs and not for all.
    """
    waiting = Intake.objects.filter(state=Intake.State.WAITING).select_related("evidence")
    theirs = Intake.objects.filter(party=OuterRef("party")).exclude(state=Intake.State.WAITING)
    turn = Subquery(theirs.order_by("-changed_at").values("changed_at")[:1])
    due = waiting.annotate(turn=turn).order_by(F("turn").asc(nulls_first=True), "received_at", "pk")
    said = []
    while taken := leases.take(due, owner=bench.owner, at=at, lease=bench.lease, limit=1):
        said.append(_work(taken[0], bench, at=as_utc(at)))
    forget_old(by=bench.owner, at=at)
    return said


def forget_old(*, by: str, at: datetime) -> int:
    """Drop what made no run and is older than a month, and its clocks; how many."""
    old = Intake.objects.filter(run=None, received_at__lt=as_utc(at) - _FORGOTTEN)
    old = old.exclude(state=Intake.State.WAITING)
    gone = list(old.values_list("uid", flat=True))
    if not gone:
        return 0
    with transaction.atomic():
        owe_no_longer(gone, why="what was brought in is gone", by=by, at=at)
        return Intake.objects.filter(uid__in=gone).delete()[0]


def _work(row: Intake, bench: Bench, *, at: datetime) -> str:
    try:
        outcome = _outcome(row, bench, at=at)
    except Busy as fault:
        leases.settle(row, {"next_attempt_at": at + _SOON, "attempt": row.attempt - 1})
        return f"{row.uid.hex[:8]} waits: {fault}"
    except TocsinError as fault:
        return _give_up(row, str(fault), at=at)
    except Exception as fault:
        # A slip in reading one file must not keep all others from their turn.
        if row.attempt >= MOST_TRIES:
            return _give_up(row, f"{type(fault).__name__}: {fault}", at=at)
        again = at + wait_before(row.uid.hex, row.attempt)
        leases.settle(row, {"next_attempt_at": again, "error": f"{type(fault).__name__}: {fault}"})
        return f"{row.uid.hex[:8]} failed, tried again: {type(fault).__name__}"
    changes = {
        "state": Intake.State.DONE,
        "outcome": outcome,
        "run": Run.objects.filter(uid=outcome["run"]).first(),
        "stage": "",
        "error": "",
        "changed_at": at,
        "finished_at": at,
    }
    leases.settle(row, changes)
    return f"{row.uid.hex[:8]} {row.purpose}d"


def _give_up(row: Intake, error: str, *, at: datetime) -> str:
    changes = {
        "state": Intake.State.FAILED,
        "stage": "",
        "error": error,
        "changed_at": at,
        "finished_at": at,
    }
    leases.settle(row, changes)
    return f"{row.uid.hex[:8]} failed: {error}"


def _outcome(row: Intake, bench: Bench, *, at: datetime) -> dict[str, Any]:
    folder = bench.store_folder / "spool" / f"intake-{row.uid.hex}"
    shutil.rmtree(folder, ignore_errors=True)
    try:
        path = _laid_out(row, folder, bench.store_folder)
        if row.purpose == _PREVIEW:
            return _previewed(row, path, folder / "preview", bench, at=at)
        return _routed(row, path, bench, at=at)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _laid_out(row: Intake, folder: Path, store_folder: Path) -> Path:
    """The bytes as a file of the name it came with, for the time of the run."""
    folder.mkdir(mode=0o700, parents=True)
    path = folder / row.name
    with path.open("wb") as target:
        for piece in evidence.read(row.evidence.digest, store_folder=store_folder):
            target.write(piece)
    return path


def _routed(row: Intake, path: Path, bench: Bench, *, at: datetime) -> dict[str, Any]:
    done = Run.objects.filter(uid=row.uid, state=Run.State.DONE).first()
    if done is not None:  # the worker before was killed after the run counted
        return {**done.counts, "run": done.uid.hex, "told": [], "files": [], "is_short": True}
    outcome = route_reports(
        [path],
        store_folder=bench.store_folder,
        options=_options(row, bench),
        by=row.by,
        at=at,
        progress=_teller(row),
    )
    return _facts(outcome, bench.store_folder)


def _previewed(
    row: Intake, path: Path, into: Path, bench: Bench, *, at: datetime
) -> dict[str, Any]:
    outcome = preview_reports(
        [path],
        store_folder=bench.store_folder,
        into=into,
        options=_options(row, bench),
        at=at,
        progress=_teller(row),
    )
    return _facts(outcome, into)


def _facts(outcome: Outcome, folder: Path) -> dict[str, Any]:
    unreadable = [report.unreadable for report in outcome.reports if report.unreadable]
    if unreadable and not outcome.totals.events:
        raise Unreadable(unreadable[0])
    return facts_of(outcome, folder)


def _options(row: Intake, bench: Bench) -> Options:
    return Options(
        tlp=Tlp(row.tlp),
        format=row.format or None,
        mapping=row.mapping or None,
        constants=dict(_constants(row.classification)),
        overlay=bench.overlay,
        node=bench.node,
        sender=bench.sender,
        run=row.uid,
        reporter=row.party.slug if row.party else "",
        via=Report.Via.UPLOAD,
    )


def _teller(row: Intake) -> Callable[[str, int], None]:
    """Writes how far it is, at most once a second."""
    said, stage, rows = 0.0, "", 0

    def tell(now: str, more: int) -> None:
        nonlocal said, stage, rows
        stage, rows = now, more if now != stage else rows + more
        if time.monotonic() - said >= _TOLD_EVERY:
            said = time.monotonic()
            Intake.objects.filter(pk=row.pk).update(stage=stage, rows=rows)

    return tell


def find_intake(uid: str) -> Intake:
    """The row of an id; raises `NotFound`."""
    row = Intake.objects.filter(uid=uid).select_related("evidence", "run").first()
    if row is None:
        raise NotFound("there is no such upload")
    return row
