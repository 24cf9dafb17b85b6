"""A message as the tree of its parts, and what a reader would see of it. Every byte hostile.

Sources: RFC 2045 to 2047. Broken as mail is: a missing closing boundary ends with the part
around it, a multipart without a boundary is read by its first delimiter or else as text,
garbage in base64 is passed over.
"""

import binascii
import hashlib
import re
from dataclasses import dataclass, field

from tocsin.formats.idf import Unfit
from tocsin.formats.mail.headers import Headers, decoded, parameters, split_message, unencoded
from tocsin.formats.mail.limits import (
    ATTACHMENTS_LEFT,
    DEPTH_LEFT,
    IMAGES_LEFT,
    LIMITS,
    PARTS_LEFT,
    TEXT_LEFT,
    Tally,
)
from tocsin.formats.mail.outlook import is_compound, read_outlook
from tocsin.formats.mail.sketch import Sketch

_DELIMITER = re.compile(rb"--([^\s\x00-\x1f]{1,70})[ \t]*\r?\n")
_BASE64_NOISE = re.compile(rb"[^A-Za-z0-9+/]+")
_TYPE = re.compile(r"[a-z0-9][a-z0-9!#$&^_.+-]{0,80}/[a-z0-9][a-z0-9!#$&^_.+-]{0,80}", re.ASCII)
_HEADER_LINE = re.compile(rb"[!-9;-~]{1,76}:(?=[ \t\r\n])")
# A message begins with some of these; one of them alone may begin anything.
_USUAL = re.compile(
    rb"^(?:from|to|cc|subject|date|received|return-path|delivered-to|message-id|reply-to|sender"
    rb"|mime-version|content-type|dkim-signature|authentication-results|x-[a-z0-9-]{1,60})[ \t]*:",
    re.IGNORECASE | re.MULTILINE,
)
_OUTLOOK = ("application/vnd.ms-outlook", "application/x-msg")
_TEXTS = ("", "text/plain", "text/html")
_MESSAGES = ("message/rfc822", "message/global", "message/partial")
POSTMARK = re.compile(rb"From [^\n]{0,500}\n")


@dataclass(frozen=True)
class Attachment:
    """What is kept of an attachment: never its bytes, never its name."""

    sha256: str
    size: int
    media_type: str


@dataclass
class Letter:
    """One message: header, texts, HTML, images, attachments by digest, messages enclosed."""

    headers: Headers
    texts: list[str] = field(default_factory=list)
    pages: list[str] = field(default_factory=list)
    images: list[bytes] = field(default_factory=list)
    attachments: list[Attachment] = field(default_factory=list)
    enclosed: list["Letter"] = field(default_factory=list)
    reports: list[bytes] = field(default_factory=list)  # message/feedback-report
    loose_headers: list[bytes] = field(default_factory=list)  # text/rfc822-headers


def looks_like_message(head: bytes) -> bool:
    """Two usual header fields before the first empty line, and a field on the first line."""
    head = without_postmark(head.removeprefix(b"\xef\xbb\xbf").lstrip(b"\r\n"))
    if _HEADER_LINE.match(head) is None:
        return False
    block = re.split(rb"\r?\n\r?\n", head[:65536], maxsplit=1)[0]
    return len({name.lower() for name in _USUAL.findall(block)}) >= 2


def without_postmark(data: bytes) -> bytes:
    """A message without the `From ` line that mbox files put before it."""
    found = POSTMARK.match(data)
    return data[found.end() :] if found else data


def read_message(data: bytes, tally: Tally) -> Letter:
    """The bytes of a message (RFC 5322, or Outlook's compound file) as a letter."""
    if is_compound(data):
        return _from_outlook(read_outlook(data), _Reader(tally), 0)
    data = without_postmark(data.removeprefix(b"\xef\xbb\xbf").lstrip(b"\r\n"))
    if b"\n" not in data:
        data = data.replace(b"\r", b"\n")
    return _Reader(tally).letter(data, 0)


@dataclass(frozen=True)
class _Span:
    """A piece of the bytes of a message, and how deep it is nested."""

    data: bytes
    start: int
    end: int
    depth: int


