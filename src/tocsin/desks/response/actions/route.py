"""Route reports: bytes in, one delivery per party, everything or nothing.

Files are written first, under the run's name, where nobody looks for them; the database
transaction at the end is what makes the run count. A run that was cut off is taken up
again under its own name when the same files come back, so the event store, which commits
just before the database, never holds it twice.
"""

import fcntl
import hashlib
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid5

from django.db import transaction

from tocsin.desks.response.actions.pipeline import (
    Progress,
    ReportState,
    Totals,
    run_pipeline,
    shapes,
)
from tocsin.desks.response.models import Report
from tocsin.flow import store
from tocsin.flow.compiled import compile_directory
from tocsin.flow.executors import EXECUTORS
from tocsin.flow.gather import Gathered
from tocsin.flow.networks import SHIPPED
from tocsin.flow.stages import Plan
from tocsin.office import evidence, keys, manifest, register, window
from tocsin.office.models import Delivery, Evidence, Party, Run
from tocsin.office.parties import directory
from tocsin.rules.transfers import transfer_basis
from tocsin.words.errors import Busy, NotFound, Unusable
from tocsin.words.markings import Tlp
from tocsin.words.relations import Relation

KEEP_EVIDENCE = timedelta(days=90)
REFUSED_TRANSFER = "no basis for a transfer of personal data to {country} is on file"


@dataclass(frozen=True)
class Options:
    """How a run is to go; the defaults suit a single report on a small machine."""

    executor: str = "in-process"
    tlp: Tlp = Tlp.AMBER
    format: str | None = None
    snapshot: Path = SHIPPED
    overlay: Path | None = None
    node: str = "tocsin"
    run: UUID | None = None  # a name for the run, for tests that compare bytes


@dataclass(frozen=True)
class Outcome:
    """What became of the reports of one run."""

    run: str
    reports: list[ReportState]
    totals: Totals
    deliveries: list[Delivery] = field(default_factory=list)
    is_replay: bool = False


def route_reports(
    paths: Sequence[Path],
    *,
    store_folder: Path,
    options: Options,
    by: str,
    at: datetime,
    progress: Progress = lambda stage, rows: None,
) -> Outcome:
    """Route files to everyone concerned; the deliveries are queued, not yet handed over.

    Raises `NotFound` for a missing file, `Busy` when another run is under way in this store,
    `Unusable` for options that cannot work. A file that cannot be read does not stop the others.
    """
    _require_files(paths)
    with _alone(store_folder):
        reports = _keep_evidence(paths, options, store_folder, at)
        run = _begin(reports, options, at)
        plan = _plan(run, options, store_folder)
        try:
            totals = _run(plan, reports, options, store_folder, progress)
            deliveries = _commit(run, plan, reports, totals, options, store_folder, by)
        finally:
            shutil.rmtree(plan.spool, ignore_errors=True)
    return Outcome(run.uid.hex, reports, totals, deliveries)


def _require_files(paths: Sequence[Path]) -> None:
    missing = [str(path) for path in paths if not path.is_file()]
    if missing:
        raise NotFound(f"no such file: {', '.join(missing)}")
    if not paths:
        raise Unusable("no report named. Possible: tocsin route FILE …")


@contextmanager
def _alone(store_folder: Path) -> Iterator[None]:
    with (store_folder / ".route.lock").open("w") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Busy(
                f"another run is under way in {store_folder}. Possible: wait for it, or use "
                "another --store"
            ) from None
        yield


def _keep_evidence(
    paths: Sequence[Path], options: Options, store_folder: Path, at: datetime
) -> list[ReportState]:
    kept = []
    for path in paths:
        row = evidence.keep(
            path,
            evidence_class=Evidence.Class.MACHINE_REPORT,
            media_type="application/octet-stream",
            at=at,
            keep_for=KEEP_EVIDENCE,
            store_folder=store_folder,
        )
        kept.append(ReportState("", path, row.digest, options.tlp))
    return kept


def _begin(reports: list[ReportState], options: Options, at: datetime) -> Run:
    """The run's row; a run of the same files that was cut off is taken up again."""
    digests = [report.digest for report in reports]
    for cut_off in Run.objects.filter(kind="route", state=Run.State.RUNNING):
        if cut_off.counts.get("files") == digests:
            run = cut_off
            break
    else:
        named = {"uid": options.run} if options.run else {}
        run = Run.objects.create(
            kind="route", at=at, started_at=at, counts={"files": digests}, **named
        )
    for number, report in enumerate(reports):
        report.uid = uuid5(run.uid, f"{number}:{report.digest}").hex
    return run


def _plan(run: Run, options: Options, store_folder: Path) -> Plan:
    folder = directory(at=run.at)
    spool = store_folder / "spool" / run.uid.hex
    shutil.rmtree(spool, ignore_errors=True)
    spool.mkdir(parents=True)
    return Plan(
        run.uid.hex,
        run.at,
        spool,
        store_folder / "events",
        compile_directory(folder, on=run.at.date()),
        shapes(),
        keys.secret(store_folder / "keys", "pseudonyms"),
        options.snapshot,
        options.overlay,
    )


