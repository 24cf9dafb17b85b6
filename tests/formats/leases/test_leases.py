"""Every log of leases, sessions and translated ports: its samples, and hostile bytes."""

import io
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tocsin.flow.bindings.fold import fold
from tocsin.flow.bindings.records import RECORD
from tocsin.formats.leases import deterministic, parquet, syslog
from tocsin.formats.leases.catalogue import LEASES, lease_format
from tocsin.formats.leases.format import LeaseFormat
from tocsin.words.errors import NotFound, Unreadable, Unusable

SAMPLES = Path(__file__).parents[3] / "samples" / "leases"
NINE = datetime(2026, 11, 23, 9, tzinfo=UTC)
READING = [one for one in LEASES if one is not syslog.FORMAT]


def read(path: Path, *, mapping: str = "", subscriber: str = "") -> pl.DataFrame:
    found = lease_format(path, mapping=mapping)
    with path.open("rb") as stream:
        pieces = list(found.read(stream, path.name, subscriber))
    assert [fault for piece in pieces for fault in piece.faults] == []
    return pl.concat([piece.rows for piece in pieces])


def said(rows: pl.DataFrame) -> list[tuple[object, ...]]:
    """Address, line, first and last minute after nine: what is left of the messages."""
    folded = fold(rows, upto=NINE + timedelta(days=1)).over
    return sorted(
        (
            row["ip"],
            row["subscriber"] or row["inside"],
            *((row[end] - NINE) // timedelta(minutes=1) for end in ("at", "until")),
        )
        for row in folded.iter_rows(named=True)
    )


def test_freeradius_sessions_last_from_start_to_stop_with_each_of_their_addresses() -> None:
    assert said(read(SAMPLES / "freeradius-detail/detail-20261123")) == [
        ("192.0.2.30", "line-0030@isp.example", 0, 60),
        ("192.0.2.30", "line-0031@isp.example", 60, 60),
        ("2001:db8:0:300::/56", "line-0030@isp.example", 0, 60),
    ]


def test_another_attribute_can_name_the_line() -> None:
    rows = read(SAMPLES / "freeradius-detail/detail-20261123", subscriber="NAS-IP-Address")

    assert rows["subscriber"].unique().to_list() == ["203.0.113.1"]


def test_leases_of_kea_end_when_they_are_given_back() -> None:
    assert said(read(SAMPLES / "kea/leases4.csv")) == [
        ("192.0.2.20", "00:00:5e:00:53:20", 0, 68),
        ("192.0.2.21", "00:00:5e:00:53:21", 0, 60),
    ]
    assert said(read(SAMPLES / "kea/leases6.csv")) == [
        ("2001:db8:0:200::/56", "00:03:00:01:00:00:5e:00:53:20", 0, 120),
        ("2001:db8::20", "00:03:00:01:00:00:5e:00:53:20", 0, 120),
    ]


def test_what_the_relay_said_of_the_line_is_read_out_of_keas_context() -> None:
    path = SAMPLES / "kea/leases4.csv"
    with path.open("rb") as stream:
        pieces = list(lease_format(path).read(stream, path.name, "remote-id"))

    assert [row["subscriber"] for piece in pieces for row in piece.rows.iter_rows(named=True)] == [
        "6c696e652d3230"
    ]
    assert [fault.reason for piece in pieces for fault in piece.faults] == [
        "names no subscriber"
    ] * 3


def test_leases_of_isc_dhcpd() -> None:
    assert said(read(SAMPLES / "isc-dhcpd/dhcpd.leases")) == [
        ("192.0.2.40", "00:00:5e:00:53:40", 0, 45),
    ]
    assert said(read(SAMPLES / "isc-dhcpd/dhcpd6.leases"))[0][0] == "2001:db8:0:400::/56"


@pytest.mark.parametrize(
    ("mapping", "expected"),
    [
        ("conntrack", ("198.51.100.2", 61000, 61000, "100.64.0.9", 1)),
        ("junos-pba", ("198.51.100.3", 1024, 2047, "100.64.0.9", 40)),
    ],
)
def test_lines_of_a_translator_by_a_mapping(mapping: str, expected: tuple[object, ...]) -> None:
    rows = fold(read(SAMPLES / f"syslog/{mapping}.log", mapping=mapping), upto=NINE).over

    row = rows.row(0, named=True)
    assert len(rows) == 1
    assert (
        *(row[name] for name in ("ip", "port_first", "port_last", "inside")),
        (row["until"] - row["at"]) // timedelta(minutes=1),
    ) == expected


def test_a_computed_mapping_gives_every_inside_address_its_block() -> None:
    rows = read(SAMPLES / "deterministic/cgn.toml")

    blocks = rows.select("inside", "ip", "port_first", "port_last").rows()
    assert len(blocks) == 16
    assert blocks[:2] == [
        ("100.64.0.0", "198.51.100.8", 1024, 9023),
        ("100.64.0.1", "198.51.100.8", 9024, 17023),
    ]
    assert blocks[7:9] == [
        ("100.64.0.7", "198.51.100.8", 57024, 65023),
        ("100.64.0.8", "198.51.100.9", 1024, 9023),
    ]


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (("users = 8", "users = 0"), "users must be a number from 1"),
        (("ports = 8000", "ports = 9000"), "8 blocks of 9000 ports do not fit behind port 1024"),
        (("198.51.100.8/31", "198.51.100.8/32"), "need more than the 1 outside addresses"),
        (("100.64.0.0/28", "2001:db8::/64"), "inside must be IPv4 addresses"),
        (("users", "people"), "'people' is no part of a mapping"),
        (("[[mapping]]", "[[other]]"), "no \\[\\[mapping\\]\\] says who has which ports"),
    ],
)
def test_a_computed_mapping_that_cannot_be_says_why(change: tuple[str, str], fault: str) -> None:
    text = (SAMPLES / "deterministic/cgn.toml").read_text().replace(*change)

    with pytest.raises(Unreadable, match=fault):
        list(deterministic.FORMAT.read(io.BytesIO(text.encode()), "cgn.toml", ""))


