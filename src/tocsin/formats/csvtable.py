"""The records of a chunk as a table of clean texts.

Bytes that are not UTF-8 are read as Latin-1, record by record; control characters inside a
value become one space, a NUL U+FFFD; blanks around a value go; an empty value is null.
"""

import io

import numpy as np
import polars as pl

from tocsin.flow.tables import Chunk

LATIN = "{n} rows were not UTF-8 and were read as Latin-1"
MENDED = "{n} rows had misplaced quotation marks and were read as they stood"

Counted = tuple[pl.DataFrame, dict[str, int]]  # a table, and sentences with their number

_CONTROL = r"\p{Cc}+"
_NUL, _NO_CHARACTER = "\0", "\ufffd"  # no text holds a NUL: a value with one is not what it seems


def table_of(chunk: Chunk, *, width: int, tidy: bool = True, delimiter: str = ",") -> Counted:
    """`width` columns of String, named "0", "1", …, one row per record; and what to count.

    With `tidy` unset values keep their blanks and control characters.
    Raises RuntimeError where the rows are not as many as the records: a mistake of ours.
    """
    body, latin = _utf8(chunk)
    counts = {LATIN: latin, MENDED: len(chunk.mended)}
    frame = _read(body, width=width, delimiter=delimiter)
    if frame.height != len(chunk.starts):
        raise RuntimeError(f"{len(chunk.starts)} records gave {frame.height} rows")
    if tidy:
        frame = _tidy(frame, body)
    if b'""' in body:
        frame = frame.with_columns(pl.when(pl.all() != "").then(pl.all()))
    return frame, {sentence: n for sentence, n in counts.items() if n}


def _read(body: bytes, *, width: int, delimiter: str) -> pl.DataFrame:
    schema = {str(index): pl.String for index in range(width)}
    return pl.read_csv(
        io.BytesIO(body),
        has_header=False,
        schema=schema,
        infer_schema=False,
        separator=delimiter,
    )


def _utf8(chunk: Chunk) -> tuple[bytes, int]:
    """The records one behind the other in UTF-8, and how many of them were Latin-1."""
    body = splice(chunk, chunk.mended)
    if body.isascii() or _decodes(body):
        return body, 0
    recoded = _latin_records(chunk)
    return splice(chunk, chunk.mended | recoded), len(recoded)


def splice(chunk: Chunk, instead: dict[int, bytes]) -> bytes:
    """The records of a chunk one behind the other, some of them replaced."""
    starts, ends = chunk.starts, chunk.ends
    gaps = np.flatnonzero(starts[1:] != ends[:-1]) + 1
    swapped = np.array(sorted(instead), dtype=np.int64)
    cuts = np.unique(np.concatenate([[0], gaps, swapped, swapped + 1, [len(starts)]]))
    pieces = []
    for first, behind in zip(cuts[:-1].tolist(), cuts[1:].tolist(), strict=True):
        clean = instead.get(first)
        pieces.append(clean or chunk.data[int(starts[first]) : int(ends[behind - 1])])
    return b"".join(pieces)


def _latin_records(chunk: Chunk) -> dict[int, bytes]:
    high = np.flatnonzero(np.frombuffer(chunk.data, np.uint8) >= 0x80)
    touched = np.unique(np.searchsorted(chunk.starts, high, side="right") - 1)
    recoded = {}
    for index in touched[touched >= 0].tolist():
        exact = chunk.data[int(chunk.starts[index]) : int(chunk.ends[index])]
        record = chunk.mended.get(index, exact)
        if not _decodes(record):
            recoded[index] = record.decode("latin-1").encode()
    return recoded


def _decodes(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


def _tidy(frame: pl.DataFrame, body: bytes) -> pl.DataFrame:
    if _has_controls(body, records=frame.height):
        if b"\0" in body:
            frame = frame.with_columns(pl.all().str.replace_all(_NUL, _NO_CHARACTER, literal=True))
        frame = frame.with_columns(pl.all().str.replace_all(_CONTROL, " "))
    blank = frame.select((pl.all().str.starts_with(" ") | pl.all().str.ends_with(" ")).any())
    edged = [name for name in frame.columns if blank[name].item()]
    stripped = pl.col(edged).str.strip_chars(" ")
    return frame.with_columns(pl.when(stripped != "").then(stripped)) if edged else frame


def _has_controls(body: bytes, *, records: int) -> bool:
    """Whether there is a control character that is not the end of a record."""
    values = np.frombuffer(body, np.uint8)
    found = int(np.count_nonzero(values < 32))
    feeds = records - (not body.endswith(b"\n"))
    ends = feeds + (body.count(b"\r\n") if b"\r" in body else 0)
    return found != ends or body.count(b"\n") != feeds or _has_high_controls(body, values)


def _has_high_controls(body: bytes, values: np.ndarray) -> bool:
    """DEL, or U+0080 to U+009F, which are 0xC2 and one byte below 0xA0 in UTF-8."""
    if b"\x7f" in body:
        return True
    if body.isascii() or b"\xc2" not in body:
        return False
    leads = np.flatnonzero(values[:-1] == 0xC2)
    return bool((values[leads + 1] < 0xA0).any())
