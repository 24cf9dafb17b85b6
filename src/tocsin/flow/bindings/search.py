"""The rows of the runs that can answer a question, found by binary search.

Questions are sorted by the key under which a run may know them. So each row group is read once,
and all that is asked of it is asked at once.
"""

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import polars as pl

from tocsin.flow.bindings import keys
from tocsin.flow.bindings.runs import Run

_U = np.uint64
_COLUMNS = ("key", "since", "until", "line", "source", "protocol")
_EXACT_COLUMNS = (*_COLUMNS, "scope", "high", "low")
_WHEN = 40  # bits for milliseconds: 34 years, beside 2^23 keys in a row group
# A `line` with its highest bit set is no line yet: realm (14 bits) and inside IPv4 address (32).
INSIDE = _U(1 << 63)

QUESTION: dict[str, type[pl.DataType]] = {
    "realm": pl.UInt16,
    "v4": pl.UInt32,  # null for IPv6
    "high": pl.UInt64,
    "low": pl.UInt64,
    "port": pl.UInt16,  # null where the report names none
    "protocol": pl.UInt8,  # 0 where the report names none
    "at": pl.Int64,  # microseconds since 1970, UTC
    "slack": pl.Int64,  # tolerance of the reporter's clock, microseconds
}


@dataclass(frozen=True)
class Records:
    """The runs that are asked, and the tolerance of each source's clock (µs, by its number)."""

    runs: Sequence[Run]
    slack: np.ndarray
    # Names of one line: sorted, and what each stands for (both uint64).
    aliases: tuple[np.ndarray, np.ndarray] | None = None

    @classmethod
    def of(
        cls, runs: Sequence[Run], *, slack: Mapping[int, int], same: Sequence[tuple[int, int]]
    ) -> "Records":
        """`slack` in seconds by the number of a source; `same` pairs a name of a line with it."""
        tolerance = np.zeros(max(slack, default=0) + 1, np.int64)
        for number, seconds in slack.items():
            tolerance[number] = seconds * 1_000_000
        pairs = np.array(sorted(same), dtype=np.int64).astype(_U)
        return cls(runs, tolerance, (pairs[:, 0].copy(), pairs[:, 1].copy()) if same else None)


@dataclass
class Found:
    """What was found for each question so far."""

    line: np.ndarray
    other: np.ndarray
    held: np.ndarray
    shared: np.ndarray
    since: np.ndarray
    until: np.ndarray
    source: np.ndarray

    @classmethod
    def nothing(cls, size: int) -> "Found":
        """Before the first run."""
        return cls(
            line=np.zeros(size, _U), other=np.zeros(size, _U), held=np.zeros(size, bool),
            shared=np.zeros(size, bool), since=np.zeros(size, np.int64),
            until=np.zeros(size, np.int64), source=np.zeros(size, np.uint16),
        )  # fmt: skip

    def add(
        self, at: np.ndarray, lines: np.ndarray, holds: np.ndarray, row: dict[str, np.ndarray]
    ) -> None:
        """One more candidate for the questions `at`, each at most once."""
        is_first = self.line[at] == 0
        is_other = ~is_first & (self.line[at] != lines)
        # Who held it at that very second is the line, who did only nearly is the other.
        better = is_other & holds & ~self.held[at]
        kept = at[is_other & ~better]
        self.other[kept] = np.where(
            self.other[kept] == 0, lines[is_other & ~better], self.other[kept]
        )
        self.other[at[better]] = self.line[at[better]]
        new = is_first | better | (~is_other & holds & ~self.held[at])
        self.line[at[new]] = lines[new]
        for name in ("since", "until", "source"):
            getattr(self, name)[at[new]] = row[name][new]
        self.held[at] |= holds & ~(is_other & ~better)


@dataclass(frozen=True)
class Subset:
    """Questions with the key under which one run may know them, sorted by it."""

    keys: np.ndarray
    at: np.ndarray  # index of the question
    last: np.ndarray | None = None  # only asks whether any key lies in [keys, last]

    def part(self, among: slice) -> "Subset":
        """Some of them."""
        last = self.last[among] if self.last is not None else None
        return Subset(self.keys[among], self.at[among], last)


