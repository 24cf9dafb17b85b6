"""Logs of translators and access servers, line by line, by a mapping file.

    time_format = "%Y-%m-%dT%H:%M:%S%z"       # or "unix"; ISO 8601 with a zone without it
    [[line]]
    kind = "begin"                            # begin, alive, end, lease or held
    pattern = '(?P<at>\\S+) NAT: alloc (?P<inside>\\S+) (?P<ip>\\S+):(?P<port_first>\\d+)-…'

Groups are the names of the columns; `port` is first and last at once, `port_count` makes the last
of the first. Where a kind of line opens and another closes, `session` (or address, ports and
inside address) tells which belong together. A line that no pattern fits is passed over; one that
fits and cannot be used goes to quarantine. Mappings of common systems stand in `MAPPINGS`; their
lines follow the makers' documentation as far as it is public (unverified).
"""

import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO

from tocsin.flow.bindings.records import KINDS
from tocsin.formats.leases.blocks import Block, Row, numbered, pieces
from tocsin.formats.leases.format import LeaseFormat, Piece
from tocsin.formats.leases.moments import number
from tocsin.formats.leases.table import PROTOCOLS
from tocsin.words.errors import NotFound, Unreadable, Unusable

NAME = "syslog"
LONGEST = 1024  # characters of a line that are looked at: a pattern must not take long over one
GROUPS = frozenset(
    ("at", "inside", "ip", "port", "port_count", "port_first", "port_last", "protocol",
     "session", "since", "subscriber", "until")
)  # fmt: skip
_MOMENTS = ("at", "since", "until")

MAPPINGS = {path.stem: path for path in sorted((Path(__file__).parent / "mappings").glob("*.toml"))}


@dataclass(frozen=True)
class Line:
    """One kind of line: what it says, and how it is told."""

    kind: str
    pattern: re.Pattern[str]


@dataclass(frozen=True)
class Mapping:
    """A mapping file as values."""

    lines: tuple[Line, ...]
    time_format: str = ""


def with_mapping(source: Path | str) -> LeaseFormat:
    """The format that a mapping describes: a file, or the text of one.

    Raises NotFound, Unreadable where the file is no TOML, Unusable where it cannot work.
    """
    mapping = read_mapping(source)
    return LeaseFormat(
        name=NAME,
        title="Lines of a log by a mapping",
        sniff=lambda _head, _name: False,
        read=lambda stream, _name, _subscriber: _read(stream, mapping),
        samples="leases/syslog",
    )


def read_mapping(source: Path | str) -> Mapping:
    """A mapping out of a file, or out of text; raises as `with_mapping` does."""
    name = source.name if isinstance(source, Path) else "mapping"
    try:
        found = tomllib.loads(source.read_text("utf-8") if isinstance(source, Path) else source)
    except FileNotFoundError:
        raise NotFound(f"no such mapping file: {source}") from None
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as fault:
        raise Unreadable(f"{name} is no mapping: {fault}") from None
    unknown = [key for key in found if key not in ("line", "time_format")]
    if unknown:
        raise Unusable(
            f"{name}: {unknown[0]!r} is no part of a mapping. Possible: line, time_format"
        )
    lines = found.get("line", [])
    if not isinstance(lines, list) or not lines:
        raise Unusable(f"{name}: no [[line]] says how a line reads")
    time_format = found.get("time_format", "")
    if not isinstance(time_format, str) or (
        time_format not in ("", "unix") and "%z" not in time_format
    ):
        raise Unusable(f"{name}: time_format must be unix, or have a zone (%z)")
    return Mapping(tuple(_line(one, name) for one in lines), time_format)


def _line(found: dict[str, Any], name: str) -> Line:
    kind, pattern = found.get("kind"), found.get("pattern")
    if kind not in KINDS or not isinstance(pattern, str):
        raise Unusable(f"{name}: a [[line]] needs kind ({', '.join(KINDS)}) and pattern")
    try:
        compiled = re.compile(pattern)
    except re.error as fault:
        raise Unusable(f"{name}: the pattern {pattern!r} cannot be read: {fault}") from None
    groups = set(compiled.groupindex)
    if unknown := groups - GROUPS:
        raise Unusable(
            f"{name}: {min(unknown)!r} is no column. Possible: {', '.join(sorted(GROUPS))}"
        )
    if not {"ip", "at"} <= groups or not groups & {"subscriber", "inside"}:
        raise Unusable(f"{name}: a pattern needs the groups ip, at and subscriber (or inside)")
    return Line(kind, compiled)


def _read(stream: BinaryIO, mapping: Mapping) -> Iterator[Piece]:
    def messages() -> Iterator[tuple[Block, list[Row] | str]]:
        for at, text in numbered(stream):
            for line in mapping.lines:
                if match := line.pattern.match(text[:LONGEST]):
                    said = {k: v for k, v in match.groupdict().items() if v is not None}
                    yield Block(at, [text]), _row(line.kind, said, mapping.time_format)
                    break

    yield from pieces(messages())


def _row(kind: str, said: dict[str, str], time_format: str) -> list[Row] | str:
    row: Row = {"kind": kind}
    for name, text in said.items():
        if name in _MOMENTS:
            row[name] = _moment(text, time_format)
            if row[name] is None:
                return f"{name}: {text[:40]!r} is no moment with a zone"
        elif name.startswith("port"):
            if (port := number(text, 65535)) is None:
                return f"{name}: {text[:20]!r} is no port"
            row[name] = port
        elif name == "protocol":
            known = PROTOCOLS.get(text.lower(), number(text, 255))
            if known is None:
                return f"protocol: {text[:20]!r} is unknown"
            row[name] = known or None
        else:
            row[name] = text
    return _ported(row)


def _ported(row: Row) -> list[Row] | str:
    port, count = row.pop("port", None), row.pop("port_count", None)
    if port is not None:
        row |= {"port_first": port, "port_last": port}
    if count is not None and "port_first" in row:
        row["port_last"] = row["port_first"] + count - 1
        if not row["port_first"] <= row["port_last"] <= 65535:
            return "port_count leads beyond the last port"
    return [row]


def _moment(text: str, time_format: str) -> datetime | None:
    try:
        if time_format == "unix":
            return datetime.fromtimestamp(float(text), UTC)
        if not time_format:
            found = datetime.fromisoformat(text)
        else:
            found = datetime.strptime(text, time_format)  # noqa: DTZ007  # without a zone: None
    except (ValueError, OverflowError, OSError):
        return None
    return found.astimezone(UTC) if found.tzinfo else None


FORMAT = LeaseFormat(
    name=NAME,
    title="Lines of a log by a mapping",
    sniff=lambda _head, _name: False,
    read=lambda _stream, _name, _subscriber: iter(()),
    samples="leases/syslog",
)
