"""What a command cost: wall and CPU seconds, and the peak memory of the whole process tree.

Memory is PSS (a shared page counts once in the tree), read from /proc every tenth of a second
(less often where that would cost more than a hundredth of the time);
where there is no /proc it is the peak resident size of this process.
"""

import os
import resource
import threading
import time
from pathlib import Path
from typing import Self

INTERVAL = 0.1
SHARE = 100  # reading /proc may take one part in so many of the time


class Meter:
    """Use as a context; the figures stand on it afterwards."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.cpu_seconds = 0.0
        self.peak_mib = 0.0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Self:
        self._wall, self._cpu = time.perf_counter(), _cpu()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()
        self.seconds = time.perf_counter() - self._wall
        self.cpu_seconds = _cpu() - self._cpu
        if not self.peak_mib:
            self.peak_mib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024

    def _watch(self) -> None:
        while True:
            before = time.perf_counter()
            self.peak_mib = max(self.peak_mib, tree_pss_mib(os.getpid()))
            took = time.perf_counter() - before
            if self._stop.wait(max(INTERVAL, SHARE * took)):
                return


def _cpu() -> float:
    """User and system seconds of this process and of children that have ended."""
    mine, theirs = (
        resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    )
    return mine.ru_utime + mine.ru_stime + theirs.ru_utime + theirs.ru_stime


def tree_pss_mib(root: int) -> float:
    """PSS of a process and everything it started, in MiB; 0.0 where /proc has no answer."""
    return sum(_pss_kib(pid) for pid in _tree(root)) / 1024


def _tree(root: int) -> list[int]:
    found = [root]
    for pid in found:
        try:
            tasks = list(Path(f"/proc/{pid}/task").iterdir())
            for task in tasks:
                found += [int(child) for child in (task / "children").read_text().split()]
        except OSError:
            continue
    return found


def _pss_kib(pid: int) -> int:
    try:
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1])
    except OSError:
        return 0
    return 0
