"""What a log says of itself: origin, size and root (C2SP tlog-checkpoint)."""

import re
from base64 import b64encode
from binascii import Error as NotBase64
from binascii import a2b_base64
from dataclasses import dataclass

from tocsin.ledger.merkle import EMPTY, HASH
from tocsin.words.errors import Unreadable

LARGEST = 2**63 - 1
_NUMBER = re.compile(r"0|[1-9][0-9]{0,18}")


@dataclass(frozen=True)
class Checkpoint:
    """The head of a log's tree; `extensions` are lines that nobody can check."""

    origin: str
    size: int
    root: bytes
    extensions: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """The body as it is signed."""
        lines = (self.origin, str(self.size), b64encode(self.root).decode(), *self.extensions)
        return "".join(f"{line}\n" for line in lines)


def read_body(text: str) -> Checkpoint:
    """The body of a checkpoint, in its one spelling; raises `Unreadable`."""
    lines = text.removesuffix("\n").split("\n")
    if not text.endswith("\n") or len(lines) < 3 or "" in lines:
        raise Unreadable("no checkpoint: it has an origin, a size and a root, one per line")
    size, root = read_number(lines[1], name="the size"), read_hash(lines[2])
    if not size and root != EMPTY:
        raise Unreadable("the checkpoint says that the log is empty, and gives another root")
    return Checkpoint(lines[0], size, root, tuple(lines[3:]))


def read_number(text: str, *, name: str) -> int:
    """A decimal without leading zeros, below 2**63."""
    if not _NUMBER.fullmatch(text) or (number := int(text)) > LARGEST:
        raise Unreadable(f"{name} is no decimal number without leading zeros: {text[:40]!r}")
    return number


def read_hash(text: str) -> bytes:
    """Base64 of 32 bytes, in its one spelling."""
    hashed = read_base64(text)
    if len(hashed) != HASH:
        raise Unreadable(f"a hash is {HASH} bytes in base64, and this is not: {text[:60]!r}")
    return hashed


def read_base64(text: str) -> bytes:
    """Base64 as RFC 4648 section 4 says, with padding, without stray bits or characters."""
    try:
        found = a2b_base64(text, strict_mode=True)
    except (NotBase64, ValueError):
        found = b""
    if b64encode(found).decode() != text:
        raise Unreadable(f"no base64: {text[:60]!r}")
    return found