@dataclass
class _Reader:
    """Walks the parts; counts them over the whole message, enclosed ones included."""

    tally: Tally
    parts: int = 0
    text: int = 0
    html: int = 0
    hashed: int = 0

    def letter(self, data: bytes, depth: int) -> Letter:
        """A message, from its first header line on."""
        headers, body = split_message(data, 0, len(data), self.tally)
        letter = Letter(headers)
        self._part(letter, headers, _Span(data, body, len(data), depth))
        return letter

    def _part(self, letter: Letter, headers: Headers, span: _Span) -> None:
        self.parts += 1
        kind, found = parameters(headers.first("content-type"))
        if span.depth > LIMITS.depth:
            self.tally.say(DEPTH_LEFT)
        elif self.parts > LIMITS.parts:
            self.tally.say(PARTS_LEFT)
        elif kind.startswith("multipart/") and self._split(letter, kind, found, span):
            return
        else:
            body = _transferred(headers, span.data[span.start : span.end])
            self._leaf(letter, headers, body, span.depth)

    def _split(self, letter: Letter, kind: str, found: dict[str, str], span: _Span) -> bool:
        """Read the parts between the delimiters; False where there are none."""
        spans = _between(span.data, span.start, span.end, found.get("boundary", ""))
        for first, last in spans:
            if self.parts > LIMITS.parts:
                self.tally.say(PARTS_LEFT)
                break
            headers, body = split_message(span.data, first, last, self.tally)
            if kind == "multipart/digest" and not headers.first("content-type"):
                headers = Headers((*headers.fields, ("content-type", "message/rfc822")))
            self._part(letter, headers, _Span(span.data, body, last, span.depth + 1))
        return bool(spans)

    def _leaf(self, letter: Letter, headers: Headers, body: bytes, depth: int) -> None:
        kind, found = parameters(headers.first("content-type"))
        disposition, named = parameters(unencoded(headers.first("content-disposition")))
        name = (named.get("filename") or found.get("name", "")).strip()
        if is_feedback(kind, body):
            letter.reports.append(body)
        elif kind == "text/rfc822-headers":
            letter.loose_headers.append(body)
        elif kind in _TEXTS and disposition != "attachment":
            self.take_text(letter, decoded(body, found.get("charset", "")), kind=kind)
        elif kind.startswith("multipart/"):
            self.take_text(letter, decoded(body), kind="")
        else:
            self.take_file(letter, body, kind, name, depth)

    def take_file(self, letter: Letter, body: bytes, kind: str, name: str, depth: int) -> None:
        """Whatever is enclosed: a message is read, everything else is hashed."""
        name = name.lower()
        if depth >= LIMITS.depth:
            self.tally.say(DEPTH_LEFT)
        elif is_compound(body) and (name.endswith(".msg") or kind in _OUTLOOK):
            try:
                inner = _from_outlook(read_outlook(body), self, depth + 1)
            except Unfit:
                self.attach(letter, body, kind)
            else:
                letter.enclosed.append(inner)
        elif kind in _MESSAGES or (name.endswith(".eml") and looks_like_message(body[:65536])):
            letter.enclosed.append(self.letter(body, depth + 1))
        else:
            self.attach(letter, body, kind)

    def take_text(self, letter: Letter, text: str, *, kind: str) -> None:
        """Keep a text or an HTML page, as far as the limit goes."""
        is_html = kind == "text/html"
        used = self.html if is_html else self.text
        kept = text[: LIMITS.text - used]
        if len(kept) < len(text):
            self.tally.say(TEXT_LEFT)
        if is_html:
            self.html += len(kept)
            letter.pages.append(kept)
        else:
            self.text += len(kept)
            letter.texts.append(kept)

    def attach(self, letter: Letter, body: bytes, kind: str) -> None:
        """Hash what was attached; an image is also looked at for codes."""
        if not body:
            return
        if self.hashed >= LIMITS.attachments:
            self.tally.say(ATTACHMENTS_LEFT)
            return
        self.hashed += 1
        media_type = kind if _TYPE.fullmatch(kind) else "application/octet-stream"
        digest = hashlib.sha256(body).hexdigest()
        letter.attachments.append(Attachment(digest, len(body), media_type))
        if media_type.startswith("image/"):
            self._picture(letter, body)

    def _picture(self, letter: Letter, body: bytes) -> None:
        if len(letter.images) < LIMITS.images and len(body) <= LIMITS.image_bytes:
            letter.images.append(body)
        else:
            self.tally.say(IMAGES_LEFT)


