"""The log's private memory: every leaf, 32 bytes each, durable before anybody hears of it.

The file begins with two heads of 64 bytes. Each names how many leaves there are and where the
last batch began, with a digest over that batch; they are written in turn, in one go with the
leaves behind them, and one flush covers both. After a crash the younger head counts if its batch
is whole, and otherwise the older one: a batch is there entirely or not at all.
"""

import os
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

from tocsin.ledger.files import flush_folder, write_all
from tocsin.ledger.leaves import LEAF
from tocsin.words.errors import Refused, Unproven, Unusable

_MAGIC = b"tocsinJ1"
_HEAD = 64
_START = 2 * _HEAD


class _Head(NamedTuple):
    """Which of the two it is, how many leaves there are, and where the last batch began."""

    slot: int
    size: int
    start: int


_NONE = _Head(1, 0, 0)


class Journal:
    """The file `leaves.bin`. Whoever appends has the log to itself."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._known: tuple[bytes, _Head] = (b"", _NONE)

    @property
    def size(self) -> int:
        """How many leaves are in it for good."""
        if not self.path.exists():
            return 0
        descriptor = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            return self._head(descriptor).size
        finally:
            os.close(descriptor)

    def read(self, start: int, end: int) -> bytes:
        """The leaves `start` to `end - 1`, one after the other."""
        with self.path.open("rb") as file:
            file.seek(_START + start * LEAF)
            data = file.read((end - start) * LEAF)
        if len(data) != (end - start) * LEAF:
            raise Unproven(f"{self.path} ends before leaf {end - 1}")
        return data

    def append(self, leaves: Sequence[bytes], *, start: int) -> None:
        """Add a batch that begins at leaf `start`; one flush. The same again changes nothing."""
        if any(len(leaf) != LEAF for leaf in leaves):
            raise Unusable(f"a leaf is {LEAF} bytes")
        descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            if not os.fstat(descriptor).st_size:
                self._begin(descriptor)
            self._append(descriptor, b"".join(leaves), start)
        finally:
            os.close(descriptor)

    def _begin(self, descriptor: int) -> None:
        """An older head to fall back on, before the first batch is written."""
        write_all(descriptor, bytes(_HEAD) + _packed(0, 0, b""), at=0)
        os.fdatasync(descriptor)
        flush_folder(self.path.parent)

    def _append(self, descriptor: int, data: bytes, start: int) -> None:
        head, count = self._head(descriptor), len(data) // LEAF
        if start < head.size:
            self._check_same(descriptor, data, start, head.size)
            return
        if start > head.size:
            raise Refused(
                f"the log has {head.size} leaves, and the next would be {start}. "
                f"Possible: append at {head.size}"
            )
        if not data:
            return
        end = _START + head.size * LEAF
        if os.fstat(descriptor).st_size > end:
            os.ftruncate(descriptor, end)  # what a crash left of a batch that never counted
        write_all(descriptor, data, at=end)
        slot, size = 1 - head.slot, head.size + count
        packed = _packed(size, start, data)
        write_all(descriptor, packed, at=slot * _HEAD)
        os.fdatasync(descriptor)
        self._known = (self._heads(descriptor), _Head(slot, size, start))

    def _check_same(self, descriptor: int, data: bytes, start: int, size: int) -> None:
        known = os.pread(descriptor, min(len(data), (size - start) * LEAF), _START + start * LEAF)
        if known != data:
            raise Refused(
                f"the log holds other leaves from {start} on, and what is in it stays. "
                f"Possible: append at {size}"
            )

    def _heads(self, descriptor: int) -> bytes:
        return os.pread(descriptor, _START, 0)

    def _head(self, descriptor: int) -> _Head:
        """The youngest head whose batch is whole; looked at again only when one has changed."""
        heads = self._heads(descriptor)
        if heads == self._known[0]:
            return self._known[1]
        found = [row for slot in (0, 1) if (row := _read_head(heads, slot))]
        found.sort(key=lambda row: row.size, reverse=True)
        whole = next((row for row in found if _is_whole(descriptor, heads, row)), None)
        if whole is None and any(row.size for row in found):
            raise Unproven(f"{self.path} is damaged: no batch in it is whole. Restore a backup")
        self._known = (heads, whole or _NONE)
        return whole or _NONE


def _packed(size: int, start: int, batch: bytes) -> bytes:
    numbers = _MAGIC + size.to_bytes(8) + start.to_bytes(8)
    return numbers + sha256(numbers + batch).digest() + bytes(_HEAD - len(numbers) - LEAF)


def _read_head(heads: bytes, slot: int) -> _Head | None:
    head = heads[slot * _HEAD : (slot + 1) * _HEAD]
    size, start = int.from_bytes(head[8:16]), int.from_bytes(head[16:24])
    return _Head(slot, size, start) if head.startswith(_MAGIC) and start <= size else None


def _is_whole(descriptor: int, heads: bytes, head: _Head) -> bool:
    length = (head.size - head.start) * LEAF
    if os.fstat(descriptor).st_size < _START + head.size * LEAF:
        return False
    batch = os.pread(descriptor, length, _START + head.start * LEAF)
    place = head.slot * _HEAD
    return heads[place : place + _HEAD] == _packed(head.size, head.start, batch)
