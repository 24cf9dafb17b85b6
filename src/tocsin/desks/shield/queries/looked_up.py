"""Large lists that others publish: what of them concerns some addresses, by an index.

A million names are never loaded: each host asks for itself, for every domain above it and, where
a name is to be blocked, for one entry below it.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date
from itertools import islice
from typing import Any

from tocsin.desks.shield.models import Entry, NameList
from tocsin.flow.domains import parents, registrable_domain
from tocsin.flow.urls import Landing, read_url
from tocsin.words.errors import Unreadable
from tocsin.words.moments import iso

OTHER_LIST = "other_list"
TOP_SITE = "top_site"
LOOKED_UP = (OTHER_LIST, TOP_SITE)  # kinds that are looked up; all others are held in memory
_AT_ONCE = 400  # keys in one query


@dataclass(frozen=True)
class Found:
    """Top sites at, above or below what was asked; other lists by name or address, in sentences."""

    top_sites: frozenset[str] = frozenset()
    elsewhere: dict[str, tuple[str, ...]] = field(default_factory=dict)


def key_of_name(name: str) -> bytes:
    """`www.bank.example` as `example.bank.www`: what is below a name begins with it and a dot."""
    return ".".join(reversed(name.split("."))).encode()


def key_of_url(url: str) -> bytes:
    """An address apart from all names."""
    return f"url:{url}".encode()


def value_of(key: bytes) -> str:
    """The name or the address of a key."""
    text = key.decode()
    if text.startswith("url:"):
        return text[4:]
    return ".".join(reversed(text.split(".")))


def look_up(urls: Iterable[str], *, below: bool = False) -> Found:
    """What lists say of these addresses, their hosts and the domains above; `below` as well."""
    landings = [landing for url in urls if (landing := _read(url)) is not None]
    names = {above for one in landings if not one.is_address for above in parents(one.host)}
    keys = {key_of_name(name) for name in names} | {key_of_url(one.text) for one in landings}
    sites: set[str] = set()
    elsewhere: dict[str, list[str]] = defaultdict(list)
    for key, kind, title, since in _entries(sorted(keys)):
        if kind == TOP_SITE:
            sites.add(value_of(key))
        else:
            elsewhere[value_of(key)].append(f"on {title} since {since:%Y-%m-%d}")
    if below:
        sites |= {found for one in landings if (found := _below(one))}
    return Found(frozenset(sites), {name: tuple(said) for name, said in elsewhere.items()})


def _read(url: str) -> Landing | None:
    try:
        return read_url(url)
    except Unreadable:
        return None


def _entries(keys: list[bytes]) -> Iterator[tuple[bytes, str, str, date]]:
    rows = iter(keys)
    while some := list(islice(rows, _AT_ONCE)):
        found = Entry.objects.filter(key__in=some, name_list__is_ready=True)
        words = ("key", "name_list__kind", "name_list__title", "since")
        for key, kind, title, since in found.order_by("name_list__title").values_list(*words):
            yield bytes(key), kind, title, since


def _below(landing: Landing) -> str | None:
    """One top site below the registrable domain of a host."""
    domain = None if landing.is_address else registrable_domain(landing.host)
    if domain is None:
        return None
    begin = key_of_name(domain)
    rows = Entry.objects.filter(key__gt=begin + b".", key__lt=begin + b"/")  # "/" follows "."
    ready = rows.filter(name_list__is_ready=True, name_list__kind=TOP_SITE)
    key = ready.order_by("key").values_list("key", flat=True).first()
    return value_of(bytes(key)) if key is not None else None


def lists_of() -> list[dict[str, Any]]:
    """Every imported list, for people: whose, how many, of which day."""
    return [
        {
            "title": row.title,
            "kind": row.kind,
            "entries": row.entries,
            "as_of": row.as_of.isoformat(),
            "origin": row.origin,
            "licence": row.licence,
            "imported_at": iso(row.imported_at),
            "is_ready": row.is_ready,
        }
        for row in NameList.objects.all()
    ]