def is_feedback(kind: str, body: bytes) -> bool:
    """The machine-readable part of a report, also where it is called something else."""
    if kind == "message/feedback-report":
        return True
    is_bytes = kind in ("application/octet-stream", "text/plain", "")
    return is_bytes and body[:4096].lstrip()[:14].lower() == b"feedback-type:"


def _between(data: bytes, start: int, end: int, boundary: str) -> list[tuple[int, int]]:
    """The spans between the delimiter lines of a multipart, up to one over the limit of parts."""
    if not boundary:
        found = _DELIMITER.match(data, start, end)
        if found is None:
            return []
        line = found[1]
    else:
        line = boundary.encode("utf-8", "replace").rstrip()
    delimiter = re.compile(rb"--" + re.escape(line) + rb"(--)?[ \t]*+\r?(?:\n|\Z)")
    spans: list[tuple[int, int]] = []
    begin = -1
    at = _line_start(data, b"--" + line, start, end)
    while at >= 0:
        found = delimiter.match(data, at, end)
        if found is not None:
            if begin >= 0:
                spans.append((begin, max(begin, _before_line_end(data, begin, at))))
            begin = -1 if found[1] else found.end()
            if found[1] or len(spans) > LIMITS.parts:
                return spans
        at = _line_start(data, b"--" + line, at + 1, end)
    if begin >= 0:
        spans.append((begin, end))
    return spans


def _line_start(data: bytes, text: bytes, start: int, end: int) -> int:
    """Where a line begins with `text`, from `start` on; -1 where none does."""
    if (start == 0 or data[start - 1 : start] == b"\n") and data.startswith(text, start, end):
        return start
    found = data.find(b"\n" + text, start, end)
    return -1 if found < 0 else found + 1


def _before_line_end(data: bytes, begin: int, at: int) -> int:
    """The line end before a delimiter belongs to the delimiter (RFC 2046 5.1.1)."""
    at -= at > begin and data[at - 1] == 10
    at -= at > begin and data[at - 1] == 13
    return at


def _transferred(headers: Headers, body: bytes) -> bytes:
    """A body without its transfer encoding; what is broken is decoded as far as it goes."""
    encoding = headers.first("content-transfer-encoding").strip().strip('"').lower()
    if encoding == "base64":
        clean = _BASE64_NOISE.sub(b"", body)
        clean = clean[: -1 or None] if len(clean) % 4 == 1 else clean
        return binascii.a2b_base64(clean + b"=" * (-len(clean) % 4))
    if encoding == "quoted-printable":
        return binascii.a2b_qp(body)
    if encoding in ("x-uuencode", "uuencode", "x-uue"):
        return b"".join(_uu_lines(body))
    return body


def _uu_lines(body: bytes) -> list[bytes]:
    lines = []
    for line in body.splitlines():
        if line[:6].lower() == b"begin " or line.strip() == b"end":
            continue
        try:
            lines.append(binascii.a2b_uu(line[:90]))
        except binascii.Error:
            continue
    return lines


def _from_outlook(sketch: Sketch, reader: _Reader, depth: int) -> Letter:
    """A compound file, read, as a letter like any other."""
    reader.parts += 1
    headers, _ = split_message(sketch.header, 0, len(sketch.header), reader.tally)
    letter = Letter(headers)
    for text in sketch.texts:
        reader.take_text(letter, text, kind="text/plain")
    for page in sketch.pages:
        reader.take_text(letter, page, kind="text/html")
    for kind, name, body in sketch.attachments:
        reader.take_file(letter, body, kind, name, depth)
    for inner in sketch.enclosed:
        letter.enclosed.append(_from_outlook(inner, reader, depth + 1))
    return letter
