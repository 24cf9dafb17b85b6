"""Cut a CSV byte stream at record ends; bad records come out with their exact bytes.

A window is surveyed at once (`quotes.py`). Where a quote stands wrongly, or a record over
several lines has the wrong number of fields, reading turns careful: one record at a time, and
of a bad one only its first line is judged, so that a stray quote never swallows the rest.
The cost stays linear: a window that had to be given up is at most as large as what was read
since the last flaw (plus 64 KiB), and a flaw is left behind only after 64 good records.
"""

import csv
import re
from array import array
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import BinaryIO

import numpy as np

from tocsin.flow.tables import Chunk, Fault
from tocsin.formats.format import CHUNK_BYTES
from tocsin.formats.quotes import Survey, survey
from tocsin.words.errors import Unreadable

RECORD_LIMIT = 1 << 20
COLUMN_LIMIT = 2000
TOO_LONG = "longer than 1 MiB, the limit of a record"

_BLOCK = 1 << 22
_SMALL, _LARGE = 1 << 16, 1 << 20
_CALM = 64
_BOM = b"\xef\xbb\xbf"


class Buffer:
    """The part of a stream that is being read: `data` from offset `at` on, ending in a line feed
    once the stream has ended (`padded` tells that we added it). `limit` bounds a line."""

    def __init__(self, stream: BinaryIO, *, limit: int = RECORD_LIMIT) -> None:
        self._stream = stream
        self.limit = limit
        self.data = b""
        self.at = 0
        self.ended = False
        self.padded = False

    def fill(self, need: int | None = None) -> bool:
        """Have `need` bytes (two lines at the limit) from `at` on, or all that is left; False
        when nothing is."""
        need = 2 * self.limit if need is None else need
        while len(self.data) - self.at < need and not self.ended:
            block = self._read_block()
            self.data = self.data[self.at :] + block
            self.at = 0
        return self.at < len(self.data)

    def exact(self, start: int, end: int) -> bytes:
        """The bytes of the stream between two offsets, without the line feed we added."""
        return self.data[start : self.exact_end(end)]

    def exact_end(self, end: int) -> int:
        """`end` without the line feed we added."""
        return end - (self.padded and end == len(self.data))

    def line_end(self) -> int | None:
        """The offset behind the physical line at `at`; None where it is over the limit."""
        found = self.data.find(b"\n", self.at, self.at + self.limit)
        return None if found < 0 else found + 1

    def _read_block(self) -> bytes:
        parts: list[bytes] = []
        missing = _BLOCK
        while missing > 0:
            part = self._stream.read(missing)
            if not part:
                return self._last(b"".join(parts))
            parts.append(part)
            missing -= len(part)
        return b"".join(parts)

    def _last(self, block: bytes) -> bytes:
        self.ended = True
        last = block[-1:] or self.data[self.at :][-1:]
        self.padded = last not in (b"", b"\n")
        return block + b"\n" if self.padded else block


class Pile:
    """Records on their way into a chunk."""

    def __init__(self) -> None:
        self._empty()

    def _empty(self) -> None:
        self._pieces: list[bytes] = []
        self._starts, self._ends, self._lines = array("q"), array("q"), array("q")
        self._mended: dict[int, bytes] = {}
        self.size = 0

    def add(self, record: bytes, line: int, mended: bytes | None = None) -> None:
        """Add one record that starts on `line`."""
        if mended is not None:
            self._mended[len(self._starts)] = mended
        self._starts.append(self.size)
        self._ends.append(self.size + len(record))
        self._lines.append(line)
        self._take(record)

    def add_many(
        self,
        piece: bytes,
        starts: np.ndarray,
        ends: np.ndarray,
        lines: np.ndarray,
        mended: dict[int, bytes],
    ) -> None:
        """Add the records of a piece; offsets into it, int64; `mended` by index in `starts`."""
        first = len(self._starts)
        self._mended.update({first + index: clean for index, clean in mended.items()})
        self._starts.frombytes((starts + self.size).tobytes())
        self._ends.frombytes((ends + self.size).tobytes())
        self._lines.frombytes(lines.tobytes())
        self._take(piece)

    def _take(self, piece: bytes) -> None:
        self._pieces.append(piece)
        self.size += len(piece)

    def release(self, layout: object) -> Iterator[Chunk]:
        """The chunk of all that was added, unless nothing was; the pile is empty afterwards."""
        if self._starts:
            yield Chunk(
                data=b"".join(self._pieces),
                row=self._lines[0],
                layout=layout,
                starts=np.array(self._starts, dtype=np.int64),
                ends=np.array(self._ends, dtype=np.int64),
                lines=np.array(self._lines, dtype=np.int64),
                mended=self._mended,
            )
        self._empty()


