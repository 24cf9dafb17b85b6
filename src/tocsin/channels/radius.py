"""RADIUS: one change of authorisation (RFC 5176) for one session, and what was answered.

What is sent names the session by one attribute and carries the operator's own attributes, an
Event-Timestamp and a Message-Authenticator; a repeat is the same packet. An answer counts only with
the right authenticator. RFC 5176 has no secrecy: the way to the server is the provider's own net.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from ipaddress import ip_address
from pathlib import Path

from pyrad.client import Client, Timeout
from pyrad.packet import CoAACK, CoANAK

from tocsin.words.errors import Undelivered, Unusable

# The attributes that operators use for this; any other by its number.
NAMES = {
    "User-Name": 1,
    "Filter-Id": 11,
    "Class": 25,
    "Calling-Station-Id": 31,
    "NAS-Identifier": 32,
    "Acct-Session-Id": 44,
    "NAS-Port-Id": 87,
    "Framed-Pool": 88,
}
SESSION_GONE = 503  # Error-Cause: Session-Context-Not-Found
_TAKEN = {26, 55, 80}  # Vendor-Specific, Event-Timestamp, Message-Authenticator: not the operator's
_EVENT_TIMESTAMP, _ERROR_CAUSE = 55, 101
_NUMBER = re.compile(r"[1-9][0-9]{0,2}")
_VENDOR = re.compile(r"26\.([1-9][0-9]{0,9})\.([1-9][0-9]{0,2})")
_LONGEST = 247  # octets of a value, so that one of a vendor fits too
_SECRET = range(16, 129)

Key = int | tuple[int, int]


@dataclass(frozen=True)
class Server:
    """Where changes of authorisation go; the name of a line stands in the attribute `name`."""

    host: str
    port: int = 3799
    secret: bytes = field(default=b"", repr=False)
    name: Key = 1
    timeout: float = 3.0
    tries: int = 3


class Answer(StrEnum):
    """What came back."""

    ACK = "ack"
    NAK = "nak"
    NONE = "no answer"


@dataclass(frozen=True)
class Answered:
    """An answer; `cause` is its Error-Cause (RFC 5176 3.5), 0 where it has none."""

    answer: Answer
    cause: int = 0


def server_of(facts: Mapping[str, object]) -> Server:
    """The operator's settings, checked; raises `Unusable`."""
    unknown = sorted(set(facts) - {"server", "port", "secret_file", "name", "timeout"})
    if unknown:
        raise Unusable(f"radius: {unknown[0][:40]!r} is no setting")
    port, timeout = facts.get("port", 3799), facts.get("timeout", 3)
    if not isinstance(port, int) or not 0 < port < 65536:
        raise Unusable("radius port: possible is 1 to 65535")
    if isinstance(timeout, bool) or not isinstance(timeout, int | float) or not 0 < timeout <= 10:
        raise Unusable("radius timeout: possible is up to 10 seconds")
    secret = _secret(str(facts.get("secret_file", "")))
    name = key_of(str(facts.get("name", "User-Name")))
    return Server(_host(str(facts.get("server", ""))), port, secret, name, float(timeout))


def _host(text: str) -> str:
    """An address: a name could be turned elsewhere, and the packet is not secret."""
    try:
        return str(ip_address(text))
    except ValueError:
        raise Unusable(
            f"radius server: {text[:60]!r} is no IP address. Possible: 192.0.2.1"
        ) from None


def _secret(path: str) -> bytes:
    try:
        secret = Path(path).read_text(encoding="ascii").strip().encode()
    except (OSError, UnicodeDecodeError):
        secret = b""
    if len(secret) not in _SECRET:
        raise Unusable(
            f"radius: {path[:200]!r} does not hold a secret of 16 to 128 characters, "
            "or cannot be read"
        )
    return secret


def key_of(text: str) -> Key:
    """An attribute: by name (`NAMES`), by number, of a vendor as 26.VENDOR.NUMBER."""
    if text in NAMES:
        return NAMES[text]
    if found := _VENDOR.fullmatch(text):
        vendor, number = (int(part) for part in found.groups())
        if vendor < 2**32 and number < 256:
            return vendor, number
    if _NUMBER.fullmatch(text) and int(text) < 256 and int(text) not in _TAKEN:
        return int(text)
    raise Unusable(
        f"radius: no attribute {text[:40]!r}. Possible: {', '.join(NAMES)}, a number, 26.9.1"
    )


def value_of(value: object) -> bytes:
    """Text, a number of 32 bits, or octets as 0x…; raises `Unusable`."""
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**32:
        return value.to_bytes(4, "big")
    data = b""
    if isinstance(value, str):
        is_octets = re.fullmatch(r"0x(?:[0-9A-Fa-f]{2})+", value)
        data = bytes.fromhex(value[2:]) if is_octets else value.encode("utf-8", "replace")
    if 1 <= len(data) <= _LONGEST:
        return data
    raise Unusable(f"radius: a value is text or octets of 1 to {_LONGEST} bytes, or a number")


def change(server: Server, line: str, attributes: Mapping[Key, bytes], *, at: datetime) -> Answered:
    """Ask for the change; raises `Undelivered` where nothing could be sent."""
    client = Client(
        server.host, coaport=server.port, secret=server.secret, retries=server.tries,
        timeout=server.timeout,
    )  # fmt: skip
    packet = client.CreateCoAPacket(message_authenticator=True)
    packet[server.name] = [value_of(line)]
    for key, value in attributes.items():
        packet[key] = [*packet.get(key, []), value]
    packet[_EVENT_TIMESTAMP] = [int(at.timestamp()).to_bytes(4, "big")]
    try:
        reply = client.SendPacket(packet)
    except Timeout:
        return Answered(Answer.NONE)
    except (OSError, ValueError) as fault:
        raise Undelivered(f"radius {server.host}: {fault}", lasting=False) from None
    finally:
        client._CloseSocket()  # noqa: SLF001 pyrad has no other way
    if reply.code not in (CoAACK, CoANAK):
        raise Undelivered(f"radius {server.host}: it answered code {reply.code}", lasting=False)
    cause = next(iter(reply.get(_ERROR_CAUSE, [])), b"")
    answer = Answer.ACK if reply.code == CoAACK else Answer.NAK
    return Answered(answer, int.from_bytes(cause, "big") if len(cause) == 4 else 0)