class Asked:
    """The columns of the questions, and their keys for a run."""

    def __init__(self, questions: pl.DataFrame) -> None:
        self.moments = questions["at"].to_numpy()
        self.slack = questions["slack"].to_numpy()
        self.protocols = questions["protocol"].to_numpy()
        self.realms = questions["realm"].to_numpy()
        self.high = questions["high"].fill_null(0).to_numpy()
        self.low = questions["low"].fill_null(0).to_numpy()
        self._v4 = questions["v4"].fill_null(0).to_numpy()
        self._ports = questions["port"].fill_null(0).to_numpy()
        is_v4 = questions["v4"].is_not_null().to_numpy()
        self.has_port = questions["port"].is_not_null().to_numpy()
        self._four = np.flatnonzero(is_v4)
        self._six = np.flatnonzero(~is_v4)

    def by_key(self, run: Run) -> Iterator[Subset]:
        """What is asked of one run, for each kind of key it has."""
        for height in sorted(run.heights):
            yield from self._ported(height)
        if run.heights - {16}:
            yield from self._portless()
        for scope in sorted(run.scopes):
            yield from self._prefixed(scope)

    def _ported(self, height: int) -> Iterator[Subset]:
        at = self._four if height == 16 else self._four[self.has_port[self._four]]
        if len(at):
            nodes = keys.ancestors(self._ports[at], height)
            yield _sorted(keys.v4_keys(self.realms[at], self._v4[at], nodes), at)

    def _portless(self) -> Iterator[Subset]:
        """Without a port it can only be told that the address is shared."""
        at = self._four[~self.has_port[self._four]]
        if len(at):
            none = np.zeros(len(at), np.uint32)
            whole = keys.v4_keys(self.realms[at], self._v4[at], none)
            order = np.argsort(whole, kind="stable")
            low = whole[order] | _U(keys.ROOT + 1)
            yield Subset(low, at[order], whole[order] | _U((1 << keys.NODE_BITS) - 1))

    def _prefixed(self, scope: int) -> Iterator[Subset]:
        at = self._six[self.realms[self._six] == scope >> 8]
        if len(at):
            lengths = np.full(len(at), scope & 0xFF)
            high, low = keys.masked(self.high[at], self.low[at], lengths)
            nodes = np.full(len(at), keys.ROOT)
            yield _sorted(keys.v6_keys(self.realms[at], high, low, lengths, nodes), at)


def _sorted(found: np.ndarray, at: np.ndarray) -> Subset:
    order = np.argsort(found, kind="stable")
    return Subset(found[order], at[order])


