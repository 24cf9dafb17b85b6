"""Bindings and questions as a person writes them, and the slow way to answer: read everything."""

from dataclasses import dataclass
from ipaddress import ip_address, ip_network

import numpy as np
import polars as pl

from tocsin.flow.bindings import keys, runs
from tocsin.flow.bindings.look_up import Outcome
from tocsin.flow.bindings.search import QUESTION

SECOND = 1_000_000


@dataclass(frozen=True)
class Held:
    """One binding: a prefix or address, its ports, from and until (seconds), by which line."""

    ip: str
    since: int
    until: int
    line: int
    first: int = 0
    last: int = 65535
    protocol: int = 0
    source: int = 0
    realm: int = 0


@dataclass(frozen=True)
class Asked:
    """One question; `slack` is the tolerance of the reporter's clock in seconds."""

    ip: str
    at: int
    port: int | None = None
    protocol: int = 0
    slack: int = 0
    realm: int = 0


def table(held: list[Held]) -> pl.DataFrame:
    """Bindings as the runs keep them (`runs.SCHEMA`)."""
    rows = [row for one in held for row in _rows(one)]
    return pl.DataFrame(rows, schema=runs.SCHEMA, orient="row")


def _rows(one: Held) -> list[tuple[int, ...]]:
    rest = (one.since * SECOND, one.until * SECOND, one.line, one.source, one.protocol)
    network = ip_network(one.ip)
    realm, number = np.array([one.realm]), int(network.network_address)
    if network.version == 4:
        _, nodes = keys.covering(np.array([one.first]), np.array([one.last]))
        realms, four = np.repeat(realm, len(nodes)), np.repeat(np.uint32(number), len(nodes))
        return [(int(key), *rest, 0, 0, 0) for key in keys.v4_keys(realms, four, nodes)]
    high, low = np.array([number >> 64], np.uint64), np.array([number % 2**64], np.uint64)
    length = np.array([network.prefixlen])
    key = keys.v6_keys(realm, high, low, length, np.array([keys.ROOT]))
    scope = int(keys.scopes(realm, length)[0])
    return [(int(key[0]), *rest, scope, int(high[0]), int(low[0]))]


def questions(asked: list[Asked]) -> pl.DataFrame:
    """Questions as `look_up` takes them."""
    rows = []
    for one in asked:
        ip = ip_address(one.ip)
        four = int(ip) if ip.version == 4 else None
        six = (None, None) if ip.version == 4 else (int(ip) >> 64, int(ip) % 2**64)
        moment = (one.at * SECOND, one.slack * SECOND)
        rows.append((one.realm, four, *six, one.port, one.protocol, *moment))
    return pl.DataFrame(rows, schema=QUESTION, orient="row")


def slowly(held: list[Held], one: Asked, slack: list[int]) -> tuple[Outcome, set[int]]:
    """The outcome and every line within the tolerance, by reading all there is."""
    ip = ip_address(one.ip)
    there = [h for h in held if h.realm == one.realm and ip in ip_network(h.ip)]
    if one.port is None and ip.version == 4 and any((h.first, h.last) != (0, 65535) for h in there):
        return Outcome.NOT_ATTRIBUTABLE, set()
    port = 0 if one.port is None else one.port
    fit = [
        h
        for h in there
        if (ip.version == 6 or h.first <= port <= h.last)
        and (not h.protocol or not one.protocol or h.protocol == one.protocol)
        and h.since - slack[h.source] - one.slack <= one.at < h.until + slack[h.source] + one.slack
    ]
    lines = {h.line for h in fit}
    if not lines:
        return Outcome.NONE, set()
    if len(lines) > 1 or not any(h.since <= one.at < h.until for h in fit):
        return Outcome.AMBIGUOUS, lines
    return Outcome.EXACT, lines
