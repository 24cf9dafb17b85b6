"""Cut a byte stream at line ends: for formats with one record on each line."""

from collections.abc import Iterator

import numpy as np

from tocsin.flow.tables import Chunk, Fault
from tocsin.formats.format import CHUNK_BYTES
from tocsin.formats.records import Buffer, Pile


def cut_lines(
    buffer: Buffer, layout: object, *, size: int = CHUNK_BYTES
) -> Iterator[Chunk | Fault]:
    """Chunks of whole lines, empty ones left out; one over the buffer's limit is a fault, in
    pieces."""
    cutter = _Cutter(buffer)
    while buffer.fill():
        yield from cutter.step()
        if cutter.pile.size >= size:
            yield from cutter.pile.release(layout)
    yield from cutter.pile.release(layout)


class _Cutter:
    def __init__(self, buffer: Buffer) -> None:
        self.pile = Pile()
        self._buffer = buffer
        self._line = 1
        self._overlong = False

    def step(self) -> Iterator[Fault]:
        """All whole lines in the buffer, or a piece of one that is too long."""
        buffer = self._buffer
        if self._overlong or buffer.line_end() is None:
            yield from self._piece()
            return
        base, end = buffer.at, buffer.data.rfind(b"\n") + 1
        window = np.frombuffer(buffer.data, np.uint8, end - base, base)
        ends = np.flatnonzero(window == 10) + 1
        starts = np.concatenate([[0], ends[:-1]])
        lengths = ends - starts
        blank = (lengths == 1) | ((lengths == 2) & (window[starts] == 13))
        lines = np.arange(len(ends)) + self._line
        long = lengths > buffer.limit
        for index in np.flatnonzero(long).tolist():
            raw = buffer.exact(base + int(starts[index]), base + int(ends[index]))
            yield Fault(int(lines[index]), _too_long(buffer), raw)
        self._pile_up(~blank & ~long, starts, ends, lines)
        self._line += len(ends)
        buffer.at = end

    def _pile_up(
        self, good: np.ndarray, starts: np.ndarray, ends: np.ndarray, lines: np.ndarray
    ) -> None:
        if not good.any():
            return
        starts, ends, lines = starts[good], ends[good], lines[good]
        base, first = self._buffer.at, int(starts[0])
        last = self._buffer.exact_end(base + int(ends[-1])) - base
        piece = self._buffer.data[base + first : base + last]
        ends = np.minimum(ends, last)
        self.pile.add_many(piece, starts - first, ends - first, lines, {})

    def _piece(self) -> Iterator[Fault]:
        buffer, end = self._buffer, self._buffer.line_end()
        behind = end or buffer.at + buffer.limit
        raw = buffer.exact(buffer.at, behind)
        if raw:
            yield Fault(self._line, _too_long(buffer), raw)
        self._overlong = end is None
        self._line += end is not None
        buffer.at = behind


def _too_long(buffer: Buffer) -> str:
    return f"longer than {buffer.limit >> 20} MiB, the limit of a record"
