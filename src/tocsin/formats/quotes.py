"""Where CSV records end: the quotes, commas and line feeds of a window, 64 bytes at a time.

One bit stands for one byte. Whether a byte lies inside quotes is the parity of the quotes up
to it, and a prefix-xor over machine words gives it for the whole window at once (Langdale and
Lemire, "Parsing gigabytes of JSON per second", 2019). Grammar: RFC 4180 section 2, strictly:
an opening quote stands only at the start of a field, a closing one only before a comma, a
line end or another quote.
"""

from dataclasses import dataclass

import numpy as np

Bits = np.ndarray  # uint64, bit k of word i stands for byte 64 * i + k

_ONE = np.uint64(1)
_LAST = np.uint64(63)
_QUOTE, _COMMA, _FEED, _RETURN = 34, 44, 10, 13


@dataclass(frozen=True)
class Survey:
    """The complete records of a window that begins at a record start, up to the first flaw.

    All arrays int64, one per record: `starts` and `ends` (byte offsets, line feed included),
    `skipped` (line feeds before the record), `spans` (line feeds in it), `fields`.
    `flawed` tells that a quote stands where none may, after the last record listed.
    """

    starts: np.ndarray
    ends: np.ndarray
    skipped: np.ndarray
    spans: np.ndarray
    fields: np.ndarray
    flawed: bool


def survey(window: np.ndarray, delimiter: int = _COMMA) -> Survey:
    """Survey a window of bytes (uint8) that begins at the start of a record."""
    size = len(window)
    if size % 64:
        window = np.concatenate([window, np.zeros(64 - size % 64, dtype=np.uint8)])
    feeds = window == _FEED
    quotes = _pack(window == _QUOTE)
    inside = _prefix_xor(quotes)
    commas = _pack(window == delimiter) & ~inside
    flaw = None
    if quotes.any():
        line_feeds = _pack(feeds) & ~inside
        returns = _pack(window == _RETURN) & _earlier(line_feeds)
        flaw = _first_flaw(quotes, inside, commas | line_feeds, returns)
    if flaw is not None and flaw >= size - 2:
        flaw = None  # what follows the quote is not in sight yet
    return _records(np.flatnonzero(feeds), inside, commas, flaw)


def _records(feeds: np.ndarray, inside: Bits, commas: Bits, flaw: int | None) -> Survey:
    if flaw is not None:
        feeds = feeds[: np.searchsorted(feeds, flaw)]
    closing = np.flatnonzero(_test(~inside, feeds))  # which of the line feeds end a record
    at = feeds[closing]
    counts = np.diff(_count_before(commas, at), prepend=0) + 1
    starts = np.concatenate([[0], at[:-1] + 1]) if len(at) else at
    skipped = np.concatenate([[0], closing[:-1] + 1]) if len(at) else closing
    return Survey(starts, at + 1, skipped, closing + 1 - skipped, counts, flaw is not None)


def _first_flaw(quotes: Bits, inside: Bits, delimiters: Bits, returns: Bits) -> int | None:
    """The offset of the first misplaced quote; `returns` are those before a line end."""
    opening, closing = quotes & inside, quotes & ~inside
    may_open = _later(delimiters | closing)
    may_open[0] |= _ONE
    may_close = _earlier(delimiters | opening | returns)
    flaws = (opening & ~may_open) | (closing & ~may_close)
    words = np.flatnonzero(flaws)
    if not len(words):
        return None
    word = int(flaws[words[0]])
    return int(words[0]) * 64 + (word & -word).bit_length() - 1


def _pack(mask: np.ndarray) -> Bits:
    return np.packbits(mask, bitorder="little").view("<u8")


def _prefix_xor(bits: Bits) -> Bits:
    """Bit k of the answer is the parity of bits 0 to k, over the whole array."""
    sums = bits.copy()
    for shift in (1, 2, 4, 8, 16, 32):
        sums ^= sums << np.uint64(shift)
    carries = np.bitwise_xor.accumulate(sums >> _LAST)
    sums[1:] ^= np.uint64(0) - carries[:-1]  # all ones where an odd number stands before
    return sums


def _later(bits: Bits) -> Bits:
    """Every bit moved to the next byte."""
    moved = bits << _ONE
    moved[1:] |= bits[:-1] >> _LAST
    return moved


def _earlier(bits: Bits) -> Bits:
    """Every bit moved to the byte before."""
    moved = bits >> _ONE
    moved[:-1] |= bits[1:] << _LAST
    return moved


def _test(bits: Bits, offsets: np.ndarray) -> np.ndarray:
    within = (offsets & 63).astype(np.uint64)
    tested: Bits = (bits[offsets >> 6] >> within) & _ONE
    return tested.astype(np.bool_)


def _count_before(bits: Bits, offsets: np.ndarray) -> np.ndarray:
    """How many bits are set before each offset (int64)."""
    total = np.cumsum(np.bitwise_count(bits), dtype=np.int64)
    words = offsets >> 6
    after = bits[words] >> (offsets & 63).astype(np.uint64)
    counted: np.ndarray = total[words] - np.bitwise_count(after)
    return counted
