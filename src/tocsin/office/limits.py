"""How often somebody without an account may try something: counted by address, in an hour.

The counters lie in the table of the cache that all processes share, under an HMAC: they name
nobody. One statement counts, so that of two at the same time neither is lost.
"""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta
from ipaddress import IPv6Address, ip_address, ip_network
from typing import Any

from django.conf import settings
from django.core.cache import cache
from django.db import connection
from django.http import HttpRequest

from tocsin.office.people.models import Limit
from tocsin.words.moments import as_utc

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
    return have_left(name, [who], most=most, at=at)[0]


def have_left(name: str, whos: Sequence[str], *, most: int, at: datetime) -> list[bool]:
    """The same for several tries, in their order; the same somebody may be among them again."""
    hour = int(at.timestamp()) // _HOUR
    # a key is an HMAC under the key of the store
    keys = [cache.make_key(f"tries:{name}:{who}:{hour}") for who in whos]
    added = Counter(keys)
    counts = _count(added, expires_at=as_utc(at) + timedelta(seconds=_HOUR))
    before = {key: counts.get(key, 0) - number for key, number in added.items()}
    found = []
    for key in keys:
        before[key] += 1
        found.append(before[key] <= most)
    return found


def _count(added: Counter[str], *, expires_at: datetime) -> dict[str, int]:
    """Add to counters, in an order that no two processes take against each other."""
    table = connection.ops.quote_name(Limit._meta.db_table)  # noqa: SLF001 Django's way
    sql = (
        f"INSERT INTO {table} (cache_key, value, expires) VALUES (%s, %s, %s) "  # noqa: S608 ours
        "ON CONFLICT (cache_key) DO UPDATE SET value = "
        f"CAST(CAST({table}.value AS INTEGER) + CAST(excluded.value AS INTEGER) AS TEXT)"
    )
    moment = connection.ops.adapt_datetimefield_value(expires_at)
    with connection.cursor() as cursor:
        cursor.executemany(sql, [(key, str(added[key]), moment) for key in sorted(added)])
    rows = Limit.objects.filter(cache_key__in=added).values_list("cache_key", "value")
    return {key: int(value) for key, value in rows}


def _line_of(request: HttpRequest) -> str:
    """An IPv6 line has a whole /64 of addresses."""
    address = client_address(request.META, proxies=settings.PROXIES)
    return str(ip_network(f"{address}/64", strict=False)) if ":" in address else address
