"""RADIUS accounting as FreeRADIUS writes it with the module `detail` (RFC 2866, RFC 2869).

    Mon Nov 23 09:00:00 2026
            Acct-Status-Type = Start
            Acct-Session-Id = "5F0E0001"
            …

A message may name several addresses: Framed-IP-Address (RFC 2865), Framed-IPv6-Address and
Delegated-IPv6-Prefix (RFC 6911, RFC 4818), Framed-IPv6-Prefix (RFC 3162); each is a row. The
moment is Event-Timestamp, else Timestamp less Acct-Delay-Time; a stop says by Acct-Session-Time
when it began. The date above the block is the server's local time and is not used.
"""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import BinaryIO

from tocsin.formats.leases.blocks import Block, Row, blocks, numbered, pieces
from tocsin.formats.leases.format import LeaseFormat, Piece
from tocsin.formats.leases.moments import LATEST, number

_KINDS = {
    "start": "begin", "1": "begin", "stop": "end", "2": "end",
    "interim-update": "alive", "alive": "alive", "3": "alive",
}  # fmt: skip
_NO_SESSION = {"accounting-on", "accounting-off", "7", "8"}
_ADDRESSES = (
    *("Framed-IP-Address", "Framed-IPv6-Address", "Delegated-IPv6-Prefix", "Framed-IPv6-Prefix"),
)
NAMING = (
    *("User-Name", "Calling-Station-Id", "NAS-Port-Id", "ADSL-Agent-Circuit-Id"),
    *("ADSL-Agent-Remote-Id", "Class"),
)
_LINE = re.compile(r"\s+([A-Za-z][\w.-]*)(?::\d+)?\s*[:+]?=\s*(.*)")
_SERVERS = ("NAS-IP-Address", "NAS-IPv6-Address", "NAS-Identifier")
_LONGEST = 10 * 365 * 86400  # seconds of a session, or of a delay
_TIME = "%b %d %Y %H:%M:%S"


def read(stream: BinaryIO, _name: str, subscriber: str) -> Iterator[Piece]:
    """`subscriber` names the attribute of the line; without it the first of `NAMING` that is."""
    found = blocks(numbered(stream), begins=_begins, ends=_ends)
    yield from pieces((block, _message(block, subscriber)) for block in found)


def _begins(line: str) -> bool:
    return bool(line) and not line[0].isspace()


def _ends(line: str) -> bool:
    return not line.strip()


def _message(block: Block, subscriber: str) -> list[Row] | str:
    said: dict[str, list[str]] = {}
    for line in block.lines[1:]:
        if match := _LINE.fullmatch(line):
            said.setdefault(match[1], []).append(_value(match[2]))
    status = _first(said, "Acct-Status-Type").lower()
    if status in _NO_SESSION:
        return []
    if status not in _KINDS:
        return f"Acct-Status-Type is {status or 'missing'}: neither Start, Stop nor Interim-Update"
    at = _moment(said)
    if at is None:
        return "no Event-Timestamp in UTC and no Timestamp"
    names = [subscriber] if subscriber else NAMING
    named = next(filter(None, (_first(said, name) for name in names)), None)
    about = {
        "kind": _KINDS[status],
        "session": _session(said),
        "subscriber": named,
        "at": at,
        "since": _since(said, at),
    }
    return [about | {"ip": ip} for name in _ADDRESSES for ip in said.get(name, []) if _is_one(ip)]


def _value(text: str) -> str:
    text = text.strip()
    quoted = len(text) > 1 and text[0] == text[-1] and text[0] in "\"'"
    return text[1:-1] if quoted else text


def _first(said: dict[str, list[str]], name: str) -> str:
    return said.get(name, [""])[0]


def _is_one(ip: str) -> bool:
    """255.255.255.254 and .255 ask the server to choose: they are no addresses (RFC 2865 5.8)."""
    return ip not in ("0.0.0.0", "255.255.255.254", "255.255.255.255")  # noqa: S104


def _session(said: dict[str, list[str]]) -> str:
    """A session id is unique at its server alone."""
    server = next((said[name][0] for name in _SERVERS if _first(said, name)), "")
    return f"{server}/{_first(said, 'Acct-Session-Id')}"


def _moment(said: dict[str, list[str]]) -> datetime | None:
    event = _first(said, "Event-Timestamp")
    if (seconds := number(event, LATEST - 1)) is not None:
        return datetime.fromtimestamp(seconds, UTC)
    if event.endswith((" UTC", " GMT")):
        try:
            return datetime.strptime(event[:-4], _TIME).replace(tzinfo=UTC)
        except ValueError:
            return None
    stamp = number(_first(said, "Timestamp"), LATEST - 1)
    delay = number(_first(said, "Acct-Delay-Time") or "0", _LONGEST)
    if stamp is None or delay is None or delay > stamp:
        return None
    return datetime.fromtimestamp(stamp - delay, UTC)


def _since(said: dict[str, list[str]], at: datetime) -> datetime | None:
    lasted = number(_first(said, "Acct-Session-Time"), _LONGEST)
    return at - timedelta(seconds=lasted) if lasted is not None else None


def _is_detail(head: bytes, _name: str) -> bool:
    return b"\tAcct-Status-Type = " in head


FORMAT = LeaseFormat(
    name="freeradius-detail",
    title="FreeRADIUS: detail of accounting",
    sniff=_is_detail,
    read=read,
    subscriber=NAMING,
    samples="leases/freeradius-detail",
)