def _run(
    plan: Plan,
    reports: list[ReportState],
    options: Options,
    store_folder: Path,
    progress: Progress,
) -> Totals:
    open_segments = window.segments(at=plan.at).exclude(run__uid=UUID(plan.run))
    segments = tuple(store_folder / segment.path for segment in open_segments)
    executor = EXECUTORS[options.executor]()
    try:
        return run_pipeline(
            plan,
            reports,
            executor=executor,
            segments=tuple(path for path in segments if path.exists()),
            folder=store_folder / "deliveries" / plan.run,
            quarantine=store_folder / "quarantine",
            format_name=options.format,
            progress=progress,
        )
    finally:
        executor.close()


# --- commit -----------------------------------------------------------------------------------


def _commit(
    run: Run,
    plan: Plan,
    reports: list[ReportState],
    totals: Totals,
    options: Options,
    store_folder: Path,
    by: str,
) -> list[Delivery]:
    segment = _move_window(plan, totals, store_folder)
    rows = _delivery_rows(run, plan, reports, totals, options, store_folder)
    store.commit(plan.table, totals.parts, run=plan.run, at=plan.at)
    with transaction.atomic():
        _save_reports(run, reports)
        Delivery.objects.bulk_create(rows)
        if segment is not None:
            until = run.at + plan.window
            window.add_segment(
                run=run, path=segment, keys=totals.window_keys, at=run.at, until=until
            )
        register.record(
            action="response:report:route",
            actor=by,
            at=run.at,
            subject=run.uid,
            facts=_facts(reports, totals, rows),
        )
        run.state = Run.State.DONE
        run.finished_at = run.at
        run.counts = {**run.counts, **_facts(reports, totals, rows)}
        run.save()
    window.expire_window(at=run.at, store_folder=store_folder)
    return rows


def _move_window(plan: Plan, totals: Totals, store_folder: Path) -> str | None:
    if totals.window is None:
        return None
    final = store_folder / "window" / f"{plan.run}.npy"
    totals.window.replace(final)
    return str(final.relative_to(store_folder))


def _facts(
    reports: list[ReportState], totals: Totals, deliveries: list[Delivery]
) -> dict[str, Any]:
    return {
        "reports": [report.uid for report in reports],
        "rows": sum(report.rows for report in reports),
        "quarantined": sum(report.quarantined for report in reports),
        "duplicates": sum(report.duplicates for report in reports),
        "events": totals.events,
        "unrouted": totals.unrouted,
        "held": totals.held,
        "deliveries": len(deliveries),
    }


def _save_reports(run: Run, reports: list[ReportState]) -> None:
    Report.objects.bulk_create(
        Report(
            uid=UUID(report.uid),
            run=run,
            evidence=evidence.find(report.digest),
            name=report.path.name[:255],
            format=report.format,
            tlp=report.tlp.value,
            state=Report.State.UNREADABLE if report.unreadable else Report.State.READ,
            reason=report.unreadable,
            rows=report.rows,
            quarantined=report.quarantined,
            duplicates=report.duplicates,
            events=report.events,
            notes=report.sentences(),
            received_at=run.at,
        )
        for report in reports
    )


def _delivery_rows(
    run: Run,
    plan: Plan,
    reports: list[ReportState],
    totals: Totals,
    options: Options,
    store_folder: Path,
) -> list[Delivery]:
    """Write every manifest and its signature; the rows are made, not yet saved."""
    parties = Party.objects.in_bulk(
        [gathered.recipient.party for gathered in totals.deliveries], field_name="slug"
    )
    digests = {report.uid: report.digest for report in reports if not report.unreadable}
    key = keys.signing_key(store_folder / "keys")
    rows = []
    for gathered in totals.deliveries:
        uid = uuid5(run.uid, f"{gathered.recipient.party}:{gathered.relation}")
        facts = manifest.manifest(
            gathered, uid=uid.hex, run=plan.run, at=plan.at, node=options.node, reports=digests
        )
        data = manifest.sealed(facts, key)
        path = gathered.path.with_suffix(".manifest.json")
        path.write_bytes(data)
        rows.append(_delivery(run, gathered, parties, uid, path, data, store_folder))
    return rows


def _delivery(
    run: Run,
    gathered: Gathered,
    parties: dict[str, Party],
    uid: UUID,
    path: Path,
    data: bytes,
    store_folder: Path,
) -> Delivery:
    party = parties[gathered.recipient.party]
    refused = _refusal(gathered, run.at)
    return Delivery(
        uid=uid,
        run=run,
        party=party,
        relation=gathered.relation.value,
        format=gathered.recipient.format,
        channel=gathered.recipient.channel,
        path=str(gathered.path.relative_to(store_folder)),
        digest=gathered.digest,
        size=gathered.size,
        rows=gathered.rows,
        first_at=gathered.first,
        last_at=gathered.last,
        manifest_path=str(path.relative_to(store_folder)),
        manifest_digest=hashlib.sha256(data).hexdigest(),
        tlp=gathered.tlp.value,
        state=Delivery.State.PARKED if refused else Delivery.State.READY,
        last_error=refused,
        next_attempt_at=run.at,
        idempotency_key=uid.hex,
        created_at=run.at,
    )


def _refusal(gathered: Gathered, at: datetime) -> str:
    """Why this delivery must not leave by itself, or nothing."""
    if gathered.relation in (Relation.LAW_ENFORCEMENT, Relation.COORDINATOR):
        return ""  # figures without personal data are no transfer
    country = gathered.recipient.country
    if transfer_basis(country, at.date()) is not None:
        return ""
    return REFUSED_TRANSFER.format(country=country or "a party without a country")
