"""Disjoint sorted intervals and their look-up by binary search.

The same code serves the routing snapshot, its overlay and everyone's own prefixes, for
IPv4 (`uint32`) and IPv6 (`S16`) alike. An interval that is no CIDR stays what it is.
"""

import heapq
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np


@dataclass(frozen=True)
class Ranges:
    """Disjoint intervals of one address family, sorted by `starts`; both ends inclusive.

    `starts`, `ends`: uint32 or S16; `values`: int64, what stands behind each interval.
    """

    starts: np.ndarray
    ends: np.ndarray
    values: np.ndarray

    def find(self, points: np.ndarray) -> np.ndarray:
        """Index of the interval that holds each point, -1 where none does (int64)."""
        if not len(self.starts):
            return np.full(len(points), -1, dtype=np.int64)
        found = np.searchsorted(self.starts, points, side="right").astype(np.int64) - 1
        inside = (found >= 0) & (points <= self.ends[np.maximum(found, 0)])
        return np.where(inside, found, -1)

    def overlapping(self, lows: np.ndarray, highs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """First and last+1 index of the intervals that touch each [low, high] (int64 both)."""
        if not len(self.starts):
            zeros = np.zeros(len(lows), dtype=np.int64)
            return zeros, zeros
        first = np.searchsorted(self.ends, lows, side="left").astype(np.int64)
        last = np.searchsorted(self.starts, highs, side="right").astype(np.int64)
        return first, np.maximum(first, last)


Interval = tuple[int, int, int]


def flatten(
    intervals: Iterable[Interval], *, rank: Callable[[int], int] = lambda _value: 0
) -> list[tuple[int, int, tuple[int, ...]]]:
    """Nested and overlapping (first, last, value) to disjoint (first, last, values).

    The value of the lowest rank wins, and among these the narrowest interval; several equally
    narrow ones that share a piece all stand behind it, sorted. Neighbouring pieces with the
    same values are joined.
    """
    items = sorted(set(intervals))
    edges = sorted({low for low, _, _ in items} | {high + 1 for _, high, _ in items})
    active: list[tuple[int, int, int]] = []  # rank and width as one number, last, value
    pieces: list[tuple[int, int, tuple[int, ...]]] = []
    upcoming = iter([*items, None])
    item = next(upcoming)
    for low, after in pairwise(edges):
        while item is not None and item[0] == low:
            width = item[1] - item[0]  # below 2 ** 128
            heapq.heappush(active, ((rank(item[2]) << 128) + width, item[1], item[2]))
            item = next(upcoming)
        winners = _foremost(active, low)
        if winners:
            _append(pieces, low, after - 1, winners)
    return pieces


def _foremost(active: list[tuple[int, int, int]], at: int) -> tuple[int, ...]:
    while active and active[0][1] < at:
        heapq.heappop(active)
    if not active:
        return ()
    first = active[0][0]
    held: list[tuple[int, int, int]] = []
    while active and active[0][0] == first:
        entry = heapq.heappop(active)
        if entry[1] >= at:
            held.append(entry)
    for entry in held:
        heapq.heappush(active, entry)
    return tuple(sorted({value for _, _, value in held}))


def _append(
    pieces: list[tuple[int, int, tuple[int, ...]]], low: int, high: int, values: tuple[int, ...]
) -> None:
    if pieces and pieces[-1][1] + 1 == low and pieces[-1][2] == values:
        pieces[-1] = (pieces[-1][0], high, values)
    else:
        pieces.append((low, high, values))


def ranges_of(pieces: list[tuple[int, int, int]], version: int) -> Ranges:
    """Disjoint sorted (first, last, value) with integer addresses to `Ranges`."""
    values = np.array([value for _, _, value in pieces], dtype=np.int64)
    if version == 4:
        return Ranges(
            np.array([low for low, _, _ in pieces], dtype=np.uint32),
            np.array([high for _, high, _ in pieces], dtype=np.uint32),
            values,
        )
    return Ranges(_s16(low for low, _, _ in pieces), _s16(high for _, high, _ in pieces), values)


def _s16(numbers: Iterable[int]) -> np.ndarray:
    return np.frombuffer(b"".join(n.to_bytes(16, "big") for n in numbers), dtype="S16")
