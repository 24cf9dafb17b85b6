"""A file of many messages (mbox): each read as the abuse report or the phishing message it is.

Source: RFC 4155; lines `>From ` are unquoted as mboxrd does. The file is streamed: a message
begins at a `From ` line with a year in it, at the start or after an empty line. Messages are
numbered from 1 and travel together, because a chunk has a fixed cost (`formats.format`).
"""

import re
from collections.abc import Iterator
from typing import BinaryIO

from tocsin.flow.tables import Chunk, Fault, Parsed
from tocsin.formats.format import Format
from tocsin.formats.idf import Row, Unfit
from tocsin.formats.mail import arf, phishing
from tocsin.formats.mail.limits import LIMITS, Tally
from tocsin.formats.mail.message import looks_like_message, without_postmark
from tocsin.formats.mail.rows import Layout, parse_with
from tocsin.formats.records import Pile
from tocsin.words.errors import Unreadable

NAME = "mbox"
_BLOCK = 1 << 20
_MESSAGES, _BYTES = 64, 4 * 1024**2  # of a chunk
_LINE = 600
_POSTMARK = re.compile(rb"From \S[^\n]{0,500}\d{4}[^\n]{0,60}\n")
_NEXT = re.compile(rb"\n\r?\n(?=From \S[^\n]{0,500}\d{4}[^\n]{0,60}\n)")
_QUOTED = re.compile(rb"^>(>*From )", re.MULTILINE)
_SIZE = f"a message over {LIMITS.message // 1024**2} MiB, the limit"


def sniff(head: bytes, _name: str) -> bool:
    """A `From ` line with a year, and a message header after it."""
    head = head.removeprefix(b"\xef\xbb\xbf").lstrip(b"\r\n")
    return _POSTMARK.match(head) is not None and looks_like_message(head)


def cut(stream: BinaryIO, name: str) -> Iterator[Chunk | Fault]:
    """Chunks of whole messages; one over 25 MiB is a Fault, in pieces."""
    splitter = _Splitter(stream)
    if not splitter.begins():
        raise Unreadable(
            f"{name}: no mbox: it does not begin with a line of the form "
            "'From sender Mon Nov 23 09:00:00 2026'."
        )
    pile, held = Pile(), 0
    for number, raw in splitter.messages():
        if splitter.overlong:
            yield Fault(number, _SIZE, raw)
            continue
        pile.add(raw, number)
        held += 1
        if held == _MESSAGES or pile.size >= _BYTES:
            yield from pile.release(Layout(NAME))
            held = 0
    yield from pile.release(Layout(NAME))


class _Splitter:
    """Reads on block by block; holds no more than one message and a block.

    `overlong` is True while the bytes last yielded belong to a message over the limit.
    """

    def __init__(self, stream: BinaryIO) -> None:
        self.overlong = False
        self._stream = stream
        self._data = b""
        self._at = 0

    def begins(self) -> bool:
        """Whether the stream begins with a postmark, after empty lines."""
        self._more()
        head = self._data.removeprefix(b"\xef\xbb\xbf").lstrip(b"\r\n")
        self._at = len(self._data) - len(head)
        return _POSTMARK.match(head) is not None

    def messages(self) -> Iterator[tuple[int, bytes]]:
        """Number and bytes of every message; pieces of one that is too long share a number."""
        number, looked = 1, self._at
        while True:
            found = _NEXT.search(self._data, looked)
            if found is not None:
                yield number, self._take(found.end())
                number, looked, self.overlong = number + 1, self._at, False
                continue
            if len(self._data) - self._at > LIMITS.message + _LINE:
                self.overlong = True
                yield number, self._take(len(self._data) - _LINE)
            # The last bytes may be the beginning of a postmark.
            behind = max(0, len(self._data) - self._at - _LINE)
            if not self._more():
                break
            looked = behind
        if self._at < len(self._data):
            yield number, self._take(len(self._data))

    def _take(self, end: int) -> bytes:
        data, self._at = self._data[self._at : end], end
        self.overlong |= len(data) > LIMITS.message
        return data

    def _more(self) -> bool:
        """Another block behind what is left; False at the end of the stream."""
        parts, missing = [self._data[self._at :]], _BLOCK
        while missing > 0 and (part := self._stream.read(missing)):
            parts.append(part)
            missing -= len(part)
        self._data, self._at = b"".join(parts), 0
        return missing < _BLOCK


def parse(chunk: Chunk) -> Parsed:
    """The rows of every message (all String), `report.row` its number in the file."""
    return parse_with(chunk, read)


def read(data: bytes, tally: Tally) -> list[Row]:
    """One message by its own looks; raises Unfit for what is no message."""
    message = _QUOTED.sub(rb"\1", without_postmark(data))
    if arf.sniff(message[:65536], ""):
        return arf.read(message, tally)
    if not looks_like_message(message[:65536]):
        raise Unfit("no message: no header lines follow the line that begins it")
    return phishing.read(message, tally)


FORMAT = Format(
    name=NAME,
    media_type="application/mbox",
    extension=".mbox",
    sniff=sniff,
    cut=cut,
    parse=parse,
    samples=NAME,
    evidence_class="citizen-message",
)
