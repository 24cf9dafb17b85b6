"""Merkle trees as RFC 6962 and RFC 9162 hash them: roots, proofs, and what proofs must show.

A tree is read through `Nodes`, a function `(level, index) -> hash` of the whole subtree over the
leaves `index * 2**level` up to `(index + 1) * 2**level`; who asks stays inside the tree. Proofs
are lists of 32-byte hashes. Everything that does not hold raises `Unproven`.

Subtrees are those of draft-ietf-plants-merkle-tree-certs, section 4: `[start, end)` where start
is a multiple of the smallest power of two that is not below `end - start`.
"""

from collections.abc import Callable, Sequence
from hashlib import sha256

from tocsin.words.errors import Unproven

HASH = 32
EMPTY = sha256().digest()

Nodes = Callable[[int, int], bytes]


def leaf_hash(entry: bytes) -> bytes:
    """RFC 9162 2.1.1: a leaf's hash begins with 0x00, so that no leaf is ever taken for a node."""
    return sha256(b"\x00" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """RFC 9162 2.1.1: an inner node's begins with 0x01."""
    return sha256(b"\x01" + left + right).digest()


def root_of(leaf_hashes: Sequence[bytes]) -> bytes:
    """The root over leaf hashes in memory, level by level."""
    level = list(leaf_hashes)
    while len(level) > 1:
        paired = [node_hash(a, b) for a, b in zip(level[::2], level[1::2], strict=False)]
        level = paired + level[len(paired) * 2 :]
    return level[0] if level else EMPTY


def nodes_of(leaf_hashes: Sequence[bytes]) -> Nodes:
    """A tree in memory, for small ones and for tests."""
    return lambda level, index: root_of(leaf_hashes[index << level : (index + 1) << level])


def root(nodes: Nodes, start: int, end: int) -> bytes:
    """The root of the subtree `[start, end)`, from the largest whole subtrees inside."""
    if end == start:
        return EMPTY
    found = b""
    while start < end:
        height = (end & -end).bit_length() - 1  # the rightmost whole subtree that is left
        height = min(height, (end - start).bit_length() - 1)
        end -= 1 << height
        hashed = nodes(height, end >> height)
        found = node_hash(hashed, found) if found else hashed
    return found


# ── making proofs ────────────────────────────────────────────────────────────────────────


class Tree:
    """A tree of fixed size to prove many leaves of; keeps the roots along its right border."""

    def __init__(self, nodes: Nodes, size: int) -> None:
        self.nodes, self.size = nodes, size
        self._border: dict[int, bytes] = {}

    def inclusion_proof(self, index: int) -> list[bytes]:
        """PATH of RFC 9162 2.1.3: from the leaf's sibling up to the root's child."""
        size, nodes, proof, level = self.size, self.nodes, [], 0
        if not 0 <= index < size:
            raise Unproven(f"leaf {index} is not in a tree of {size} leaves, which counts from 0")
        last = size - 1
        while last >> level:
            sibling = (index >> level) ^ 1
            if (sibling + 1) << level <= size:
                proof.append(nodes(level, sibling))
            elif sibling << level < size:
                proof.append(self._root_from(sibling << level))
            level += 1
        return proof

    def _root_from(self, start: int) -> bytes:
        if start not in self._border:
            self._border[start] = root(self.nodes, start, self.size)
        return self._border[start]


def inclusion_proof(nodes: Nodes, index: int, size: int) -> list[bytes]:
    """The proof of one leaf."""
    return Tree(nodes, size).inclusion_proof(index)


def consistency_proof(nodes: Nodes, old: int, new: int) -> list[bytes]:
    """PROOF of RFC 9162 2.1.4; from the empty tree it is empty and shows nothing."""
    if not 0 <= old <= new:
        raise Unproven(f"a tree of {new} leaves has no earlier state of {old}")
    return subtree_proof(nodes, 0, old, new) if old else []


def subtree_proof(nodes: Nodes, start: int, end: int, size: int) -> list[bytes]:
    """That the tree of `size` leaves holds the subtree `[start, end)`."""
    _check_subtree(start, end)
    if not start < end <= size:
        raise Unproven(f"a tree of {size} leaves holds no subtree [{start}, {end})")
    return _subproof(nodes, (start, end), (0, size), known=True)


def _subproof(
    nodes: Nodes, part: tuple[int, int], whole: tuple[int, int], *, known: bool
) -> list[bytes]:
    """SUBTREE_SUBPROOF of the draft, 4.4.1; `known` as long as the part's own hash is asked for."""
    if part == whole:
        return [] if known else [root(nodes, *whole)]
    (start, end), (first, last) = part, whole
    middle = first + (1 << (last - first - 1).bit_length() - 1)
    if end <= middle:
        return [
            *_subproof(nodes, part, (first, middle), known=known),
            root(nodes, middle, last),
        ]
    if start >= middle:
        right = _subproof(nodes, part, (middle, last), known=known)
        return [*right, root(nodes, first, middle)]
    right = _subproof(nodes, (middle, end), (middle, last), known=False)
    return [*right, root(nodes, first, middle)]


# ── checking proofs ──────────────────────────────────────────────────────────────────────


def check_inclusion(
    *, index: int, size: int, leaf: bytes, proof: Sequence[bytes], root: bytes
) -> None:
    """RFC 9162 2.1.3.2: `leaf` (a leaf hash) stands at `index` in the tree of this root."""
    check_subtree_inclusion(index=index, start=0, end=size, leaf=leaf, proof=proof, root=root)


def check_subtree_inclusion(
    *, index: int, start: int, end: int, leaf: bytes, proof: Sequence[bytes], root: bytes
) -> None:
    """The same in a subtree: draft-ietf-plants-merkle-tree-certs 4.3.2."""
    _check_subtree(start, end)
    if not start <= index < end:
        raise Unproven(f"leaf {index} is not among the leaves {start} to {end - 1}")
    _check_hashes(leaf, root, *proof)
    at, last, found = index - start, end - start - 1, leaf
    for hashed in proof:
        if not last:
            raise Unproven("the inclusion proof goes on above the root")
        if at & 1 or at == last:
            found = node_hash(hashed, found)
            while not at & 1:  # no sibling here: the border of the tree
                at, last = at >> 1, last >> 1
        else:
            found = node_hash(found, hashed)
        at, last = at >> 1, last >> 1
    if last:
        raise Unproven("the inclusion proof ends before the root")
    if found != root:
        raise Unproven("the inclusion proof leads to another root")


def check_consistency(
    *, old: int, new: int, old_root: bytes, new_root: bytes, proof: Sequence[bytes]
) -> None:
    """RFC 9162 2.1.4.2: the tree of `new` leaves begins with that of `old`."""
    if old == 0:
        raise Unproven("consistency with an empty tree shows nothing; every tree has it")
    check_subtree_consistency(
        start=0, end=old, size=new, subtree_root=old_root, root=new_root, proof=proof
    )


def check_subtree_consistency(
    *, start: int, end: int, size: int, subtree_root: bytes, root: bytes, proof: Sequence[bytes]
) -> None:
    """Draft-ietf-plants-merkle-tree-certs 4.4.3: the tree holds the subtree `[start, end)`."""
    _check_subtree(start, end)
    if end > size:
        raise Unproven(f"a tree of {size} leaves is older than one of {end}")
    if start == end:
        if subtree_root != EMPTY or proof:
            raise Unproven("no leaves have one hash alone, and no proof")
        return
    if end - start == size:
        if subtree_root != root or proof:
            raise Unproven(f"two trees of {size} leaves have two roots")
        return
    _check_hashes(subtree_root, root, *proof)
    _climb((start, end - 1, size - 1), subtree_root, root, list(proof))


def _climb(
    place: tuple[int, int, int], subtree_root: bytes, root: bytes, proof: list[bytes]
) -> None:
    """Fold the proof twice at once: into the subtree's root and into the whole tree's."""
    first, last, end = place
    while first != last and (last == end or last & 1):
        first, last, end = first >> 1, last >> 1, end >> 1
    if first != last and not proof:
        raise Unproven("the consistency proof is empty")
    inner = outer = subtree_root if first == last else proof.pop(0)
    for hashed in proof:
        if not end:
            raise Unproven("the consistency proof goes on above the root")
        if last & 1 or last == end:
            if first < last:
                inner = node_hash(hashed, inner)
            outer = node_hash(hashed, outer)
            while not last & 1:
                first, last, end = first >> 1, last >> 1, end >> 1
        else:
            outer = node_hash(outer, hashed)
        first, last, end = first >> 1, last >> 1, end >> 1
    if end:
        raise Unproven("the consistency proof ends before the root")
    if inner != subtree_root or outer != root:
        raise Unproven("the consistency proof does not lead to both roots: two histories")


def _check_subtree(start: int, end: int) -> None:
    if not 0 <= start <= end:
        raise Unproven(f"[{start}, {end}) is no range of leaves")
    if start % (1 << max(end - start - 1, 0).bit_length()):
        raise Unproven(f"the leaves {start} to {end - 1} are no subtree")


def _check_hashes(*hashes: bytes) -> None:
    if any(len(hashed) != HASH for hashed in hashes):
        raise Unproven(f"a hash is {HASH} bytes; one here is not")
