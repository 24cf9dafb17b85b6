"""Compound files (MS-CFB): storages and streams, read with a budget.

A small reader of our own: every chain of sectors is followed for at most as many steps as the
file has sectors, and all streams together may give twice the bytes of the file, so that
entries which point at one another cost no more than honest ones. Raises Unfit.
"""

import struct
from dataclasses import dataclass, field

import numpy as np

from tocsin.formats.idf import Unfit

MAGIC = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_LAST = 0xFFFFFFFA  # this and larger numbers are no sectors
_ENTRY = struct.Struct("<64sHBBIII36xIQ")
_ENTRIES = 20_000


@dataclass
class Storage:
    """One folder: its streams by name as (first sector, size), and the folders in it."""

    streams: dict[str, tuple[int, int]] = field(default_factory=dict)
    storages: dict[str, "Storage"] = field(default_factory=dict)


class Compound:
    """The file as a tree below `root`; `read` gives the bytes of a stream."""

    def __init__(self, data: bytes) -> None:
        if len(data) < 512 or not data.startswith(MAGIC):
            raise Unfit("no compound file: it has no header of 512 bytes")
        self._data = data
        self._budget = 2 * len(data) + 4096
        shift, mini = struct.unpack_from("<HH", data, 30)
        if shift not in (9, 12) or mini != 6:
            raise Unfit("a compound file with sectors of an unknown size")
        self._size = 1 << shift
        self._sectors = max(0, (len(data) - 1) // self._size)
        directory, _, self._cutoff, small = struct.unpack_from("<IIII", data, 48)
        self._fat = self._table(self._fat_sectors())
        self._minifat = self._table(self._chain(self._fat, small))
        entries = self._entries(directory)
        self._mini = b""
        if not entries:
            raise Unfit("a compound file without a directory")
        self._mini = self._sectors_from(entries[0][4], entries[0][5])
        self.root = Storage()
        self._grow(entries)

    def read(self, stream: tuple[int, int]) -> bytes:
        """The bytes of a stream; raises Unfit where it leads out of the file."""
        first, size = stream
        if size >= self._cutoff:
            return self._sectors_from(first, size)
        self._spend(size)
        pieces = [self._mini[at * 64 : at * 64 + 64] for at in self._chain(self._minifat, first)]
        return b"".join(pieces)[:size]

    def _spend(self, size: int) -> None:
        self._budget -= size
        if self._budget < 0:
            raise Unfit("a compound file whose streams are larger than the file")

    def _sectors_from(self, first: int, size: int) -> bytes:
        if size > len(self._data):
            raise Unfit("a compound file with a stream larger than the file")
        self._spend(size)
        pieces, missing = [], size
        for at in self._chain(self._fat, first):
            if missing <= 0:
                break
            pieces.append(self._sector(at))
            missing -= self._size
        return b"".join(pieces)[:size]

    def _sector(self, at: int) -> bytes:
        return self._data[(at + 1) * self._size : (at + 2) * self._size]

    def _chain(self, table: np.ndarray, first: int) -> list[int]:
        """The sectors of a chain; one that bites its tail ends there."""
        chain: list[int] = []
        at = first
        while at < _LAST and at < len(table) and len(chain) < len(table):
            chain.append(at)
            at = int(table[at])
        return chain

    def _table(self, sectors: list[int]) -> np.ndarray:
        data = b"".join(self._sector(at) for at in sectors[: self._sectors])
        return np.frombuffer(data[: len(data) // 4 * 4], "<u4")

    def _fat_sectors(self) -> list[int]:
        first = list(struct.unpack_from("<109I", self._data, 76))
        at = int(struct.unpack_from("<I", self._data, 68)[0])
        seen: set[int] = set()
        while at < self._sectors and at not in seen:
            seen.add(at)
            more = self._sector(at)
            numbers = np.frombuffer(more[: len(more) // 4 * 4], "<u4").tolist()
            first += numbers[:-1]
            at = numbers[-1] if numbers else _LAST
        return [sector for sector in dict.fromkeys(first) if sector < self._sectors]

    def _entries(self, first: int) -> list[tuple[str, int, int, tuple[int, int], int, int]]:
        """Name, kind, child, siblings, first sector and size of every directory entry."""
        data = b"".join(self._sector(at) for at in self._chain(self._fat, first))
        entries = []
        for at in range(0, min(len(data) // 128, _ENTRIES) * 128, 128):
            name, length, kind, _, left, right, child, start, size = _ENTRY.unpack_from(data, at)
            text = name[: max(0, min(length, 64) - 2)].decode("utf-16-le", "replace")
            entries.append((text, kind, child, (left, right), start, size & 0xFFFFFFFF))
        return entries

    def _grow(self, entries: list[tuple[str, int, int, tuple[int, int], int, int]]) -> None:
        """Hang every entry under its storage; one that is met again is passed over."""
        seen: set[int] = set()
        todo = [(entries[0][2], self.root)]
        while todo:
            at, storage = todo.pop()
            if at in seen or at >= len(entries):
                continue
            seen.add(at)
            name, kind, child, siblings, start, size = entries[at]
            todo += [(sibling, storage) for sibling in siblings]
            if kind == 2:
                storage.streams[name] = (start, size)
            elif kind == 1:
                storage.storages[name] = inner = Storage()
                todo.append((child, inner))
