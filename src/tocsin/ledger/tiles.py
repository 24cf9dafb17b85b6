"""A log as files (C2SP tlog-tiles): tiles of 256 hashes, and bundles of the entries themselves.

A tile of level `l` holds hashes of whole subtrees over `256**l` leaves; the last of each level
may be partial and then carries its width in its name. `tile/0/x001/234`, `tile/1/000.p/17`,
`tile/entries/000.p/44`.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256

from tocsin.ledger.merkle import HASH, Nodes
from tocsin.words.errors import NotFound, Unreadable

WIDTH = 256
LONGEST_ENTRY = 65_535
ENTRIES = "entries"
_PATH = re.compile(
    r"tile/(entries|0|[1-9]|[1-5][0-9]|6[0-3])/((?:x[0-9]{3}/)*[0-9]{3})(?:\.p/([1-9][0-9]{0,2}))?"
)

Fetch = Callable[[str], bytes]  # path to bytes; raises `NotFound`


@dataclass(frozen=True)
class Tile:
    """The place of one file: `level` is a number, or `entries` for a bundle."""

    level: int | str
    index: int
    width: int = WIDTH

    @property
    def path(self) -> str:
        """Where it lies, from the log's prefix."""
        whole = self.whole_path
        return whole if self.width == WIDTH else f"{whole}.p/{self.width}"

    @property
    def whole_path(self) -> str:
        """Where it lies once it is full."""
        rest, last = divmod(self.index, 1000)
        parts = [f"{last:03}"]
        while rest:
            rest, part = divmod(rest, 1000)
            parts.insert(0, f"x{part:03}")
        return "/".join(("tile", str(self.level), *parts))


def read_path(path: str) -> Tile:
    """The tile of a path, in its one spelling; raises `Unreadable`."""
    found = _PATH.fullmatch(path)
    if found is None:
        raise Unreadable(f"no path of a tile: {path[:80]!r}")
    digits = found[2].replace("x", "").replace("/", "")
    level = found[1] if found[1] == ENTRIES else int(found[1])
    tile = Tile(level, int(digits), int(found[3] or WIDTH))
    if tile.path != path or (found[3] and tile.width >= WIDTH):
        raise Unreadable(f"no path of a tile: {path[:80]!r}")
    return tile


def tiles_of(size: int, *, since: int = 0) -> Iterator[Tile]:
    """Every tile of hashes that a tree of `size` leaves has and one of `since` has not."""
    level, count, before = 0, size, since
    while count:
        for index in range(before // WIDTH, -(-count // WIDTH)):
            width = min(WIDTH, count - index * WIDTH)
            if width > before - index * WIDTH:
                yield Tile(level, index, width)
        level, count, before = level + 1, count // WIDTH, before // WIDTH


def bundles_of(size: int, *, since: int = 0) -> Iterator[Tile]:
    """Every bundle of entries, likewise."""
    for tile in tiles_of(size, since=since):
        if tile.level:
            return
        yield Tile(ENTRIES, tile.index, tile.width)


def bundle(entries: Sequence[bytes]) -> bytes:
    """Entries with their lengths before them, two bytes each."""
    return b"".join(len(entry).to_bytes(2) + entry for entry in entries)


def read_bundle(data: bytes, width: int) -> list[bytes]:
    """The `width` entries of a bundle; raises `Unreadable` for more, fewer or half ones."""
    entries, place = [], 0
    for _ in range(width):
        length = int.from_bytes(data[place : place + 2])
        entries.append(data[place + 2 : place + 2 + length])
        place += 2 + length
    if place != len(data):
        raise Unreadable(f"a bundle of {width} entries has another length than its bytes say")
    return entries


def split_hashes(data: bytes) -> list[bytes]:
    """The hashes of a tile."""
    return [data[at : at + HASH] for at in range(0, len(data), HASH)]


class Tiles:
    """Reads tiles through `fetch` and keeps the subtrees of the last `keep` of them in memory.

    A tile is kept with all its inner nodes (16 KiB), so that proofs near each other cost look-ups
    and no hashing.
    """

    def __init__(self, fetch: Fetch, *, keep: int = 4096) -> None:
        self.fetch = fetch
        self._levels = lru_cache(maxsize=keep)(self._read_levels)

    def hashes(self, tile: Tile) -> bytes:
        """The hashes of a tile, one after the other; the full tile stands in for a partial one.

        Raises `NotFound`, and `Unreadable` for a tile of another length.
        """
        return self._whole(tile)[: tile.width * HASH]

    def entries(self, tile: Tile) -> list[bytes]:
        """The entries of a bundle; a full bundle stands in for a partial one."""
        try:
            return read_bundle(self.fetch(tile.path), tile.width)
        except NotFound:
            if tile.width == WIDTH:
                raise
        return read_bundle(self.fetch(tile.whole_path), WIDTH)[: tile.width]

    def _whole(self, tile: Tile) -> bytes:
        try:
            data, width = self.fetch(tile.path), tile.width
        except NotFound:
            if tile.width == WIDTH:
                raise
            data, width = self.fetch(tile.whole_path), WIDTH
        if len(data) != width * HASH:
            raise Unreadable(
                f"{tile.path} has {len(data)} bytes; {width} hashes have {width * HASH}"
            )
        return data

    def nodes(self, size: int) -> Nodes:
        """The tree of `size` leaves, to make proofs over."""
        widths = [size >> 8 * level for level in range((size.bit_length() + 7) // 8)]
        levels = self._levels

        def node(level: int, index: int) -> bytes:
            tier, shift = level >> 3, 8 - (level & 7)
            tile = index >> shift
            left = widths[tier] - (tile << 8)
            place = (index - (tile << shift)) * HASH
            rows = levels(tier, tile, min(WIDTH, left))
            return rows[8 - shift][place : place + HASH]

        return node

    def _read_levels(self, tier: int, index: int, width: int) -> list[bytes]:
        """A tile and the levels that follow from it, up to seven of them."""
        levels = [self.hashes(Tile(tier, index, width))]
        for _ in range(7):
            below = levels[-1]
            pairs = range(0, len(below) - HASH, 2 * HASH)
            # `node_hash`, with both children taken in one piece
            joined = [sha256(b"\x01" + below[at : at + 64]).digest() for at in pairs]
            levels.append(b"".join(joined))
        return levels
