"""Addresses a column at a time, held against the standard library's one at a time."""

from ipaddress import (
    AddressValueError,
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)

import numpy as np
import polars as pl
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.flow.world import MANY, SOME
from tocsin.flow.addresses import (
    as_range,
    format_v4,
    pack_v6,
    parse_ip,
    parse_v4,
    range_text,
)

MAX4, MAX6 = 2**32 - 1, 2**128 - 1
# What people, feeds and attackers write where an address is expected.
HOSTILE = [
    "",
    "0",
    ".",
    "...",
    "....",
    "1.2.3",
    "1.2.3.4.",
    ".1.2.3.4",
    "1.2.3.4.5",
    "1..2.3",
    "01.2.3.4",
    "1.2.3.04",
    "1.2.3.256",
    "1.2.3.65536",
    "1.2.3.4294967296",
    "+1.2.3.4",
    "-1.2.3.4",
    "1.2.3.+4",
    "1.2.3.-0",
    "1.2.3.4e0",
    "1e2.0.0.1",
    "1.2.3. 4",
    "1.2. 3.4",
    "1.2.3.4\x00",
    "1.2.3.4/32",
    "1.2.3.4:80",
    "0x7f.0.0.1",
    "0x7f000001",
    "2130706433",
    "1_0.2.3.4",
    "١.٢.٣.٤",
    "１.2.3.4",
    "1。2。3。4",
    "1.2.3.²",
    "fe80::1%eth0",
    "fe80::1%",
    "::ffff:1.2.3.4",
    "::ffff:1.2.3.04",
    "::ffff:1.2.3.256",
    "::1.2.3.4",
    "1:2:3:4:5:6:7:8:9",
    "1:2:3:4:5:6:7",
    "1::2::3",
    ":::",
    ":1",
    "1:",
    "::00001",
    "::g",
    "[::1]",
    "::1/128",
    "2001:DB8::A",
    "2001:0db8:0000:0000:0000:0000:0000:0000",
    "9" * 5000,
    "1." * 5000,
    ":" * 5000,
    "1:" * 5000,
    "\U0001f514",
]

texts = st.one_of(
    st.ip_addresses(v=4).map(str),
    st.ip_addresses(v=6).map(str),
    st.ip_addresses(v=6).map(lambda ip: ip.exploded),
    st.ip_addresses(v=4).map(lambda ip: f"::ffff:{ip}"),
    st.ip_addresses(v=4).map(lambda ip: f" {ip}\t"),
    st.sampled_from(HOSTILE),
    st.text("0123456789.", max_size=16),
    st.text("0123456789abcdefABCDEF:.%", max_size=24),
    st.text(max_size=12),
)


def oracle(text: str) -> tuple[str | None, int | None]:
    """The address a text names, and its number where it is IPv4: what ipaddress says."""
    try:
        ip = ip_address(text.strip())
    except ValueError:
        return None, None
    if isinstance(ip, IPv4Address):
        return str(ip), int(ip)
    if ip.scope_id is not None:
        return None, None
    if ip.ipv4_mapped:
        return str(ip.ipv4_mapped), int(ip.ipv4_mapped)
    return str(ip), None


def same_address(one: str | None, other: str | None) -> bool:
    """`::1.2.3.4` is the canonical text of RFC 5952 5, `::102:304` that of ipaddress."""
    return one == other or (
        one is not None and other is not None and IPv6Address(one) == (IPv6Address(other))
    )


@given(st.lists(texts | st.none(), max_size=8))
@example(list(HOSTILE))
@MANY
def test_a_column_of_texts_is_read_as_ipaddress_reads_each(column: list[str | None]) -> None:
    found = parse_ip(pl.Series("any", column, dtype=pl.String))

    expected = [oracle(text) if text is not None else (None, None) for text in column]
    assert found["v4"].to_list() == [number for _, number in expected]
    wrong = [
        (text, ip, known)
        for text, ip, (known, _) in zip(column, found["ip"].to_list(), expected, strict=True)
        if not same_address(ip, known)
    ]
    assert wrong == []


def test_hostile_texts_are_no_addresses() -> None:
    found = parse_ip(pl.Series(HOSTILE))["ip"].to_list()

    assert {text: ip for text, ip in zip(HOSTILE, found, strict=True) if ip is not None} == {
        "::ffff:1.2.3.4": "1.2.3.4",
        "::1.2.3.4": "::1.2.3.4",
        "2001:DB8::A": "2001:db8::a",
        "2001:0db8:0000:0000:0000:0000:0000:0000": "2001:db8::",
    }


