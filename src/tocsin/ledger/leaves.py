"""What stands in the public log: 32 bytes per leaf that say nothing, and what they commit to.

A leaf is HMAC-SHA256 of the canonical facts under a fresh random key. Whoever is given facts and
key can check the leaf; once both are erased, nobody can learn anything from it, nor try values.
Padding is random bytes, which nobody can tell from a leaf without its key.
"""

import hmac
import json
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from random import SystemRandom
from typing import Any

from tocsin.words.errors import Unreadable, Unusable

LEAF = 32
_DEEPEST = 32
_LONGEST_ROW = 1024 * 1024
_STEP = 4


def canonical(facts: Mapping[str, Any]) -> bytes:
    """The one spelling of facts: keys sorted, UTF-8, no white space; raises `Unusable`.

    Facts are text, whole numbers, booleans, null, lists and objects; fractions stand as text, so
    that their spelling is Python's shortest (`repr`) everywhere.
    """
    try:
        text = json.dumps(_plain(facts), sort_keys=True, ensure_ascii=False, separators=(",", ":"))
        return text.encode()
    except (UnicodeEncodeError, ValueError) as fault:
        raise Unusable(f"these facts have no canonical form: {fault}") from None


def _plain(value: Any, depth: int = 0) -> Any:
    if depth > _DEEPEST:
        raise Unusable(f"facts are nested deeper than {_DEEPEST} levels")
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        if not isfinite(value):
            raise Unusable(f"{value} is no fact. Possible: null")
        return repr(value)
    if isinstance(value, Mapping):
        if any(not isinstance(key, str) for key in value):
            raise Unusable("facts have names that are text")
        return {key: _plain(inner, depth + 1) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner, depth + 1) for inner in value]
    raise Unusable(
        f"a {type(value).__name__} is no fact. Possible: text, whole numbers, booleans, null, "
        "lists and objects of these"
    )


def make_key() -> bytes:
    """A fresh key; it lies beside the facts and dies with them."""
    return secrets.token_bytes(LEAF)


def leaf_of(facts: Mapping[str, Any], key: bytes) -> bytes:
    """The leaf that commits to these facts."""
    if len(key) != LEAF:
        raise Unusable(f"the key of a leaf is {LEAF} random bytes, not {len(key)}")
    return hmac.digest(key, canonical(facts), "sha256")


# ── padding ──────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class Batch:
    """What goes into the log at once: leaves in a random order, and where the real ones stand."""

    leaves: tuple[bytes, ...]
    positions: tuple[int, ...]


def padded_size(real: int, quantum: int) -> int:
    """The smallest `quantum * 4**k` that is not below `real`, nor below one quantum.

    The log's growth then tells the step and nothing finer (docs/decisions/0013).
    """
    if quantum < 1:
        raise Unusable(f"a batch cannot be padded to {quantum}. Possible: 1 or more")
    size = quantum
    while size < real:
        size *= _STEP
    return size


def padded(real: Sequence[bytes], *, quantum: int) -> Batch:
    """The batch of one slot of the schedule, also of one in which nothing happened.

    `positions` says for each of the real leaves, in the order they came, where it stands.
    """
    if any(len(leaf) != LEAF for leaf in real):
        raise Unusable(f"a leaf is {LEAF} bytes")
    size = padded_size(len(real), quantum)
    positions = SystemRandom().sample(range(size), len(real))
    leaves = [secrets.token_bytes(LEAF) for _ in range(size)]
    for place, leaf in zip(positions, real, strict=True):
        leaves[place] = leaf
    return Batch(tuple(leaves), tuple(positions))


# ── the row file ─────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class Row:
    """What a person is given to check: the facts of a register row, and the key of its leaf."""

    facts: Mapping[str, Any]
    key: bytes

    @property
    def leaf(self) -> bytes:
        """The leaf that these make."""
        return leaf_of(self.facts, self.key)

    @property
    def data(self) -> bytes:
        """The row file: JSON, made to be read by people too."""
        facts = {"row": json.loads(canonical(self.facts)), "key": self.key.hex()}
        return (json.dumps(facts, ensure_ascii=False, indent=2) + "\n").encode()


def read_row(data: bytes) -> Row:
    """A row file, `{"row": {…}, "key": hex}`; raises `Unreadable`."""
    if len(data) > _LONGEST_ROW:
        raise Unreadable(f"a row file of {len(data):,} bytes. Possible: at most {_LONGEST_ROW:,}")
    try:
        found = json.loads(data, object_pairs_hook=_once)
        facts, key = found["row"], bytes.fromhex(found["key"])
        if isinstance(facts, dict) and len(found) == 2 and leaf_of(facts, key):
            return Row(facts, key)
    except (ValueError, TypeError, KeyError, RecursionError):
        pass
    except Unusable as fault:
        raise Unreadable(f"no row file: {fault}") from None
    raise Unreadable('no row file: {"row": {facts}, "key": 64 hexadecimal digits}')


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Two values under one name would be read as either."""
    made = dict(pairs)
    if len(made) != len(pairs):
        raise ValueError
    return made
