"""What was set aside, and what of it is gone."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import polars as pl
from django.db.models import Sum

from tocsin.desks.response.models import Report
from tocsin.flow.progress import Progress, unseen
from tocsin.flow.quarantine import read_quarantine
from tocsin.rules.retention import Place, kept_for
from tocsin.words.moments import as_utc


def quarantined(
    folder: Path, *, run: str | None = None, progress: Progress = unseen
) -> pl.DataFrame:
    """Records in quarantine: `run`, `report`, `file`, `line`, `reason`, `raw`."""
    progress("reading the quarantine", 0)
    frame = read_quarantine(folder)
    if run is not None:
        frame = frame.filter(pl.col("run").str.starts_with(run))
    found = frame.collect()
    progress("reading the quarantine", found.height)
    return found


@dataclass(frozen=True)
class Gone:
    """Records of runs whose files should be there and are not; which runs, oldest first."""

    records: int
    runs: tuple[str, ...]


def gone_from_quarantine(folder: Path, *, run: str | None = None, at: datetime) -> Gone:
    """What retention has not had its turn with and nobody can read any more."""
    span = kept_for(Place.QUARANTINE, on=as_utc(at).date())
    rows = Report.objects.filter(quarantined__gt=0).exclude(run=None)
    if span is not None:
        rows = rows.filter(run__at__gt=as_utc(at) - span)
    counted = rows.values_list("run__uid", "run__at").annotate(records=Sum("quarantined"))
    missing = [
        (uid.hex, records)
        for uid, _at, records in counted.order_by("run__at", "run__uid")
        if uid.hex.startswith(run or "") and not (folder / f"{uid.hex}.parquet").exists()
    ]
    return Gone(sum(records for _, records in missing), tuple(uid for uid, _ in missing))
