"""What stands in the public log for an action: 32 bytes, and nothing else.

A leaf is HMAC-SHA256 of the row's canonical form under a fresh key. The key lies beside the row
and dies with it; without it the leaf says nothing, to anybody, about any guess.
"""

import hmac
import json
import secrets
from typing import Any

SIZE = 32  # bytes, of a leaf and of its key


def canonical(facts: Any) -> bytes:
    """Plain values as bytes: keys sorted, no white space, UTF-8.

    Text, whole numbers, truth values, null, lists and dictionaries; a number with a fraction has
    no canonical form in JSON and stands as its text.
    """
    text = json.dumps(_plain(facts), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return text.encode("utf-8")


def leaf(key: bytes, data: bytes) -> bytes:
    """The leaf of canonical bytes under a key of 32 bytes."""
    if len(key) != SIZE:
        raise ValueError(f"a leaf's key has {SIZE} bytes, not {len(key)}")
    return hmac.digest(key, data, "sha256")


def padding(count: int) -> list[bytes]:
    """Leaves that stand for nothing; nobody but their maker can tell them from others."""
    return [secrets.token_bytes(SIZE) for _ in range(count)]


def padded_size(real: int, quantum: int) -> int:
    """How many leaves a batch of `real` ones has: the smallest `quantum * 4**k` that holds them.

    A batch is never empty, and its size says no more than the step of the ladder it is on.
    """
    size = quantum
    while size < real:
        size *= 4
    return size


def _plain(value: Any) -> Any:
    if isinstance(value, float):
        return repr(value)
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    return value
