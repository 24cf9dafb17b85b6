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
    """One chunk's rows: which are repeats (bool), how often each was repeated (uint32)."""

    repeated: np.ndarray
    repeats: np.ndarray


class Bench:
    """Hands out slices of all keys and takes the verdicts; keys that are new are written down."""

    def __init__(self, plan: Plan, numbers: list[int], segments: tuple[Path, ...]) -> None:
        self._plan, self._segments = plan, segments
        self._paths = tuple(plan.path("keys", number, ".npy") for number in numbers)
        sizes = [_rows_in(path) for path in self._paths]
        self._keys = sum(sizes) + sum(_rows_in(path) for path in segments)
        self._raw = plan.spool / "window.keys"
        self._raw.touch()
        self.judged = [Judged(np.zeros(n, dtype=bool), np.zeros(n, dtype=np.uint32)) for n in sizes]
        self.fresh = 0

    def tasks(self) -> Iterator[JudgeTask]:
        """One task per slice, in the order of the keys."""
        buckets = max(1, -(-self._keys // KEYS_PER_BUCKET))
        for bucket in range(buckets):
            yield JudgeTask(self._paths, self._segments, self._plan.window, bucket, buckets)

    def take(self, verdict: merge.Verdict) -> None:
        """Note one slice's repeats; verdicts come in the order of the tasks."""
        for chunk, rows in _by_chunk(verdict.repeats):
            self.judged[chunk].repeated[rows[:, 1]] = True
        for chunk, rows in _by_chunk(verdict.counts):
            self.judged[chunk].repeats[rows[:, 1]] = rows[:, 2]
        with self._raw.open("ab") as file:
            file.write(verdict.fresh.tobytes())
        self.fresh += len(verdict.fresh)

    def close(self) -> Path | None:
        """The fresh keys as one sorted file for the window; None where there is none."""
        return _segment(self._raw, self.fresh)


def _by_chunk(rows: np.ndarray) -> Iterator[tuple[int, np.ndarray]]:
    """Rows (chunk, …) grouped by chunk."""
    rows = rows[np.argsort(rows[:, 0], kind="stable")]
    chunks, firsts = np.unique(rows[:, 0], return_index=True)
    for chunk, part in zip(chunks, np.split(rows, firsts[1:]), strict=False):  # no rows: no chunk
        yield int(chunk), part


def _rows_in(path: Path) -> int:
    return len(np.load(path, mmap_mode="r"))


def _segment(raw: Path, keys: int) -> Path | None:
    """The fresh keys of all slices, in order, as one file that numpy maps."""
    if not keys:
        return None
    path = raw.with_suffix(".npy")
    with path.open("wb") as file:
        header = {"descr": merge.SEEN.descr, "fortran_order": False, "shape": (keys,)}
        np.lib.format.write_array_header_1_0(file, header)
        with raw.open("rb") as source:
            while block := source.read(1 << 20):
                file.write(block)
    flush(path)
    raw.unlink()
    return path
