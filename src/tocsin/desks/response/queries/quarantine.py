"""Records that could not be used, with the reason."""

from pathlib import Path

import polars as pl

from tocsin.flow.quarantine import read_quarantine


def quarantined(folder: Path, *, run: str | None = None) -> pl.DataFrame:
    """Records in quarantine: `run`, `report`, `file`, `line`, `reason`, `raw`."""
    frame = read_quarantine(folder)
    if run is not None:
        frame = frame.filter(pl.col("run").str.starts_with(run))
    return frame.collect()
