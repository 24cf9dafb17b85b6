"""Which event field a Shadowserver column fills: one dictionary for all report types.

Reports come in four generations, told apart by their header. `{asked}` and the like stand for
the side that a column speaks of in that generation; where a generation has no such side, the
column is kept as `extra.<column>`, like every column that is not in the dictionary.
"""

import re
from collections.abc import Collection
from dataclasses import dataclass

_SIDE = {
    "ip": "ip",
    "port": "port",
    "asn": "asn",
    "geo": "geolocation.cc",
    "region": "geolocation.region",
    "city": "geolocation.city",
    "hostname": "reverse_dns",
}

# The order decides where two columns of a report fill one field: the first that has a value
# wins, the other is kept as extra where it differs.
COLUMNS: dict[str, str] = {
    "timestamp": "time.source",
    **{f"src_{column}": f"source.{field}" for column, field in _SIDE.items()},
    **{f"http_referer_{column}": f"source.{field}" for column, field in _SIDE.items()},
    **{column: f"source.{field}" for column, field in _SIDE.items()},
    **{f"dst_{column}": f"destination.{field}" for column, field in _SIDE.items()},
    "network": "source.network",
    "url": "{asked}.url",
    "host": "{site}.fqdn",
    "http_host": "{asked}.fqdn",
    "http_url": "{asked}.urlpath",
    "http_referer": "{referer}.url",
    "username": "{asked}.account",
    "protocol": "protocol.transport",
    "application": "protocol.application",
    "service": "protocol.application",
    "infection": "malware.name",
    "family": "malware.name",
    "md5": "malware.hash.md5",
    "md5hash": "malware.hash.md5",
    "sha1": "malware.hash.sha1",
    "sha256": "malware.hash.sha256",
    "severity": "severity",
}

ADDRESSES = frozenset(
    ("ip", "src_ip", "dst_ip", "http_referer_ip", "url", "host", "http_host", "hostname")
)

# 0 means unknown in these (refs: response_chain.md section 2, "Traps seen").
_ZERO_IS_UNKNOWN = re.compile(r"(?:^|_)(?:asn|port|naics|sic)$")

# The side that was asked over HTTP; the side a site's name belongs to (a scan's `host` is a
# header of the answer and no name of a site); the side that referred.
_SIDES: dict[str, dict[str, str]] = {
    "pair": {"asked": "destination"},
    "referer": {"asked": "destination", "referer": "source"},
    "scan": {"asked": "source"},
    "site": {"asked": "source", "site": "source"},
}


@dataclass(frozen=True)
class Column:
    """One column of a report: the event field it fills, if any, and its name as an extra."""

    index: int
    name: str
    field: str | None
    extra: str

    @property
    def zero_is_unknown(self) -> bool:
        """Whether the value 0 says nothing."""
        return _ZERO_IS_UNKNOWN.search(self.name) is not None


def generation(columns: Collection[str]) -> str:
    """`pair` (src_*, dst_*), `referer`, `scan` (ip and hostname) or `site` (ip and url)."""
    if "http_referer_ip" in columns:
        return "referer"
    if "src_ip" in columns or "dst_ip" in columns:
        return "pair"
    return "scan" if "hostname" in columns else "site"


def field_of(column: str, kind: str) -> str | None:
    """The event field that `column` fills in a report of this generation."""
    field = COLUMNS.get(column)
    if field is None or "{" not in field:
        return field
    try:
        return field.format_map(_SIDES[kind])
    except KeyError:
        return None


def plan(names: Collection[str]) -> tuple[Column, ...]:
    """What becomes of each column of a header, in the order of the file."""
    columns = [name.lower() for name in names]
    kind = generation(columns)
    taken: set[str] = set()
    return tuple(
        Column(index, column, field_of(column, kind), _extra(column, index, taken))
        for index, column in enumerate(columns)
    )


def _extra(column: str, index: int, taken: set[str]) -> str:
    """`extra.<column>` as the IDF key rule wants it ([a-z0-9_]); one name for one column."""
    clean = re.sub(r"[^a-z0-9_]+", "_", column).strip("_") or f"column_{index + 1}"
    name, number = clean, 1
    while name in taken:
        number += 1
        name = f"{clean}_{number}"
    taken.add(name)
    return f"extra.{name}"
