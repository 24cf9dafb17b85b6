"""Unpack a file that came in: plain, gzip or zip, told apart by content and not by name.

Members are read as streams and never written; their names are names and nothing else.
Limits against bombs: members, expanded bytes, and the ratio of expanded to packed bytes.
"""

import gzip
import io
import lzma
import re
import struct
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, BinaryIO

from tocsin.words.errors import NotFound, Unreadable, Unusable

_GZIP, _ZIP, _EMPTY_ZIP = b"\x1f\x8b", b"PK\x03\x04", b"PK\x05\x06"
# Archives inside archives, and kinds we do not open, are refused and not taken for text.
_ARCHIVES = {
    _GZIP: "gzip",
    _ZIP: "zip",
    b"BZh": "bzip2",
    b"\xfd7zXZ\x00": "xz",
    b"7z\xbc\xaf\x27\x1c": "7z",
    b"Rar!": "rar",
    b"\x28\xb5\x2f\xfd": "zstd",
}
# What the standard library raises on bytes that are no archive, found by flipping bits.
_BROKEN = (
    EOFError,
    OSError,
    OverflowError,
    RuntimeError,
    ValueError,
    lzma.LZMAError,
    struct.error,
    zipfile.BadZipFile,
    zlib.error,
)


@dataclass(frozen=True)
class Limits:
    """What may come out of one file; the ratio counts after `free` bytes."""

    members: int = 1000
    expanded: int = 8 * 1024**3
    ratio: int = 200
    free: int = 10 * 1024**2


LIMITS = Limits()


def require_files(paths: Sequence[Path]) -> None:
    """Raises `NotFound` for a name that leads to no file, `Unusable` for what is no plain file."""
    for path in paths:
        if path.is_dir():
            raise NotFound(f"{path} is a folder. Possible: name files, such as {path}/*.csv")
    missing = [str(path) for path in paths if not path.exists()]
    if missing:
        raise NotFound(f"no such file: {', '.join(missing)}")
    for path in paths:
        if not path.is_file():  # a pipe would be empty the second time, or block for ever
            raise Unusable(
                f"{path} is a pipe or a device, and a report is read more than once. Possible: "
                "write it to a file first"
            )


def unpack(path: Path, *, limits: Limits = LIMITS) -> Iterator[tuple[str, BinaryIO]]:
    """Every file in `path` with its name, one after the other, each to be read before the next.

    Raises Unreadable, also while reading: a broken, encrypted or nested archive, or one over a
    limit.
    """
    with path.open("rb") as file:
        head = file.read(6)
        file.seek(0)
        if head.startswith((_ZIP, _EMPTY_ZIP)):
            yield from _unzip(file, path, limits)
        elif head.startswith(_GZIP):
            yield from _gunzip(file, path, limits)
        else:
            _refuse_archive(head, path.name)
            yield path.name, file


def _gunzip(file: BinaryIO, path: Path, limits: Limits) -> Iterator[tuple[str, BinaryIO]]:
    name = re.sub(r"\.gz$", "", path.name, flags=re.IGNORECASE)
    meter = _Meter(path.name, packed=path.stat().st_size, limits=limits)
    unpacked = _Metered(gzip.GzipFile(fileobj=file), meter)
    with io.BufferedReader(unpacked, 1 << 20) as stream:
        _refuse_archive(stream.peek(6), f"{path.name}: inside it")
        yield name, stream


def _unzip(file: BinaryIO, path: Path, limits: Limits) -> Iterator[tuple[str, BinaryIO]]:
    meter = _Meter(path.name, packed=path.stat().st_size, limits=limits)
    with _in_words(path.name):
        archive = zipfile.ZipFile(file)
    with archive:
        members = [member for member in archive.infolist() if not member.filename.endswith("/")]
        if len(members) > limits.members:
            raise Unreadable(
                f"{path.name}: {len(members)} files in the zip; at most {limits.members} are read."
            )
        if not members:
            raise Unreadable(f"{path.name}: a zip with no file in it.")
        for member in members:
            if member.flag_bits & 1:
                raise Unreadable(
                    f"{path.name}: {member.filename} is encrypted; "
                    "unpack it with its password first."
                )
            with _in_words(path.name):
                opened = archive.open(member)
            with io.BufferedReader(_Metered(opened, meter), 1 << 20) as stream:
                _refuse_archive(stream.peek(6), f"{path.name}: {member.filename}")
                yield member.filename, stream


def _refuse_archive(head: bytes, name: str) -> None:
    for magic, kind in _ARCHIVES.items():
        if head.startswith(magic):
            raise Unreadable(
                f"{name}: a {kind} archive; plain files, gzip and zip are read, and no archive "
                "in an archive. Unpack it first."
            )


class _Meter:
    """Counts what comes out of one file and stops a bomb."""

    def __init__(self, name: str, *, packed: int, limits: Limits) -> None:
        self.name = name
        self._limits = limits
        self._allowed = limits.free + limits.ratio * packed
        self._out = 0

    def add(self, count: int) -> None:
        """Count; raises Unreadable over a limit."""
        self._out += count
        if self._out > self._limits.expanded:
            raise Unreadable(f"{self.name}: over {self._limits.expanded} bytes when unpacked.")
        if self._out > self._allowed:
            raise Unreadable(
                f"{self.name}: unpacks to more than {self._limits.ratio} times its size, "
                "like a decompression bomb; unpack it by hand if you trust it."
            )


class _Metered(io.RawIOBase):
    """A stream that is counted, and whose flaws are Unreadable."""

    def __init__(self, stream: IO[bytes] | gzip.GzipFile, meter: _Meter) -> None:
        self._stream = stream
        self._meter = meter

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        with _in_words(self._meter.name):
            data = self._stream.read(len(buffer))
        self._meter.add(len(data))
        buffer[: len(data)] = data
        return len(data)

    def close(self) -> None:
        self._stream.close()
        super().close()


@contextmanager
def _in_words(name: str) -> Iterator[None]:
    try:
        yield
    except _BROKEN as error:
        raise Unreadable(
            f"{name}: the archive is broken or cut short ({str(error) or type(error).__name__}); "
            "ask for it again."
        ) from error
