"""What the mail formats share on the way from bytes to chunks and from letters to tables."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import BinaryIO

import numpy as np
import polars as pl

from tocsin.flow.tables import ROW, Chunk, Fault, Parsed
from tocsin.formats.idf import Row, Unfit, table_from
from tocsin.formats.mail.headers import tidy
from tocsin.formats.mail.limits import LIMITS, Tally
from tocsin.words.errors import Unreadable

_BLOCK = 1 << 20


@dataclass(frozen=True)
class Layout:
    """Of which format a chunk is; nothing else is learnt before a message is read."""

    format: str


Reader = Callable[[bytes, Tally], list[Row]]


def whole(stream: BinaryIO, name: str) -> bytes:
    """A file that is one message; raises Unreadable where it is empty or over 25 MiB."""
    parts, size = [], 0
    while size <= LIMITS.message and (part := stream.read(_BLOCK)):
        parts.append(part)
        size += len(part)
    if size > LIMITS.message:
        raise Unreadable(
            f"{name}: a message over {LIMITS.message // 1024**2} MiB. Possible: send its "
            "addresses as a list, and its attachments by digest."
        )
    data = b"".join(parts)
    if not data.strip(b"\xef\xbb\xbf \t\r\n\0"):
        raise Unreadable(f"{name}: empty.")
    return data


def chunk_of(data: bytes, layout: Layout) -> Chunk:
    """One message as a chunk of one record; message numbers stand where lines do."""
    return Chunk(
        data=data,
        row=1,
        layout=layout,
        starts=np.array([0], dtype=np.int64),
        ends=np.array([len(data)], dtype=np.int64),
        lines=np.array([1], dtype=np.int64),
    )


def parse_with(chunk: Chunk, read: Reader) -> Parsed:
    """Every message of a chunk by `read`, which raises Unfit for one that cannot be used."""
    rows: list[Row] = []
    numbers: list[int] = []
    starts: list[int] = []
    ends: list[int] = []
    faults: list[Fault] = []
    counts: dict[str, int] = {}
    records = zip(chunk.starts.tolist(), chunk.ends.tolist(), chunk.lines.tolist(), strict=True)
    for start, end, number in records:
        raw, tally = chunk.data[start:end], Tally()
        try:
            found = read(raw, tally)
        except Unfit as error:
            faults.append(Fault(number, str(error), raw))
            found = []
        rows += [_tidied(row) for row in found]
        numbers += [number] * len(found)
        starts += [start] * len(found)
        ends += [end] * len(found)
        for sentence, count in tally.counts.items():
            counts[sentence] = counts.get(sentence, 0) + count
    table = table_from(rows)
    line = pl.Series(ROW, numbers, dtype=pl.Int64)
    table = table.insert_column(0, line) if table.width else line.to_frame()
    at = (np.array(starts, dtype=np.int64), np.array(ends, dtype=np.int64))
    return Parsed(table, chunk.data, *at, faults=faults, counts=counts)


def _tidied(row: Row) -> Row:
    """One line each, nothing empty, nothing over what a field may hold (16 KiB)."""
    tidied = {key: tidy(value)[:8192] for key, value in row.items() if value}
    return {key: value for key, value in tidied.items() if value}
