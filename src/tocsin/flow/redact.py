"""Redact: a report without the records of one person, every other byte as it was.

The format cuts and parses as it does for a run. A record in which the value stands, in its
bytes or in what was read out of them (escaped, encoded), is cut out of the stream where it
lies; memory stays at a few chunks. What no format can read, and what stands between the
records, loses the whole line. Where a record that must go cannot be found in the bytes (a
format that unpacks them), nothing more of the file is given out: `Tally.is_cut_short`.
"""

import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import BinaryIO

import numpy as np
import polars as pl

from tocsin.flow import merge
from tocsin.flow.normalise import normalise
from tocsin.flow.subject import Span, Subject
from tocsin.flow.tables import Chunk, Fault, Parsed
from tocsin.words.errors import Unreadable

Cut = Callable[[BinaryIO, str], Iterator[Chunk | Fault]]
Parse = Callable[[Chunk], Parsed]

_BLANK = b" \t\r\n"
_BLOCK = 1 << 20
_MISSES = 100  # records that are not found as they stand: the format unpacks its bytes


@dataclass
class Tally:
    """What was cut out: records, other lines, window keys, records by class; when the first
    and the last of the records that stayed were (texts as they stand)."""

    records: int = 0
    lines: int = 0
    kept: int = 0
    keys: bytes = b""
    classes: dict[str, int] = field(default_factory=dict)
    moments: list[str] = field(default_factory=list)
    is_cut_short: bool = False

    @property
    def found(self) -> int:
        """Everything that was cut out."""
        return self.records + self.lines


@dataclass(frozen=True)
class Reading:
    """How a file is read: what cuts it, what parses a chunk, under which name."""

    name: str
    cut: Cut | None
    parse: Parse | None


def redact(stream: BinaryIO, reading: Reading, subject: Subject, tally: Tally) -> Iterator[bytes]:
    """The bytes of the stream without the subject's records, in pieces; fills `tally`."""
    tape = _Tape(stream)
    try:
        if reading.cut is not None and reading.parse is not None:
            source = io.BufferedReader(tape, _BLOCK)
            for item in reading.cut(source, reading.name):
                yield from _lines(tape.take(item, reading.parse, subject, tally), subject, tally)
                if tally.is_cut_short:
                    return
    except Unreadable:
        pass  # what could be read was; the rest goes line by line
    yield from _rest(tape, subject, tally)


class _Tape(io.RawIOBase):
    """A stream that keeps what was read until the records in it have been judged."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._kept = bytearray()
        self._cuts: list[Span] = []  # into `_kept`
        self._at = 0  # behind the last record that was found, in `_kept`
        self._is_array: bool | None = None

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        data = self._stream.read(len(buffer))
        buffer[: len(data)] = data
        self._kept += data
        if self._is_array is None:
            self._is_array = data.removeprefix(b"\xef\xbb\xbf").lstrip()[:1] == b"["
        return len(data)

    def take(
        self, item: Chunk | Fault, parse: Parse, subject: Subject, tally: Tally
    ) -> Iterator[bytes]:
        """Judge a chunk's records; give out everything up to the last of them."""
        if isinstance(item, Fault):
            if subject.spans_in(item.raw):
                tally.records += 1
                self._cut_fault(item.raw, tally)
            return
        hits = _hits(item, parse(item), subject, tally)
        tally.kept += len(item.starts) - len(hits)
        if not self._find(item, hits):
            tally.is_cut_short = True
            return
        yield from self.release()

    def _cut_fault(self, raw: bytes, tally: Tally) -> None:
        start = self._kept.find(raw, self._at)
        if start < 0:
            tally.is_cut_short = True
        else:
            self._cuts.append((start, start + len(raw)))

    def _find(self, chunk: Chunk, hits: set[int]) -> bool:
        """Walk along all records; False where one that must go is not there as it stands."""
        misses = 0
        bounds = zip(chunk.starts.tolist(), chunk.ends.tolist(), strict=True)
        for number, (first, behind) in enumerate(bounds):
            if misses >= _MISSES and number not in hits:
                continue
            record = chunk.data[first:behind]
            start = self._kept.find(record, self._at)
            if start < 0:
                misses += 1
                if number in hits:
                    return False
                continue
            self._at = start + len(record)
            if number in hits:
                self._cuts.append(self._with_comma(start, self._at))
        return True

    def _with_comma(self, start: int, end: int) -> Span:
        """An element of a JSON array goes with the comma behind it, or the one before."""
        if not self._is_array:
            return start, end
        behind = end
        while behind < len(self._kept) and self._kept[behind] in _BLANK:
            behind += 1
        if self._kept[behind : behind + 1] == b",":
            return start, behind + 1
        before = self._before(start)
        return (before - 1, end) if self._kept[before - 1 : before] == b"," else (start, end)

    def _before(self, at: int) -> int:
        """Behind the last character before `at` that is no blank and is not cut out."""
        gone = {end: start for start, end in self._cuts}
        while at:
            if at in gone:
                at = gone[at]
            elif self._kept[at - 1] in _BLANK:
                at -= 1
            else:
                break
        return at

    def release(self, *, everything: bool = False) -> Iterator[bytes]:
        """Give out what lies behind us, without what was cut; forget it."""
        upto = len(self._kept) if everything else self._at
        at = 0
        for start, end in sorted(cut for cut in self._cuts if cut[0] < upto):
            if start > at:
                yield bytes(self._kept[at:start])
            at = max(at, end)
        if at < upto:
            yield bytes(self._kept[at:upto])
        upto = max(at, upto)
        self._cuts = [(start - upto, end - upto) for start, end in self._cuts if start >= upto]
        del self._kept[:upto]
        self._at = 0

    def more(self) -> bytes:
        """The next bytes that no cutter has seen."""
        return self._stream.read(_BLOCK)


