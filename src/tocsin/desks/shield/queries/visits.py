"""Visits of the warning page: of which network an address is, and the counts that may be shown."""

from dataclasses import dataclass
from datetime import datetime
from ipaddress import ip_network
from pathlib import Path

import polars as pl

from tocsin.desks.shield.models import Listing, Visit
from tocsin.flow.addresses import parse_ip
from tocsin.flow.networks import load_networks, locate, snapshot_in

ASN, COUNTRY = "asn", "country"
KINDS = (ASN, COUNTRY)
ELSEWHERE = "other"  # of no network that the snapshot knows


@dataclass(frozen=True)
class Visits:
    """What may be shown of one listing: each count is at least `least`."""

    rows: tuple[Visit, ...]
    total: int
    least: int


def network_of(address: str, *, kind: str, store_folder: Path, overlay: Path | None) -> str:
    """`AS64500` or `BE`, out of the node's own routing snapshot: nobody is asked."""
    parsed = parse_ip(pl.Series([address]))
    v4 = parsed["v4"]
    v6 = parsed["ip"].zip_with(v4.is_null(), pl.Series([None], dtype=pl.String))
    known = load_networks(snapshot_in(store_folder / "networks"), overlay)
    layers = known.asn if kind == ASN else known.country
    value = locate(layers, v4, v6).value[0]
    if value is None:
        return ELSEWHERE
    return f"AS{value}" if kind == ASN else str(value)


def line_of(address: str) -> str:
    """Whose address it is: an IPv6 line has a whole /64 of them, and changes among them."""
    return str(ip_network(f"{address}/64", strict=False)) if ":" in address else address


def visits_of(listing: Listing, *, least: int, at: datetime) -> Visits:
    """Counts of hours that are over, as far as they reach the threshold."""
    hour = at.replace(minute=0, second=0, microsecond=0)
    shown = listing.visits.filter(count__gte=least, hour__lt=hour)
    rows = tuple(shown[:100])
    return Visits(rows, sum(shown.values_list("count", flat=True)), least)
