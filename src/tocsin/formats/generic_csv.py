"""CSV of anybody's: a mapping file says which column fills which field.

    delimiter = ";"                      # or a tab, |, … ; a comma without it
    skip_lines = 1                       # lines before the column names
    time_format = "%d/%m/%Y %H:%M:%S"    # of all moments; or "unix"; ISO 8601 without it
    ignore = ["Internal note"]           # columns to leave out
    [columns]
    "Attacker IP" = "source.ip"
    [constants]
    "classification.type" = "brute-force"

A file without column names has them in the mapping: `names = ["ip", "seen"]`. Columns that no
line names are kept as `extra.<name>`. Where several columns fill one field, the first that says
something does; a constant fills what its column leaves empty.
"""

import difflib
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO

import polars as pl

from tocsin.flow.tables import ROW, Chunk, Fault, Parsed
from tocsin.formats.constants import filled
from tocsin.formats.csvtable import table_of
from tocsin.formats.format import Format
from tocsin.formats.idf import column_of
from tocsin.formats.records import COLUMN_LIMIT, Dialect, cut_records
from tocsin.words.classes import SPELLINGS, TYPES
from tocsin.words.errors import NotFound, Unreadable, Unusable
from tocsin.words.fields import EXTRA, FIELDS, Kind, is_field

NAME = "generic-csv"
UNIX = "unix"

_KEYS = ("columns", "constants", "delimiter", "ignore", "names", "skip_lines", "time_format")
_DELIMITERS = "\t !#$%&'()*+,-./:;<=>?@[]^_`{|}~"
_SHOWN = 12
# One of these says where the problem is (flow.normalise).
_LOCATING = (
    "source.ip",
    "source.network",
    "source.fqdn",
    "source.url",
    "destination.ip",
)


@dataclass(frozen=True)
class CsvMapping:
    """A mapping file as values: fields by column name, in its order."""

    columns: tuple[tuple[str, str], ...]
    constants: tuple[tuple[str, str], ...] = ()
    ignore: tuple[str, ...] = ()
    time_format: str = ""
    dialect: Dialect = field(default_factory=Dialect)


@dataclass(frozen=True)
class Layout:
    """By field, the positions that may fill it, in order; and how to read them."""

    width: int
    filling: tuple[tuple[str, tuple[int, ...]], ...]
    mapping: CsvMapping
    notes: tuple[str, ...] = ()


# ── the mapping file ─────────────────────────────────────────────────────────────────────


def with_mapping(source: Path | str) -> Format:
    """The format that a mapping describes: a file, or the text of one.

    Raises NotFound, Unreadable where the file is no TOML, Unusable where it cannot work.
    """
    mapping = read_mapping(source)
    return Format(
        name=NAME,
        media_type="text/csv",
        extension=".csv",
        sniff=_is_never_recognised,
        cut=partial(_cut, mapping),
        parse=parse,
    )


def _is_never_recognised(_head: bytes, _name: str) -> bool:
    """The operator says what the file is; nothing is guessed."""
    return False


def read_mapping(source: Path | str) -> CsvMapping:
    """A mapping out of a file, or out of text; raises as `with_mapping` does."""
    name = source.name if isinstance(source, Path) else "mapping"
    text = _text_of(source) if isinstance(source, Path) else source
    try:
        found = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise Unreadable(f"{name} is not TOML: {error}") from error
    return _mapping(found, name)


