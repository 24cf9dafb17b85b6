"""Route reports: bytes in, one delivery per party, everything or nothing.

Files are written first, under the run's name, where nobody looks for them; the database
transaction at the end is what makes the run count. A run that was cut off is taken up
again under its own name when the same files come back, so the event store, which commits
just before the database, never holds it twice.
"""

import hashlib
import os
import shutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid5

from django.db import transaction

from tocsin.desks.response.actions.opening import Opened, open_cases
from tocsin.desks.response.actions.pipeline import (
    Intake,
    Pipeline,
    ReportState,
    Totals,
    evidence_class_of,
    shapes,
)
from tocsin.desks.response.models import Report
from tocsin.flow import store
from tocsin.flow.compiled import compile_directory
from tocsin.flow.executors import EXECUTORS
from tocsin.flow.gather import Gathered
from tocsin.flow.networks import read_overlay, snapshot_in
from tocsin.flow.progress import Progress, unseen
from tocsin.flow.stages import Plan
from tocsin.formats import xarf
from tocsin.formats.catalogue import chosen
from tocsin.formats.packing import require_files
from tocsin.office import cut_off, evidence, keys, leftovers, manifest, register, window
from tocsin.office.alone import alone
from tocsin.office.models import Delivery, Party, Run
from tocsin.office.parties import directory
from tocsin.rules.disclosure import COUNTED
from tocsin.rules.transfers import transfer_basis
from tocsin.words.errors import Unusable
from tocsin.words.markings import Tlp

KEEP_EVIDENCE = timedelta(days=90)
REFUSED_TRANSFER = "no basis for a transfer of personal data to {country} is on file"


@dataclass(frozen=True)
class Options:
    """How a run is to go; the defaults suit a single report on a small machine."""

    executor: str = "in-process"
    tlp: Tlp = Tlp.AMBER
    format: str | None = None
    mapping: Path | str | None = None  # of a generic CSV: a file, or its text
    constants: Mapping[str, str] = field(default_factory=dict)  # for what rows leave empty
    overlay: Path | None = None
    node: str = "tocsin"  # "from" in manifests
    sender: xarf.Sender | None = None  # who reports, for parties that get XARF
    run: UUID | None = None  # a name for the run, for tests that compare bytes
    reporter: str = ""  # short name of the party whose reports these are, where one is known
    via: str = Report.Via.COMMAND  # the way they came in


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
    progress: Progress = unseen,
) -> Outcome:
    """Route files to everyone concerned; the deliveries are queued, not yet handed over.

    Raises `NotFound` for a missing file, `Busy` when another run is under way in this store,
    `Unusable` for options that cannot work and where no party is on file. A file that cannot be
    read does not stop the others.
    """
    intake = read_intake(paths, options)
    with alone(store_folder):
        reports = _keep_evidence(paths, options, intake, store_folder, at)
        run = _begin(reports, options, store_folder, at)
        cut_off.fail_others(at=at, by=by, store_folder=store_folder, run=run)
        leftovers.empty_spool(store_folder)
        plan = make_plan(run, options, store_folder=store_folder, into=store_folder)
        routing = Routing(run, plan, reports, options, intake, store_folder, store_folder)
        try:
            totals = routing.run_stages(progress)
            deliveries = routing.commit(totals, by=by)
        finally:
            shutil.rmtree(routing.plan.spool, ignore_errors=True)
    return Outcome(run.uid.hex, reports, totals, deliveries)


def read_intake(paths: Sequence[Path], options: Options) -> Intake:
    """How the reports are to be read; raises what `route_reports` does before it begins."""
    _require_files(paths)
    format_ = chosen(options.format, mapping=options.mapping)
    _require_parties()
    if options.sender is None:
        wanting = Party.objects.filter(active=True, format=xarf.FORMAT.name)
        require_name(wanting.values_list("slug", flat=True))
    if options.overlay is not None:
        read_overlay(options.overlay)
    return Intake(format_, tuple(options.constants.items()))


def _require_files(paths: Sequence[Path]) -> None:
    if not paths:
        raise Unusable("no report named. Possible: tocsin route FILE …")
    require_files(paths)


def _require_parties() -> None:
    """Events that nobody could be told of would be repeats when the parties are there."""
    if not Party.objects.filter(active=True).exists():
        raise Unusable(
            "no party is on file, so nobody could be told. Possible: --parties FILE, or "
            "tocsin parties import FILE"
        )


