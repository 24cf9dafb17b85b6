"""How often somebody without an account may try something: counted by address, in an hour.

The counters lie in the cache that all processes share, under an HMAC: they name nobody.
"""

from datetime import datetime
from ipaddress import IPv6Address, ip_address, ip_network
from typing import Any

from django.conf import settings
from django.core.cache import cache
from django.http import HttpRequest

_HOUR = 3600


def client_address(meta: dict[str, Any], *, proxies: int) -> str:
    """The address of whoever asked, out of what `proxies` trusted proxies before us said.

    Entries further to the left were written by anybody. An IPv4 address in IPv6 form is the IPv4
    address, so that two spellings are one.
    """
    said = [entry.strip() for entry in str(meta.get("HTTP_X_FORWARDED_FOR", "")).split(",")]
    candidates = [said[-proxies]] if 0 < proxies <= len(said) else []
    for text in (*candidates, str(meta.get("REMOTE_ADDR", ""))):
        try:
            address = ip_address(text)
        except ValueError:
            continue
        mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
        return str(mapped or address)
    return "0.0.0.0"  # noqa: S104 a socket without addresses: all behind it are one


def may_try(name: str, request: HttpRequest, *, most: int, at: datetime) -> bool:
    """Whether an address has a try of this kind left in this hour; counts it."""
    return has_left(name, _line_of(request), most=most, at=at)


def has_left(name: str, who: str, *, most: int, at: datetime) -> bool:
    """Whether somebody has a try of this kind left in this hour; counts it."""
    hour = int(at.timestamp()) // _HOUR
    key = f"try:{name}:{who}:{hour}"
    cache.add(key, 0, timeout=_HOUR)
    try:
        return int(cache.incr(key)) <= most
    except ValueError:  # it ran out in between
        return True


def _line_of(request: HttpRequest) -> str:
    """An IPv6 line has a whole /64 of addresses."""
    address = client_address(request.META, proxies=settings.PROXIES)
    return str(ip_network(f"{address}/64", strict=False)) if ":" in address else address
