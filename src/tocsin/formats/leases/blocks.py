"""Logs whose messages are blocks of lines: one block at a time, of bounded size."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, BinaryIO

import polars as pl

from tocsin.flow.bindings.records import RECORD
from tocsin.flow.tables import Fault
from tocsin.formats.leases.format import Piece, checked

LINE_LIMIT = 1 << 16
_BLOCK_LINES = 2000
_ROWS = 50_000  # messages of one piece

Row = dict[str, Any]


@dataclass
class Block:
    """The lines of one message, without their ends, and the number of the first."""

    row: int
    lines: list[str] = field(default_factory=list)

    @property
    def raw(self) -> bytes:
        """What goes to quarantine with it."""
        return "\n".join(self.lines).encode()


def numbered(stream: BinaryIO) -> Iterator[tuple[int, str]]:
    """Lines without their ends, from 1; of an overlong one only its beginning."""
    number = 0
    while line := stream.readline(LINE_LIMIT):
        number += 1
        while not line.endswith(b"\n") and len(line) >= LINE_LIMIT:
            rest = stream.readline(LINE_LIMIT)
            if not rest or rest.endswith(b"\n"):
                break
        text = line.decode("utf-8", errors="replace")
        yield number, text.rstrip("\r\n").replace("\0", "\ufffd")


def blocks(
    lines: Iterable[tuple[int, str]], *, begins: Callable[[str], bool], ends: Callable[[str], bool]
) -> Iterator[Block]:
    """From each line that begins a block to the one that ends it; lines between are passed over."""
    block: Block | None = None
    for number, line in lines:
        if block is not None and ends(line):
            yield block
            block = None
        elif begins(line):
            if block is not None:
                yield block
            block = Block(number, [line])
        elif block is not None and len(block.lines) < _BLOCK_LINES:
            block.lines.append(line)
    if block is not None:
        yield block


def pieces(messages: Iterable[tuple[Block, list[Row] | str]]) -> Iterator[Piece]:
    """Messages as pieces: each block with its rows, or with the rule it breaks."""
    rows: list[Row] = []
    raws: list[Block] = []
    broken: list[Fault] = []
    for block, found in messages:
        if isinstance(found, str):
            broken.append(Fault(block.row, found, block.raw))
        else:
            rows += [row | {"row": block.row} for row in found]
            raws += [block] * len(found)
        if len(rows) + len(broken) >= _ROWS:
            yield _piece(rows, raws, broken)
            rows, raws, broken = [], [], []
    if rows or broken:
        yield _piece(rows, raws, broken)


def _piece(rows: list[Row], raws: list[Block], broken: list[Fault]) -> Piece:
    schema = {name: RECORD[name] for name in RECORD if any(name in row for row in rows)}
    made = checked(pl.DataFrame(rows, schema=schema), lambda at: raws[at].raw)
    return Piece(made.rows, [*broken, *made.faults])
