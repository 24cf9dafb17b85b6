"""Writes a log again and again, each time killed before a later call that changes a file.

`python -m tests.ledger.die_at FOLDER`: makes `FOLDER/1`, `FOLDER/2`, … each by a process of its
own that is killed (SIGKILL) before its first, second, … call, a write half done; the last one got
through. Says per line the folder and how many leaves its process had been told are safe.
"""

import os
import signal
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

from tests.ledger.keys import LOG
from tocsin.ledger.log import Log

AT = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
SIZES = (3, 250, 7, 520, 1)
CHANGES = "pwrite fsync fdatasync ftruncate replace rename mkdir unlink rmdir".split()


def leaves(start: int, count: int) -> list[bytes]:
    """The leaves of every one of these logs."""
    return [sha256(f"leaf {number}".encode()).digest() for number in range(start, start + count)]


def work(folder: Path, say: Callable[[int], None]) -> None:
    """Five batches, each published."""
    log = Log(folder)
    for size in SIZES:
        start = log.size
        log.append(leaves(start, size), start=start)
        say(start + size)
        log.publish(signers=[LOG], at=AT)


def die_at(moment: int) -> None:
    """From now on, be killed before this call; a write is half done then."""
    count = 0

    def watched(name: str) -> Callable[..., object]:
        real = getattr(os, name)

        def call(*words, **more):
            nonlocal count
            count += 1
            if count == moment:
                if name == "pwrite":
                    real(words[0], words[1][: len(words[1]) // 2], words[2])
                os.kill(os.getpid(), signal.SIGKILL)
            return real(*words, **more)

        return call

    for name in CHANGES:
        setattr(os, name, watched(name))


def one(folder: Path, moment: int) -> bool:
    """One process to its end; whether it was killed."""
    child = os.fork()
    if not child:
        said = [0]
        marks = folder.with_suffix(".said").open("w", buffering=1)
        die_at(moment)
        work(folder, lambda size: said.append(size) or marks.write(f"{size}\n"))
        os._exit(0)
    _, status = os.waitpid(child, 0)
    if os.WIFEXITED(status) and os.WEXITSTATUS(status):
        sys.exit(f"moment {moment} failed in another way")
    return os.WIFSIGNALED(status)


def main() -> None:
    """Every moment there is."""
    moment = 1
    while one(Path(sys.argv[1]) / str(moment), moment):
        moment += 1


if __name__ == "__main__":
    main()