def require_name(parties: Iterable[str]) -> None:
    """XARF says who reports; these parties get it, and the node has no name."""
    if named := sorted(parties):
        more = f" (and {len(named) - 1:,} more)" if len(named) > 1 else ""
        raise Unusable(
            f"{named[0]}{more} is to get XARF, which names who reports, and this node has no name. "
            "Possible: TOCSIN_NODE_NAME and TOCSIN_NODE_CONTACT, or another format"
        )


def _keep_evidence(
    paths: Sequence[Path], options: Options, intake: Intake, store_folder: Path, at: datetime
) -> list[ReportState]:
    kept = []
    for path in paths:
        kind = evidence_class_of(path, intake)
        row = evidence.keep(
            path,
            evidence_class=kind,
            media_type="application/octet-stream",
            at=at,
            keep_for=KEEP_EVIDENCE,
            store_folder=store_folder,
        )
        kept.append(ReportState("", path, row.digest, options.tlp, kind))
    return kept


def _begin(reports: list[ReportState], options: Options, store_folder: Path, at: datetime) -> Run:
    """The run's row; a run of the same files that was cut off is taken up again."""
    digests = [report.digest for report in reports]
    named = {"uid": options.run} if options.run else {}
    run = cut_off.take_up(digests, at=at, store_folder=store_folder) or Run.objects.create(
        kind="route", at=at, started_at=at, counts={"files": digests}, **named
    )
    name_reports(reports, run)
    return run


def name_reports(reports: list[ReportState], run: Run) -> None:
    """Ids that follow from the run, the place and the bytes."""
    for number, report in enumerate(reports):
        report.uid = uuid5(run.uid, f"{number}:{report.digest}").hex


def make_plan(run: Run, options: Options, *, store_folder: Path, into: Path) -> Plan:
    """What every stage needs; the run reads the store and writes below `into`."""
    folder = directory(at=run.at)
    spool = into / "spool" / run.uid.hex
    spool.mkdir(parents=True)
    return Plan(
        run.uid.hex,
        run.at,
        spool,
        _table(run, into, spool),
        compile_directory(folder, on=run.at.date()),
        shapes(options.sender),
        keys.secret(into / "keys", "pseudonyms"),
        snapshot_in(store_folder / "networks"),
        options.overlay,
    )


def _table(run: Run, store_folder: Path, spool: Path) -> Path:
    """Where the run's events go: not over what the store has of the run already.

    A run that is taken up again may keep fewer events than the first time (another run told
    some of them meanwhile), and the parts of a commit never change.
    """
    events = store_folder / "events"
    return spool / "events" if store.has_run(events, run.uid.hex) else events


