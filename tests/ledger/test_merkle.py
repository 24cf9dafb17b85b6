"""Trees and proofs: every public vector, every small tree, and nothing else passes."""

import json
from base64 import b64decode
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.ledger.vectors import vectors
from tocsin.ledger import merkle
from tocsin.ledger.merkle import (
    EMPTY,
    check_consistency,
    check_inclusion,
    check_subtree_consistency,
    check_subtree_inclusion,
    consistency_proof,
    inclusion_proof,
    leaf_hash,
    node_hash,
    nodes_of,
    root_of,
    subtree_proof,
)
from tocsin.words.errors import Unproven

# The eight leaves that RFC 6962 implementations have shared since the first one, and their roots.
KNOWN = [
    bytes.fromhex(text) for text in ("", "00", "10", "2021", "3031", "40414243", "5051525354555657")
] + [bytes(range(0x60, 0x70))]
ROOTS = """6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d
fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125
aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77
d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7
4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4
76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef
ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c
5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328""".split()


def leaves(size: int) -> list[bytes]:
    return [leaf_hash(number.to_bytes(4)) for number in range(size)]


def naive_root(hashes: list[bytes]) -> bytes:
    """MTH as RFC 9162 2.1.1 writes it down, to compare with."""
    if len(hashes) < 2:
        return hashes[0] if hashes else EMPTY
    split = 1
    while split * 2 < len(hashes):
        split *= 2
    return node_hash(naive_root(hashes[:split]), naive_root(hashes[split:]))


def test_the_well_known_roots():
    assert [root_of([leaf_hash(leaf) for leaf in KNOWN[:n]]).hex() for n in range(1, 9)] == ROOTS
    assert root_of([]) == sha256(b"").digest()


def test_a_leaf_is_never_taken_for_a_node():
    left, right = leaf_hash(b"a"), leaf_hash(b"b")

    assert leaf_hash(left + right) != node_hash(left, right)


def read(path):
    """A vector with its hashes as bytes."""
    found = json.loads(path.read_text("utf-8"))
    for name in ("root", "root1", "root2", "leafHash"):
        found[name] = b64decode(found.get(name) or "")
    found["proof"] = [b64decode(text) for text in found["proof"] or []]
    return found


def check_vector(kind: str, row) -> None:
    """Ask the function that the folder of the vector is about."""
    proof = row["proof"]
    if kind == "inclusion":
        at, size = row["leafIdx"], row["treeSize"]
        check_inclusion(index=at, size=size, leaf=row["leafHash"], proof=proof, root=row["root"])
    elif kind == "subtreeinclusion":
        place = {"index": row["leafIdx"], "start": row["start"], "end": row["end"]}
        check_subtree_inclusion(**place, leaf=row["leafHash"], proof=proof, root=row["root"])
    elif kind == "consistency":
        sizes = {"old": row["size1"], "new": row["size2"]}
        check_consistency(**sizes, old_root=row["root1"], new_root=row["root2"], proof=proof)
    else:
        place = {"start": row["start"], "end": row["end"], "size": row["size"]}
        roots = {"subtree_root": row["root1"], "root": row["root2"]}
        check_subtree_consistency(**place, **roots, proof=proof)


def holds(kind: str, row) -> bool:
    try:
        check_vector(kind, row)
    except Unproven:
        return False
    return True


@pytest.mark.parametrize(
    ("kind", "known"),
    [
        ("inclusion", 98),
        ("subtreeinclusion", 204),
        ("consistency", 98),
        ("subtreeconsistency", 118),
    ],
)
def test_every_public_vector_says_what_we_say(kind, known):
    files = sorted((vectors("tlog/merkle/testdata") / kind).rglob("*.json"))
    rows = [(file, read(file)) for file in files]

    assert len(rows) >= known
    assert [str(file) for file, row in rows if holds(kind, row) == row["wantErr"]] == []


@pytest.mark.parametrize("size", range(1, 34))
def test_every_leaf_of_every_small_tree_is_proved(size):
    hashes = leaves(size)
    nodes, root = nodes_of(hashes), naive_root(hashes)

    assert root_of(hashes) == root == merkle.root(nodes, 0, size)
    for index, leaf in enumerate(hashes):
        proof = inclusion_proof(nodes, index, size)
        check_inclusion(index=index, size=size, leaf=leaf, proof=proof, root=root)
        assert len(proof) <= (size - 1).bit_length()


@pytest.mark.parametrize("new", range(1, 34))
def test_every_small_tree_is_consistent_with_its_past_and_no_other(new):
    hashes = leaves(new)
    nodes, new_root = nodes_of(hashes), naive_root(hashes)

    for old in range(1, new + 1):
        proof = consistency_proof(nodes, old, new)
        known = {"old": old, "new": new, "new_root": new_root, "proof": proof}
        check_consistency(**known, old_root=naive_root(hashes[:old]))
        forged = [*hashes[: old - 1], leaf_hash(b"forged")]
        with pytest.raises(Unproven):
            check_consistency(**known, old_root=naive_root(forged))


@pytest.mark.parametrize("size", range(1, 20))
def test_every_subtree_of_every_small_tree_is_proved(size):
    hashes = leaves(size)
    nodes, root = nodes_of(hashes), naive_root(hashes)
    parts = [
        (a, b)
        for b in range(size + 1)
        for a in range(b)
        if a % (1 << (b - a - 1).bit_length()) == 0
    ]

    for start, end in parts:
        proof = subtree_proof(nodes, start, end, size)
        inner = naive_root(hashes[start:end])
        assert merkle.root(nodes, start, end) == inner
        place = {"start": start, "end": end, "size": size}
        check_subtree_consistency(**place, subtree_root=inner, root=root, proof=proof)
        if end - start < size:
            with pytest.raises(Unproven):
                check_subtree_consistency(**place, subtree_root=EMPTY, root=root, proof=proof)


@given(st.integers(1, 300), st.data())
def test_one_changed_bit_anywhere_is_refused(size, data):
    hashes = leaves(size)
    index = data.draw(st.integers(0, size - 1))
    proof = inclusion_proof(nodes_of(hashes), index, size)
    parts = [hashes[index], root_of(hashes), *proof]
    which = data.draw(st.integers(0, len(parts) - 1))
    bit = data.draw(st.integers(0, 255))
    parts[which] = (int.from_bytes(parts[which]) ^ 1 << bit).to_bytes(32)

    with pytest.raises(Unproven):
        check_inclusion(index=index, size=size, leaf=parts[0], root=parts[1], proof=parts[2:])


@given(st.integers(1, 200), st.integers(-5, 250), st.integers(-5, 250))
def test_a_proof_holds_for_its_own_place_alone(size, index, other):
    hashes = leaves(size)
    place = index % size
    proof = inclusion_proof(nodes_of(hashes), place, size)
    claim = {"leaf": hashes[place], "proof": proof, "root": root_of(hashes)}

    if other != place:
        with pytest.raises(Unproven):
            check_inclusion(index=other, size=size, **claim)


@pytest.mark.parametrize(("index", "size"), [(0, 0), (-1, 3), (3, 3), (5, 2)])
def test_a_leaf_outside_the_tree_has_no_proof(index, size):
    with pytest.raises(Unproven, match="is not in a tree of"):
        inclusion_proof(nodes_of(leaves(size)), index, size)


@pytest.mark.parametrize(("old", "new"), [(2, 1), (-1, 4)])
def test_a_later_state_is_no_earlier_one(old, new):
    with pytest.raises(Unproven, match="has no earlier state"):
        consistency_proof(nodes_of(leaves(new)), old, new)
