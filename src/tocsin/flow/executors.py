"""Where the stages run: in this process, or in a pool of processes.

An executor maps a pure, picklable function over items, in order, and never holds more than a few
items at once, so that ten million rows stream through as one hundred thousand do.
"""

import multiprocessing
import os
import signal
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from typing import Protocol, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


class Executor(Protocol):
    """`map` yields the results in the order of the items."""

    name: str

    def map(self, stage: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result]: ...

    def close(self) -> None: ...


class InProcess:
    """Everything here, one item after the other."""

    name = "in-process"

    def map(self, stage: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result]:
        """Results in order; raises what the stage raises."""
        return map(stage, items)

    def close(self) -> None:
        """Nothing to close."""


class Pool:
    """A pool of processes, started fresh (spawn), each with one thread for its tables."""

    name = "pool"

    def __init__(self, workers: int | None = None) -> None:
        self.workers = workers or os.cpu_count() or 1
        os.environ.setdefault("POLARS_MAX_THREADS", "1")
        self._pool = ProcessPoolExecutor(
            self.workers,
            mp_context=multiprocessing.get_context("spawn"),
            initializer=signal.signal,
            initargs=(signal.SIGINT, signal.SIG_IGN),  # Ctrl-C reaches all; the parent decides
        )

    def map(self, stage: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result]:
        """Results in order; at most two items per worker are under way or waiting."""
        waiting: deque[Future[Result]] = deque()
        for item in items:
            waiting.append(self._pool.submit(stage, item))
            if len(waiting) > self.workers:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()

    def close(self) -> None:
        """Ends the processes; what is under way is finished first."""
        self._pool.shutdown(wait=True, cancel_futures=True)


EXECUTORS: dict[str, Callable[[], Executor]] = {"in-process": InProcess, "pool": Pool}
