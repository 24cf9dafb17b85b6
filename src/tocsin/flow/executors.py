"""Where the stages run: in this process, or in a pool of processes.

An executor maps a pure, picklable function over items, in order, and never holds more than a few
items at once, so that ten million rows stream through as one hundred thousand do.
"""

import multiprocessing
import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from multiprocessing.connection import wait
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


def _begin_worker() -> None:
    """Ctrl-C reaches all, and the parent decides; with a parent that was killed, all end.

    A worker that outlived it would write under the run's name while the run is taken up again.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_end_with, args=(parent.sentinel,), daemon=True).start()


def _end_with(sentinel: int) -> None:
    wait([sentinel])  # ready when the parent's end of a pipe is closed, however it ended
    os._exit(1)


class Pool:
    """A pool of processes, started fresh (spawn), each with one thread for its tables."""

    name = "pool"

    def __init__(self, workers: int | None = None) -> None:
        self.workers = workers or os.cpu_count() or 1
        os.environ.setdefault("POLARS_MAX_THREADS", "1")
        self._pool = ProcessPoolExecutor(
            self.workers,
            mp_context=multiprocessing.get_context("spawn"),
            initializer=_begin_worker,
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
