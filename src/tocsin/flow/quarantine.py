"""Quarantine: records that could not be used, with file, line, reason and exact bytes.

One Parquet file per run, written as the faults come, so that a report that is all faults
streams through like any other. Columns: `report`, `file` (String), `line` (Int64), `reason`
(String), `raw` (Binary).
"""

from collections.abc import Sequence
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from tocsin.flow.tables import Fault

_SCHEMA = pa.schema(
    [
        ("report", pa.string()),
        ("file", pa.string()),
        ("line", pa.int64()),
        ("reason", pa.string()),
        ("raw", pa.binary()),
    ]
)


class Quarantine:
    """Writes one run's faults; nothing is left behind when there are none."""

    def __init__(self, folder: Path, run: str) -> None:
        self.path = folder / f"{run}.parquet"
        self.rows = 0
        self._partial = self.path.with_suffix(".partial")
        self._writer: pq.ParquetWriter | None = None

    def add(self, report: str, file: str, faults: Sequence[Fault]) -> None:
        """Append faults of one report."""
        if not faults:
            return
        if self._writer is None:
            self._partial.parent.mkdir(parents=True, exist_ok=True)
            self._writer = pq.ParquetWriter(self._partial, _SCHEMA, compression="zstd")
        self._writer.write_table(
            pa.table(
                {
                    "report": [report] * len(faults),
                    "file": [file] * len(faults),
                    "line": [fault.row for fault in faults],
                    "reason": [fault.reason for fault in faults],
                    "raw": [fault.raw for fault in faults],
                },
                schema=_SCHEMA,
            )
        )
        self.rows += len(faults)

    def close(self) -> Path | None:
        """The file under its final name, or None where every record was used."""
        if self._writer is None:
            return None
        self._writer.close()
        self._partial.replace(self.path)
        return self.path


def read_quarantine(folder: Path) -> pl.LazyFrame:
    """All quarantined records with the run they belong to, newest file last."""
    files = sorted(folder.glob("*.parquet"), key=lambda path: path.stat().st_mtime)
    frames = [pl.scan_parquet(path).with_columns(run=pl.lit(path.stem)) for path in files]
    schema = {"report": pl.String, "file": pl.String, "line": pl.Int64, "reason": pl.String}
    if not frames:
        return pl.LazyFrame(schema={**schema, "raw": pl.Binary, "run": pl.String})
    return pl.concat(frames)
