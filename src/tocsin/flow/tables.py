"""The tables that cross rooms on the way of a report.

A *raw table* is what a format makes of bytes: every column `String`, named by an IDF key
or `extra.<name>`, one row per record, plus `report.row` (Int64: the number of the line, or
of the message, that the record starts on; counted from 1). Nothing in it is validated yet.
"""

from dataclasses import dataclass, field

import numpy as np
import polars as pl

ROW = "report.row"


@dataclass(frozen=True)
class Fault:
    """One record that could not be used: where it stood, which rule, its exact bytes."""

    row: int
    reason: str
    raw: bytes


def _none() -> np.ndarray:
    return np.empty(0, dtype=np.int64)


@dataclass(frozen=True)
class Chunk:
    """Whole records of one report, cut out of the stream; picklable, independent of others.

    `layout` is what the format learnt from file name and header (its own plain data);
    `row` is the number of the line that `data` starts on. `starts`, `ends` (byte offsets into
    `data`, the line end included) and `lines` (counted from 1) are int64, one per record;
    bytes between them belong to records that were yielded as a Fault, or to empty lines.
    `mended` holds, by record index, the clean bytes to read in the stead of the exact ones.
    """

    data: bytes
    row: int
    layout: object
    starts: np.ndarray = field(default_factory=_none)
    ends: np.ndarray = field(default_factory=_none)
    lines: np.ndarray = field(default_factory=_none)
    mended: dict[int, bytes] = field(default_factory=dict)


@dataclass(frozen=True)
class Parsed:
    """A raw table, what did not fit in it, and where in `data` each row's bytes are.

    `starts` and `ends` (int64, one per row of `table`) are byte offsets into `data`, so that a
    row refused later still goes to quarantine with its exact bytes. `notes` are sentences
    for the summary, equal for every chunk of a report where they say the same. `counts` are
    sentences with a number in them, written `{n}`: the numbers of all chunks are to be added.
    `is_tidy` promises that no value has a control character in it.
    """

    table: pl.DataFrame
    data: bytes
    starts: np.ndarray
    ends: np.ndarray
    faults: list[Fault] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)
    is_tidy: bool = False

    @classmethod
    def of(cls, rows: list[dict[str, str]]) -> "Parsed":
        """A raw table of rows that came from no bytes."""
        nowhere = np.zeros(len(rows), dtype=np.int64)
        table = pl.DataFrame(rows, infer_schema_length=None).cast(pl.String)
        table = table.with_columns((pl.int_range(pl.len()) + 1).alias(ROW))
        return cls(table, b"", nowhere, nowhere)

    def raw(self, index: int) -> bytes:
        """The exact bytes of row `index` of the table."""
        return self.data[int(self.starts[index]) : int(self.ends[index])]
