"""Events as JSON, one object per line: flat IDF keys, nulls left out, `extra` an object.

Read as well: a JSON array of such objects, and a single object over several lines.
Source: IntelMQ Data Format, https://docs.intelmq.org/latest/dev/data-format/; RFC 8259.
"""

import json
from collections.abc import Iterator
from typing import BinaryIO

import numpy as np
import polars as pl

from tocsin.flow.tables import ROW, Chunk, Fault, Parsed
from tocsin.formats.format import Format
from tocsin.formats.idf import (
    Row,
    Unfit,
    flatten,
    moments_as_text,
    no_number,
    rows_of,
    table_from,
    without,
)
from tocsin.formats.objects import cut_objects
from tocsin.words.fields import EXTRA, FIELDS

LATIN = "{n} rows were not UTF-8 and were read as Latin-1"

_LAYOUT = "intelmq-json"
_TO_ESCAPE = r'["\\\x00-\x1f]'
_ESCAPES = {'"': '\\"', "\\": "\\\\"} | {chr(code): f"\\u{code:04x}" for code in range(32)}


def sniff(head: bytes, _name: str) -> bool:
    """An object, or an array of them, with an IDF key near its beginning."""
    start = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    keys = (f'"{key}"'.encode() for key in FIELDS if "." in key)
    return start[:1] in {b"{", b"["} and any(key in start for key in keys)


# ── reading ──────────────────────────────────────────────────────────────────────────────


def cut(stream: BinaryIO, name: str) -> Iterator[Chunk | Fault]:
    """Chunks of whole objects; Unreadable where the first character begins no object or array."""
    return cut_objects(stream, name, _LAYOUT)


def parse(chunk: Chunk) -> Parsed:
    """One row per object: IDF and `extra.*` columns (String), `report.row` (Int64).

    An object that is no event (no JSON, a list where a text belongs) is a Fault.
    """
    bounds = zip(chunk.starts.tolist(), chunk.ends.tolist(), strict=True)
    records = [chunk.data[start:end] for start, end in bounds]
    rows, bad = rows_of(records, _row)
    table = table_from(rows)
    line = pl.Series(ROW, chunk.lines, dtype=pl.Int64)
    table = table.insert_column(0, line) if table.width else line.to_frame()
    latin = 0 if chunk.data.isascii() else sum(not _decodes(record) for record in records)
    counts = {LATIN: latin} if latin else {}
    return without(Parsed(table, chunk.data, chunk.starts, chunk.ends, counts=counts), bad)


def _row(record: bytes) -> Row:
    text = record.decode("utf-8" if _decodes(record) else "latin-1")
    try:
        value = json.loads(text, parse_constant=no_number)
    except (ValueError, RecursionError) as error:
        raise Unfit(f"not JSON: {error}") from error
    return flatten(value)


def _decodes(record: bytes) -> bool:
    try:
        record.decode()
    except UnicodeDecodeError:
        return False
    return True


# ── writing ──────────────────────────────────────────────────────────────────────────────


def header(_columns: list[str]) -> bytes:
    """JSON lines have none."""
    return b""


def body(table: pl.DataFrame) -> bytes:
    """One object per row. `extra` (JSON text of an object) and `extra.*` become one object;
    a key must not stand in both."""
    table = _escaped(moments_as_text(table))
    plain = [name for name in table.columns if name != "extra" and not name.startswith(EXTRA)]
    members = [*_members(table, plain), _extra_member(table)]
    inner = pl.concat_str(members, ignore_nulls=True).str.slice(1)
    line = pl.concat_str([pl.lit("{"), inner, pl.lit("}\n")]).alias("line")
    return _bytes(table.with_columns(line)["line"])


def ends(data: bytes) -> np.ndarray:
    """The offset behind each row of a body."""
    return np.flatnonzero(np.frombuffer(data, np.uint8) == 10) + 1


def _bytes(lines: pl.Series) -> bytes:
    """The texts one behind the other, straight out of the Arrow buffer that holds them so."""
    if not len(lines):
        return b""
    array = lines.to_arrow(compat_level=pl.CompatLevel.oldest())  # large_string
    _, offsets, data = array.buffers()
    bounds = np.frombuffer(offsets, np.int64)
    return bytes(data[int(bounds[array.offset]) : int(bounds[array.offset + len(array)])])


def _members(table: pl.DataFrame, names: list[str], *, within: str = "") -> list[pl.Expr]:
    """What to concatenate for `,"key":value` of each column; absent where the value is null.

    Neighbours that are never null share one literal, which makes it three times as fast.
    """
    parts: list[pl.Expr] = []
    text = ""
    for name in names:
        before, value, after = _member(name, table.schema[name], key=name.removeprefix(within))
        if table[name].null_count() == 0 and not table.schema[name].is_float():
            parts += [pl.lit(text + before), value]
            text = after
        elif table[name].null_count() < table.height:
            parts += [pl.lit(text), pl.concat_str([pl.lit(before), value, pl.lit(after)])]
            text = ""
    return [*parts, pl.lit(text)]


def _member(name: str, kind: pl.DataType, *, key: str) -> tuple[str, pl.Expr, str]:
    start, value = f",{json.dumps(key)}:", pl.col(name)
    if kind == pl.String:
        return f'{start}"', value, '"'
    if kind.is_float():  # RFC 8259 section 6: no infinity, no NaN
        value = pl.when(value.is_finite()).then(value)
    return start, value.cast(pl.String), ""


def _extra_member(table: pl.DataFrame) -> pl.Expr:
    """`,"extra":{…}` of the column `extra` and all `extra.*`, or null where all are."""
    names = [name for name in table.columns if name.startswith(EXTRA)]
    members = _members(table, names, within=EXTRA)
    if "extra" in table.columns:
        members.insert(0, _inner(pl.col("extra")))
    together = pl.concat_str(members, ignore_nulls=True)
    extra = pl.concat_str([pl.lit(',"extra":{'), together.str.slice(1), pl.lit("}")])
    return pl.when(together != "").then(extra)


def _inner(texts: pl.Expr) -> pl.Expr:
    """The members of an object: its text without the braces, on one line."""
    flat = texts.str.replace_all("\n", " ", literal=True).str.strip_chars()
    inner = flat.str.strip_prefix("{").str.strip_suffix("}").str.strip_chars()
    return pl.when(inner != "").then(pl.concat_str([pl.lit(","), inner]))


def _escaped(table: pl.DataFrame) -> pl.DataFrame:
    """Texts as they may stand between quotes (RFC 8259 section 7); `extra` is JSON already."""
    texts = [name for name, kind in table.schema.items() if kind == pl.String and name != "extra"]
    found = table.select(pl.col(texts).str.contains(_TO_ESCAPE).any())
    names = [name for name in texts if found[name].item()]
    return table.with_columns(pl.col(names).str.replace_many(_ESCAPES))


FORMAT = Format(
    name="intelmq-json",
    media_type="application/x-ndjson",
    extension=".ndjson",
    sniff=sniff,
    cut=cut,
    parse=parse,
    header=header,
    body=body,
    ends=ends,
    samples="intelmq-json",
)
