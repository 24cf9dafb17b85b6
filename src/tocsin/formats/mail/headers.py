"""The header of a message: fields in their order, unfolded, decoded when asked for.

Read field by field and not by the parser of `email`: that one goes over each line once per
level of nesting, and its structured headers raise what is in no documentation. Sources: RFC
5322 2.2, RFC 2047 (encoded words), RFC 2231 (parameters), RFC 6532 (UTF-8).
"""

import codecs
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from email.errors import HeaderParseError
from email.header import decode_header
from email.utils import parsedate_to_datetime

from tocsin.formats.mail.limits import HEADERS_LEFT, LIMITS, Tally

_END = re.compile(rb"\n\r?\n")
_FIELD = re.compile(rb"([!-9;-~]{1,100})[ \t]*:[ \t]*(.*)", re.DOTALL)
_PARAMETER = re.compile(
    r""";\s*+([\w!#$&+^`{}~-]{1,40}+)(\*\d{0,3}+\*?)?\s*+=\s*+("(?:[^"\\]|\\.)*+"|[^;\s]*+)""",
    re.ASCII,
)
_ADDRESS = re.compile(
    r"""[\w.!#$%&*+/=?^{|}~-]{1,64}+@(?:[\w-]{1,63}+\.)+[\w-]{2,63}+""",
)
_STRUCTURED = 2048  # characters of a field that parameters or addresses are looked for in
_CHARSET = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:-]{1,39}")
# Codecs that are no charset, or whose cost is not linear.
_NO_CHARSET = {"idna", "punycode", "unicode_escape", "raw_unicode_escape", "undefined"}
_BIDI = dict.fromkeys([*range(0x202A, 0x202F), *range(0x2066, 0x206A), 0x200E, 0x200F, 0xFEFF])


def decoded(data: bytes, charset: str = "") -> str:
    """Bytes as text by the charset they claim; by UTF-8 or Windows-1252 where that is nonsense."""
    try:
        info = codecs.lookup(charset if _CHARSET.fullmatch(charset) else "utf-8")
        if info.name not in _NO_CHARSET:
            return data.decode(info.name)
    except (LookupError, ValueError, TypeError):
        pass
    try:
        return data.decode()
    except UnicodeDecodeError:
        return data.decode("cp1252", "replace")


def tidy(text: str) -> str:
    """One line of Unicode without control characters and without marks that turn its direction."""
    text = " ".join(text.split())
    if not (text.isascii() and text.isprintable()):
        text = text.encode("utf-8", "replace").decode().translate(_BIDI)
        text = "".join(char if char.isprintable() else " " for char in text)
        text = " ".join(text.split())
    return text


@dataclass(frozen=True)
class Headers:
    """Fields as (name in lower case, value as it came, unfolded)."""

    fields: tuple[tuple[str, str], ...] = ()

    def all(self, name: str) -> list[str]:
        """Every value of a field, from the newest to the oldest."""
        return [value for key, value in self.fields if key == name]

    def first(self, name: str) -> str:
        """The first value of a field; empty where there is none."""
        return next((value for key, value in self.fields if key == name), "")

    def text(self, name: str) -> str:
        """The first value with its encoded words decoded, on one line."""
        return tidy(unencoded(self.first(name)))

    def addresses(self, *names: str) -> list[str]:
        """Mail addresses in these fields, lower case, encoded words decoded."""
        values = [unencoded(value) for name in names for value in self.all(name)[:20]]
        return [address for value in values for address in addresses_in(value)]


def addresses_in(text: str) -> list[str]:
    """Mail addresses in a text, lower case."""
    found = _ADDRESS.findall(text[: LIMITS.value]) if "@" in text else []
    return [address.lower() for address in found]


def unencoded(value: str) -> str:
    """RFC 2047 encoded words as text; what cannot be decoded stays as it is."""
    if "=?" not in value:
        return value
    try:
        pieces = decode_header(value)
    except (HeaderParseError, ValueError):
        return value
    return "".join(
        piece if isinstance(piece, str) else decoded(piece, charset or "")
        for piece, charset in pieces
    )


def split_message(data: bytes, start: int, end: int, tally: Tally) -> tuple[Headers, int]:
    """The header of the message in `data[start:end]` and where its body begins."""
    if data.startswith((b"\n", b"\r\n"), start, end):
        return Headers(), start + (1 if data[start] == 10 else 2)
    found = _END.search(data, start, end)
    stop, body = (found.start() + 1, found.end()) if found else (end, end)
    kept = min(stop, start + LIMITS.header_bytes)
    fields = tuple(_fields(data[start:kept]))
    if kept < stop or len(fields) > LIMITS.header_fields:
        tally.say(HEADERS_LEFT)
    return Headers(fields[: LIMITS.header_fields]), body


def _fields(block: bytes) -> Iterator[tuple[str, str]]:
    """Name and value of every field; lines that are none are passed over."""
    folded: list[bytes] = []
    for line in [*block.replace(b"\0", b"").split(b"\n"), b""]:
        if line[:1] in (b" ", b"\t") and folded:
            folded.append(line)
            continue
        found = _FIELD.match(b" ".join(part.strip() for part in folded)) if folded else None
        if found is not None:
            yield found[1].decode("ascii").lower(), decoded(found[2][: LIMITS.value]).strip()
        folded = [line]


def parameters(value: str) -> tuple[str, dict[str, str]]:
    """`text/html; charset=x` as its first word, lower case, and its parameters (RFC 2231)."""
    value = value[:_STRUCTURED]
    found: dict[str, str] = {}
    for name, star, given in _PARAMETER.findall(value):
        text = re.sub(r"\\(.)", r"\1", given[1:-1]) if given.startswith('"') else given
        piece = text.rsplit("'", 1)[-1] if star.endswith("*") else text
        found[name.lower()] = found.get(name.lower(), "") + piece
    return value.split(";", 1)[0].strip().lower(), found


def moment(value: str) -> datetime | None:
    """A date of RFC 5322 with its zone, in UTC; None for what is none, or was long ago."""
    try:
        found = parsedate_to_datetime(value[:200])
        # -0000 says UTC, and that nobody knows the zone (RFC 5322 3.3).
        at = found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return at if 1990 <= at.year <= 2100 else None


def stamp(at: datetime | None) -> str | None:
    """A moment as a raw table holds it."""
    return None if at is None else at.strftime("%Y-%m-%d %H:%M:%S")
