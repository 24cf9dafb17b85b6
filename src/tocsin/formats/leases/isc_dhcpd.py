"""The lease file of ISC DHCP (dhcpd.leases(5)), for DHCPv4 and DHCPv6.

Moments are UTC (`starts 1 2026/11/23 09:00:00;`) or seconds (`starts epoch 1795424400; # …`). Of
IPv4 each block is a lease as it stands after a change; of IPv6 the blocks `ia-na`, `ia-ta` and
`ia-pd` hold addresses and prefixes, each with its own end, and `cltt` says when the client was
heard of.
"""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import BinaryIO

from tocsin.formats.leases.blocks import Block, Row, blocks, numbered, pieces
from tocsin.formats.leases.format import LeaseFormat, Piece
from tocsin.formats.leases.moments import LATEST, number

NAMING = ("hardware", "uid", "agent.circuit-id", "agent.remote-id", "client-hostname")
_FOUR = re.compile(r"lease\s+([\d.]+)\s*\{")
_SIX = re.compile(r"ia-(?:na|ta|pd)\s+(.+?)\s*\{")
_PART = re.compile(r"\s+(?:iaaddr|iaprefix)\s+([0-9a-fA-F:./]+)\s*\{")
_WORD = re.compile(r"\s*(?:option\s+)?([\w.-]+)\s+(.*?);\s*(?:#.*)?")
_WHEN = re.compile(r"\d\s+(\d{4}/\d\d/\d\d \d\d:\d\d:\d\d)")
_NEVER = timedelta(days=3650)  # `ends never`: a lease without an end, held until it is changed


def read(stream: BinaryIO, _name: str, subscriber: str) -> Iterator[Piece]:
    """`subscriber` is one of `NAMING`; of IPv6 it is the identifier of the association."""
    found = blocks(numbered(stream), begins=_begins, ends=lambda line: line.startswith("}"))
    yield from pieces((block, _message(block, subscriber)) for block in found)


def _begins(line: str) -> bool:
    return bool(_FOUR.match(line) or _SIX.match(line))


def _message(block: Block, subscriber: str) -> list[Row] | str:
    if six := _SIX.match(block.lines[0]):
        return _of_ipv6(block, six[1])
    four = _FOUR.match(block.lines[0])
    said = _words(block.lines[1:])
    state = said.get("binding", "").removeprefix("state ").strip()
    if four is None or not state:
        return "no lease with a binding state"
    line = said.get(subscriber) if subscriber else said.get("hardware", said.get("uid"))
    line = line.removeprefix("ethernet ") if line is not None else None
    if line is None and state in ("free", "abandoned", "backup", "reset"):
        return []  # nobody's
    starts, ends = _moment(said.get("starts", "")), _moment(said.get("ends", ""))
    row: Row = {"ip": four[1], "subscriber": line}
    if state == "active":
        until = starts + _NEVER if starts and said.get("ends") == "never" else ends
        return [row | {"kind": "lease", "at": starts, "until": until}]
    return [row | {"kind": "end", "at": ends or starts}]


def _of_ipv6(block: Block, association: str) -> list[Row]:
    """Each address or prefix of an identity association; `cltt` stands once, above them."""
    heard = _moment(_words(block.lines[1:]).get("cltt", ""))
    rows: list[Row] = []
    for at, line in enumerate(block.lines):
        if not (part := _PART.match(line)):
            continue
        said = _words(_until_closed(block.lines[at + 1 :]))
        ends, state = _moment(said.get("ends", "")), said.get("binding", "")
        row: Row = {"ip": part[1], "subscriber": association.strip('"')}
        if state.endswith("active"):
            rows.append(row | {"kind": "lease", "at": heard, "until": ends})
        else:
            rows.append(row | {"kind": "end", "at": heard or ends})
    return rows


def _until_closed(lines: list[str]) -> list[str]:
    end = next((at for at, line in enumerate(lines) if line.strip() == "}"), len(lines))
    return lines[:end]


def _words(lines: list[str]) -> dict[str, str]:
    """The statements of a block; the first of each name counts."""
    said: dict[str, str] = {}
    for line in lines:
        if match := _WORD.fullmatch(line):
            said.setdefault(match[1], match[2].strip().strip('"'))
    return said


def _moment(text: str) -> datetime | None:
    if text.startswith("epoch "):
        seconds = number(text.split()[1], LATEST - 1)
        return datetime.fromtimestamp(seconds, UTC) if seconds is not None else None
    if not (match := _WHEN.match(text)):
        return None
    try:
        return datetime.strptime(match[1], "%Y/%m/%d %H:%M:%S").replace(tzinfo=UTC)
    except ValueError:
        return None


def _is_dhcpd(head: bytes, _name: str) -> bool:
    text = head.decode("ascii", errors="replace")
    return bool(re.search(r"^lease [\d.]+ \{|^ia-(na|ta|pd) .+\{", text, re.MULTILINE))


FORMAT = LeaseFormat(
    name="isc-dhcpd",
    title="ISC DHCP: dhcpd.leases, dhcpd6.leases",
    sniff=_is_dhcpd,
    read=read,
    subscriber=NAMING,
    samples="leases/isc-dhcpd",
)