@dataclass(frozen=True)
class Dialect:
    """How a CSV file is written: what parts its fields (one ASCII character), how many lines
    stand before the column names, and the names where no line says them."""

    delimiter: str = ","
    skip_lines: int = 0
    names: tuple[str, ...] = ()


COMMA = Dialect()


def cut_records(
    stream: BinaryIO,
    name: str,
    plan: Callable[[list[str]], object],
    *,
    size: int = CHUNK_BYTES,
    dialect: Dialect = COMMA,
) -> Iterator[Chunk | Fault]:
    """Cut `stream` into chunks of about `size` bytes.

    `plan` makes the layout of the chunks from the column names, or raises Unreadable.
    Raises Unreadable where there is no header line.
    """
    buffer = Buffer(stream)
    names, line = read_header(buffer, name, dialect)
    layout = plan(names)
    cutter = _Cutter(buffer, width=len(names), line=line, delimiter=dialect.delimiter)
    while buffer.fill():
        yield from cutter.step()
        if cutter.pile.size >= size:
            yield from cutter.pile.release(layout)
    yield from cutter.pile.release(layout)


def read_header(buffer: Buffer, name: str, dialect: Dialect = COMMA) -> tuple[list[str], int]:
    """The column names, stripped, and the number of the line after them."""
    line = 1
    buffer.fill()
    if buffer.data.startswith(_BOM):
        buffer.at = len(_BOM)
    while buffer.fill():
        if line > dialect.skip_lines and dialect.names:
            return list(dialect.names), line
        end = buffer.line_end()
        if end is None:
            raise Unreadable(f"{name}: no header: the first line is {TOO_LONG}.")
        text = buffer.data[buffer.at : end].decode("latin-1").strip(" \r\n")
        buffer.at = end
        line += 1
        if text.strip() and line > dialect.skip_lines + 1:
            return _names(text, name, dialect.delimiter), line
    raise Unreadable(f"{name}: empty; a CSV report begins with a line of column names.")


def header_in(head: bytes) -> list[str]:
    """The column names in the first bytes of a file, lower case; empty where it is no CSV."""
    line = head.removeprefix(_BOM).lstrip().split(b"\n", 1)[0].decode("latin-1").strip()
    try:
        return [column.strip().lower() for column in next(csv.reader([line]), [])]
    except csv.Error:
        return []


def _names(text: str, name: str, delimiter: str) -> list[str]:
    try:
        names = next(csv.reader([text.replace("\r", " ")], delimiter=delimiter))
    except csv.Error as error:
        raise Unreadable(f"{name}: the line of column names is not CSV: {error}.") from error
    if len(names) > COLUMN_LIMIT:
        raise Unreadable(f"{name}: {len(names)} columns; at most {COLUMN_LIMIT} are read.")
    return [column.strip() for column in names]


