"""Leases as Parquet: the columns of `RECORD`, typed or as text. The quickest way in."""

from collections.abc import Iterator
from typing import BinaryIO

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from tocsin.flow.bindings.records import RECORD
from tocsin.formats.leases.format import LeaseFormat, Piece, checked
from tocsin.formats.leases.table import NAMES, NEEDED, typed
from tocsin.words.errors import Unreadable

_ROWS = 1 << 19  # of one piece
# ValueError: texts that are not UTF-8 as well; OverflowError: moments beyond any calendar.
_BROKEN = (pa.ArrowException, OSError, ValueError, OverflowError, pl.exceptions.PolarsError)


def read(stream: BinaryIO, name: str, _subscriber: str) -> Iterator[Piece]:
    """Pieces of about half a million rows."""
    try:
        file = pq.ParquetFile(stream)
        columns = [column for column in NAMES if column in file.schema_arrow.names]
        _require(columns, name, file.schema_arrow.names)
        done = 0
        for batch in file.iter_batches(_ROWS, columns=columns):
            frame = pl.DataFrame(pl.from_arrow(_plain(batch)))
            yield _piece(frame, done)
            done += len(frame)
    except _BROKEN as fault:
        raise Unreadable(f"{name}: no Parquet that can be read ({fault})") from None


def _plain(batch: pa.RecordBatch) -> pa.Table:
    """The columns alone: texts that are UTF-8, moments in UTC, and nothing that was said of them.

    Polars trusts the names, zones and notes of a schema; a file may hold any bytes in them.
    """
    batch.validate(full=True)
    columns = {}
    for name, column in zip(batch.schema.names, batch.columns, strict=True):
        has_zone = pa.types.is_timestamp(column.type) and column.type.tz is not None
        columns[name] = column.cast(pa.timestamp("us", tz="UTC")) if has_zone else column
    return pa.table(columns)


def _require(columns: list[str], name: str, found: list[str]) -> None:
    missing = [column for column in NEEDED if column not in columns]
    if missing or not {"subscriber", "inside"} & set(columns):
        lacking = ", ".join(missing) or "subscriber (or inside)"
        raise Unreadable(f"{name}: no column {lacking}. Its columns: {', '.join(found[:12])}")


def _piece(frame: pl.DataFrame, done: int) -> Piece:
    texts = [column for column in frame.columns if frame[column].dtype == pl.String]
    read_ = typed(frame.select(texts))
    others = [column for column in frame.columns if column not in texts]
    rows = read_.with_columns(_cast(frame[column]) for column in others)
    numbers = pl.int_range(done + 1, done + len(frame) + 1, dtype=pl.Int64, eager=True)
    return checked(rows.with_columns(numbers.alias("row")), lambda at: str(frame.row(at)).encode())


def _cast(column: pl.Series) -> pl.Series:
    wanted = RECORD[column.name]
    if isinstance(wanted, pl.Datetime) and isinstance(column.dtype, pl.Datetime):
        # A moment without a zone is anybody's: it is refused as missing.
        return column.cast(wanted) if column.dtype.time_zone else column.clear(len(column))
    return column.cast(wanted, strict=False)


def _is_parquet(head: bytes, _name: str) -> bool:
    return head.startswith(b"PAR1")


FORMAT = LeaseFormat(
    name="parquet", title="Leases as Parquet", sniff=_is_parquet, read=read, samples=""
)