class Search:
    """One search through all runs: what is asked, what was found, where it is looked for."""

    def __init__(self, asked: Asked, found: Found, records: Records) -> None:
        self._asked = asked
        self._found = found
        self._records = records

    def through_all(self, workers: int) -> None:
        """Ask every run; `workers` row groups are searched at once."""
        for run in self._records.runs:
            for subset in self._asked.by_key(run):
                self._through(run, subset, workers)

    def _through(self, run: Run, subset: Subset, workers: int) -> None:
        """Each row group once, with the questions whose keys lie within it.

        Neighbouring row groups may share a key and so a question: they take turns, and no two
        threads write to one question at once.
        """
        first, last = run.edges
        begins = np.searchsorted(subset.keys if subset.last is None else subset.last, first, "left")
        ends = np.searchsorted(subset.keys, last, "right")
        wanted = [number for number in range(len(first)) if begins[number] < ends[number]]

        def ask(number: int) -> None:
            part = subset.part(slice(begins[number], ends[number]))
            if part.last is not None:
                self._ask_whether(run.group(number, ("key",))["key"], part, part.last)
            else:
                self._ask_who(run, number, part)

        if workers == 1 or len(wanted) < 3:
            for number in wanted:
                ask(number)
            return
        with ThreadPoolExecutor(workers) as pool:
            for turn in _turns(wanted):
                list(pool.map(ask, turn))

    def _ask_whether(self, held: np.ndarray, part: Subset, last: np.ndarray) -> None:
        low = np.searchsorted(held, part.keys, "left")
        inside = low < np.searchsorted(held, last, "right")
        self._found.shared[part.at[inside]] = True

    def _ask_who(self, run: Run, number: int, part: Subset) -> None:
        is_v6 = bool(keys.is_v6(part.keys[:1])[0])
        rows = run.group(number, _EXACT_COLUMNS if is_v6 else _COLUMNS)
        if self._records.aliases is not None:
            rows["line"] = _same(rows["line"], *self._records.aliases)
        at, low, high = self._candidates(rows, part)
        while len(at):
            self._take(rows, low, at)
            low = low + 1
            # A second line settles it: looking on would only find more of them.
            on = (low < high) & (self._found.other[at] == 0)
            at, low, high = at[on], low[on], high[on]

    def _candidates(
        self, rows: dict[str, np.ndarray], part: Subset
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Questions and the range of rows [low, high) that can answer each.

        Rows of one key are sorted by `since`; the largest `until` so far never falls along them.
        Both ends are found by binary search over one number: which key (the nth) and when (ms).
        """
        held = rows["key"]
        new = np.concatenate([[True], held[1:] != held[:-1]])
        distinct = held[new]
        key = np.searchsorted(distinct, part.keys)
        hit = key < len(distinct)
        hit[hit] = distinct[key[hit]] == part.keys[hit]
        at, key = part.at[hit], key[hit]
        if not len(at):
            return at, key, key
        nth = (np.cumsum(new) - 1) << _WHEN
        base = int(rows["since"].min()) // 1000
        begun = nth | _when(rows["since"], base)
        over = np.maximum.accumulate(nth | _when(rows["until"], base))
        # A millisecond more on both sides for what rounding takes; `_take` compares exactly.
        slack = self._asked.slack[at] + int(self._records.slack.max(initial=0)) + 2000
        moments, key = self._asked.moments[at], key << _WHEN
        low = np.searchsorted(over, key | _when(moments - slack, base), "left")
        high = np.searchsorted(begun, key | _when(moments + slack, base), "right")
        some = low < high
        return at[some], low[some], high[some]

    def _take(self, rows: dict[str, np.ndarray], row: np.ndarray, at: np.ndarray) -> None:
        """One row for each question, if it really answers it."""
        since, until, source = rows["since"][row], rows["until"][row], rows["source"][row]
        moment, slack = self._asked.moments[at], self._asked.slack[at] + self._records.slack[source]
        told, asks = rows["protocol"][row], self._asked.protocols[at]
        good = (since - slack <= moment) & (moment < until + slack)
        good &= (told == 0) | (asks == 0) | (told == asks)
        if "scope" in rows:
            good &= self._is_same_prefix(rows, row, at)
        if good.any():
            holds = ((since <= moment) & (moment < until))[good]
            kept = {"since": since[good], "until": until[good], "source": source[good]}
            self._found.add(at[good], rows["line"][row[good]], holds, kept)

    def _is_same_prefix(
        self, rows: dict[str, np.ndarray], row: np.ndarray, at: np.ndarray
    ) -> np.ndarray:
        scope, asked = rows["scope"][row], self._asked
        high, low = keys.masked(asked.high[at], asked.low[at], scope & np.uint32(0xFF))
        same = (high == rows["high"][row]) & (low == rows["low"][row])
        return np.asarray(same & (asked.realms[at] == scope >> np.uint32(8)))


def _turns(wanted: list[int]) -> tuple[list[int], list[int]]:
    return wanted[0::2], wanted[1::2]


def _same(lines: np.ndarray, names: np.ndarray, meant: np.ndarray) -> np.ndarray:
    """Several names of one line as that line."""
    if not len(names):
        return lines
    where = np.minimum(np.searchsorted(names, lines), len(names) - 1)
    return np.asarray(np.where(names[where] == lines, meant[where], lines))


def _when(moments: np.ndarray, base: int) -> np.ndarray:
    return np.asarray(np.clip(moments // 1000 - base, 0, (1 << _WHEN) - 1))
