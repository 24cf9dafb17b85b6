"""Plain lists: one URL, domain, address or network on each line, defanged or not.

`hxxps://login[.]example/x`, `192[.]0[.]2[.]7`, `2001[:]db8::7`, `mail[dot]example`,
`someone[at]example.org`, `192.0.2.7:8080` are all read as what they stand for. Nothing is looked
up and nothing is fetched.
"""

import re
from collections.abc import Iterator
from functools import lru_cache
from ipaddress import ip_address, ip_network
from typing import BinaryIO

import polars as pl

from tocsin.flow.tables import ROW, Chunk, Fault, Parsed
from tocsin.formats.format import Format
from tocsin.formats.idf import Row, Unfit, rows_of, table_from, without
from tocsin.formats.lines import cut_lines
from tocsin.formats.records import Buffer

FURTHER = "{n} rows had further fields; only the first was read"

_LAYOUT = "indicators"
_BOM = b"\xef\xbb\xbf"
_LONGEST = 8192  # what `flow.normalise` takes for a URL
_REMEMBERED = 256  # longer ones are rarely said twice, and a stranger must not fill the memory
_SNIFFED = 5
_TABLE = ["source.url", "source.fqdn", "source.ip", "source.port", "source.network"]

_SCHEMES = r"(?:https?|ftps?|sftp|wss?|ssh|rtmp|smb|ldaps?|tcp|udp)"
_DEFANGED_SCHEME = re.compile(r"^h[tx]{2}p(s?)(?=\W)", re.IGNORECASE)
_DEFANGED_FTP = re.compile(r"^fxp(s?)(?=\W)", re.IGNORECASE)
_SLASHES = re.compile(r"^([A-Za-z][A-Za-z0-9+.-]*)(?:\[:\]//|\(:\)//|\[://\]|\(://\)|:\\\\|__)")
_DOTS = re.compile(r"\[\.\]|\(\.\)|\{\.\}|\[\.|\.\]|\[dot\]|\(dot\)|\{dot\}", re.IGNORECASE)
_AT = re.compile(r"\[@\]|\(@\)|\[at\]|\(at\)|\{at\}", re.IGNORECASE)
_URL = re.compile(rf"{_SCHEMES}://[^\s/?#]+\S*\Z", re.IGNORECASE)
_ANY_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")
_LABEL = r"[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"
# A top-level domain has no digits but in its IDNA form (RFC 3696 section 2; RFC 5890).
_NAME = re.compile(
    rf"(?=.{{1,253}}\Z)(?:{_LABEL}\.)+(?:[A-Za-z]{{2,63}}|xn--[A-Za-z0-9-]{{1,59}})\Z"
)
_PORT = re.compile(r"\[?([^\[\]]+?)\]?:([0-9]{1,5})\Z")
_ACCOUNT = re.compile(r"[^@\s<>\"',;:]{1,64}@([^@\s]+)\Z")
_FURTHER = re.compile(r"[,;\t]")
_COMMENT = re.compile(r"(?<=\s)[#;]")  # a fragment or parameter of a URL has no blank before


def refang(text: str) -> str:
    """An indicator as it was before somebody made it safe to click on."""
    text = _SLASHES.sub(r"\1://", text)
    text = _DEFANGED_FTP.sub(r"ftp\1", _DEFANGED_SCHEME.sub(r"http\1", text))
    return _AT.sub("@", _DOTS.sub(".", text)).replace("[:]", ":").replace("[::]", "::")


def read_indicator(text: str) -> tuple[tuple[str, str], ...]:
    """The columns that an indicator fills, none where it is none.

    `192.0.2.7:8080` fills `source.ip` and `source.port`, `example.org/x` is a URL without its
    scheme, an account fills `source.account` and `source.fqdn`: its provider can act on it.
    """
    text = text.strip()
    if not text or len(text) > _LONGEST:
        return ()
    return _remembered(text) if len(text) <= _REMEMBERED else _read(text)


def _read(text: str) -> tuple[tuple[str, str], ...]:
    text = refang(text)
    if _URL.match(text):
        return (("source.url", text),)
    return _place(text) or _with_port(text) or _account(text) or _without_scheme(text)


_remembered = lru_cache(maxsize=65536)(_read)


def _place(text: str) -> tuple[tuple[str, str], ...]:
    if "/" in text:
        try:
            return (("source.network", str(ip_network(text, strict=False))),)
        except ValueError:
            return ()
    try:
        return () if "%" in text else (("source.ip", str(ip_address(text.strip("[]")))),)
    except ValueError:
        pass
    name = _ascii(text.removesuffix("."))
    return (("source.fqdn", name.lower()),) if _NAME.match(name) else ()


def _ascii(name: str) -> str:
    """A name of any letters in its IDNA form (RFC 3490); as it was where it has none."""
    if name.isascii():
        return name
    try:
        return name.encode("idna").decode()
    except UnicodeError:
        return name


