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


@dataclass(frozen=True)
class Chunk:
    """Whole records of one report, cut out of the stream; picklable, independent of others.

    `layout` is what the format learnt from file name and header (its own plain data);
    `row` is the number of the line that `data` starts on.
    """

    data: bytes
    row: int
    layout: object


@dataclass(frozen=True)
class Parsed:
    """A raw table, what did not fit in it, and where in `data` each row's bytes are.

    `starts` and `ends` (int64, one per row of `table`) are byte offsets into `data`, so that a
    row refused later still goes to quarantine with its exact bytes. `notes` are sentences
    for the summary, equal for every chunk of a report where they say the same.
    """

    table: pl.DataFrame
    data: bytes
    starts: np.ndarray
    ends: np.ndarray
    faults: list[Fault] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def raw(self, index: int) -> bytes:
        """The exact bytes of row `index` of the table."""
        return self.data[int(self.starts[index]) : int(self.ends[index])]
