"""The routing snapshot: what the CSV files may say, and what is shipped."""

import json
from datetime import date
from ipaddress import IPv4Address, IPv6Address
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tocsin
from tocsin.flow.networks import load_networks, read_overlay
from tocsin.formats.ip_ranges import (
    ASN,
    COUNTRY,
    disjoint,
    pack_country,
    read_asn,
    read_country,
    unpack_country,
    write_snapshot,
)
from tocsin.words.errors import NotFound, Unreadable

SHIPPED = Path(tocsin.__file__).parent / "data"
SAMPLES = Path(__file__).parents[2] / "samples"


def number(text: str) -> int:
    return int(IPv6Address(text) if ":" in text else IPv4Address(text))


@pytest.fixture
def packages(tmp_path):
    """Both packages as npm unpacks them, small, with documentation addresses."""
    net, net2 = number("192.0.2.0"), number("198.51.100.0")
    files = {
        ASN: {
            ASN.v4: f'{net},{net + 255},64496,"Meadow ""Net"", SA"\n{net2},{net2 + 9},64497,B\n',
            ASN.v6: "2001:db8::,2001:db8::ffff,64496,Meadow\n"
            "2001:db8:1::,2001:db8:1::1,64496,Meadow\n",
        },
        COUNTRY: {
            COUNTRY.v4: f"{net},{net + 255},BE\n{net + 16},{net + 31},PL\n",
            COUNTRY.v6: "2001:db8::,2001:db8:ffff:ffff:ffff:ffff:ffff:ffff,PT\n",
        },
    }
    for package, texts in files.items():
        folder = tmp_path / "in" / package.name.rpartition("/")[2]
        folder.mkdir(parents=True)
        about = {"name": package.name, "version": "2.3.2026061719"}
        (folder / "package.json").write_text(json.dumps(about))
        for name, text in texts.items():
            (folder / name).write_text(text)
    return tmp_path / "in"


def test_both_packages_become_five_tables_and_a_description(packages, tmp_path):
    write_snapshot(packages, tmp_path / "out")

    tables = {file.stem: pl.read_parquet(file) for file in (tmp_path / "out").glob("*.parquet")}
    net, net2 = number("192.0.2.0"), number("198.51.100.0")
    assert tables["asn4"].rows() == [(net, net + 255, 64496), (net2, net2 + 9, 64497)]
    assert tables["asn4"].dtypes == [pl.UInt32, pl.UInt32, pl.UInt32]
    high = 0x20010DB8_0000_0000
    assert tables["asn6"].rows() == [
        (high, 0, high, 0xFFFF, 64496),
        (high + 0x10000, 0, high + 0x10000, 1, 64496),
    ]
    assert tables["asn6"].dtypes == [pl.UInt64] * 4 + [pl.UInt32]
    assert tables["country6"].rows() == [(high, 0, high + 0xFFFFFFFF, 2**64 - 1, "PT")]
    assert tables["as_names"].rows() == [(64496, "Meadow"), (64497, "B")]
    about = json.loads((tmp_path / "out" / "snapshot.json").read_text())
    assert about["date"] == "2026-06-17"
    assert about["rows"]["country4"] == 3
    assert about["overlapping"] == {"asn4": 0, "asn6": 0, "country4": 2, "country6": 0}
    assert [s["licence"] for s in about["sources"]] == ["CC-BY-4.0", "CC0-1.0"]


def test_the_narrower_of_two_overlapping_ranges_wins(packages, tmp_path):
    tables = write_snapshot(packages, tmp_path / "out").tables

    net = number("192.0.2.0")
    assert tables["country4"].rows() == [
        (net, net + 15, "BE"),
        (net + 16, net + 31, "PL"),
        (net + 32, net + 255, "BE"),
    ]


def test_two_equally_narrow_ranges_that_differ_name_nobody():
    assert disjoint([(0, 9, 1), (4, 5, 2), (4, 5, 3)]) == ([(0, 3, 1), (6, 9, 1)], 3)


spans = st.tuples(st.integers(0, 60), st.integers(0, 12), st.integers(1, 4)).map(
    lambda span: (span[0], span[0] + span[1], span[2])
)


@given(st.lists(spans, max_size=12))
def test_disjoint_agrees_with_asking_every_range_for_every_address(intervals):
    ranges, _ = disjoint(intervals)

    assert all(one[1] < other[0] for one, other in pairwise(ranges))
    for address in range(75):
        holding = [i for i in intervals if i[0] <= address <= i[1]]
        width = min((last - first for first, last, _ in holding), default=0)
        said = {value for first, last, value in holding if last - first == width}
        expected = said if len(said) == 1 else set()
        assert {value for first, last, value in ranges if first <= address <= last} == expected


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("5,4,64496,A\n", "line 1: the range 5–4 ends before it starts"),
        ("1,2,64496,A\n3,4294967296,1,A\n", "line 2: 3–4294967296 is no range of IPv4"),
        ("1,x,64496,A\n", "line 1: 1–x is no range of IPv4 addresses"),
        ("-1,2,64496,A\n", "line 1: -1–2 is no range"),
        ("1,2,0,A\n", "line 1: '0' is no AS number"),
        ("1,2,4294967296,A\n", "line 1: '4294967296' is no AS number"),
        ("1,2,AS1,A\n", "line 1: 'AS1' is no AS number"),
        ("1,2,64496\n", "line 1: 3 cells, not 4"),
        ('1,2,64496,"A\nB"\n5,4,1,C\n', "line 3: the range"),
        ('1,2,64496,"A\n', "after line 0: unexpected end of data"),
        ("", "line 1: no range in it"),
    ],
)
def test_a_wrong_line_is_named_with_its_reason(text, reason, tmp_path):
    (tmp_path / "asn.csv").write_text(text)

    with pytest.raises(Unreadable) as error:
        read_asn(tmp_path / "asn.csv", version=4)

    assert f"{tmp_path / 'asn.csv'}, {reason}" in str(error.value)


