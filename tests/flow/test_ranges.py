"""Overlapping ranges to disjoint ones, and their look-up, against a reading address by address."""

from itertools import groupby

import numpy as np
from hypothesis import example, given
from hypothesis import strategies as st

from tests.flow.world import MANY, SOME
from tocsin.flow.ranges import Interval, Ranges, flatten, ranges_of

TOP = 40  # a small line of addresses, so that everything touches everything
intervals = st.lists(
    st.tuples(st.integers(0, TOP), st.integers(0, TOP), st.integers(0, 4)).map(
        lambda t: (min(t[:2]), max(t[:2]), t[2])
    ),
    max_size=12,
)


def holders_at(rows: list[Interval], point: int) -> tuple[int, ...]:
    """Everyone whose interval is the narrowest that covers the point."""
    covering = [(high - low, value) for low, high, value in rows if low <= point <= high]
    width = min((width for width, _ in covering), default=None)
    return tuple(sorted({value for size, value in covering if size == width}))


def drawn(rows: list[Interval]) -> list[tuple[int, int, tuple[int, ...]]]:
    """The same pieces, found point by point."""
    points = [(point, holders_at(rows, point)) for point in range(TOP + 1)]
    runs = ((held, list(run)) for held, run in groupby(points, key=lambda pair: pair[1]))
    return [(run[0][0], run[-1][0], held) for held, run in runs if held]


@given(intervals)
@example([(0, 9, 1), (0, 9, 2), (5, 5, 3)])
@example([(0, 5, 1), (4, 9, 2)])  # half over half, equally wide: both stand on 4 and 5
@MANY
def test_the_narrowest_interval_wins_at_every_point_and_ties_all_stand(
    rows: list[Interval],
) -> None:
    assert flatten(rows) == drawn(rows)


def test_the_last_address_of_a_family_can_be_held() -> None:
    assert flatten([(0, 2**32 - 1, 1), (2**32 - 1, 2**32 - 1, 2)]) == [
        (0, 2**32 - 2, (1,)),
        (2**32 - 1, 2**32 - 1, (2,)),
    ]


def test_a_range_that_is_no_cidr_stays_one_range() -> None:
    assert flatten([(0, 130, 1), (131, 255, 2)]) == [(0, 130, (1,)), (131, 255, (2,))]


# ── look-up ──────────────────────────────────────────────────────────────────────────────

# IPv6 numbers that end in zero bytes, or are nothing else: numpy's S16 drops these.
SIXES = [0, 1 << 120, 0x20010DB8 << 96, (0x20010DB8 << 96) + 256, 255, 2**128 - 256, 2**128 - 1]


def numbers(version: int) -> st.SearchStrategy[int]:
    highest = 2**32 - 1 if version == 4 else 2**128 - 1
    round_ones = st.integers(0, 255).map(lambda n: n << (24 if version == 4 else 120))
    known = st.sampled_from(SIXES) if version == 6 else st.sampled_from([0, 256, highest])
    return st.integers(0, highest) | round_ones | known | st.integers(0, 600)


def disjoint(data: st.DataObject, version: int) -> list[Interval]:
    """Up to five intervals that do not touch each other's addresses, in order."""
    edges = sorted(data.draw(st.lists(numbers(version), max_size=10, unique=True)))
    pairs = list(zip(edges[::2], edges[1::2], strict=False))
    return [(low, high, n) for n, (low, high) in enumerate(pairs)]


def packed(values: list[int], version: int) -> np.ndarray:
    if version == 4:
        return np.array(values, dtype=np.uint32)
    return np.frombuffer(b"".join(n.to_bytes(16, "big") for n in values), dtype="S16")


@given(st.data(), st.sampled_from([4, 6]))
@MANY
def test_every_point_is_found_in_the_interval_that_holds_it(
    data: st.DataObject, version: int
) -> None:
    rows = disjoint(data, version)
    ends = [end for low, high, _ in rows for end in (low, high)]
    points = data.draw(st.lists(numbers(version), max_size=6)) + ends

    found = ranges_of(rows, version).find(packed(points, version))

    assert found.dtype == np.int64
    assert found.tolist() == [
        next((n for low, high, n in rows if low <= point <= high), -1) for point in points
    ]


@given(st.data(), st.sampled_from([4, 6]))
@MANY
def test_every_interval_that_a_network_touches_is_found(data: st.DataObject, version: int) -> None:
    rows = disjoint(data, version)
    spans = [
        sorted(pair)
        for pair in data.draw(
            st.lists(st.tuples(numbers(version), numbers(version)), min_size=1, max_size=4)
        )
    ]
    lows, highs = (packed([span[at] for span in spans], version) for at in (0, 1))

    first, last = ranges_of(rows, version).overlapping(lows, highs)

    touched = [list(range(a, b)) for a, b in zip(first.tolist(), last.tolist(), strict=True)]
    assert touched == [
        [n for low, high, n in rows if low <= span[1] and span[0] <= high] for span in spans
    ]


@given(st.sampled_from([4, 6]), st.lists(st.integers(0, 2**32 - 1), max_size=3))
@SOME
def test_nothing_is_found_where_nothing_is_held(version: int, points: list[int]) -> None:
    empty: Ranges = ranges_of([], version)
    at = packed(points, version)

    assert empty.find(at).tolist() == [-1] * len(points)
    assert [side.tolist() for side in empty.overlapping(at, at)] == [[0] * len(points)] * 2
