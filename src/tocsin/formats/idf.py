"""What the two formats of the IntelMQ Data Format (IDF) share: names, moments, extras."""

import json
import re
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import replace
from typing import TypeVar

import numpy as np
import polars as pl

from tocsin.flow.tables import ROW, Fault, Parsed
from tocsin.words.fields import EXTRA, FIELDS, is_field

KEYS_LIMIT = 600  # 89 keys of IDF and some 500 of reports
_WHOLE = "%Y-%m-%dT%H:%M:%S+00:00"
_PARTS = "%Y-%m-%dT%H:%M:%S%.6f+00:00"
_NAIVE = pl.Datetime("us")  # taken as UTC
_compact = json.JSONEncoder(ensure_ascii=True, separators=(",", ":")).encode
_KEY = re.compile(r"^extra(\.[a-z_0-9]+)+$")

Row = dict[str, str | None]
Faults = dict[int, str]
Record = TypeVar("Record")


class Unfit(ValueError):
    """A record with a value that a column cannot hold; its text is the reason of a Fault."""


def column_of(key: str) -> str:
    """The column for a key of somebody else's: an IDF key as it is, all else `extra.<key>`.

    Extra names follow the key rule of the IDF harmonisation: [a-z_0-9], parted by dots.
    """
    if key in FIELDS or _KEY.match(key):
        return key
    parts = (re.sub(r"[^a-z0-9_]+", "_", part).strip("_") for part in key.lower().split("."))
    name = ".".join(part for part in parts if part)
    return (name if name.startswith(EXTRA) else EXTRA + name) if name else EXTRA + "nameless"


def is_known(key: str) -> bool:
    """An IDF key, `extra.<name>`, or `extra` itself (an object)."""
    return key == "extra" or is_field(key)


def text_of(key: str, value: object) -> str | None:
    """One JSON value as a column holds it; numbers and flags as text, empty as null.

    Raises Unfit for a list or an object outside `extra`, and for text that is not Unicode.
    """
    if value is None or value == "":
        return None
    if isinstance(value, str):
        return _unicode(key, value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return str(value) if isinstance(value, int) else json.dumps(value)
    if key.startswith(EXTRA):
        try:
            return _compact(value)
        except RecursionError as error:  # writing nests a little deeper than reading did
            raise Unfit(f"{key} is nested too deeply") from error
    kind = "a list" if isinstance(value, list) else "an object"
    raise Unfit(f"{key} holds {kind}; a text, a number or true/false is expected")


def _unicode(key: str, text: str) -> str:
    if not text.isascii() and any("\ud800" <= char <= "\udfff" for char in text):
        raise Unfit(f"{key} holds half of a surrogate pair, which is no Unicode text")
    return text


def flatten(record: object) -> Row:
    """One IDF object as columns and texts; `extra` may be an object or the text of one."""
    if not isinstance(record, dict):
        raise Unfit("not an object; one JSON object per event is expected")
    row: Row = {}
    for key, value in record.items():
        if key == "extra":
            row |= spread(value)
        else:
            column = column_of(key)
            row[column] = text_of(column, value)
    return row


def spread(extra: object) -> Row:
    """The members of an `extra` object, or of the JSON text of one, as `extra.*` columns."""
    if isinstance(extra, str):
        extra = _loads(extra) if extra else None
    if extra is None:
        return {}
    if not isinstance(extra, dict):
        raise Unfit("extra holds no object")
    columns = {key: column_of(EXTRA + key) for key in extra}
    return {columns[key]: text_of(columns[key], value) for key, value in extra.items()}


def _loads(text: str) -> object:
    try:
        return json.loads(text, parse_constant=no_number)
    except (ValueError, RecursionError) as error:
        raise Unfit(f"extra is not JSON: {error}") from error


def no_number(name: str) -> object:
    """Refuse NaN and Infinity, which RFC 8259 section 6 does not know."""
    raise ValueError(f"{name} is no JSON number")


def rows_of(records: Iterable[Record], read: Callable[[Record], Row]) -> tuple[list[Row], Faults]:
    """Every record as a row, an unfit one as an empty row; and why, by index.

    A report may have at most KEYS_LIMIT different keys: each becomes a column.
    """
    rows: list[Row] = []
    bad: Faults = {}
    keys: set[str] = set()
    for index, record in enumerate(records):
        try:
            row = read(record)
            _admit(row.keys() - keys, among=len(keys))
        except Unfit as error:
            row, bad[index] = {}, str(error)
        keys |= row.keys()
        rows.append(row)
    return rows, bad


def _admit(new: Collection[str], *, among: int) -> None:
    if new and among + len(new) > KEYS_LIMIT:
        raise Unfit(f"more than {KEYS_LIMIT} different keys in one report")


def table_from(rows: list[Row]) -> pl.DataFrame:
    """Rows as a table of String, columns in order of appearance, absent keys null."""
    columns = dict.fromkeys(name for row in rows for name in row)
    return pl.DataFrame(
        {name: [row.get(name) for row in rows] for name in columns},
        schema=dict.fromkeys(columns, pl.String),
    )


def without(parsed: Parsed, bad: Mapping[int, str]) -> Parsed:
    """The rows at these indexes become faults with these reasons."""
    if not bad:
        return parsed
    lines = parsed.table[ROW]
    faults = [Fault(int(lines[index]), why, parsed.raw(index)) for index, why in bad.items()]
    good = np.ones(parsed.table.height, dtype=np.bool_)
    good[list(bad)] = False
    return replace(
        parsed,
        table=parsed.table.filter(good),
        starts=parsed.starts[good],
        ends=parsed.ends[good],
        faults=parsed.faults + faults,
    )


def moments_as_text(table: pl.DataFrame) -> pl.DataFrame:
    """Datetime columns as `YYYY-MM-DDTHH:MM:SS+00:00`, with six decimals only where not zero."""
    moments = [name for name, kind in table.schema.items() if isinstance(kind, pl.Datetime)]
    utc = table.with_columns(
        table[name].dt.convert_time_zone("UTC") for name in moments if table[name].dtype != _NAIVE
    )
    return utc.with_columns(_moment(utc[name]) for name in moments)


def _moment(column: pl.Series) -> pl.Series:
    whole = column.dt.to_string(_WHOLE)
    exact = column.dt.microsecond() == 0
    return whole if exact.all() else whole.zip_with(exact, column.dt.to_string(_PARTS))
