"""Translators that compute who has which ports (RFC 7422): no log, a table of their settings.

    [[mapping]]
    inside = "100.64.0.0/22"        # or first-last
    outside = "198.51.100.0/26"
    users = 16                      # inside addresses behind one outside address
    first_port = 1024               # ports below are nobody's
    ports = 3000                    # of each; without it, all there are, divided by `users`
    since = "2026-11-01T00:00:00Z"
    until = "2027-05-01T00:00:00Z"

Inside addresses take their blocks in order: the first `users` of them behind the first outside
address, and so on (the algorithm *sequential* of RFC 7422, section 2; others come as a table that
the translator exports). Ports beyond the blocks, a pool that is shared as needed, are nobody's
here: the translator logs them.
"""

import tomllib
from collections.abc import Iterator
from typing import Any, BinaryIO

import numpy as np
import polars as pl

from tocsin.flow.addresses import as_range, format_v4
from tocsin.formats.leases.format import LeaseFormat, Piece, checked
from tocsin.formats.leases.moments import moments
from tocsin.words.errors import Unreadable

LARGEST = 1 << 20  # bytes of such a file
MOST = 1 << 24  # inside addresses of a mapping
_KEYS = ("first_port", "inside", "outside", "ports", "since", "until", "users")
_PORTS = 65536


def read(stream: BinaryIO, name: str, _subscriber: str) -> Iterator[Piece]:
    """One piece for each mapping: a block of ports for each inside address."""
    data = stream.read(LARGEST + 1)
    try:
        found = tomllib.loads(data.decode()) if len(data) <= LARGEST else {}
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as fault:
        raise Unreadable(f"{name}: no table of mappings ({fault})") from None
    mappings = found.get("mapping")
    if not isinstance(mappings, list) or not mappings:
        raise Unreadable(f"{name}: no [[mapping]] says who has which ports")
    for number, one in enumerate(mappings, start=1):
        yield _blocks(one, f"{name}, mapping {number}", number)


def _blocks(one: object, name: str, number: int) -> Piece:
    if not isinstance(one, dict) or (unknown := sorted(set(one) - set(_KEYS))):
        said = unknown[0] if isinstance(one, dict) else one
        raise Unreadable(f"{name}: {said!r} is no part of a mapping. Possible: {', '.join(_KEYS)}")
    inside, outside = _addresses(one, "inside", name), _addresses(one, "outside", name)
    users = _number(one, "users", name, otherwise=None, least=1, most=_PORTS)
    first = _number(one, "first_port", name, otherwise=1024, least=0, most=_PORTS - 1)
    each = (_PORTS - first) // users
    ports = _number(one, "ports", name, otherwise=each, least=1, most=_PORTS)
    if first + users * ports > _PORTS:
        raise Unreadable(f"{name}: {users} blocks of {ports} ports do not fit behind port {first}")
    if -(-len(inside) // users) > len(outside):
        raise Unreadable(
            f"{name}: {len(inside)} inside addresses, {users} behind each, need more than the "
            f"{len(outside)} outside addresses"
        )
    nth = np.arange(len(inside))
    low = first + (nth % users) * ports
    texts = pl.Series([str(one.get("since", "")), str(one.get("until", ""))])
    since, until = moments(texts).to_list()
    rows = pl.DataFrame(
        {
            "kind": "held",
            "ip": format_v4(pl.Series("ip", outside[nth // users])),
            "port_first": low.astype(np.uint16),
            "port_last": (low + ports - 1).astype(np.uint16),
            "inside": format_v4(pl.Series("inside", inside)),
            "at": pl.Series([since], dtype=pl.Datetime("us", "UTC")).new_from_index(0, len(nth)),
            "until": pl.Series([until], dtype=pl.Datetime("us", "UTC")).new_from_index(0, len(nth)),
            "row": pl.Series([number], dtype=pl.Int64).new_from_index(0, len(nth)),
        }
    )
    piece = checked(rows, lambda _at: repr(one).encode())
    return Piece(piece.rows, piece.faults[:1])  # all of a mapping share the fault


def _addresses(one: dict[str, Any], key: str, name: str) -> np.ndarray:
    found = as_range(str(one.get(key, "")))
    if found is None or found[0] != 4 or found[2] - found[1] >= MOST:
        raise Unreadable(f"{name}: {key} must be IPv4 addresses, such as 198.51.100.0/26")
    return np.arange(found[1], found[2] + 1, dtype=np.uint32)


def _number(
    one: dict[str, Any], key: str, name: str, *, otherwise: int | None, least: int, most: int
) -> int:
    value = one.get(key, otherwise)
    if type(value) is not int or not least <= value <= most:
        raise Unreadable(f"{name}: {key} must be a number from {least} to {most}")
    return value


def _is_mapping(head: bytes, _name: str) -> bool:
    return b"[[mapping]]" in head and b"outside" in head and b"inside" in head


FORMAT = LeaseFormat(
    name="deterministic",
    title="Deterministic port mapping (RFC 7422)",
    sniff=_is_mapping,
    read=read,
    is_message=False,
    samples="leases/deterministic",
)
