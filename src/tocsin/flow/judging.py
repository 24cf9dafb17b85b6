"""The judges' bench: all keys of a run, slice by slice, against each other and the window."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tocsin.flow import merge
from tocsin.flow.durable import flush
from tocsin.flow.stages import JudgeTask, Plan

# Below this many keys one slice is quicker than many.
KEYS_PER_BUCKET = 200_000


@dataclass(frozen=True)
class Judged:
    """One chunk's rows: which are repeats (bool), how often each was repeated (uint32), which of
    the others an earlier run had and could tell to nobody (bool)."""

    repeated: np.ndarray
    repeats: np.ndarray
    heard: np.ndarray

    @classmethod
    def of(cls, rows: int) -> "Judged":
        """All of them new."""
        return cls(np.zeros(rows, bool), np.zeros(rows, np.uint32), np.zeros(rows, bool))


@dataclass(frozen=True)
class Segments:
    """Two files for the window, None where there would be nothing in them, and how many keys."""

    told: Path | None
    untold: Path | None
    keys: tuple[int, int]


NO_SEGMENTS = Segments(None, None, (0, 0))


class Bench:
    """Hands out slices of all keys and takes the verdicts; keys that are new are written down.

    Who was told of them is known when all chunks are routed: `settle` says it chunk by chunk, and
    `close` sorts the keys into what somebody was told and what nobody was.
    """

    def __init__(
        self,
        plan: Plan,
        numbers: list[int],
        segments: tuple[Path, ...],
        untold: tuple[Path, ...] = (),
    ) -> None:
        self._plan, self._segments, self._untold = plan, segments, untold
        self._paths = tuple(plan.path("keys", number, ".npy") for number in numbers)
        sizes = [_rows_in(path) for path in self._paths]
        self._keys = sum(sizes) + sum(_rows_in(path) for path in (*segments, *untold))
        self._firsts = np.cumsum([0, *sizes])
        self._fate = np.full(self._firsts[-1], _TOLD, dtype=np.uint8)
        self._raw = plan.spool / "window.keys"
        self._raw.touch()
        self.judged = [Judged.of(size) for size in sizes]

    def tasks(self) -> Iterator[JudgeTask]:
        """One task per slice, in the order of the keys."""
        buckets = max(1, -(-self._keys // KEYS_PER_BUCKET))
        for bucket in range(buckets):
            yield JudgeTask(
                self._paths, self._segments, self._untold, self._plan.window, bucket, buckets
            )

    def take(self, verdict: merge.Verdict) -> None:
        """Note one slice's repeats; verdicts come in the order of the tasks."""
        for chunk, rows in _by_chunk(verdict.repeats):
            self.judged[chunk].repeated[rows[:, 1]] = True
        for chunk, rows in _by_chunk(verdict.counts):
            self.judged[chunk].repeats[rows[:, 1]] = rows[:, 2]
        for chunk, rows in _by_chunk(verdict.heard):
            self.judged[chunk].heard[rows[:, 1]] = True
        raw = np.empty(len(verdict.fresh), dtype=_RAW)
        raw["seen"] = verdict.fresh
        raw["row"] = self._firsts[verdict.kept[:, 0]] + verdict.kept[:, 1]
        with self._raw.open("ab") as file:
            file.write(raw.tobytes())

    def settle(self, chunk: int, *, untold: np.ndarray, again: np.ndarray) -> None:
        """Of the chunk at this place, rows that nobody was told, and those that stay repeats."""
        first = self._firsts[chunk]
        self._fate[first + untold] = _UNTOLD
        self._fate[first + again] = _AGAIN

    def close(self) -> Segments:
        """The fresh keys as sorted files for the window; what stays a repeat is in neither."""
        told, untold = (
            _segment(self._raw, self._fate, fate, name)
            for fate, name in ((_TOLD, "window.npy"), (_UNTOLD, "untold.npy"))
        )
        self._raw.unlink()
        return Segments(told[0], untold[0], (told[1], untold[1]))


_TOLD, _UNTOLD, _AGAIN = 0, 1, 2  # what became of a row
# A fresh key in the spool, with the place of its row among all rows of the run.
_RAW = np.dtype([("seen", merge.SEEN), ("row", "<u8")])
_STEP = 1 << 16  # keys read at once


def _by_chunk(rows: np.ndarray) -> Iterator[tuple[int, np.ndarray]]:
    """Rows (chunk, …) grouped by chunk."""
    rows = rows[np.argsort(rows[:, 0], kind="stable")]
    chunks, firsts = np.unique(rows[:, 0], return_index=True)
    for chunk, part in zip(chunks, np.split(rows, firsts[1:]), strict=False):  # no rows: no chunk
        yield int(chunk), part


def _rows_in(path: Path) -> int:
    return len(np.load(path, mmap_mode="r"))


def _segment(raw: Path, fates: np.ndarray, fate: int, name: str) -> tuple[Path | None, int]:
    """The fresh keys of one fate, in order, as one file that numpy maps; and how many."""
    keys = sum(len(part) for part in _of_fate(raw, fates, fate))
    if not keys:
        return None, 0
    path = raw.with_name(name)
    with path.open("wb") as file:
        header = {"descr": merge.SEEN.descr, "fortran_order": False, "shape": (keys,)}
        np.lib.format.write_array_header_1_0(file, header)
        for part in _of_fate(raw, fates, fate):
            file.write(part.tobytes())
    flush(path)
    return path, keys


def _of_fate(raw: Path, fates: np.ndarray, fate: int) -> Iterator[np.ndarray]:
    with raw.open("rb") as file:
        while block := file.read(_STEP * _RAW.itemsize):
            rows = np.frombuffer(block, dtype=_RAW)
            yield rows["seen"][fates[rows["row"]] == fate]