def _hits(chunk: Chunk, parsed: Parsed, subject: Subject, tally: Tally) -> set[int]:
    """Numbers of the records in which the value stands; also what they were, for the tally."""
    offsets = np.array([start for start, _ in subject.spans_in(chunk.data)], dtype=np.int64)
    owners = np.searchsorted(chunk.starts, offsets, side="right") - 1
    inside = (owners >= 0) & (offsets < chunk.ends[owners])  # else: between the records
    of_rows = np.searchsorted(chunk.starts, parsed.starts, side="right") - 1
    read = subject.rows(parsed.table).to_numpy()
    numbers = {*owners[inside].tolist(), *of_rows[read].tolist()}
    _count(parsed, pl.Series(np.isin(of_rows, list(numbers))), tally)
    tally.records += len(numbers)
    return numbers


def _count(parsed: Parsed, hit: pl.Series, tally: Tally) -> None:
    table = parsed.table
    if hit.any():
        chosen = hit.arg_true().to_numpy()
        mine = Parsed(table.filter(hit), parsed.data, parsed.starts[chosen], parsed.ends[chosen])
        events = normalise(mine).events
        tally.keys += merge.event_keys(events)
        for kind in events["classification.type"].to_list():
            tally.classes[kind] = tally.classes.get(kind, 0) + 1
    if "time.source" in table.columns:
        kept = table["time.source"].filter(~hit).drop_nulls()
        ends = [str(value) for value in (kept.min(), kept.max()) if value is not None]
        moments = sorted([*tally.moments, *ends])
        tally.moments = [moments[0], moments[-1]] if moments else []


def _lines(pieces: Iterator[bytes], subject: Subject, tally: Tally) -> Iterator[bytes]:
    """What lies between records: a line in which the value stands goes."""
    for piece in pieces:
        yield _without_lines(piece, subject, tally)


def _without_lines(piece: bytes, subject: Subject, tally: Tally) -> bytes:
    while spans := subject.spans_in(piece):
        kept, at = [], 0
        for start, _ in spans:
            if start < at:
                continue
            first = piece.rfind(b"\n", 0, start) + 1
            kept.append(piece[at : max(at, first)])
            behind = piece.find(b"\n", start)
            at = len(piece) if behind < 0 else behind + 1
            tally.lines += 1
        piece = b"".join([*kept, piece[at:]])
    return piece


def _rest(tape: _Tape, subject: Subject, tally: Tally) -> Iterator[bytes]:
    """What no cutter has read, in whole lines."""
    carried = b"".join(tape.release(everything=True))
    while block := tape.more():
        carried += block
        whole = carried.rfind(b"\n") + 1
        if not whole and len(carried) > 8 * _BLOCK:
            whole = len(carried)
        if whole:
            yield _without_lines(carried[:whole], subject, tally)
            carried = carried[whole:]
    if carried:
        yield _without_lines(carried, subject, tally)
