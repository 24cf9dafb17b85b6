"""Events as CSV: the columns are IDF keys.

A spreadsheet takes a cell that begins with = + - @, a tab or a carriage return for a formula
(OWASP, "CSV Injection"). Such a text is written with one apostrophe before it, and so is one
that begins with apostrophes before such a sign; the reader takes one apostrophe off again.
Every value therefore comes back as it was; only an empty text comes back as null.
"""

import io
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import BinaryIO

import numpy as np
import polars as pl

from tocsin.flow.tables import ROW, Chunk, Fault, Parsed
from tocsin.formats.csvtable import table_of
from tocsin.formats.format import Format
from tocsin.formats.idf import (
    column_of,
    is_known,
    moments_as_text,
    rows_of,
    spread,
    table_from,
    without,
)
from tocsin.formats.quotes import survey
from tocsin.formats.records import cut_records, header_in
from tocsin.words.errors import Unreadable
from tocsin.words.fields import FIELDS

_DANGEROUS = r"^('*[=+\-@\t\r])"
_GUARDED = r"^'('*[=+\-@\t\r])"


@dataclass(frozen=True)
class Layout:
    """The column each position of the file fills; empty: left out."""

    columns: tuple[str, ...]
    notes: tuple[str, ...]


def sniff(head: bytes, _name: str) -> bool:
    """A header with at least one dotted IDF key."""
    return any("." in column and column in FIELDS for column in header_in(head))


def cut(stream: BinaryIO, name: str) -> Iterator[Chunk | Fault]:
    """Chunks of whole records with a `Layout`; Unreadable where no column is an IDF key."""
    return cut_records(stream, name, lambda names: _layout(name, names))


def _layout(name: str, names: list[str]) -> Layout:
    if not any(column in FIELDS for column in names):
        raise Unreadable(f"{name}: no column is a key of the IntelMQ Data Format.")
    columns: list[str] = []
    for column in names:
        known = column if is_known(column) else column_of(column)
        columns.append("" if column == ROW or known in columns else known)
    unknown = [column for column in names if not is_known(column) and column != ROW]
    notes = (f"columns that are no IDF keys, kept as extra: {', '.join(unknown[:12])}",)
    return Layout(tuple(columns), notes if unknown else ())


def parse(chunk: Chunk) -> Parsed:
    """One row per record: IDF and `extra.*` columns (String), `report.row` (Int64)."""
    layout = chunk.layout
    if not isinstance(layout, Layout):
        raise TypeError(f"a chunk of another format: {type(layout).__name__}")
    frame, counts = table_of(chunk, width=len(layout.columns), tidy=False)
    used = [(str(index), name) for index, name in enumerate(layout.columns) if name]
    table = _unguard(frame.select(pl.col(index).alias(name) for index, name in used))
    table.insert_column(0, pl.Series(ROW, chunk.lines, dtype=pl.Int64))
    parsed = Parsed(
        table, chunk.data, chunk.starts, chunk.ends, notes=list(layout.notes), counts=counts
    )
    return _spread_extra(parsed) if "extra" in table.columns else parsed


def _spread_extra(parsed: Parsed) -> Parsed:
    """The JSON objects of the column `extra` as columns; a row with no object is a fault."""
    rows, bad = rows_of(parsed.table["extra"].to_list(), spread)
    table, extras = parsed.table.drop("extra"), table_from(rows)
    for column in extras:
        name = column.name
        own = [table[name], column] if name in table.columns else [column]
        table = table.with_columns(pl.coalesce(own).alias(name))
    return without(replace(parsed, table=table), bad)


def _unguard(table: pl.DataFrame) -> pl.DataFrame:
    quoted = table.select(pl.all().str.starts_with("'").any())
    names = [name for name in table.columns if quoted[name].item()]
    return table.with_columns(pl.col(names).str.replace(_GUARDED, "$1"))


def header(columns: list[str]) -> bytes:
    """The line of column names."""
    return pl.DataFrame(schema=dict.fromkeys(columns, pl.String)).write_csv().encode()


def body(table: pl.DataFrame) -> bytes:
    """One line per row, quoted where necessary, null as nothing; `extra` as its JSON text."""
    out = io.BytesIO()
    _guard(moments_as_text(table)).write_csv(out, include_header=False, quote_style="necessary")
    return out.getvalue()


def ends(data: bytes) -> np.ndarray:
    """The offset behind each row of a body; line feeds inside quotes end none."""
    return survey(np.frombuffer(data, np.uint8)).ends


def _guard(table: pl.DataFrame) -> pl.DataFrame:
    texts = [name for name, kind in table.schema.items() if kind == pl.String]
    found = table.select(pl.col(texts).str.contains(_DANGEROUS).any())
    names = [name for name in texts if found[name].item()]
    return table.with_columns(pl.col(names).str.replace(_DANGEROUS, "'$1"))


FORMAT = Format(
    name="idf-csv",
    media_type="text/csv",
    extension=".csv",
    sniff=sniff,
    cut=cut,
    parse=parse,
    header=header,
    body=body,
    ends=ends,
    samples="idf-csv",
)
