"""Which host handed a message over: the one line of the trace that can be believed.

Every server puts its `Received` line on top, so the newest lines were written by the
recipient's own provider, and all below the first hand-over from outside may be invented. Walked
from the newest: a hop from a private address is inside; a hop whose two ends belong to one
registrable domain is inside; the first other one is the hand-over, and the address that the
receiving server wrote in brackets is the sending host. Where the recipient has had mail
forwarded from elsewhere, that is the forwarding server: who reads on must know.
Sources: RFC 5321 4.4, RFC 8601 (Authentication-Results, 5: only those of one's own side).
"""

import ipaddress
import re
from dataclasses import dataclass
from datetime import datetime

from tocsin.flow.domains import registrable_domain
from tocsin.formats.mail.headers import Headers, moment

HOPS = 30
_FROM = re.compile(r"\s*from\s+(\S{1,255})", re.IGNORECASE)
_BY = re.compile(r"\sby\s+([\w.-]{1,255})", re.IGNORECASE)
_CLAIMED = re.compile(r"(?:helo|ehlo|ident)[= ]\S{0,255}", re.IGNORECASE)
_INNER = re.compile(r"\(([^()]{0,300})\)")
_BRACKETED = re.compile(r"\[(?:IPv6:)?([0-9A-Fa-f.:]{3,45})\]", re.IGNORECASE)
_BARE = re.compile(r"(?<![\w.:])((?:\d{1,3}\.){3}\d{1,3}|[0-9A-Fa-f:]*:[0-9A-Fa-f:.]+)(?![\w:])")
_RESULT = re.compile(r"\b(spf|dkim|dmarc|arc)\s*=\s*([a-z]{2,10})", re.IGNORECASE)
# Never a host of somebody else's on the Internet. Documentation ranges stand for real ones in
# examples and are let through.
_INSIDE = [
    ipaddress.ip_network(text)
    for text in (
        "0.0.0.0/8 10.0.0.0/8 100.64.0.0/10 127.0.0.0/8 169.254.0.0/16 172.16.0.0/12 "
        "192.0.0.0/24 192.168.0.0/16 198.18.0.0/15 224.0.0.0/3 ::/127 fc00::/7 fe80::/10 ff00::/8"
    ).split()
]


@dataclass(frozen=True)
class Hop:
    """The hand-over: address of the sending host, which line said it (1 is the newest), when."""

    ip: str
    number: int
    at: datetime | None
    place: int  # where among the fields of the header


def handed_over(headers: Headers) -> Hop | None:
    """The first hop from outside, or None where no line can be believed."""
    number = 0
    for place, (name, value) in enumerate(headers.fields):
        if name != "received":
            continue
        number += 1
        if number > HOPS:
            break
        text = value[:2000]
        ip = _peer(text)
        if ip and not _is_inside(text):
            return Hop(ip, number, moment(text.rpartition(";")[2].strip()), place)
    return None


def public_address(text: str) -> str:
    """An address in its usual spelling if it can be a host on the Internet, or nothing."""
    try:
        address = ipaddress.ip_address(text.strip().removeprefix("IPv6:"))
    except ValueError:
        return ""
    if isinstance(address, ipaddress.IPv6Address):
        if address.scope_id:
            return ""
        address = address.ipv4_mapped or address
    if any(address in network for network in _INSIDE if network.version == address.version):
        return ""
    return str(address)


def _peer(text: str) -> str:
    """The address that the receiving server saw: in brackets inside parentheses, then others.

    What the sender said of itself (HELO) stands before the parentheses, or after `helo=`.
    """
    found = _FROM.match(text)
    by = _BY.search(text)
    if found is None:
        return ""
    said = _CLAIMED.sub(" ", text[: by.start() if by else len(text)])
    inner = " ".join(_INNER.findall(said))
    places = (_BRACKETED.findall(inner), _BARE.findall(inner), _BRACKETED.findall(said))
    seen = next((place[-1] for place in places if place), "")
    return public_address(seen)


def _is_inside(text: str) -> bool:
    """Whether sender and receiver of a hop call themselves by one registrable domain."""
    sender, receiver = _FROM.match(text), _BY.search(text)
    if sender is None or receiver is None:
        return False
    own = _domain(receiver[1])
    if not own:
        return False
    seen = re.search(r"\(([\w-]{1,63}(?:\.[\w-]{1,63}){1,9})\.?[\s(\[)]", text[: receiver.start()])
    # The name by reverse look-up outweighs the one that the sender gave.
    return _domain(seen[1] if seen else sender[1]) == own


def _domain(name: str) -> str:
    name = name.strip("[]().").lower()
    if name.count(".") < 1 or not name.isascii() or name.replace(".", "").isdigit():
        return ""
    return registrable_domain(name) or ""


def authentication(headers: Headers, hop: Hop | None) -> str:
    """`dkim=none dmarc=fail spf=fail` as the recipient's side found; empty where it said nothing.

    Only fields from before the second `Received` line below the hand-over: all further down
    may be the sender's own words.
    """
    below = len(headers.fields)
    if hop is not None:
        later = (
            place
            for place, (name, _) in enumerate(headers.fields)
            if name == "received" and place > hop.place
        )
        below = next(later, below)
    for name, value in headers.fields[:below]:
        if name == "authentication-results" and (said := results(value)):
            return said
    return ""


def results(value: str) -> str:
    """Method and result of each method, sorted; addresses and comments left out (RFC 8601)."""
    plain = _INNER.sub(" ", value[:4096])
    found: dict[str, str] = {}
    for method, result in _RESULT.findall(plain):
        found.setdefault(method.lower(), result.lower())
    return " ".join(f"{method}={found[method]}" for method in sorted(found))
