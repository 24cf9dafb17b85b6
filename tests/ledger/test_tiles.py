"""Tiles: their names, which there are, and a log that others wrote."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.ledger.vectors import vectors
from tocsin.ledger import merkle
from tocsin.ledger.checkpoints import read_body
from tocsin.ledger.keys import read_vkey
from tocsin.ledger.merkle import (
    check_consistency,
    check_inclusion,
    consistency_proof,
    inclusion_proof,
    leaf_hash,
    nodes_of,
    root_of,
)
from tocsin.ledger.notes import open_note
from tocsin.ledger.tiles import (
    Tile,
    Tiles,
    bundle,
    bundles_of,
    read_bundle,
    read_path,
    split_hashes,
    tiles_of,
)
from tocsin.words.errors import NotFound, Unreadable

TESSERA = read_vkey(
    "example.com/log/testdata+33d7b496+AeHTu4Q3hEIMHNqc6fASMsq3rKNx280NI+oO5xCFkkSx"
)
WORDS = (
    "one two three four five six seven eit nain ten ileven twelf threeten fourten fivten".split()
)


@pytest.mark.parametrize(
    ("tile", "path"),
    [
        (Tile(0, 0), "tile/0/000"),
        (Tile(0, 1234067), "tile/0/x001/x234/067"),
        (Tile(63, 999, 255), "tile/63/999.p/255"),
        (Tile("entries", 1000, 1), "tile/entries/x001/000.p/1"),
    ],
)
def test_paths_are_those_of_the_specification(tile, path):
    assert tile.path == path
    assert read_path(path) == tile


@pytest.mark.parametrize(
    "path",
    [
        "",
        "tile/0/0",
        "tile/0/1000",
        "tile/00/000",
        "tile/64/000",
        "tile/-1/000",
        "tile/0/x000/001",
        "tile/0/001/x002",
        "tile/0/000.p/0",
        "tile/0/000.p/256",
        "tile/0/000.p/01",
        "tile/0/000.p/",
        "tile/0/../../etc/passwd",
        "tile/0/000\n",
        "/tile/0/000",
        "tile/entries/٠٠٠",
    ],
)
def test_what_is_no_path_of_a_tile_is_unreadable(path):
    with pytest.raises(Unreadable):
        read_path(path)


@given(st.integers(0, 2**55), st.integers(1, 256), st.integers(0, 63))
def test_a_path_is_read_as_it_is_written(index, width, level):
    tile = Tile(level, index, width)

    assert read_path(tile.path) == tile


def test_a_tree_of_seventy_thousand_has_the_tiles_of_the_specification():
    """C2SP tlog-tiles, Partial Tiles: the worked example."""
    found = list(tiles_of(70_000))
    full = [tile.level for tile in found if tile.width == 256]

    assert (full.count(0), full.count(1), full.count(2)) == (273, 1, 0)
    assert [tile for tile in found if tile.width < 256] == [
        Tile(0, 273, 112),
        Tile(1, 1, 17),
        Tile(2, 0, 1),
    ]
    assert list(tiles_of(256)) == [Tile(0, 0), Tile(1, 0, 1)]
    assert list(tiles_of(0)) == []


@given(st.integers(0, 70_000), st.integers(0, 3_000))
def test_growing_adds_exactly_the_tiles_that_were_not_there(old, more):
    new = old + more

    assert set(tiles_of(new, since=old)) == set(tiles_of(new)) - set(tiles_of(old))
    assert [tile.index for tile in bundles_of(new, since=old)] == [
        tile.index for tile in tiles_of(new, since=old) if tile.level == 0
    ]


@given(st.lists(st.binary(max_size=40), max_size=12))
def test_bundles_are_read_as_they_are_written(entries):
    data = bundle(entries)

    assert read_bundle(data, len(entries)) == entries
    for spoilt in (data + b"\x00", data[:-1]):
        if spoilt != data:
            with pytest.raises(Unreadable):
                read_bundle(spoilt, len(entries))


def in_memory(size: int) -> dict[str, bytes]:
    """The tiles of a log of numbers, made the slow way."""
    entries = [number.to_bytes(4) for number in range(size)]
    hashes = [leaf_hash(entry) for entry in entries]
    files = {
        tile.path: bundle(entries[tile.index * 256 :][: tile.width]) for tile in bundles_of(size)
    }
    for tile in tiles_of(size):
        span = 256**tile.level
        parts = range(tile.index * 256, tile.index * 256 + tile.width)
        files[tile.path] = b"".join(root_of(hashes[n * span : (n + 1) * span]) for n in parts)
    return files


def fetching(files: dict[str, bytes]):
    def fetch(path: str) -> bytes:
        if path not in files:
            raise NotFound(path)
        return files[path]

    return fetch


@pytest.mark.parametrize("size", [1, 2, 255, 256, 257, 511, 512, 700, 65_536, 65_800])
def test_proofs_over_tiles_are_those_over_the_whole_tree(size):
    hashes = [leaf_hash(number.to_bytes(4)) for number in range(size)]
    tiles, root = Tiles(fetching(in_memory(size))), root_of(hashes)
    nodes, slow = tiles.nodes(size), nodes_of(hashes)

    assert merkle.root(nodes, 0, size) == root
    for index in {0, 1, size // 2, size - 1, size // 3}:
        proof = inclusion_proof(nodes, min(index, size - 1), size)
        assert proof == inclusion_proof(slow, min(index, size - 1), size)
    for old in {1, size // 2 or 1, size}:
        assert consistency_proof(nodes, old, size) == consistency_proof(slow, old, size)


def test_a_full_tile_stands_in_for_a_partial_one_that_was_pruned():
    tiles = Tiles(fetching(in_memory(300)))

    assert merkle.root(tiles.nodes(200), 0, 200) == root_of(
        [leaf_hash(number.to_bytes(4)) for number in range(200)]
    )
    assert tiles.entries(Tile("entries", 0, 3)) == [n.to_bytes(4) for n in range(3)]
    with pytest.raises(NotFound):
        tiles.hashes(Tile(0, 5, 3))


@pytest.mark.parametrize("spoil", [lambda data: data[:-1], lambda data: data + b"x"])
def test_a_tile_of_another_length_is_unreadable(spoil):
    files = in_memory(300)
    files["tile/0/000"] = spoil(files["tile/0/000"])

    with pytest.raises(Unreadable, match="256 hashes have 8192"):
        inclusion_proof(Tiles(fetching(files)).nodes(300), 5, 300)


def test_memory_is_bounded_and_what_is_kept_is_not_read_again():
    read = []
    plain = fetching(in_memory(1024))

    def fetch(path: str) -> bytes:
        read.append(path)
        return plain(path)

    tiles = Tiles(fetch, keep=2)
    for index in (0, 1, 2, 0, 900, 0):
        inclusion_proof(tiles.nodes(1024), index, 1024)

    assert read == ["tile/0/000", "tile/1/000.p/4", "tile/0/003", "tile/0/000"]


def test_every_checkpoint_of_a_log_that_others_wrote_holds():
    """Tessera's test log: fifteen sizes, tiles and bundles; its entries are these words."""
    folder = vectors("tlog/tessera/testdata/log")
    tiles = Tiles(lambda path: (folder / path).read_bytes())
    signed = [(folder / f"checkpoint.{size}").read_bytes() for size in range(16)]
    heads = [read_body(open_note(data, [TESSERA])[0]) for data in signed]

    assert [head.size for head in heads] == list(range(16))
    for head in heads[1:]:
        nodes = tiles.nodes(head.size)
        entries = [entry for tile in bundles_of(head.size) for entry in tiles.entries(tile)]
        assert [entry.decode() for entry in entries] == WORDS[: head.size]
        assert merkle.root(nodes, 0, head.size) == head.root
        assert split_hashes(tiles.hashes(Tile(0, 0, head.size))) == [leaf_hash(e) for e in entries]
        for index, entry in enumerate(entries):
            proof = inclusion_proof(nodes, index, head.size)
            leaf = leaf_hash(entry)
            check_inclusion(index=index, size=head.size, leaf=leaf, proof=proof, root=head.root)
        for old in heads[1 : head.size]:
            proof = consistency_proof(nodes, old.size, head.size)
            sizes = {"old": old.size, "new": head.size}
            check_consistency(**sizes, old_root=old.root, new_root=head.root, proof=proof)