def test_csv_and_parquet_say_the_same() -> None:
    path = SAMPLES / "csv/leases.csv"
    rows = read(path)
    stream = io.BytesIO()
    pl.read_csv(path, infer_schema=False).write_parquet(stream)
    stream.seek(0)

    (piece,) = parquet.FORMAT.read(stream, "leases.parquet", "")

    assert piece.rows.drop("row").equals(rows.drop("row"))
    assert rows["at"][3] == datetime(2026, 11, 22, 23, tzinfo=UTC)


@pytest.mark.parametrize("moment", ["2026-11-23 09:00:00", "23.11.2026 09:00", "", "-5"])
def test_a_moment_without_a_zone_is_none(moment: str) -> None:
    text = f"ip,subscriber,at,until\n192.0.2.7,line,{moment},2026-11-23T10:00:00Z\n".encode()

    (piece,) = _csv().read(io.BytesIO(text), "leases.csv", "")

    assert (len(piece.rows), [(f.row, f.reason) for f in piece.faults]) == (0, [(2, "no moment")])


def _csv() -> LeaseFormat:
    return next(one for one in LEASES if one.name == "csv")


@pytest.mark.parametrize("found", READING, ids=lambda one: one.name)
def test_each_recognises_its_own_samples_and_nobody_elses(found: LeaseFormat) -> None:
    for path in SAMPLES.glob("[!s]*/*"):
        with path.open("rb") as stream:
            head = stream.read(65536)
        assert found.sniff(head, path.name) == (path.parent.name == found.name)