@dataclass(frozen=True)
class Routing:
    """One run on its way: its row, its plan, its reports; it writes below `into`."""

    run: Run
    plan: Plan
    reports: list[ReportState]
    options: Options
    intake: Intake
    store_folder: Path
    into: Path

    def run_stages(self, progress: Progress) -> Totals:
        """Everything up to the commit; writes files only, under the run's name."""
        plan = self.plan
        earlier = window.segments(at=plan.at).exclude(run__uid=self.run.uid)
        paths = [self.store_folder / segment.path for segment in earlier]
        untold = [path for path in paths if window.is_untold(path.name)]
        executor = EXECUTORS[self.options.executor]()
        try:
            return Pipeline(
                plan,
                self.reports,
                executor,
                tuple(path for path in paths if path not in untold and path.exists()),
                tuple(path for path in untold if path.exists()),
                self.into / "deliveries" / plan.run,
                self.into / "quarantine",
                self.intake,
                progress,
            ).run()
        finally:
            executor.close()

    def commit(self, totals: Totals, *, by: str) -> list[Delivery]:
        """The event store, then the one transaction that makes the run count."""
        segments = self._move_window(totals)
        slugs = [gathered.recipient.party for gathered in totals.deliveries]
        rows = self.delivery_rows(totals, Party.objects.in_bulk(slugs, field_name="slug"))
        store.commit(self.store_folder / "events", totals.parts, run=self.plan.run, at=self.plan.at)
        with transaction.atomic():
            _save_reports(self.run, self.reports, self.options, by=by)
            Delivery.objects.bulk_create(rows)
            opened = self._open_cases(totals, rows, by=by)
            for path, keys in segments:
                self._add_segment(path, keys)
            self._close({**_facts(self.reports, totals, rows), **opened.facts()}, by)
        window.expire_window(at=self.run.at, store_folder=self.store_folder)
        return rows

    def _open_cases(self, totals: Totals, rows: list[Delivery], *, by: str) -> Opened:
        recipients = self.plan.compiled.recipients
        return open_cases(
            totals.tallies, recipients=recipients, deliveries=rows, by=by, at=self.run.at
        )

    def _move_window(self, totals: Totals) -> list[tuple[str, int]]:
        """The run's files of the window under their final names, with their numbers of keys."""
        files = (totals.window.told, totals.window.untold)
        moved = []
        for file, number, ending in zip(files, totals.window.keys, window.ENDINGS, strict=True):
            if file is not None:
                final = self.store_folder / "window" / f"{self.plan.run}{ending}"
                file.replace(final)
                moved.append((str(final.relative_to(self.store_folder)), number))
        return moved

    def _add_segment(self, path: str, keys: int) -> None:
        at = self.run.at
        window.add_segment(run=self.run, path=path, keys=keys, at=at, until=at + self.plan.window)

    def _close(self, facts: dict[str, Any], by: str) -> None:
        run = self.run
        register.record(
            action="response:report:route", actor=by, at=run.at, subject=run.uid, facts=facts
        )
        run.state = Run.State.DONE
        run.finished_at = run.at
        run.counts = {**run.counts, **facts}
        run.save()

    def delivery_rows(self, totals: Totals, parties: Mapping[str, Party]) -> list[Delivery]:
        """Write every manifest with its signature; the rows are made, not yet saved."""
        digests = {report.uid: report.digest for report in self.reports if not report.unreadable}
        key = keys.signing_key(self.into / "keys")
        rows = []
        for gathered in totals.deliveries:
            uid = uuid5(self.run.uid, f"{gathered.recipient.party}:{gathered.relation}")
            facts = manifest.manifest(
                gathered,
                uid=uid.hex,
                run=self.plan.run,
                at=self.plan.at,
                node=self.options.node,
                reports={uid: digests[uid] for uid in gathered.reports},
            )
            data = manifest.sealed(facts, key)
            path = gathered.path.with_suffix(".manifest.json")
            _write_durably(path, data)
            row = _delivery(self.run, gathered, uid, self.into)
            row.party = parties[gathered.recipient.party]
            row.manifest_path = str(path.relative_to(self.into))
            row.manifest_digest = hashlib.sha256(data).hexdigest()
            rows.append(row)
        return rows


def _write_durably(path: Path, data: bytes) -> None:
    with path.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


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


def _save_reports(run: Run, reports: list[ReportState], options: Options, *, by: str) -> None:
    named = {options.reporter or report.reporter for report in reports} - {""}
    known = Party.objects.in_bulk(named, field_name="slug")
    Report.objects.bulk_create(
        Report(
            uid=UUID(report.uid),
            run=run,
            evidence=evidence.find(report.digest),
            reporter=known.get(options.reporter or report.reporter),
            via=options.via,
            added_by=by[:100],
            name=report.name[:255],
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


def _delivery(run: Run, gathered: Gathered, uid: UUID, store_folder: Path) -> Delivery:
    refused = _refusal(gathered, run.at)
    return Delivery(
        uid=uid,
        run=run,
        relation=gathered.relation.value,
        format=gathered.recipient.format,
        channel=gathered.recipient.channel,
        path=str(gathered.path.relative_to(store_folder)),
        digest=gathered.digest,
        size=gathered.size,
        rows=gathered.rows,
        first_at=gathered.first,
        last_at=gathered.last,
        tlp=gathered.tlp.value,
        state=Delivery.State.PARKED if refused else Delivery.State.READY,
        last_error=refused,
        next_attempt_at=run.at,
        idempotency_key=uid.hex,
        created_at=run.at,
    )


def _refusal(gathered: Gathered, at: datetime) -> str:
    """Why this delivery must not leave by itself, or nothing."""
    if gathered.relation in COUNTED:
        return ""  # figures without personal data are no transfer
    country = gathered.recipient.country
    if transfer_basis(country, at.date()) is not None:
        return ""
    return REFUSED_TRANSFER.format(country=country or "a party without a country")