@given(st.lists(st.integers(0, MAX4) | st.none(), max_size=20))
@SOME
def test_every_ipv4_number_is_written_and_read_back(numbers: list[int | None]) -> None:
    column = pl.Series("n", numbers, dtype=pl.UInt32)
    written = format_v4(column)

    assert written.to_list() == [None if n is None else str(IPv4Address(n)) for n in numbers]
    assert parse_v4(written).to_list() == numbers


@pytest.mark.parametrize("last", [0, 9, 10, 99, 100, 199, 200, 249, 250, 255])
def test_every_octet_boundary_is_read(last: int) -> None:
    assert parse_v4(pl.Series([f"{last}.{last}.{last}.{last}"])).to_list() == [last * 0x01010101]


@given(st.lists(st.integers(0, MAX6), max_size=12))
@example([0, 1, 256, 2**128 - 256, MAX6])
@SOME
def test_packed_ipv6_keeps_all_sixteen_bytes(numbers: list[int]) -> None:
    packed = pack_v6(pl.Series([str(IPv6Address(n)) for n in numbers], dtype=pl.String))

    assert packed.dtype == np.dtype("S16")
    assert packed.tobytes() == b"".join(n.to_bytes(16, "big") for n in numbers)


# ── ranges as people write them ──────────────────────────────────────────────────────────


@given(st.data(), st.sampled_from([IPv4Network, IPv6Network]))
@SOME
def test_every_cidr_is_read_and_written_as_ipaddress_does(
    data: st.DataObject, family: type[IPv4Network | IPv6Network]
) -> None:
    bits = 32 if family is IPv4Network else 128
    number = data.draw(st.integers(0, 2**bits - 1))
    network = family((number, data.draw(st.integers(0, bits))), strict=False)

    span = (network.version, int(network[0]), int(network[-1]))
    assert as_range(str(network)) == span
    assert ip_network(range_text(*span)) == network


@given(st.data(), st.sampled_from([(4, MAX4), (6, MAX6)]))
@SOME
def test_a_range_is_read_back_as_it_was_written(
    data: st.DataObject, family: tuple[int, int]
) -> None:
    version, highest = family
    low, high = sorted(data.draw(st.lists(st.integers(0, highest), min_size=2, max_size=2)))

    assert as_range(range_text(version, low, high)) == (version, low, high)


@given(st.text("0123456789abcdef:./-–% ", max_size=30) | st.sampled_from(HOSTILE))
@SOME
def test_no_text_makes_a_range_that_runs_backwards_or_raises(text: str) -> None:
    span = as_range(text)

    assert span is None or (span[0] in (4, 6) and 0 <= span[1] <= span[2] <= MAX6)


@pytest.mark.parametrize(
    ("text", "span"),
    [
        ("192.0.2.7", (4, 0xC0000207, 0xC0000207)),
        ("192.0.2.0/24", (4, 0xC0000200, 0xC00002FF)),
        (" 192.0.2.0 - 192.0.2.130 ", (4, 0xC0000200, 0xC0000282)),
        ("192.0.2.0–192.0.2.130", (4, 0xC0000200, 0xC0000282)),
        ("0.0.0.0/0", (4, 0, MAX4)),
        ("::/0", (6, 0, MAX6)),
        ("192.0.2.1/24", None),  # host bits
        ("192.0.2.9-192.0.2.1", None),  # backwards
        ("192.0.2.1-2001:db8::1", None),  # two families
        ("192.0.2.0/33", None),
        ("fe80::1%eth0", None),  # a zone means something on one machine only
        ("fe80::%1/64", None),
        ("192.0.2.0/24-192.0.2.255", None),
        ("", None),
    ],
)
def test_ranges_people_write(text: str, span: tuple[int, int, int] | None) -> None:
    assert as_range(text) == span


@pytest.mark.parametrize(
    ("low", "high", "text"),
    [
        ("192.0.2.0", "192.0.2.255", "192.0.2.0/24"),
        ("192.0.2.7", "192.0.2.7", "192.0.2.7/32"),
        ("192.0.2.1", "192.0.2.2", "192.0.2.1–192.0.2.2"),  # two addresses, but no CIDR
        ("192.0.2.0", "192.0.2.130", "192.0.2.0–192.0.2.130"),
        ("2001:db8::", "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff", "2001:db8::/32"),
        ("2001:db8::", "2001:db8::6", "2001:db8::–2001:db8::6"),
    ],
)
def test_a_range_is_a_cidr_only_where_it_is_one(low: str, high: str, text: str) -> None:
    first, last = ip_address(low), ip_address(high)

    assert range_text(first.version, int(first), int(last)) == text


def test_ipaddress_itself_refuses_leading_zeros_here() -> None:
    """The oracle of this file: before Python 3.9.5 it read 010 as ten."""
    with pytest.raises(AddressValueError):
        IPv4Address("010.0.0.1")
