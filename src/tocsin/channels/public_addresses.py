"""Which addresses another party can be reached at, and which lead back into the house.

A name or an address that somebody else gave us may lead to this machine, to the operator's own
network or to a cloud's keys. So only global unicast addresses are connected to: every range of
IANA's special-purpose registries (RFC 6890) is refused whole, whether or not a single address in
it is reachable. An operator opens networks of its own by naming them.
"""

from collections.abc import Iterable
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)

from tocsin.words.errors import Unusable

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

_GLOBAL_UNICAST = IPv6Network("2000::/3")  # all that IANA gives out, RFC 4291 2.4
_MAPPED = IPv6Network("::ffff:0:0/96")  # RFC 4291 2.5.5.2: the connection goes out over IPv4
_NAT64 = IPv6Network("64:ff9b::/96")  # RFC 6052: what an IPv6-only network has for IPv4

# Not `ipaddress.is_global`: it changes with the Python release, and calls 6to4, NAT64 and
# multicast global.
SPECIAL: tuple[tuple[Network, str], ...] = (
    (IPv4Network("0.0.0.0/8"), "this network, RFC 791"),
    (IPv4Network("10.0.0.0/8"), "private, RFC 1918"),
    (IPv4Network("100.64.0.0/10"), "shared by a provider's lines, RFC 6598"),
    (IPv4Network("127.0.0.0/8"), "this machine, RFC 1122"),
    (IPv4Network("168.63.129.16/32"), "the inside of a cloud, Azure"),
    (IPv4Network("169.254.0.0/16"), "link-local, RFC 3927"),
    (IPv4Network("172.16.0.0/12"), "private, RFC 1918"),
    (IPv4Network("192.0.0.0/24"), "protocol assignments, RFC 6890"),
    (IPv4Network("192.0.2.0/24"), "documentation, RFC 5737"),
    (IPv4Network("192.31.196.0/24"), "AS112, RFC 7535"),
    (IPv4Network("192.52.193.0/24"), "multicast tunnels, RFC 7450"),
    (IPv4Network("192.88.99.0/24"), "6to4 relays, RFC 7526"),
    (IPv4Network("192.168.0.0/16"), "private, RFC 1918"),
    (IPv4Network("192.175.48.0/24"), "AS112, RFC 7534"),
    (IPv4Network("198.18.0.0/15"), "benchmarks, RFC 2544"),
    (IPv4Network("198.51.100.0/24"), "documentation, RFC 5737"),
    (IPv4Network("203.0.113.0/24"), "documentation, RFC 5737"),
    (IPv4Network("224.0.0.0/4"), "multicast, RFC 5771"),
    (IPv4Network("240.0.0.0/4"), "reserved, RFC 1112"),
    (IPv6Network("::/128"), "unspecified, RFC 4291"),
    (IPv6Network("::1/128"), "this machine, RFC 4291"),
    (IPv6Network("64:ff9b:1::/48"), "local NAT64, RFC 8215"),
    (IPv6Network("100::/64"), "discarded, RFC 6666"),
    (IPv6Network("2001::/32"), "Teredo, RFC 4380"),
    (IPv6Network("2001::/23"), "protocol assignments, RFC 2928"),
    (IPv6Network("2001:db8::/32"), "documentation, RFC 3849"),
    (IPv6Network("2002::/16"), "6to4, RFC 3056"),
    (IPv6Network("2620:4f:8000::/48"), "AS112, RFC 7534"),
    (IPv6Network("3fff::/20"), "documentation, RFC 9637"),
    (IPv6Network("5f00::/16"), "segment routing, RFC 9602"),
    (IPv6Network("fc00::/7"), "private, RFC 4193"),
    (IPv6Network("fe80::/10"), "link-local, RFC 4291"),
    (IPv6Network("fec0::/10"), "site-local, RFC 3879"),
    (IPv6Network("ff00::/8"), "multicast, RFC 4291"),
)


def why_refused(address: Address, allow: Iterable[Network] = ()) -> str:
    """What kind of address this is, if it is none to connect to; "" if it is.

    An IPv4-mapped address is judged as the IPv4 address it stands for, also against `allow`.
    One behind NAT64 must stand for a public one, and is opened only by naming the NAT64 network.
    """
    if isinstance(address, IPv6Address) and address in _MAPPED:
        return why_refused(_inner(address), allow)
    if any(address.version == network.version and address in network for network in allow):
        return ""
    return _why_special(address)


def _why_special(address: Address) -> str:
    if isinstance(address, IPv6Address) and address in _NAT64:
        why = _why_special(_inner(address))
        return f"NAT64 of {_inner(address)}: {why}" if why else ""
    for network, why in SPECIAL:
        if address.version == network.version and address in network:
            return why
    if isinstance(address, IPv6Address) and address not in _GLOBAL_UNICAST:
        return "not given out by IANA"
    return ""


def _inner(address: IPv6Address) -> IPv4Address:
    return IPv4Address(int(address) & 0xFFFFFFFF)


def read_address(text: str) -> Address | None:
    """An IP address in the one spelling a URL may have, without brackets; None if it is none."""
    try:
        return ip_address(text)
    except ValueError:
        return None


def read_networks(text: str) -> tuple[Network, ...]:
    """Networks in CIDR, or single addresses, parted by commas or blanks; raises `Unusable`."""
    return tuple(_network(word) for word in text.replace(",", " ").split())


def _network(word: str) -> Network:
    try:
        return ip_network(word)
    except ValueError as fault:
        raise Unusable(
            f"{word!r} is no network ({fault}). Possible: 10.1.0.0/16, 2001:db8::/32, 192.0.2.7"
        ) from None
