"""Leases as a table of anybody's making: CSV with the names of `RECORD`, one row per message.

    kind,ip,port_first,port_last,protocol,subscriber,inside,at,until,session,since

Only `ip`, `at` and one of `subscriber` and `inside` are needed; without `kind` each row is `held`
from `at` to `until`. Other columns are left alone. A file with other names has a mapping
(`[columns]`, `"Their name" = "ip"`), as the reports of the format generic-csv have.
"""

from collections.abc import Iterator, Sequence
from typing import BinaryIO

import polars as pl

from tocsin.flow.tables import Chunk, Fault
from tocsin.formats.csvtable import table_of
from tocsin.formats.leases.format import LeaseFormat, Piece, checked
from tocsin.formats.leases.moments import moments
from tocsin.formats.records import cut_records
from tocsin.words.errors import Unreadable

NEEDED = ("ip", "at")
NAMES = (
    *("kind", "ip", "port_first", "port_last", "protocol", "subscriber", "inside"),
    *("at", "until", "session", "since"),
)
PROTOCOLS = {"tcp": 6, "udp": 17, "icmp": 1, "any": 0, "": 0}
_MOMENTS = ("at", "until", "since")


def read_csv(stream: BinaryIO, name: str, _subscriber: str) -> Iterator[Piece]:
    """A CSV with these column names, in any order."""
    width: list[int] = []

    def plan(header: list[str]) -> dict[str, int]:
        width.append(len(header))
        return _places(name, header)

    for chunk in cut_records(stream, name, plan):
        if isinstance(chunk, Fault):
            yield Piece(checked(pl.DataFrame(), _no_bytes).rows, [chunk])
            continue
        yield _piece(chunk, width[0])


def _places(name: str, header: Sequence[str]) -> dict[str, int]:
    found = {column.strip().lower(): at for at, column in enumerate(header)}
    places = {column: found[column] for column in NAMES if column in found}
    missing = [column for column in NEEDED if column not in places]
    if missing or not {"subscriber", "inside"} & set(places):
        lacking = ", ".join(missing) or "subscriber (or inside)"
        raise Unreadable(
            f"{name}: no column {lacking}. Its columns: {', '.join(header[:12])}. "
            f"Possible: {', '.join(NAMES)}"
        )
    return places


def _no_bytes(_row: int) -> bytes:
    return b""


def _piece(chunk: Chunk, width: int) -> Piece:
    layout = chunk.layout
    if not isinstance(layout, dict):
        raise TypeError(f"a chunk of another format: {type(layout).__name__}")
    frame, _ = table_of(chunk, width=width)
    rows = typed(frame.select(pl.col(str(at)).alias(name) for name, at in layout.items()))
    rows = rows.with_columns(pl.Series("row", chunk.lines, dtype=pl.Int64))
    return checked(rows, lambda at: chunk.data[int(chunk.starts[at]) : int(chunk.ends[at])])


def typed(texts: pl.DataFrame) -> pl.DataFrame:
    """Columns of text with the names of `RECORD` as what they are; null where they are not."""
    rows = texts.with_columns(
        moments(texts[name]).alias(name) for name in _MOMENTS if name in texts.columns
    )
    ports = [name for name in ("port_first", "port_last") if name in texts.columns]
    rows = rows.with_columns(pl.col(name).cast(pl.UInt16, strict=False) for name in ports)
    if "protocol" in texts.columns:
        rows = rows.with_columns(protocol(pl.col("protocol")))
    kind = pl.col("kind").str.to_lowercase() if "kind" in texts.columns else pl.lit(None, pl.String)
    return rows.with_columns(kind.fill_null("held").alias("kind"))


def protocol(said: pl.Expr) -> pl.Expr:
    """A protocol by name or number (String) to its number; null for any."""
    named = said.str.to_lowercase().replace_strict(PROTOCOLS, default=None, return_dtype=pl.UInt8)
    number = pl.coalesce(named, said.cast(pl.UInt8, strict=False))
    return pl.when(number != 0).then(number).alias("protocol")


def _is_csv(head: bytes, _name: str) -> bool:
    first = head.split(b"\n", 1)[0].lower()
    names = {part.strip().strip(b'"') for part in first.split(b",")}
    return {b"ip", b"at"} <= names and bool(names & {b"subscriber", b"inside"})


FORMAT = LeaseFormat(
    name="csv", title="Leases as CSV", sniff=_is_csv, read=read_csv, samples="leases/csv"
)