def test_what_is_none_of_them_is_said_with_what_is_possible(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("nothing in particular\n")

    with pytest.raises(Unreadable, match=r"of no format that is known\. Possible: parquet, kea"):
        lease_format(path)
    with pytest.raises(Unusable, match="no format 'dhcp' of leases"):
        lease_format(path, name="dhcp")
    with pytest.raises(Unusable, match="need a mapping: a file, or one of conntrack, junos-pba"):
        lease_format(path, name="syslog")


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("line = 1", "no \\[\\[line\\]\\]"),
        ("[[line]]\nkind='begin'\npattern='('", "cannot be read"),
        ("[[line]]\nkind='gone'\npattern='x'", "needs kind"),
        ("[[line]]\nkind='begin'\npattern='(?P<when>x)'", "'when' is no column"),
        ("[[line]]\nkind='begin'\npattern='(?P<ip>x)'", "needs the groups ip, at"),
        ("time_format = '%H'", "no \\[\\[line\\]\\]"),
        (
            "time_format = '%H'\n[[line]]\nkind='end'\npattern='(?P<ip>.)(?P<at>.)(?P<inside>.)'",
            "have a zone",
        ),
        ("colour = 'red'", "'colour' is no part"),
    ],
)
def test_a_mapping_that_cannot_work_says_why(text: str, fault: str) -> None:
    with pytest.raises(Unusable, match=fault):
        syslog.with_mapping(text)


def test_a_mapping_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="no such mapping file"):
        syslog.with_mapping(tmp_path / "none.toml")


def _heads() -> Iterator[bytes]:
    for path in sorted(SAMPLES.glob("*/*")):
        yield path.read_bytes()


mangled = st.builds(
    lambda data, cut, junk: data[: int(len(data) * cut)] + junk + data[int(len(data) * cut) + 1 :],
    st.sampled_from(list(_heads())),
    st.floats(0, 1),
    st.binary(max_size=40),
)


@pytest.mark.parametrize(
    "found",
    [*READING, *(syslog.with_mapping(path) for path in syslog.MAPPINGS.values())],
    ids=lambda one: one.title,
)
@settings(max_examples=60, deadline=None, derandomize=True)
@given(data=st.one_of(mangled, st.binary(max_size=300)))
def test_hostile_bytes_are_unreadable_and_nothing_else(found: LeaseFormat, data: bytes) -> None:
    try:
        for piece in found.read(io.BytesIO(data), "hostile", ""):
            assert list(piece.rows.columns) == list(RECORD)
    except Unreadable:
        pass


ODD = ("²", "9" * 5000, "-1", "1e3", "٣")


@pytest.mark.parametrize("odd", ODD)
@pytest.mark.parametrize(
    ("path", "number"),
    [
        ("freeradius-detail/detail-20261123", "1795428040"),
        ("freeradius-detail/detail-20261123", "Acct-Session-Time = 20"),
        ("isc-dhcpd/dhcpd.leases", "1795424400"),
        ("syslog/conntrack.log", "61000"),
        ("syslog/junos-pba.log", "2047"),
        ("kea/leases4.csv", "1795428000"),
    ],
)
def test_a_number_that_is_none_stops_no_import(path: str, number: str, odd: str) -> None:
    mapping = Path(path).stem if path.startswith("syslog") else ""
    found = lease_format(SAMPLES / path, mapping=mapping)
    value = number.rpartition(" ")[2]
    text = (SAMPLES / path).read_text().replace(number, number.removesuffix(value) + odd)

    for piece in found.read(io.BytesIO(text.encode()), "log", ""):
        assert list(piece.rows.columns) == list(RECORD)


@settings(max_examples=150, deadline=None, derandomize=True)
@given(data=st.data())
def test_a_parquet_with_any_byte_changed_is_read_or_unreadable(data: st.DataObject) -> None:
    stream = io.BytesIO()
    moment = datetime(2026, 11, 23, tzinfo=UTC)
    rows = [{"ip": "192.0.2.7", "subscriber": f"line {n}", "at": moment} for n in range(50)]
    pl.DataFrame(rows).write_parquet(stream)
    whole = bytearray(stream.getvalue())
    for _ in range(data.draw(st.integers(1, 4))):
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))

    try:
        for piece in parquet.FORMAT.read(io.BytesIO(bytes(whole)), "leases.parquet", ""):
            assert list(piece.rows.columns) == list(RECORD)
    except Unreadable:
        pass