def _text_of(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise NotFound(f"no such mapping file: {path}") from None
    except (OSError, UnicodeDecodeError) as fault:
        raise Unreadable(f"{path} cannot be read as UTF-8 text: {fault}") from fault


def _mapping(found: dict[str, Any], name: str) -> CsvMapping:
    unknown = [key for key in found if key not in _KEYS]
    if unknown:
        raise Unusable(f"{name}: {unknown[0]!r} is no part of a mapping. Possible: {_KEYS_SAID}")
    columns = _texts(found.get("columns", {}), name, "columns")
    constants = _constants(found.get("constants", {}), name)
    for target in [*columns.values(), *constants]:
        _require_field(target, name)
    if not set(_LOCATING) & {*columns.values(), *constants}:
        raise Unusable(
            f"{name}: no column says where the problem is. Possible: map one to "
            f"{', '.join(_LOCATING)}"
        )
    _require_class(constants.get("classification.type"), name)
    return CsvMapping(
        columns=tuple(columns.items()),
        constants=tuple(constants.items()),
        ignore=_list(found.get("ignore", []), name, "ignore"),
        time_format=_time_format(found.get("time_format", ""), name),
        dialect=_dialect(found, name),
    )


_KEYS_SAID = ", ".join(_KEYS)


def _texts(found: object, name: str, key: str) -> dict[str, str]:
    if not isinstance(found, dict) or not all(isinstance(one, str) for one in found.values()):
        raise Unusable(f'{name}: [{key}] must hold lines such as "Their name" = "source.ip"')
    return {column.strip(): target.strip() for column, target in found.items()}


def _constants(found: object, name: str) -> dict[str, str]:
    if not isinstance(found, dict) or not all(
        isinstance(one, str | int | float) for one in found.values()
    ):
        raise Unusable(
            f'{name}: [constants] must hold lines such as "classification.type" = "phishing"'
        )
    return {
        key: str(one).lower() if isinstance(one, bool) else str(one) for key, one in found.items()
    }


def _require_field(target: str, name: str) -> None:
    if is_field(target) and column_of(target) == target:
        return
    if target.startswith(EXTRA):
        raise Unusable(f"{name}: {target!r} is no name for a field. Possible: {column_of(target)}")
    close = difflib.get_close_matches(target, FIELDS, n=5, cutoff=0.5)
    tail = [one for one in FIELDS if one.endswith(f".{target.rsplit('.', maxsplit=1)[-1]}")]
    possible = list(dict.fromkeys([*close, *tail])) or list(FIELDS)
    raise Unusable(
        f"{name}: {target!r} is no field of the IntelMQ Data Format. Possible: "
        f"{', '.join(possible)}, or extra.<name>"
    )


def _require_class(kind: str | None, name: str) -> None:
    if kind is not None and SPELLINGS.get(kind, kind) not in TYPES:
        raise Unusable(f"{name}: no class {kind!r}. Possible: {', '.join(sorted(TYPES))}")


def _list(found: object, name: str, key: str) -> tuple[str, ...]:
    if not isinstance(found, list) or not all(isinstance(one, str) for one in found):
        raise Unusable(f'{name}: {key} must be a list of column names, such as ["note"]')
    return tuple(one.strip() for one in found)


def _dialect(found: dict[str, Any], name: str) -> Dialect:
    delimiter, skip = found.get("delimiter", ","), found.get("skip_lines", 0)
    names = _list(found.get("names", []), name, "names")
    fits = isinstance(delimiter, str) and len(delimiter) == 1 and delimiter.isascii()
    if not fits or delimiter not in _DELIMITERS:
        raise Unusable(
            f"{name}: delimiter must be one character, such as ; or | or \\t, not {delimiter!r}"
        )
    if type(skip) is not int or not 0 <= skip <= 1000:
        raise Unusable(f"{name}: skip_lines must be a number from 0 to 1000, not {skip!r}")
    if len(names) > COLUMN_LIMIT:
        raise Unusable(f"{name}: {len(names)} names; at most {COLUMN_LIMIT} columns are read")
    return Dialect(delimiter, skip, names)


def _time_format(found: object, name: str) -> str:
    if not isinstance(found, str):
        raise Unusable(f"{name}: time_format must be a text, such as %d/%m/%Y %H:%M:%S")
    if found not in {"", UNIX} and not _reads_itself(found):
        raise Unusable(
            f"{name}: time_format {found!r} cannot work. Possible: %d/%m/%Y %H:%M:%S and the "
            "like (strptime), with a date and a time of day; or unix"
        )
    return found


def _reads_itself(time_format: str) -> bool:
    """Whether a moment written in the format is read again."""
    written = datetime(2026, 6, 17, 9, 30, 15, tzinfo=UTC).strftime(time_format)
    try:
        return _read_times(pl.Series([written]), time_format).null_count() == 0
    except pl.exceptions.PolarsError:
        return False


# ── the file ─────────────────────────────────────────────────────────────────────────────


def _cut(mapping: CsvMapping, stream: BinaryIO, name: str) -> Iterator[Chunk | Fault]:
    """Chunks of whole records; Unreadable where the file has not the columns of the mapping."""
    return cut_records(
        stream, name, lambda names: layout_of(mapping, name, names), dialect=mapping.dialect
    )


def layout_of(mapping: CsvMapping, name: str, names: Sequence[str]) -> Layout:
    """Which position fills which field; raises Unreadable."""
    header = [column.casefold() for column in names]
    missing = [column for column, _ in mapping.columns if column.casefold() not in header]
    if missing:
        raise Unreadable(
            f"{name}: the mapping names {_some(missing)}, which the file does not have. "
            f"Its columns: {_some(names)}"
        )
    fields = {column.casefold(): target for column, target in mapping.columns}
    ignored = {column.casefold() for column in mapping.ignore}
    filling: dict[str, list[int]] = {target: [] for _, target in mapping.columns}
    for column, target in mapping.columns:  # in the order of the mapping
        filling[target] += [at for at, one in enumerate(header) if one == column.casefold()]
    left = [at for at, one in enumerate(header) if one not in fields and one not in ignored]
    for at in left:
        filling[_free(column_of(EXTRA + names[at]), filling)] = [at]
    unnamed = _some([names[at] for at in left])
    notes = (f"columns that the mapping does not name, kept as extra: {unnamed}",)
    return Layout(
        len(names),
        tuple((target, tuple(places)) for target, places in filling.items()),
        mapping,
        notes if left else (),
    )


def _free(column: str, taken: Mapping[str, object]) -> str:
    """The name, or with a number behind it where another column has it already."""
    numbered = (column, *(f"{column}_{number}" for number in range(2, COLUMN_LIMIT + 2)))
    return next(one for one in numbered if one not in taken)


def _some(columns: Sequence[str]) -> str:
    more = f" and {len(columns) - _SHOWN} more" if len(columns) > _SHOWN else ""
    return ", ".join(repr(column[:40]) for column in columns[:_SHOWN]) + more


def parse(chunk: Chunk) -> Parsed:
    """One row per record: IDF and `extra.*` columns (String), `report.row` (Int64)."""
    layout = chunk.layout
    if not isinstance(layout, Layout):
        raise TypeError(f"a chunk of another format: {type(layout).__name__}")
    delimiter = layout.mapping.dialect.delimiter
    frame, counts = table_of(chunk, width=layout.width, delimiter=delimiter)
    table = frame.select(
        pl.coalesce(pl.col(str(at)) for at in places).alias(target)
        for target, places in layout.filling
    )
    table = filled(_with_moments(table, layout.mapping), layout.mapping.constants)
    table.insert_column(0, pl.Series(ROW, chunk.lines, dtype=pl.Int64))
    return Parsed(
        table, chunk.data, chunk.starts, chunk.ends, notes=list(layout.notes), counts=counts
    )


def _with_moments(table: pl.DataFrame, mapping: CsvMapping) -> pl.DataFrame:
    """Moments in ISO 8601; what is none in the format of the mapping stays as it was."""
    if not mapping.time_format:
        return table
    names = [name for name in table.columns if FIELDS.get(name) is Kind.TIME]
    moments = (_read_times(table[name], mapping.time_format).alias(name) for name in names)
    return table.with_columns(
        moment.dt.to_string("%Y-%m-%d %H:%M:%S%.6f").fill_null(_unread(table[moment.name]))
        for moment in moments
    )


def _unread(texts: pl.Series) -> pl.Series:
    """A value that the format does not fit, so that no other reading is tried on it."""
    return "not in time_format: " + texts


def _read_times(texts: pl.Series, time_format: str) -> pl.Series:
    if time_format == UNIX:
        micros = texts.cast(pl.Float64, strict=False) * 1_000_000
        within = micros.is_between(0, 4_102_444_800_000_000)  # until 2100
        return micros.set(~within, None).cast(pl.Int64).cast(pl.Datetime("us"))
    time_format = time_format.replace(".%f", "%.f")  # Python's spelling, and Polars'
    read = texts.str.to_datetime(time_format, strict=False, time_unit="us")
    if isinstance(read.dtype, pl.Datetime) and read.dtype.time_zone:
        return read.dt.convert_time_zone("UTC").dt.replace_time_zone(None)
    return read


FORMAT = Format(
    name=NAME,
    media_type="text/csv",
    extension=".csv",
    sniff=_is_never_recognised,
    with_mapping=with_mapping,
    samples=NAME,
)
