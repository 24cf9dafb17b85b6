"""One part of a backup: sealed on its way out, opened on its way back, digests both ways."""

import hashlib
import io
import os
import secrets
import stat
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

from tocsin.office import sealed_file
from tocsin.office.backup.archive import Key
from tocsin.office.backup.manifest import ANOTHER, Part
from tocsin.words.errors import Unreadable

SEALED = ".sealed"
_BLOCK = 1024 * 1024


class _Hashed:
    """A file that is written, its SHA-256 and its length."""

    def __init__(self, target: BinaryIO) -> None:
        self._target = target
        self.sha = hashlib.sha256()
        self.size = 0

    def write(self, data: bytes) -> int:
        self.sha.update(data)
        self.size += len(data)
        return self._target.write(data)


def seal(source: BinaryIO, folder: Path, path: str, *, mtime_ns: int = 0) -> tuple[Part, Key]:
    """Seal a stream into `folder` under a fresh key."""
    part = Part(path, path + SEALED, "", 0, 0, mtime_ns, is_sealed=True)
    key = secrets.token_bytes(32)
    with new_file(folder / part.file) as file:
        target = _Hashed(file)
        sealed = sealed_file.seal(source, target, key=key)  # type: ignore[arg-type]
    made = replace(part, sha256=target.sha.hexdigest(), size=target.size, plain_size=sealed.size)
    return made, Key(key, sealed.digest)


def copy(source: BinaryIO, folder: Path, path: str, *, mtime_ns: int) -> Part:
    """Copy what is sealed already (evidence, whose keys lie in its table)."""
    with new_file(folder / path) as file:
        target = _Hashed(file)
        while block := source.read(_BLOCK):
            target.write(block)
    return Part(path, path, target.sha.hexdigest(), target.size, target.size, mtime_ns, False)  # noqa: FBT003 as the fields stand


def new_file(path: Path) -> BinaryIO:
    """A file that was not there, for this user's eyes only."""
    make_folders(path.parent)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    return os.fdopen(descriptor, "wb")


def make_folders(folder: Path) -> None:
    """A folder with all above it that are not there, for this user's eyes only."""
    if not folder.is_dir():
        make_folders(folder.parent)
        folder.mkdir(mode=0o700, exist_ok=True)


def check(part: Part, folder: Path) -> str:
    """What is wrong with a part as it lies there; "" where nothing is."""
    path = folder / part.file
    try:
        found = path.lstat()
        if not stat.S_ISREG(found.st_mode):
            return f"{part.file} is no file"
        if found.st_size != part.size:
            return f"{part.file} has {found.st_size:,} bytes instead of {part.size:,}"
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
    except FileNotFoundError:
        return f"{part.file} is missing"
    except OSError as fault:
        return f"{part.file} cannot be read: {fault.strerror}"
    return "" if digest == part.sha256 else f"{part.file} has other bytes than were written"


def unsealed(part: Part, folder: Path, key: Key) -> Iterator[bytes]:
    """The bytes of a sealed part, each of them authentic; raises `Unreadable`."""
    try:
        with (folder / part.file).open("rb") as file:
            yield from sealed_file.unseal(file, key=key.key, digest=key.sha256)
    except Unreadable as fault:
        raise Unreadable(f"{part.file} does not open with its key. {ANOTHER}") from fault


def plain(part: Part, folder: Path, key: Key | None) -> Iterator[bytes]:
    """The bytes of a part as they were in the store."""
    if part.is_sealed:
        if key is None:
            raise Unreadable(f"{part.file}: the archive of keys has none for it. {ANOTHER}")
        yield from unsealed(part, folder, key)
        return
    with (folder / part.file).open("rb") as file:
        while block := file.read(_BLOCK):
            yield block


def lines(blocks: Iterable[bytes]) -> Iterator[bytes]:
    """A stream of bytes as lines, however it is cut."""
    rest = b""
    for block in blocks:
        *whole, rest = (rest + block).split(b"\n")
        yield from whole
    if rest:
        yield rest


class Stream(io.RawIOBase):
    """Pieces of bytes as a file to read from."""

    def __init__(self, pieces: Iterable[bytes]) -> None:
        self._pieces = iter(pieces)
        self._rest = memoryview(b"")

    def readable(self) -> bool:
        """Yes."""
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        """Fill the buffer as far as the next piece goes."""
        while not self._rest:
            piece = next(self._pieces, None)
            if piece is None:
                return 0
            self._rest = memoryview(piece)
        taken = self._rest[: len(buffer)]
        buffer[: len(taken)] = taken
        self._rest = self._rest[len(taken) :]
        return len(taken)
