"""One file under one key: zstd, then AES-256-GCM in frames, readable and writable as a stream.

Layout, all numbers big-endian:

    0   8   magic, b"TOCSINEV"
    8   1   version, 1
    9   1   compression, 1 = zstd
    10  4   bytes of compressed text per frame, 1 048 576
    14  7   nonce prefix, random
    21  …   frames: that many bytes of ciphertext (the last one: 0 to that many), 16 bytes tag

Nonce of frame i: prefix, i as 4 bytes, 1 for the last frame and 0 for all others (the STREAM
construction, Hoang et al. 2015): a frame moved, repeated, left out or cut off fails. The 21
bytes of the header are authenticated with every frame. A key seals one file, ever.
"""

import hashlib
import io
import secrets
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

import zstandard
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from tocsin.words.errors import Unreadable

MAGIC = b"TOCSINEV"
FRAME = 1024 * 1024
# zstd level 1: 1.6 CPU-seconds a gigabyte of Shadowserver CSV, to 14 % of its size; the
# negative levels save a tenth of that and double the file. SHA-256 takes another 0.6.
LEVEL = 1
_HEADER = struct.Struct(">8sBBI7s")
_TAG = 16


@dataclass(frozen=True)
class Sealed:
    """What became of a stream: SHA-256 of its bytes (hex), their number, bytes written."""

    digest: str
    size: int
    stored_size: int


def seal(source: BinaryIO, target: BinaryIO, *, key: bytes) -> Sealed:
    """Read `source` to its end into `target`, sealed; memory stays below 10 MiB."""
    prefix = secrets.token_bytes(7)
    header = _HEADER.pack(MAGIC, 1, 1, FRAME, prefix)
    cipher = AESGCM(key)
    passing = _Count()
    written = target.write(header)
    for counter, (text, is_last) in enumerate(_mark_last(_packed(source, passing))):
        nonce = _nonce(prefix, counter, is_last=is_last)
        written += target.write(cipher.encrypt(nonce, text, header))
    return Sealed(digest=passing.sha.hexdigest(), size=passing.size, stored_size=written)


def _nonce(prefix: bytes, counter: int, *, is_last: bool) -> bytes:
    return prefix + counter.to_bytes(4, "big") + bytes([is_last])


class _Count:
    """What passes by: digest and number of bytes."""

    def __init__(self) -> None:
        self.sha = hashlib.sha256()
        self.size = 0

    def add(self, block: bytes) -> None:
        self.sha.update(block)
        self.size += len(block)


def count(source: BinaryIO) -> Sealed:
    """Digest and size of a stream of which nothing is kept."""
    passing = _Count()
    while block := source.read(FRAME):
        passing.add(block)
    return Sealed(digest=passing.sha.hexdigest(), size=passing.size, stored_size=0)


def _packed(source: BinaryIO, passing: _Count) -> Iterator[bytes]:
    """The compressed stream in pieces of FRAME bytes, the last one shorter."""
    packer = zstandard.ZstdCompressor(level=LEVEL).chunker(chunk_size=FRAME)
    while block := source.read(FRAME):
        passing.add(block)
        yield from packer.compress(block)
    yield from packer.finish()  # type: ignore[no-untyped-call]


def _mark_last(pieces: Iterator[bytes]) -> Iterator[tuple[bytes, bool]]:
    held = next(pieces, b"")
    for piece in pieces:
        yield held, False
        held = piece
    yield held, True


def unseal(source: BinaryIO, *, key: bytes, digest: str) -> Iterator[bytes]:
    """The bytes of a sealed file, in pieces of at most 1 MiB; each one is authentic.

    Raises `Unreadable` for anything that is not what was sealed under this key; pieces
    before the damaged frame have been yielded by then.
    """
    reader = io.BufferedReader(_Opened(source, key), buffer_size=FRAME)
    sha = hashlib.sha256()
    try:
        with zstandard.ZstdDecompressor().stream_reader(reader) as unpacker:
            while block := unpacker.read(FRAME):
                sha.update(block)
                yield block
    except zstandard.ZstdError as fault:
        raise Unreadable(f"evidence {digest[:12]}…: not what was sealed ({fault})") from fault
    if sha.hexdigest() != digest:
        raise Unreadable(f"evidence {digest[:12]}…: its bytes have another digest")


class _Opened(io.RawIOBase):
    """Sealed frames as a readable stream of compressed bytes."""

    def __init__(self, source: BinaryIO, key: bytes) -> None:
        self._source = source
        self._header = source.read(_HEADER.size)
        self._frame, self._prefix = _read_header(self._header)
        self._cipher = AESGCM(key)
        self._counter = 0
        self._ahead = source.read(self._frame + _TAG)
        self._text = memoryview(b"")
        self._is_done = False

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        if not self._text and not self._is_done:
            self._text = memoryview(self._open_next())
        taken = self._text[: len(buffer)]
        buffer[: len(taken)] = taken
        self._text = self._text[len(taken) :]
        return len(taken)

    def _open_next(self) -> bytes:
        sealed, self._ahead = self._ahead, self._source.read(self._frame + _TAG)
        self._is_done = not self._ahead
        nonce = _nonce(self._prefix, self._counter, is_last=self._is_done)
        self._counter += 1
        try:
            return self._cipher.decrypt(nonce, sealed, self._header)
        except (InvalidTag, ValueError) as fault:
            raise Unreadable(
                f"evidence: frame {self._counter} was changed or cut off after it was sealed. "
                "Possible: restore the file from a backup"
            ) from fault


def _read_header(header: bytes) -> tuple[int, bytes]:
    if len(header) == _HEADER.size:
        magic, version, compression, frame, prefix = _HEADER.unpack(header)
        if (magic, version, compression) == (MAGIC, 1, 1) and 0 < frame <= 16 * FRAME:
            return frame, prefix
    raise Unreadable("evidence: the file does not begin as version 1 of sealed evidence does")
