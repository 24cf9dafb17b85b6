"""What was quarantined, for people: counted by report and reason, the bytes only with a reason."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from tocsin.flow.quarantine import read_quarantine
from tocsin.words.errors import NotFound

MOST_REASONS = 200
MOST_RECORDS = 50
_HEX = frozenset("0123456789abcdef")


@dataclass(frozen=True)
class Reason:
    """How many records of one file could not be used, for one reason, and the first line.

    What a reason quotes of a record is left out: that is read for a reason alone.
    """

    run: str
    file: str
    reason: str
    records: int
    line: int


@dataclass(frozen=True)
class Record:
    """One record as it came, as text; bytes that are no text are shown as `\\xff`."""

    file: str
    line: int
    reason: str
    text: str


def reasons(folder: Path, *, run: str = "") -> list[Reason]:
    """The newest runs first; of one run where it is named."""
    frame = read_quarantine(folder)
    if run:
        frame = frame.filter(pl.col("run") == _checked(run))
    counted = (
        frame.with_columns(pl.col("reason").str.replace_all("'[^']*'", "'…'"))
        .group_by("run", "file", "reason")
        .agg(pl.len().alias("records"), pl.col("line").min())
        .sort("records", "file", "reason", descending=[True, False, False])
        .head(MOST_REASONS)
        .select("run", "file", "reason", "records", "line")
        .collect()
    )
    return [Reason(*row) for row in _newest_first(counted.rows(), folder)]


def records(folder: Path, *, run: str, reason: str = "") -> list[Record]:
    """The first records of a run, exactly as they came; raises `NotFound`."""
    frame = read_quarantine(folder).filter(pl.col("run") == _checked(run))
    if reason:
        frame = frame.filter(pl.col("reason") == reason)
    rows = frame.select("file", "line", "reason", "raw").head(MOST_RECORDS).collect().rows()
    if not rows:
        raise NotFound(f"nothing of run {run} is in quarantine")
    return [Record(file, line, why, _as_text(raw)) for file, line, why, raw in rows]


def _newest_first(rows: Iterable[tuple[Any, ...]], folder: Path) -> list[tuple[Any, ...]]:
    when = {path.stem: path.stat().st_mtime for path in folder.glob("*.parquet")}
    return sorted(rows, key=lambda row: -when.get(str(row[0]), 0.0))


def _checked(run: str) -> str:
    """A run's id and nothing else: it becomes part of no path, and of no pattern."""
    word = run.replace("-", "").lower()
    if len(word) != 32 or not set(word) <= _HEX:
        raise NotFound(f"there is no run {run[:40]}")
    return word


def _as_text(raw: bytes) -> str:
    text = raw[:20_000].decode("utf-8", "backslashreplace")
    return "".join(c if c.isprintable() or c in "\n\t" else ascii(c)[1:-1] for c in text)
