"""What routing would do now: the same stages over the same parties, window and snapshot.

It is a run that ends before it counts: the store is read and nothing in it is changed; what the
stages write lies below a folder that the caller throws away.
"""

import hashlib
import shutil
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from datetime import datetime
from pathlib import Path

from tocsin.desks.response.actions.pipeline import (
    Intake,
    ReportState,
    Totals,
    evidence_class_of,
)
from tocsin.desks.response.actions.route import (
    Options,
    Outcome,
    Routing,
    make_plan,
    name_reports,
    read_intake,
)
from tocsin.flow.progress import Progress, unseen
from tocsin.office.models import Party, Run


def preview_reports(
    paths: Sequence[Path],
    *,
    store_folder: Path,
    into: Path,
    options: Options,
    at: datetime,
    supposing: AbstractContextManager[None] | None = None,
    progress: Progress = unseen,
) -> Outcome:
    """What `route_reports` would give at this moment, written below `into`; raises as it does.

    `supposing` is what the parties are looked up in, such as `office.parties.as_if_imported`.
    """
    into.mkdir(mode=0o700, parents=True, exist_ok=True)
    _take_secret(store_folder / "keys", into / "keys")
    run = Run(kind="route", at=at, started_at=at)
    with supposing or nullcontext():
        intake = read_intake(paths, options)
        plan = make_plan(run, options, store_folder=store_folder, into=into)
    reports = [_report(path, intake, options) for path in paths]
    name_reports(reports, run)
    routing = Routing(run, plan, reports, options, intake, store_folder, into)
    totals = routing.run_stages(progress)
    return Outcome(run.uid.hex, reports, totals, routing.delivery_rows(totals, _parties(totals)))


def _take_secret(source: Path, target: Path) -> None:
    """The store's own, without which no repeat is recognised; where it has none, a new one."""
    target.mkdir(mode=0o700, exist_ok=True)
    if (source / "pseudonyms.key").exists():
        shutil.copy(source / "pseudonyms.key", target)


def _report(path: Path, intake: Intake, options: Options) -> ReportState:
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return ReportState("", path, digest, options.tlp, evidence_class_of(path, intake))


def _parties(totals: Totals) -> dict[str, Party]:
    """As the plan knows them; one that is only supposed is not in the database."""
    told = {gathered.recipient.party: gathered.recipient for gathered in totals.deliveries}
    return {slug: Party(slug=slug, name=one.name) for slug, one in told.items()}