def _with_port(text: str) -> tuple[tuple[str, str], ...]:
    found = _PORT.match(text)
    if found is None or not 0 < int(found[2]) < 65536:
        return ()
    place = _place(found[1])
    return (*place, ("source.port", found[2])) if place else ()


def _account(text: str) -> tuple[tuple[str, str], ...]:
    found = _ACCOUNT.match(text)
    name = _ascii(found[1]) if found else ""
    if not _NAME.match(name):
        return ()
    return (("source.account", text), ("source.fqdn", name.lower()))


def _without_scheme(text: str) -> tuple[tuple[str, str], ...]:
    host, slash, path = text.partition("/")
    if path.isdecimal() and _place(host)[:1] and _place(host)[0][0] == "source.ip":
        return ()  # a network with a prefix that is none
    if not slash or _ANY_SCHEME.match(text) or any(char.isspace() for char in text):
        return ()
    return (("source.url", f"http://{text}"),) if _place(host) or _with_port(host) else ()


# ── the lines of a file ──────────────────────────────────────────────────────────────────


def sniff(head: bytes, _name: str) -> bool:
    """Every one of the first lines that are no comments is an indicator; the last of them may
    be cut off."""
    if b"\0" in head:
        return False
    lines = head.removeprefix(_BOM).decode("latin-1").splitlines(keepends=True)
    whole = [line for line in lines if line.endswith(("\n", "\r"))] or lines
    said = [line.strip() for line in whole if not is_comment(line)][:_SNIFFED]
    return bool(said) and all(read_indicator(split(line)[0]) for line in said)


def is_comment(line: str) -> bool:
    """An empty line, or one that begins with # or ;."""
    line = line.strip()
    return not line or line.startswith(("#", ";", "//"))


def split(line: str) -> tuple[str, bool]:
    """The indicator of a line, and whether further fields stand behind it."""
    line = line.strip()
    if comment := _COMMENT.search(line):
        line = line[: comment.start()].rstrip()
    found = _FURTHER.search(line)
    if found is None or read_indicator(line):  # a URL may hold a comma
        return line.strip("\"'"), False
    return line[: found.start()].strip("\"' "), True


def cut(stream: BinaryIO, _name: str) -> Iterator[Chunk | Fault]:
    """Chunks of whole lines, comments among them."""
    buffer = Buffer(stream)
    buffer.fill()
    if buffer.data.startswith(_BOM):
        buffer.at = len(_BOM)
    yield from cut_lines(buffer, _LAYOUT)


def parse(chunk: Chunk) -> Parsed:
    """One row per indicator: IDF columns (String), `report.row` (Int64); no time, no class.

    A line that is none is a Fault; comments and empty lines are nothing.
    """
    texts = [_text(chunk.data[start:end]) for start, end in _bounds(chunk)]
    kept = [index for index, text in enumerate(texts) if not is_comment(text)]
    further: list[str] = []
    rows, bad = rows_of([texts[index] for index in kept], lambda line: _row(line, further))
    found = table_from(rows)
    order = dict.fromkeys(_TABLE + found.columns)
    table = found.select(name for name in order if name in found.columns)
    line = pl.Series(ROW, chunk.lines[kept], dtype=pl.Int64)
    table = table.insert_column(0, line) if table.width else line.to_frame()
    counts = {FURTHER: len(further)} if further else {}
    parsed = Parsed(table, chunk.data, chunk.starts[kept], chunk.ends[kept], counts=counts)
    return without(parsed, bad)


def _bounds(chunk: Chunk) -> Iterator[tuple[int, int]]:
    return zip(chunk.starts.tolist(), chunk.ends.tolist(), strict=True)


def _text(raw: bytes) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return raw.decode("latin-1")


def _row(line: str, further: list[str]) -> Row:
    indicator, more = split(line)
    columns = read_indicator(indicator)
    if not columns:
        raise Unfit(_why_not(indicator))
    if more:
        further.append(indicator)
    return dict(columns)


def _why_not(text: str) -> str:
    """What is wrong with a line, as a sentence."""
    shown = ascii(text[:60])
    if any(char.isspace() for char in text):
        return f"{shown}: several words; one URL, domain, address or network stands on a line"
    if "*" in text:
        return f"{shown}: a wildcard names no host; write the domain itself"
    if "/" in text and re.match(r"[0-9.]+/[0-9]+\Z", text):
        return f"{shown}: no network; its prefix is 0 to 32 and each part 0 to 255"
    if re.match(r"[0-9.]+\Z", text):
        return f"{shown}: no IPv4 address; it has four parts from 0 to 255"
    if _ANY_SCHEME.match(text):
        return f"{shown}: no URL of a kind that is reported"
    return f"{shown}: no URL, domain, address or network"


FORMAT = Format(
    name="indicators",
    media_type="text/plain",
    extension=".txt",
    sniff=sniff,
    cut=cut,
    parse=parse,
    samples="indicators",
)
