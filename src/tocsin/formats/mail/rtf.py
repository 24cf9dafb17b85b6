"""HTML out of the compressed RTF that Outlook wraps it in (MS-OXRTFCP, MS-OXRTFEX)."""

import re
import struct

_LIMIT = 1 << 20  # bytes of RTF; the rest holds no link that the plain body lacks
_START = (
    rb"{\rtf1\ansi\mac\deff0\deftab720{\fonttbl;}{\f0\fnil \froman \fswiss \fmodern \fscript "
    rb"\fdecor MS Sans SerifSymbolArialTimes New RomanCourier{\colortbl\red0\green0\blue0"
    b"\r\n"
    rb"\par \pard\plain\f0\fs20\b\i\u\tab\tx"
)
_TOKEN = re.compile(
    r"\\\*?\\?(?:htmltag)(?P<tag>\d{1,4})? ?|\\htmlrtf(?P<off>0)? ?|\\'(?P<byte>[0-9a-fA-F]{2})"
    r"|\\u(?P<code>-?\d{1,6}) ?\??|\\(?P<word>[a-z]{1,32})-?\d{0,10} ?|\\(?P<char>[^a-z])"
    r"|(?P<brace>[{}])|(?P<text>[^\\{}\r\n]+)"
)
_WORDS = {"par": "\n", "line": "\n", "tab": "\t"}


def html_of_rtf(data: bytes) -> str:
    """The HTML inside, or the bare text of plain RTF; empty for what is neither."""
    rtf = decompressed(data)
    if not rtf.startswith(b"{\\rtf"):
        return ""
    pieces: list[str] = []
    hidden = False
    for token in _TOKEN.finditer(rtf.decode("cp1252", "replace")):
        if token.lastgroup == "off" or token[0].startswith("\\htmlrtf"):
            hidden = token["off"] is None
        elif not hidden or token.lastgroup == "tag":
            pieces.append(_shown(token))
    return "".join(pieces)


def _shown(token: re.Match[str]) -> str:
    kind = token.lastgroup
    if kind == "byte":
        return bytes.fromhex(token["byte"]).decode("cp1252", "replace")
    if kind == "code":
        code = int(token["code"]) % 65536
        return "\ufffd" if 0xD800 <= code <= 0xDFFF else chr(code)
    if kind == "word":
        return _WORDS.get(token["word"], "")
    if kind == "char":
        return token["char"] if token["char"] in "\\{}" else ""
    return token["text"] or ""


def decompressed(data: bytes) -> bytes:
    """Compressed RTF (MS-OXRTFCP 2.1.3.1) as RTF, up to 1 MiB; empty for what is none."""
    if len(data) < 16:
        return b""
    _, size, kind, _ = struct.unpack_from("<IIII", data)
    size = min(size, _LIMIT)
    if kind == 0x414C454D:  # MELA: not compressed
        return data[16 : 16 + size]
    if kind != 0x75465A4C:  # LZFu
        return b""
    return _expanded(data, size)


def _expanded(data: bytes, size: int) -> bytes:
    """References point into the last 4,096 bytes, which begin as a fixed text."""
    out = bytearray(_START)
    whole = len(_START) + size
    at = 16
    while at < len(data) and len(out) < whole:
        control, at = data[at], at + 1
        for bit in range(8):
            if not control >> bit & 1:
                out += data[at : at + 1]
                at += 1
                continue
            if at + 1 >= len(data):
                return bytes(out[len(_START) :])
            pair, at = data[at] << 8 | data[at + 1], at + 2
            distance = (len(out) - (pair >> 4)) % 4096
            if distance == 0:  # a reference to the writing position ends the text
                return bytes(out[len(_START) :])
            for _ in range((pair & 15) + 2):
                out.append(out[-distance] if distance <= len(out) else 32)
    return bytes(out[len(_START) : whole])
