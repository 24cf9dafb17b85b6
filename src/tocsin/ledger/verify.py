"""Check another machine's copy of the log, offline: every tile, every signature, the past."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tocsin.ledger.checkpoints import Checkpoint
from tocsin.ledger.files import read_file
from tocsin.ledger.log import CHECKPOINT, KEYS
from tocsin.ledger.merkle import EMPTY, leaf_hash, root, root_of
from tocsin.ledger.tiles import (
    ENTRIES,
    WIDTH,
    Fetch,
    Tile,
    Tiles,
    bundles_of,
    read_path,
    split_hashes,
    tiles_of,
)
from tocsin.ledger.trust import Seen, Trust, convince, learn
from tocsin.words.errors import NotFound, Unproven


@dataclass(frozen=True)
class Verified:
    """What a copy showed: its checkpoint, how many files hold, the older one it begins with."""

    seen: Seen
    tiles: int
    bundles: int
    since: Checkpoint | None
    trust: Trust


def verify_copy(folder: Path, trust: Trust, *, since: bytes | None = None) -> Verified:
    """Recompute the whole log of a folder; raises `NotFound`, `Unreadable` or `Unproven`.

    `since` is an older checkpoint that somebody kept: the copy must begin with that log.
    """
    keys, head = folder / KEYS, folder / CHECKPOINT
    if not head.is_file():
        raise NotFound(f"{head} is not there. Possible: the folder that is shown as /log/")
    if keys.is_file():
        trust = learn(read_file(str(keys)), trust)
    seen = convince(read_file(str(head)), trust)
    tiles = Tiles(_fetching(folder), keep=64)
    hashed = _check_leaves(tiles, seen.checkpoint.size)
    _check_tree(tiles, hashed, seen.checkpoint)
    counted = _check_partials(folder, tiles, seen.checkpoint.size)
    older = _check_since(tiles, seen.checkpoint, trust, since) if since is not None else None
    size = seen.checkpoint.size
    bundles = sum(1 for _ in bundles_of(size))
    return Verified(seen, sum(1 for _ in tiles_of(size)) + counted, bundles, older, trust)


def _fetching(folder: Path) -> Fetch:
    def fetch(path: str) -> bytes:
        try:
            return read_file(f"{folder}/{path}")
        except (FileNotFoundError, NotADirectoryError):
            raise NotFound(
                f"{folder}/{path} is not there, and the checkpoint needs it. Possible: copy again, "
                "the checkpoint first"
            ) from None

    return fetch


def _check_leaves(tiles: Tiles, size: int) -> list[bytes]:
    """Every entry against the hashes of level 0; the roots of its full tiles."""
    roots = []
    for tile in bundles_of(size):
        hashes = tiles.hashes(Tile(0, tile.index, tile.width))
        for place, entry in enumerate(tiles.entries(tile)):
            if leaf_hash(entry) != hashes[place * 32 : place * 32 + 32]:
                raise Unproven(f"entry {tile.index * WIDTH + place} is not what its tile says")
        if tile.width == WIDTH:
            roots.append(root_of(split_hashes(hashes)))
    return roots


def _check_tree(tiles: Tiles, roots: list[bytes], head: Checkpoint) -> None:
    """Every tile above against the level below, and the root against the checkpoint."""
    level = 1
    while roots:
        below, roots = roots, []
        for tile in tiles_of(len(below)):
            if tile.level:
                break
            known = below[tile.index * WIDTH :][: tile.width]
            found = Tile(level, tile.index, tile.width)
            if tiles.hashes(found) != b"".join(known):
                raise Unproven(f"{found.path} is not what follows from the level below")
            if tile.width == WIDTH:
                roots.append(root_of(known))
        level += 1
    made = root(tiles.nodes(head.size), 0, head.size) if head.size else EMPTY
    if made != head.root:
        raise Unproven(f"the {head.size} leaves have another root than the checkpoint says")


def _check_partials(folder: Path, tiles: Tiles, size: int) -> int:
    """Partial tiles of earlier sizes that still lie there: each begins what is there now."""
    needed = {tile.path for tile in (*tiles_of(size), *bundles_of(size))}
    count = 0
    for path in _paths(folder):
        if path in needed:
            continue
        tile = read_path(path)
        level = 0 if tile.level == ENTRIES else int(tile.level)
        if (tile.index * WIDTH + tile.width) << 8 * level > size:
            continue  # of a larger tree than the checkpoint's: being published as it was copied
        whole = min(WIDTH, (size >> 8 * level) - tile.index * WIDTH)
        now = Tile(tile.level, tile.index, whole)
        if tile.level == ENTRIES:
            same = tiles.entries(now)[: tile.width] == tiles.entries(tile)
        else:
            same = tiles.hashes(now).startswith(tiles.hashes(tile))
        if not same:
            raise Unproven(f"{path} is not the beginning of what stands there now")
        count += 1
    return count


def _paths(folder: Path) -> Iterator[str]:
    for file in sorted((folder / "tile").rglob("*")):
        if file.is_file():
            yield file.relative_to(folder).as_posix()


def _check_since(tiles: Tiles, head: Checkpoint, trust: Trust, since: bytes) -> Checkpoint:
    """The log of then is how this one begins. Whether witnesses saw it then does not matter."""
    then = convince(since, Trust(trust.logs)).checkpoint
    if then.origin != head.origin:
        raise Unproven(f"the older checkpoint is of {then.origin}, and this log is {head.origin}")
    if then.size > head.size:
        raise Unproven(
            f"the log was rolled back: it showed {then.size} leaves, and now it shows {head.size}"
        )
    made = root(tiles.nodes(head.size), 0, then.size) if then.size else EMPTY
    if made != then.root:
        raise Unproven(
            f"two histories: the first {then.size} leaves of this log are not those of the older "
            "checkpoint. Keep both checkpoints, they are signed: they prove it"
        )
    return then
