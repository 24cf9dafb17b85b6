"""Files that are there whole or not at all, and one writer at a time."""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from fcntl import LOCK_EX, LOCK_NB, flock
from pathlib import Path

from tocsin.words.errors import Busy

_PATIENCE = 30.0  # seconds
_LONGEST = 256 * (2 + 65_535) + 1  # a bundle of the longest entries, and one byte to see more by


@contextmanager
def alone(path: Path) -> Iterator[None]:
    """Have the folder of this lock file to oneself; raises `Busy` after half a minute."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        _wait(descriptor, path)
        yield
    finally:
        os.close(descriptor)


def _wait(descriptor: int, path: Path) -> None:
    ends = time.monotonic() + _PATIENCE
    while True:
        try:
            flock(descriptor, LOCK_EX | LOCK_NB)
            return
        except BlockingIOError:
            if time.monotonic() > ends:
                raise Busy(f"{path.parent} is in use. Possible: try again") from None
            time.sleep(0.005)


def write_whole(path: Path, data: bytes, *, spool: Path, mode: int = 0o644) -> None:
    """Write, flush, rename: a reader sees the old bytes or the new ones, at any moment.

    The name itself is on the disk after `flush_folder` of its folder.
    """
    draft = spool / f".{path.name}.draft"
    _write(draft, data, mode, flushed=True)
    draft.replace(path)


class Drafts:
    """Many files at once: all are written, then all flushed, then all renamed.

    A file system that keeps a journal flushes what was written together in one go: ten times
    fewer waits than file by file.
    """

    def __init__(self, spool: Path, *, most: int = 1024) -> None:
        self._spool, self._most = spool, most
        self._waiting: list[tuple[Path, Path]] = []
        self._folders: set[Path] = set()

    def found(self, path: Path) -> None:
        """A file that is there already, from before a crash: its name may not be on the disk."""
        self._folders.add(path.parent)

    def add(self, path: Path, data: bytes) -> None:
        """Write a file that is to appear under this name, at the latest with `settle`."""
        draft = self._spool / f"{len(self._waiting)}.draft"
        _write(draft, data, 0o644, flushed=False)
        self._waiting.append((draft, path))
        if len(self._waiting) >= self._most:
            self.settle()

    def settle(self) -> None:
        """Everything added is on the disk, under its name."""
        for draft, _ in self._waiting:
            _flush(draft, os.O_RDONLY)
        for folder in {path.parent for _, path in self._waiting}:
            make_folders(folder)
            self._folders.add(folder)
        for draft, path in self._waiting:
            draft.replace(path)
        for folder in self._folders:
            flush_folder(folder)
        self._waiting.clear()
        self._folders.clear()


def _write(draft: Path, data: bytes, mode: int, *, flushed: bool) -> None:
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, mode)
    try:
        write_all(descriptor, data, at=0)
        if flushed:
            os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_all(descriptor: int, data: bytes, *, at: int) -> None:
    """Write every byte; one call may take fewer."""
    rest = memoryview(data)
    while rest:
        written = os.pwrite(descriptor, rest, at)
        rest, at = rest[written:], at + written


def read_file(path: str) -> bytes:
    """A file of a log, of which none is longer than this; whatever else lies there is cut off.

    Three times as fast as through `Path`, which cold proofs notice.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    try:
        return os.read(descriptor, min(os.fstat(descriptor).st_size, _LONGEST))
    finally:
        os.close(descriptor)


def flush_folder(folder: Path) -> None:
    """Names made or changed in a folder, through to the disk."""
    _flush(folder, os.O_RDONLY | os.O_DIRECTORY)


def _flush(path: Path, flags: int) -> None:
    descriptor = os.open(path, flags | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def make_folders(folder: Path) -> None:
    """A folder with all above it, each name flushed."""
    if folder.is_dir():
        return
    make_folders(folder.parent)
    folder.mkdir(exist_ok=True)
    flush_folder(folder.parent)