@pytest.mark.parametrize("country", ["", "be", "BEL", "B1", "É1"])
def test_a_country_is_two_capital_letters(country, tmp_path):
    (tmp_path / "c.csv").write_text(f"2001:db8::,2001:db8::1,{country}\n")

    with pytest.raises(Unreadable, match="two capital letters"):
        read_country(tmp_path / "c.csv", version=6)


@pytest.mark.parametrize("address", ["192.0.2.1", "2001:db8::g", "2001:db8::1%eth0", "1", ""])
def test_an_ipv6_file_holds_ipv6_addresses(address, tmp_path):
    (tmp_path / "c.csv").write_text(f"{address},2001:db8::1,BE\n")

    with pytest.raises(Unreadable, match="no range of IPv6 addresses"):
        read_country(tmp_path / "c.csv", version=6)


@given(st.binary(max_size=60) | st.text('0123456789,"\n', max_size=30).map(str.encode))
def test_hostile_bytes_are_unreadable_and_nothing_else(data):
    with TemporaryDirectory() as folder:
        file = Path(folder) / "hostile.csv"
        file.write_bytes(data)
        try:
            intervals, _ = read_asn(file, version=4)
        except Unreadable:
            return
    assert intervals != []


def test_a_failed_update_leaves_the_old_snapshot_as_it_was(packages, tmp_path):
    write_snapshot(packages, tmp_path / "out")
    before = {file.name: file.read_bytes() for file in (tmp_path / "out").iterdir()}
    (packages / "asn" / ASN.v6).write_text("nonsense\n")

    with pytest.raises(Unreadable):
        write_snapshot(packages, tmp_path / "out")

    assert {file.name: file.read_bytes() for file in (tmp_path / "out").iterdir()} == before


def test_a_missing_package_is_named(packages, tmp_path):
    (packages / "asn" / "package.json").unlink()

    with pytest.raises(NotFound, match="no unpacked npm package @ip-location-db/asn"):
        write_snapshot(packages, tmp_path / "out")


def test_a_missing_file_is_named(packages, tmp_path):
    (packages / "asn" / ASN.v6).unlink()

    with pytest.raises(NotFound, match=r"asn-ipv6\.csv is not there"):
        write_snapshot(packages, tmp_path / "out")


@pytest.mark.parametrize("text", ["{}", "[]", "no json", '{"name": "x"}'])
def test_a_broken_package_description_is_unreadable(text, packages, tmp_path):
    (packages / "asn" / "package.json").write_text(text)

    with pytest.raises(Unreadable, match="no description of an npm package"):
        write_snapshot(packages, tmp_path / "out")


@pytest.mark.parametrize("version", ["2.3.1", "2.3.2026139919", "2026061719x"])
def test_a_version_without_its_date_is_unreadable(version, packages, tmp_path):
    about = {"name": ASN.name, "version": version}
    (packages / "asn" / "package.json").write_text(json.dumps(about))

    with pytest.raises(Unreadable, match="does not end in its date"):
        write_snapshot(packages, tmp_path / "out")


@given(st.text(st.characters(min_codepoint=65, max_codepoint=90), min_size=2, max_size=2))
def test_a_country_comes_out_as_it_went_in(cc):
    assert unpack_country(pack_country(cc)) == cc


# ── what ships ───────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("name", ["asn4", "asn6", "country4", "country6"])
def test_shipped_ranges_are_sorted_and_disjoint(name):
    table = pl.read_parquet(SHIPPED / f"{name}.parquet")
    starts, ends = (ends_of(table, end) for end in ("start", "end"))

    assert len(starts) > 100_000
    assert all(start <= end for start, end in zip(starts, ends, strict=True))
    assert all(end < start for end, start in zip(ends, starts[1:], strict=False))


def ends_of(table: pl.DataFrame, end: str) -> list[int]:
    if end in table.columns:
        return table[end].to_list()
    halves = zip(table[f"{end}_hi"].to_list(), table[f"{end}_lo"].to_list(), strict=True)
    return [(high << 64) + low for high, low in halves]


def test_the_shipped_snapshot_is_described_and_small():
    about = json.loads((SHIPPED / "snapshot.json").read_text("utf-8"))

    assert date.fromisoformat(about["date"]) == date(2026, 6, 17)
    assert about["rows"] == {
        name: len(pl.read_parquet(SHIPPED / f"{name}.parquet")) for name in about["rows"]
    }
    assert sum(file.stat().st_size for file in SHIPPED.iterdir()) < 8_000_000


def test_the_notice_names_every_source_of_the_snapshot():
    notice = (SAMPLES.parent / "NOTICE").read_text("utf-8")
    about = json.loads((SHIPPED / "snapshot.json").read_text("utf-8"))

    for source in about["sources"]:
        assert f"{source['package']} {source['version']}" in notice
        assert source["licence"] in notice


def test_the_sample_networks_lie_over_the_snapshot():
    rows = {row[1]: row[2:] for row in read_overlay(SAMPLES / "networks.csv")}

    assert rows[number("198.51.100.0"), number("198.51.100.130")] == (64498, "Harbour Online", "PL")
    assert rows[number("3fff:10::"), number("3fff:11::") - 1] == (64510, "Fallow Networks", "EE")
    assert load_networks(SHIPPED, SAMPLES / "networks.csv").as_names[64500] == "Lantern Cloud"
