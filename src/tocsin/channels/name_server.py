"""Asking a resolver that the operator names where a name leads: one question, no more.

Not the machine's own resolver: that one may take the shield's zone, and then says that there is no
such name. A and AAAA over UDP (RFC 1035, RFC 3596); an answer that does not fit is no answer.
"""

import secrets
import socket
import struct
from dataclasses import dataclass
from ipaddress import ip_address

from tocsin.words.errors import Undelivered, Unusable

TIMEOUT = 3.0
_KINDS = {1: 4, 28: 16}  # A, AAAA: type to the length of its data
_LARGEST = 4096
_MOST_LABELS = 128


@dataclass(frozen=True)
class Resolver:
    """Where a resolver listens."""

    address: str
    port: int = 53


def read_resolver(text: str) -> Resolver:
    """`192.0.2.53`, `192.0.2.53@5353` or `2001:db8::53`; raises `Unusable`."""
    address, _, port = text.partition("@")
    is_port = port.isascii() and port.isdigit() and 0 < int(port[:6]) < 65536
    try:
        found = str(ip_address(address.strip()))
    except ValueError:
        found = ""
    if not found or ("@" in text and not is_port):
        raise Unusable(f"{text!r} is no resolver. Possible: 192.0.2.53, 192.0.2.53@5353")
    return Resolver(found, int(port) if is_port else 53)


def address_of(name: str, resolver: Resolver, *, timeout: float = TIMEOUT) -> str | None:
    """The first address of a name, IPv4 before IPv6; None where it has none.

    Raises `Undelivered` where the resolver does not answer.
    """
    for kind in _KINDS:
        found = _addresses(_ask(name, kind, resolver, timeout), kind)
        if found:
            return found[0]
    return None


def _ask(name: str, kind: int, resolver: Resolver, timeout: float) -> bytes:
    question = b"".join(bytes([len(one)]) + one for one in name.encode("ascii").split(b"."))
    number = secrets.token_bytes(2)
    message = number + struct.pack(">5H", 0x0100, 1, 0, 0, 0)
    message += question + struct.pack(">BHH", 0, kind, 1)
    family = socket.AF_INET6 if ":" in resolver.address else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as sock:
            sock.settimeout(timeout)
            sock.connect((resolver.address, resolver.port))  # answers of nobody else come in
            sock.send(message)
            said = sock.recv(_LARGEST)
    except OSError as fault:
        raise Undelivered(f"resolver {resolver.address}: {fault}", lasting=False) from fault
    # Number and question must be those that were sent.
    is_answer = said[:2] == number and said[12 : len(message)] == message[12:]
    return said if is_answer and len(said) > 2 and said[2] & 0x80 else b""


def _addresses(said: bytes, kind: int) -> list[str]:
    """The addresses in an answer; nothing where it cannot be read."""
    found = []
    try:
        questions, answers = struct.unpack(">2H", said[4:8])
        at = 12
        for _ in range(questions):
            at = _after_name(said, at) + 4
        for _ in range(answers):
            at = _after_name(said, at)
            this, _class, _ttl, length = struct.unpack(">2HIH", said[at : at + 10])
            data = said[at + 10 : at + 10 + length]
            if this == kind and len(data) == _KINDS[kind]:
                found.append(str(ip_address(data)))
            at += 10 + length
    except (struct.error, IndexError):
        return found
    return found


def _after_name(said: bytes, at: int) -> int:
    """Behind a name (RFC 1035 4.1.4): labels up to the root, or up to a pointer."""
    for _ in range(_MOST_LABELS):
        length = said[at]
        if length >= 0xC0:
            return at + 2
        if not length:
            return at + 1
        at += 1 + length
    raise IndexError