class _Cutter:
    """Reads on from the buffer; `pile` collects the good records."""

    def __init__(self, buffer: Buffer, *, width: int, line: int, delimiter: str) -> None:
        self.pile = Pile()
        self._buffer = buffer
        self._width = width
        self._line = line
        self._window = _SMALL
        self._calm = 0  # good records still to be read carefully
        self._overlong = False  # in the middle of a line over the limit
        self._delimiter = delimiter
        self._record = _record_pattern(width, delimiter.encode())

    def step(self) -> Iterator[Fault]:
        """Read a window, or some records carefully."""
        return self._read_carefully() if self._calm or self._overlong else self._read_window()

    def _read_window(self) -> Iterator[Fault]:
        buffer = self._buffer
        size = min(self._window, len(buffer.data) - buffer.at)
        window = np.frombuffer(buffer.data, np.uint8, size, buffer.at)
        seen = survey(window, ord(self._delimiter))
        stop = _first_stop(seen, self._width)
        yield from self._take(seen, stop)
        if seen.flawed or stop < len(seen.ends):
            self._calm, self._window = _CALM, _SMALL
        elif stop or size < min(RECORD_LIMIT, len(buffer.data) - buffer.at):
            self._window = min(self._window * 2, _LARGE)
        else:
            self._calm, self._window = _CALM, _SMALL

    def _take(self, seen: Survey, stop: int) -> Iterator[Fault]:
        """Put the first `stop` records on the pile, but for the bad ones."""
        if not stop:
            return
        buffer, base = self._buffer, self._buffer.at
        starts, ends = seen.starts[:stop], seen.ends[:stop]
        lines = seen.skipped[:stop] + self._line
        blank = self._blank(starts, ends)
        good = (seen.fields[:stop] == self._width) & ~blank
        mended: dict[int, bytes] = {}
        for index in np.flatnonzero(~good & ~blank).tolist():
            raw = buffer.exact(base + int(starts[index]), base + int(ends[index]))
            verdict = mend(raw, self._width, self._delimiter)
            if isinstance(verdict, bytes):
                mended[index], good[index] = verdict, True
            else:
                yield Fault(int(lines[index]), verdict, raw)
        self._pile_up(good, starts, ends, lines, mended)
        self._line += int(seen.skipped[stop - 1] + seen.spans[stop - 1])
        buffer.at = base + int(ends[-1])

    def _pile_up(
        self,
        good: np.ndarray,
        starts: np.ndarray,
        ends: np.ndarray,
        lines: np.ndarray,
        mended: dict[int, bytes],
    ) -> None:
        if mended:
            ranks = np.cumsum(good) - 1
            mended = {int(ranks[index]): clean for index, clean in mended.items()}
        if not good.all():
            starts, ends, lines = starts[good], ends[good], lines[good]
        if not len(starts):
            return
        base, first = self._buffer.at, int(starts[0])
        last = self._buffer.exact_end(base + int(ends[-1])) - base
        ends = np.minimum(ends, last)
        piece = self._buffer.data[base + first : base + last]
        self.pile.add_many(piece, starts - first, ends - first, lines, mended)

    def _blank(self, starts: np.ndarray, ends: np.ndarray) -> np.ndarray:
        """Empty lines: nothing, or one carriage return, before the line feed."""
        data = np.frombuffer(self._buffer.data, np.uint8)
        lengths = ends - starts
        returns = data[starts + self._buffer.at] == 13
        blank: np.ndarray = (lengths == 1) | ((lengths == 2) & returns)
        return blank

    def _read_carefully(self) -> Iterator[Fault]:
        """Record by record, until 64 good ones have followed each other."""
        buffer = self._buffer
        while buffer.at < len(buffer.data):
            if not buffer.ended and len(buffer.data) - buffer.at < RECORD_LIMIT:
                return
            if not self._calm and not self._overlong:
                return
            fault = self._read_one()
            if fault is not None:
                self._calm = _CALM
                yield fault

    def _read_one(self) -> Fault | None:
        buffer, data, at = self._buffer, self._buffer.data, self._buffer.at
        if self._overlong:
            return self._judge_line()
        if data.startswith((b"\n", b"\r\n"), at):
            buffer.at, self._line = data.index(b"\n", at) + 1, self._line + 1
            return None
        match = self._record.match(data, at, at + RECORD_LIMIT)
        if match is None:
            return self._judge_line()
        record = buffer.exact(at, match.end())
        self.pile.add(record, self._line)
        self._line += data.count(b"\n", at, match.end())
        self._calm -= 1
        buffer.at = match.end()
        return None

    def _judge_line(self) -> Fault | None:
        """One physical line: mended and kept, or a fault; one over the limit goes in pieces."""
        buffer, line = self._buffer, self._line
        end = buffer.line_end()
        raw = buffer.exact(buffer.at, end or buffer.at + RECORD_LIMIT)
        overlong = self._overlong or end is None
        self._overlong = end is None
        buffer.at = end or buffer.at + RECORD_LIMIT
        if end is not None:
            self._line += 1
        if overlong:
            return Fault(line, TOO_LONG, raw) if raw else None
        verdict = mend(raw, self._width, self._delimiter)
        if isinstance(verdict, str):
            return Fault(line, verdict, raw)
        self.pile.add(raw, line, verdict)
        self._calm = _CALM
        return None


def _first_stop(seen: Survey, width: int) -> int:
    """How many records can be taken before one that only careful reading may judge."""
    wrong = (seen.fields != width) & (seen.spans > 1)
    wrong |= seen.ends - seen.starts > RECORD_LIMIT
    return int(np.argmax(wrong)) if wrong.any() else len(wrong)


def mend(raw: bytes, width: int, delimiter: str = ",") -> bytes | str:
    """Read one line leniently: the clean record, or the reason why there is none.

    A quote inside an unquoted field is taken as it stands, as Python's csv module does.
    Bytes are kept as they are, whatever their encoding.
    """
    text = raw.decode("latin-1").rstrip("\r\n").replace("\r", " ")
    try:
        fields = next(csv.reader([text], delimiter=delimiter), [])
    except csv.Error as error:
        return f"not CSV: {error}"
    if len(fields) != width:
        return f"{len(fields)} field{'s' * (len(fields) != 1)} where the header names {width}"
    clean = delimiter.join('"' + field.replace('"', '""') + '"' for field in fields)
    return clean.encode("latin-1") + b"\n"


@cache
def _record_pattern(width: int, delimiter: bytes) -> re.Pattern[bytes]:
    """One strict record of `width` fields. Possessive throughout: it never backtracks."""
    part = re.escape(delimiter)
    one = rb'(?>"[^"]*+(?:""[^"]*+)*+"|[^"\n' + part + rb"]*+)"
    return re.compile(one + b"(?:" + part + one + b"){%d}+" % (width - 1) + rb"\r?\n")
