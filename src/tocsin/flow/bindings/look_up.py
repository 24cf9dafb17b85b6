"""Which line held an address at a moment: exactly one, several, none, or not to be told.

Clocks differ, of the one who reports and of the one who logs. A binding is asked for within the
tolerance of both; an answer is `EXACT` only if one line held the address at that second and no
other within the tolerance. Everything else says what it is. There is no guess: a line that is
warned by mistake is a person who is told of an infection that is somebody else's.
"""

from enum import IntEnum

import numpy as np
import polars as pl

from tocsin.flow.bindings.search import INSIDE, Asked, Found, Records, Search

_U = np.uint64


class Outcome(IntEnum):
    """What can be said of an address at a moment."""

    EXACT = 1
    AMBIGUOUS = 2
    NONE = 3
    NOT_ATTRIBUTABLE = 4


class Why(IntEnum):
    """The reason of an outcome that is not exact."""

    HELD = 0  # one line held it
    SEVERAL = 1  # more than one line within the tolerance
    EDGE = 2  # nobody at that second, one line within the tolerance
    NOBODY = 3  # the records cover the moment, and nobody held it
    NOT_COVERED = 4  # the records do not reach to the moment
    NO_PORT = 5  # several lines share the address, and the report names no port
    INSIDE_UNKNOWN = 6  # translated from an inside address that no record explains


def look_up(questions: pl.DataFrame, records: Records, *, workers: int = 1) -> pl.DataFrame:
    """For each question (`QUESTION`) what can be said, in the order of the questions.

    Columns: `outcome` and `why` (UInt8), `line` (UInt64, 0 unless one held it), `other` (UInt64,
    another within the tolerance), `since`, `until` (Int64) and `source` (UInt16) of the binding,
    and `inside` (UInt64, 0 or the translated address a line was found by).
    """
    first = _pass(questions, records, workers)
    line, outcome = first["line"].to_numpy(), first["outcome"].to_numpy()
    through = np.flatnonzero((outcome == Outcome.EXACT) & ((line & INSIDE) != 0))
    answer = first.with_columns(pl.lit(0, pl.UInt64).alias("inside"))
    if not len(through):
        return answer
    behind = _pass(_behind(questions, line, through), records, workers)
    return _put(answer, behind, through, line)


def _behind(questions: pl.DataFrame, line: np.ndarray, through: np.ndarray) -> pl.DataFrame:
    """The second question: who held the inside address at the same moment."""
    inside = line[through] & ~INSIDE
    asked = questions[through]
    return asked.with_columns(
        pl.Series("realm", (inside >> _U(32)).astype(np.uint16)),
        pl.Series("v4", (inside & _U(0xFFFFFFFF)).astype(np.uint32)),
        pl.lit(None, pl.UInt16).alias("port"),
        pl.lit(0, pl.UInt8).alias("protocol"),
    )


def _put(
    answer: pl.DataFrame, behind: pl.DataFrame, through: np.ndarray, line: np.ndarray
) -> pl.DataFrame:
    columns = {name: answer[name].to_numpy().copy() for name in answer.columns}
    for name in behind.columns:
        columns[name][through] = behind[name].to_numpy()
    columns["inside"][through] = line[through]
    unknown = through[behind["outcome"].to_numpy() == Outcome.NONE]
    columns["why"][unknown] = Why.INSIDE_UNKNOWN
    return pl.DataFrame(columns, schema=answer.schema)


def _pass(questions: pl.DataFrame, records: Records, workers: int) -> pl.DataFrame:
    found = Found.nothing(len(questions))
    Search(Asked(questions), found, records).through_all(workers)
    return _judged(questions, found, records)


def _judged(questions: pl.DataFrame, found: Found, records: Records) -> pl.DataFrame:
    reach = [run.reach for run in records.runs if run.rows]
    moments = questions["at"].to_numpy()
    covered = np.zeros(len(moments), bool)
    if reach:
        covered = (moments >= min(first for first, _ in reach)) & (
            moments < max(last for _, last in reach)
        )
    nobody = found.line == 0
    why = np.select(
        [found.shared, nobody & ~covered, nobody, found.other != 0, ~found.held],
        [Why.NO_PORT, Why.NOT_COVERED, Why.NOBODY, Why.SEVERAL, Why.EDGE],
        Why.HELD,
    )
    return pl.DataFrame(
        {
            "outcome": _OUTCOMES[why],
            "why": why.astype(np.uint8),
            "line": found.line,
            "other": found.other,
            "since": found.since,
            "until": found.until,
            "source": found.source,
        }
    )


_OUTCOMES = np.array(
    [
        Outcome.EXACT,
        Outcome.AMBIGUOUS,
        Outcome.AMBIGUOUS,
        Outcome.NONE,
        Outcome.NONE,
        Outcome.NOT_ATTRIBUTABLE,
        Outcome.NONE,
    ],
    dtype=np.uint8,
)
