"""Outlook message files (.msg, MS-OXMSG): the properties that a letter is made of.

Header of the transport, bodies (plain, HTML, HTML inside compressed RTF), attachments and
messages inside; no other property is read.
"""

import re
import struct
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

from tocsin.formats.idf import Unfit
from tocsin.formats.mail.compound import MAGIC, Compound, Storage
from tocsin.formats.mail.headers import decoded
from tocsin.formats.mail.limits import LIMITS
from tocsin.formats.mail.rtf import html_of_rtf
from tocsin.formats.mail.sketch import Sketch

_HEADER, _BODY, _HTML, _RTF = "007D", "1000", "1013", "1009"
_SUBJECT, _MESSAGE_ID = "0037", "1035"
_SENDERS = ("5D01", "0065", "0C1F")  # SMTP address of the sender; represented; as it was
_FILE_NAMES, _MEDIA_TYPE, _CONTENT = ("3707", "3704", "3001"), "370E", "3701"
_SENT = (0x0039, 0x0E06)  # client submit time, delivery time
_PROPERTIES = "__properties_version1.0"
_CHARSET = re.compile(rb"charset\s*=\s*[\"']?([\w-]{2,40})", re.ASCII | re.IGNORECASE)


def is_compound(data: bytes) -> bool:
    """Whether the bytes begin like a compound file."""
    return data.startswith(MAGIC)


def read_outlook(data: bytes) -> Sketch:
    """A message file as a sketch; raises Unfit for a compound file of another kind."""
    file = Compound(data)
    if _PROPERTIES not in file.root.streams:
        raise Unfit("a compound file that is no Outlook message (MS-OXMSG 2.4)")
    return _sketch(file, file.root, depth=0)


def _sketch(file: Compound, folder: Storage, *, depth: int) -> Sketch:
    sketch = Sketch(header=_header(file, folder))
    if body := _text(file, folder, _BODY):
        sketch.texts.append(body)
    if page := _page(file, folder):
        sketch.pages.append(page)
    attached = [name for name in folder.storages if name.startswith("__attach_version1.0_")]
    for name in sorted(attached)[: LIMITS.attachments + 1]:
        _take_attachment(file, folder.storages[name], sketch, depth)
    return sketch


def _take_attachment(file: Compound, folder: Storage, sketch: Sketch, depth: int) -> None:
    inner = folder.storages.get(f"__substg1.0_{_CONTENT}000D")
    if inner is not None and _PROPERTIES in inner.streams:
        if depth < LIMITS.depth:
            sketch.enclosed.append(_sketch(file, inner, depth=depth + 1))
        return
    names = [_text(file, folder, number) for number in _FILE_NAMES]
    kind = _text(file, folder, _MEDIA_TYPE).lower()
    name = next((name for name in names if name), "").strip()
    sketch.attachments.append((kind, name, _bytes(file, folder, f"{_CONTENT}0102")))


def _bytes(file: Compound, folder: Storage, name: str) -> bytes:
    stream = folder.streams.get(f"__substg1.0_{name}")
    return b"" if stream is None else file.read(stream)


def _text(file: Compound, folder: Storage, number: str) -> str:
    """A text property: UTF-16, or the old bytes of some code page."""
    wide = _bytes(file, folder, f"{number}001F")
    text = wide.decode("utf-16-le", "replace") if wide else None
    return text if text is not None else decoded(_bytes(file, folder, f"{number}001E"))


def _page(file: Compound, folder: Storage) -> str:
    """The HTML body: as it is, or taken out of the compressed RTF that wraps it."""
    data = _bytes(file, folder, f"{_HTML}0102")
    if data:
        named = _CHARSET.search(data[:2048])
        return decoded(data, named[1].decode("ascii") if named else "")
    return _text(file, folder, _HTML) or html_of_rtf(_bytes(file, folder, f"{_RTF}0102"))


def _header(file: Compound, folder: Storage) -> bytes:
    """The header as the transport left it; without one, what the properties say of it."""
    header = _text(file, folder, _HEADER)
    if header.strip():
        return header.encode("utf-8", "replace")
    senders = (_text(file, folder, number) for number in _SENDERS)
    sender = next((address for address in senders if "@" in address), "")
    lines = {
        "From": sender,
        "Subject": _text(file, folder, _SUBJECT),
        "Message-ID": _text(file, folder, _MESSAGE_ID),
        "Date": _sent(file, folder),
    }
    told = (f"{name}: {' '.join(value.split())}\n" for name, value in lines.items() if value)
    return "".join(told).encode("utf-8", "replace")


def _sent(file: Compound, folder: Storage) -> str:
    """When it was sent, from the list of properties of a fixed size (FILETIME, MS-DTYP 2.3.3)."""
    data = file.read(folder.streams[_PROPERTIES])
    for at in range(0, min(len(data), 1 << 16) - 15, 8):
        tag, _, ticks = struct.unpack_from("<IIQ", data, at)
        if tag & 0xFFFF == 0x0040 and tag >> 16 in _SENT and ticks:
            try:
                sent = datetime(1601, 1, 1, tzinfo=UTC) + timedelta(microseconds=ticks // 10)
            except OverflowError:
                continue
            return format_datetime(sent)
    return ""
