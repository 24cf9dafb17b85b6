"""Records that could not be used, with the reason."""

from pathlib import Path

import polars as pl

from tocsin.flow.progress import Progress, unseen
from tocsin.flow.quarantine import read_quarantine


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
