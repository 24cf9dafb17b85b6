"""Cut a JSON byte stream: one object per line, an array of objects, or one object.

Source: RFC 8259; JSON lines are the same with a line feed behind each object.
"""

import json
from collections.abc import Iterator
from typing import BinaryIO

from tocsin.flow.tables import Chunk, Fault
from tocsin.formats.idf import no_number
from tocsin.formats.lines import cut_lines
from tocsin.formats.records import RECORD_LIMIT, Buffer, Pile
from tocsin.words.errors import Unreadable

DOCUMENT_LIMIT = 64 * 1024 * 1024

_BLANK = " \t\r\n"


def cut_objects(
    stream: BinaryIO, name: str, layout: object, *, limit: int = RECORD_LIMIT
) -> Iterator[Chunk | Fault]:
    """Chunks of whole objects; Unreadable where the first character begins no object or array.

    `limit` bounds an object that stands on a line of its own, in bytes.
    """
    buffer = Buffer(stream, limit=limit)
    buffer.fill()
    if buffer.data.startswith(b"\xef\xbb\xbf"):
        buffer.at = 3
    first = buffer.data[buffer.at :].lstrip()[:1]
    if first not in {b"{", b"["}:
        raise Unreadable(f"{name}: not JSON: it begins with neither an object nor an array.")
    if first == b"{" and _is_line(buffer):
        yield from cut_lines(buffer, layout)
    else:
        yield from _cut_document(buffer, name, layout)


def _is_line(buffer: Buffer) -> bool:
    """Whether the first object ends on the line it begins on, as in JSON lines."""
    start = len(buffer.data) - len(buffer.data[buffer.at :].lstrip())
    line = buffer.data[start:].split(b"\n", 1)[0]
    return len(line) > 1 and line.rstrip().endswith(b"}")


def _cut_document(buffer: Buffer, name: str, layout: object) -> Iterator[Chunk | Fault]:
    """The elements of one JSON text; from the first flaw on, all the rest is one fault."""
    buffer.fill(DOCUMENT_LIMIT + 1)
    if not buffer.ended:
        raise Unreadable(f"{name}: a JSON text over 64 MiB; write one object on each line.")
    data = buffer.exact(buffer.at, len(buffer.data))
    pile, line, behind = Pile(), 1, 0
    try:
        for start, end in _elements(data.decode("latin-1")):
            line += data.count(b"\n", behind, start)
            pile.add(data[start:end], line)
            line, behind = line + data.count(b"\n", start, end), end
    except (ValueError, RecursionError) as error:
        yield Fault(line, f"not JSON: {error}", data[behind:])
    yield from pile.release(layout)


def _elements(text: str) -> Iterator[tuple[int, int]]:
    """Start and end of each element of an array, or of the values that follow each other."""
    decoder = json.JSONDecoder(parse_constant=no_number)
    at = _skip(text, 0, _BLANK)
    array = text[at] == "["
    at = _skip(text, at + array, _BLANK)
    while at < len(text) and not (array and text[at] == "]"):
        _value, end = decoder.raw_decode(text, at)
        yield at, end
        at = _skip(text, end, _BLANK)
        if array and text[at : at + 1] == ",":
            at = _skip(text, at + 1, _BLANK)
        elif array and text[at : at + 1] != "]":
            raise ValueError("neither a comma nor the end of the array after an element")
    if array and at >= len(text):
        raise ValueError("the array does not end")
    if _skip(text, at + array, _BLANK) < len(text):
        raise ValueError("something follows the end of the array")


def _skip(text: str, at: int, chars: str) -> int:
    while at < len(text) and text[at] in chars:
        at += 1
    return at
