"""Records of a log: which are refused and why, and what bindings they become."""

from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.flow.bindings import keys
from tocsin.flow.bindings.records import (
    Source,
    bindings,
    complete,
    faults,
    pseudonym,
    pseudonymised,
)
from tocsin.flow.bindings.runs import SCHEMA

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
SECRET = b"s" * 32
GOOD = {
    "kind": "held", "ip": "192.0.2.7", "subscriber": "circuit 7",
    "at": NOON, "until": NOON + timedelta(hours=1),
}  # fmt: skip


def record(**other: object) -> pl.DataFrame:
    return complete(pl.DataFrame([GOOD | other]))


@pytest.mark.parametrize(
    ("other", "fault"),
    [
        ({}, None),
        ({"ip": "2001:db8:0:100::/56"}, None),
        ({"port_first": 1024, "port_last": 2047}, None),
        ({"subscriber": None, "inside": "100.64.0.9"}, None),
        ({"kind": "gone"}, "kind is none of begin, alive, end, lease, held"),
        ({"at": None}, "no moment"),
        ({"ip": "192.0.2.300"}, "ip is no address and no prefix"),
        ({"ip": None}, "ip is no address and no prefix"),
        ({"ip": "192.0.2.0/24"}, "ip is no address and no prefix"),
        ({"ip": "2001:db8::/200"}, "ip is no address and no prefix"),
        ({"ip": "2001:db8::1/56"}, "ip has bits set behind its prefix"),
        ({"subscriber": None}, "names no subscriber"),
        ({"subscriber": None, "inside": "nobody"}, "inside is no IPv4"),
        ({"port_first": 1024}, "one end of the ports is missing"),
        ({"port_first": 2, "port_last": 1}, "the first port is behind the last"),
        (
            {"ip": "2001:db8::1", "port_first": 1, "port_last": 2},
            "ports of an address that is no IPv4",
        ),
        ({"until": None}, "does not say until when"),
        ({"until": NOON}, "is over before it begins"),
    ],
)
def test_a_record_that_cannot_be_used_says_which_rule_it_breaks(
    other: dict[str, object], fault: str | None
) -> None:
    assert faults(record(**other)).to_list() == [fault]


def test_a_record_becomes_a_binding_of_a_pseudonymous_line() -> None:
    rows = bindings(pseudonymised(record(protocol=6), SECRET), Source(number=3))

    assert rows.schema == SCHEMA
    assert rows.row(0, named=True) == {
        "key": (0xC0000207 << 17) | 1,
        "since": int(NOON.timestamp()) * 1_000_000,
        "until": int(NOON.timestamp() + 3600) * 1_000_000,
        "line": pseudonym("circuit 7", SECRET),
        "source": 3,
        "protocol": 6,
        "scope": 0,
        "high": 0,
        "low": 0,
    }


def test_whose_name_was_hashed_is_nobody_by_name() -> None:
    rows = pl.concat([record(), record(subscriber=None, inside="100.64.0.9"), record()])

    hashed = pseudonymised(rows, SECRET)

    line = str(pseudonym("circuit 7", SECRET))
    assert hashed["subscriber"].to_list() == [line, None, line]
    assert hashed.drop("subscriber").equals(rows.drop("subscriber"))


def test_a_line_id_says_nothing_without_the_secret_and_is_no_inside_address() -> None:
    one = pseudonym("circuit 7", SECRET)

    assert 0 < one < 1 << 63
    assert one != pseudonym("circuit 7", b"t" * 32) != pseudonym("circuit 8", b"t" * 32)


@given(st.integers(0, 65535), st.integers(0, 65535))
def test_the_nodes_of_a_range_of_ports_cover_it_exactly(one: int, two: int) -> None:
    first, last = min(one, two), max(one, two)

    _, nodes = keys.covering(np.array([first]), np.array([last]))

    found: list[int] = []
    for node in nodes.tolist():
        height = 16 - (node.bit_length() - 1)
        low = (node << height) - keys.LEAVES
        found.extend(range(low, low + (1 << height)))
    assert sorted(found) == list(range(first, last + 1))


@given(st.integers(0, 2**128 - 1), st.integers(0, 128))
def test_a_prefix_keeps_its_first_bits(address: int, length: int) -> None:
    high, low = keys.masked(
        np.array([address >> 64], np.uint64),
        np.array([address % 2**64], np.uint64),
        np.array([length]),
    )

    mask = ((1 << length) - 1) << (128 - length)
    assert (int(high[0]) << 64) + int(low[0]) == address & mask
