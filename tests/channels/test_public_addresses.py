"""Where nobody else's address can lead: every special range, in every disguise."""

from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.channels.public_addresses import SPECIAL, read_networks, why_refused
from tocsin.words.errors import Unusable

# IANA's special-purpose registries, both families, and what else is no global unicast.
IPV4 = """0.0.0.0/8 0.0.0.0/32 10.0.0.0/8 100.64.0.0/10 127.0.0.0/8 169.254.0.0/16 172.16.0.0/12
192.0.0.0/24 192.0.0.0/29 192.0.0.8/32 192.0.0.9/32 192.0.0.10/32 192.0.0.170/32 192.0.0.171/32
192.0.2.0/24 192.31.196.0/24 192.52.193.0/24 192.88.99.0/24 192.88.99.2/32 192.168.0.0/16
192.175.48.0/24 198.18.0.0/15 198.51.100.0/24 203.0.113.0/24 224.0.0.0/4 233.252.0.0/24
239.0.0.0/8 240.0.0.0/4 255.255.255.255/32 168.63.129.16/32""".split()
IPV6 = """::1/128 ::/128 ::/96 ::ffff:0:0:0/96 64:ff9b:1::/48 100::/64 100:0:0:1::/64 2001::/23
2001::/32 2001:1::1/128 2001:1::2/128 2001:1::3/128 2001:2::/48 2001:3::/32 2001:4:112::/48
2001:10::/28 2001:20::/28 2001:30::/28 2001:db8::/32 2002::/16 2620:4f:8000::/48 3fff::/20
5f00::/16 fc00::/7 fd00:ec2::254/128 fe80::/10 fec0::/10 ff00::/8 ff02::1/128 400::/6 4000::/3
6000::/3 8000::/3 a000::/3 c000::/3 e000::/4 f000::/5 f800::/6 fe00::/9""".split()

PUBLIC = """1.1.1.1 8.8.8.8 9.255.255.255 11.0.0.0 100.63.255.255 100.128.0.0 126.255.255.255
128.0.0.0 169.253.255.255 169.255.0.0 172.15.255.255 172.32.0.0 191.255.255.255 192.0.1.0
192.0.3.0 192.167.255.255 192.169.0.0 198.17.255.255 198.20.0.0 223.255.255.255 2000::1
2001:200::1 2001:4860:4860::8888 2003::1 2a00::1 2606:4700::1111 3ffe:ffff::1 3fff:1000::1
64:ff9b::808:808 ::ffff:8.8.8.8""".split()


def some_of(text: str) -> list[int]:
    network = ip_network(text)
    first, last = int(network[0]), int(network[-1])
    return [first, first + (last - first) // 3, (first + last) // 2, last]


@pytest.mark.parametrize("network", IPV4)
def test_a_special_ipv4_range_is_refused_in_every_form(network: str) -> None:
    for number in some_of(network):
        assert why_refused(IPv4Address(number)) != ""
        for disguise in ("::ffff:0:0", "64:ff9b::", "::", "64:ff9b:1::", "::ffff:0:0:0"):
            hidden = IPv6Address(int(IPv6Address(disguise)) + number)
            assert why_refused(hidden) != "", hidden
        assert why_refused(IPv6Address((0x2002 << 112) + (number << 80) + 1)) != ""  # 6to4
        assert why_refused(IPv6Address((0x2001 << 112) + (number ^ 0xFFFFFFFF))) != ""  # Teredo


@pytest.mark.parametrize("network", IPV6)
def test_a_special_ipv6_range_is_refused(network: str) -> None:
    assert "" not in [why_refused(IPv6Address(number)) for number in some_of(network)]


@pytest.mark.parametrize("address", PUBLIC)
def test_a_public_address_is_not_refused(address: str) -> None:
    assert why_refused(ip_address(address)) == ""


def test_the_reason_names_the_kind_and_its_source() -> None:
    shown = {
        text: why_refused(ip_address(text))
        for text in ("10.0.0.1", "::ffff:10.0.0.1", "64:ff9b::a00:1", "2001:0:1::", "4000::")
    }

    assert shown == {
        "10.0.0.1": "private, RFC 1918",
        "::ffff:10.0.0.1": "private, RFC 1918",
        "64:ff9b::a00:1": "NAT64 of 10.0.0.1: private, RFC 1918",
        "2001:0:1::": "Teredo, RFC 4380",
        "4000::": "not given out by IANA",
    }


# Ranges that some Python release calls global, and that are no place to connect to.
NOT_OURS = read_networks(
    "192.0.0.0/24 192.31.196.0/24 192.52.193.0/24 192.88.99.0/24 192.175.48.0/24 224.0.0.0/4 "
    "168.63.129.16/32 2001::/23 2002::/16 2620:4f:8000::/48 3fff::/20"
)
EDGES = [
    end + off
    for network, _ in SPECIAL
    for end in (int(network[0]), int(network[-1]))
    for off in (-1, 0, 1)
]
FOURS = st.integers(0, 2**32 - 1) | st.sampled_from([n for n in EDGES if 0 <= n < 2**32])
SIXES = st.integers(0, 2**128 - 1) | st.sampled_from([n for n in EDGES if 0 <= n < 2**128])
GLOBAL_UNICAST = st.integers(0x2 << 124, (0x4 << 124) - 1)


@given(FOURS.map(IPv4Address) | (SIXES | GLOBAL_UNICAST).map(IPv6Address))
def test_it_agrees_with_python_but_for_what_python_calls_global(address) -> None:
    inner = getattr(address, "ipv4_mapped", None)
    if inner is not None:
        assert why_refused(address) == why_refused(inner)
        return
    is_six = address.version == 6
    in_nat64 = is_six and address in ip_network("64:ff9b::/96")
    is_listed = any(address in net for net in NOT_OURS if net.version == address.version)
    is_unicast = not is_six or address in ip_network("2000::/3")
    if in_nat64:
        expected = why_refused(IPv4Address(int(address) & 0xFFFFFFFF)) == ""
    else:
        expected = address.is_global and is_unicast and not is_listed
    assert (why_refused(address) == "") == expected


def test_a_network_of_the_operators_own_is_opened_by_naming_it() -> None:
    allow = read_networks("10.1.0.0/16, 2001:db8::/32")

    assert why_refused(ip_address("10.1.2.3"), allow) == ""
    assert why_refused(ip_address("::ffff:10.1.2.3"), allow) == ""
    assert why_refused(ip_address("2001:db8::1"), allow) == ""
    assert why_refused(ip_address("10.2.0.1"), allow) != ""
    assert why_refused(ip_address("64:ff9b::a01:203"), allow) != ""


@pytest.mark.parametrize("text", ["10.0.0.1/8", "ten", "10.0.0.0/33", "fe80::1%eth0/64 x"])
def test_what_is_no_network_is_said(text: str) -> None:
    with pytest.raises(Unusable, match="is no network"):
        read_networks(text)
