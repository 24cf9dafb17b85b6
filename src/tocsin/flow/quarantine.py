"""Quarantine: records that could not be used, with file, line, reason and exact bytes.

One Parquet file per run, written by and by as the faults come, so that a report that is all
faults streams through like any other. Columns: `report`, `file` (String), `line` (Int64), `reason`
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
# Faults come one by one; what is written at once, in records and in bytes of them.
_ROWS, _BYTES = 10_000, 4 << 20


class Quarantine:
    """Writes one run's faults; nothing is left behind when there are none."""

    def __init__(self, folder: Path, run: str) -> None:
        self.path = folder / f"{run}.parquet"
        self.rows = 0
        self._partial = self.path.with_suffix(".partial")
        self._writer: pq.ParquetWriter | None = None
        self._waiting: list[dict[str, object]] = []
        self._bytes = 0

    def add(self, report: str, file: str, faults: Sequence[Fault]) -> None:
        """Append faults of one report."""
        for fault in faults:
            words = {"line": fault.row, "reason": fault.reason, "raw": fault.raw}
            self._waiting.append({"report": report, "file": file, **words})
            self._bytes += len(fault.raw)
        self.rows += len(faults)
        if len(self._waiting) >= _ROWS or self._bytes >= _BYTES:
            self._write()

    def _write(self) -> None:
        if not self._waiting:
            return
        if self._writer is None:
            self._partial.parent.mkdir(parents=True, exist_ok=True)
            self._writer = pq.ParquetWriter(self._partial, _SCHEMA, compression="zstd")
        self._writer.write_table(pa.Table.from_pylist(self._waiting, schema=_SCHEMA))
        self._waiting, self._bytes = [], 0

    def close(self) -> Path | None:
        """The file under its final name, or None where every record was used."""
        self._write()
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
