"""One number for an address and its ports, by which bindings are sorted and looked up.

Ports are the leaves of a binary tree: a range of ports is the few nodes that cover it exactly
(one for an aligned block), and a port is asked for at each height that occurs. So a whole address,
a block of ports and a single flow are found in the same way, and nothing else is read.

    IPv4    0 | realm (14 bits) | address (32) | node (17)       the key is exact
    IPv6    1 | hash of realm, prefix and length (46) | node (17)    compared again by its columns

A realm is an address space of its own: 0 is the Internet, others are the inside of a
translator (RFC 6598), where the same address may stand for different lines.
"""

from collections.abc import Iterable

import numpy as np

NODE_BITS = 17
ROOT = 1  # the node that is all ports
LEAVES = 65536
LARGEST_REALM = (1 << 14) - 1
_V6 = np.uint64(1 << 63)
_U = np.uint64


def v4_keys(realms: np.ndarray, addresses: np.ndarray, nodes: np.ndarray) -> np.ndarray:
    """Realm (below 2^14), address (uint32) and node (below 2^17) to keys (uint64)."""
    high = (realms.astype(_U) << _U(49)) | (addresses.astype(_U) << _U(NODE_BITS))
    return np.asarray(high | nodes.astype(_U))


def v6_keys(
    realms: np.ndarray, highs: np.ndarray, lows: np.ndarray, lengths: np.ndarray, nodes: np.ndarray
) -> np.ndarray:
    """Prefixes (two uint64, masked) and their lengths (0 to 128) to keys (uint64)."""
    mixed = _mix(highs ^ _mix(lows ^ _mix(scopes(realms, lengths).astype(_U))))
    return np.asarray(_V6 | ((mixed >> _U(18)) << _U(NODE_BITS)) | nodes.astype(_U))


def scopes(realms: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """Realm and prefix length as the one number (uint32) that is compared with the key."""
    return np.asarray((realms.astype(np.uint32) << np.uint32(8)) | lengths.astype(np.uint32))


def is_v6(keys: np.ndarray) -> np.ndarray:
    """Which keys are of IPv6."""
    return np.asarray(keys >= _V6)


def masked(
    highs: np.ndarray, lows: np.ndarray, lengths: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """IPv6 addresses (two uint64) cut to their prefixes."""
    return highs & _ones(lengths), lows & _ones(lengths.astype(np.int64) - 64)


def _ones(lengths: np.ndarray) -> np.ndarray:
    """The first `lengths` of 64 bits set; nothing below 0, everything above 64."""
    kept = np.clip(lengths.astype(np.int64), 0, 64)
    full = _U(0xFFFFFFFFFFFFFFFF)
    return np.where(kept == 0, _U(0), full << (64 - np.maximum(kept, 1)).astype(_U))


def _mix(values: np.ndarray) -> np.ndarray:
    """Spread 64 bits over 64 bits, one to one (the finaliser of splitmix64)."""
    z = values + _U(0x9E3779B97F4A7C15)
    z = (z ^ (z >> _U(30))) * _U(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> _U(27))) * _U(0x94D049BB133111EB)
    return np.asarray(z ^ (z >> _U(31)))


def covering(first: np.ndarray, last: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The nodes that cover ranges of ports exactly: (index of the range, node), sorted by index.

    `first` and `last` are inclusive. 0 to 65535 is the one node `ROOT`.
    """
    low = first.astype(np.int64) + LEAVES
    high = last.astype(np.int64) + LEAVES + 1
    size = high - low
    # A block whose size is a power of two and that begins at a multiple of it is one node.
    is_one = (size & (size - 1) == 0) & (low & (size - 1) == 0)
    at = np.flatnonzero(~is_one)
    rows: list[np.ndarray] = [np.flatnonzero(is_one)]
    nodes: list[np.ndarray] = [low[is_one] // size[is_one]]
    low, high = low[at], high[at]
    while len(at):
        odd = (low & 1) == 1
        rows.append(at[odd])
        nodes.append(low[odd])
        low = (low + odd) >> 1
        odd = (high & 1) == 1
        rows.append(at[odd])
        nodes.append(high[odd] - 1)
        high = (high - odd) >> 1
        on = low < high
        low, high, at = low[on], high[on], at[on]
    index = np.concatenate(rows)
    order = np.argsort(index, kind="stable")
    return index[order], np.concatenate(nodes)[order].astype(np.uint32)


def heights(nodes: np.ndarray) -> frozenset[int]:
    """At which heights the nodes stand: 0 is one port, 16 is all of them."""
    return frozenset(16 - (int(node).bit_length() - 1) for node in np.unique(nodes))


def ancestors(ports: np.ndarray, height: int) -> np.ndarray:
    """The node above each port at one height (uint32)."""
    return np.asarray((ports.astype(np.uint32) + np.uint32(LEAVES)) >> np.uint32(height))


def all_heights(several: Iterable[frozenset[int]]) -> list[int]:
    """The heights of several sets of bindings, lowest first."""
    return sorted(frozenset().union(*several))
