"""Every field by its rule: kept, set aside, or the row refused with its exact bytes."""

import io
import re
from collections.abc import Callable
from datetime import UTC, datetime
from ipaddress import ip_address, ip_network

import polars as pl
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.flow.test_addresses import HOSTILE
from tests.flow.world import SOME, events, normalised, v4
from tocsin.flow.merge import event_keys
from tocsin.flow.normalise import CHECKS, mark, normalise
from tocsin.flow.tables import Fault, Parsed
from tocsin.formats import shadowserver
from tocsin.words.classes import TYPES
from tocsin.words.countries import CODES
from tocsin.words.fields import FIELDS, Kind
from tocsin.words.markings import Tlp

HERE = {"source.ip": "192.0.2.7"}
NO_ADDRESS = "is no address, and nothing else says where it is"
MD5, SHA1, SHA256 = "d41d8cd98f00b204e9800998ecf8427e", "a" * 40, "0F" * 32

# kind, what came, what stands in the event (None: set aside)
VALUES: list[tuple[str, str, object]] = [
    ("malware.name", "Meadow Bot", "Meadow Bot"),
    ("malware.name", "m" * 16384, "m" * 16384),
    ("malware.name", "m" * 16385, None),
    ("protocol.application", "HTTP", "http"),
    ("protocol.application", "http\u2028x", None),
    ("protocol.application", "-x", None),
    ("severity", "Medium", "medium"),
    ("source.port", "443", 443),
    ("source.port", "65535", 65535),
    ("source.port", "65536", None),
    ("source.port", "-1", None),
    ("source.port", "80.0", None),
    ("source.port", "http", None),
    ("source.asn", "64500", 64500),
    ("source.asn", "AS64500", 64500),
    ("source.asn", "4294967295", 4294967295),
    ("source.asn", "4294967296", None),
    ("source.geolocation.cc", "be", "BE"),
    ("source.geolocation.cc", "BEL", None),
    ("source.geolocation.cc", "ZZ", None),
    ("source.fqdn", "WWW.Meadow.Example.", "www.meadow.example"),
    ("source.fqdn", "_dmarc.meadow.example", "_dmarc.meadow.example"),
    ("source.fqdn", "localhost", None),
    ("source.fqdn", "192.0.2.7", None),
    ("source.fqdn", "a..example", None),
    ("source.fqdn", "-a.example", None),
    ("source.fqdn", "a" * 64 + ".example", None),
    ("source.fqdn", "a b.example", None),
    ("source.url", "HTTPS://Meadow.example/A?b#c", "https://Meadow.example/A?b#c"),
    ("source.url", "hxxp://meadow.example/", "http://meadow.example/"),
    ("source.url", "hXXps://meadow.example/", "https://meadow.example/"),
    ("source.url", "meadow.example/a", None),
    ("source.url", "http:///a", None),
    ("source.url", "http://a b/", None),
    ("source.url", "http://a.example/" + "a" * 8192, None),
    ("malware.hash.md5", MD5.upper(), MD5),
    ("malware.hash.md5", MD5[1:], None),
    ("malware.hash.sha1", SHA1, SHA1),
    ("malware.hash.sha1", SHA1 + "\u0430", None),  # a Cyrillic a
    ("malware.hash.sha256", SHA256, SHA256.lower()),
    ("malware.hash.sha256", "g" * 64, None),
    ("feed.accuracy", "99.5", 99.5),
    ("feed.accuracy", "nan", None),
    ("feed.accuracy", "inf", None),
    ("protocol.transport", "UDP", "udp"),
    ("protocol.transport", "smtp", None),
    ("source.tor_node", "TRUE", "true"),
    ("source.tor_node", "0", "false"),
    ("source.tor_node", "maybe", None),
    ("tlp", "amber+strict", "TLP:AMBER+STRICT"),
    ("tlp", "WHITE", "TLP:CLEAR"),
    ("tlp", "purple", None),
    ("source.network", "198.51.100.0/24", "198.51.100.0/24"),
    ("source.network", "2001:DB8::/32", "2001:db8::/32"),
    ("source.network", "198.51.100.9", "198.51.100.9/32"),
    ("source.network", "2001:db8::9", "2001:db8::9/128"),
    ("source.network", "198.51.100.0-198.51.100.127", "198.51.100.0/25"),
    ("source.network", "198.51.100.0-198.51.100.130", None),  # IDF has no such network
    ("source.network", "198.51.100.9/24", None),
    ("source.local_ip", "10.0.0.7", "10.0.0.7"),
    ("source.local_ip", "10.0.0.0/8", None),
    ("destination.ip", "2001:DB8:0::7", "2001:db8::7"),
    ("destination.ip", "::ffff:198.51.100.7", "198.51.100.7"),
    ("destination.ip", "198.51.100.007", None),
    ("destination.ip", "fe80::1%eth0", None),
    ("classification.type", "phishing", "phishing"),
    ("classification.type", "unauthorized-use-of-resources", "unauthorised-use-of-resources"),
]


def test_every_kind_of_field_has_a_rule_and_a_case_here() -> None:
    assert set(CHECKS) == set(Kind) - {Kind.IP, Kind.NETWORK}
    assert {FIELDS[name] for name, _, _ in VALUES} == set(Kind) - {Kind.TIME}


@pytest.mark.parametrize(("name", "text", "value"), VALUES)
def test_a_value_is_kept_in_its_one_spelling_or_set_aside(
    name: str, text: str, value: object
) -> None:
    aside = f"extra.invalid_{name.replace('.', '_')}"
    done = normalised(HERE | {name: text})
    row = done.events.row(0, named=True)

    assert (row[name], row.get(aside)) == (value, text if value is None else None)
    assert done.invalid == ({name: 1} if value is None else {})
    assert done.faults == []


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("source.port", "0"),
        ("source.asn", "0"),
        ("destination.ip", "0"),
        ("destination.ip", "0.0.0.0"),
        ("destination.ip", "::"),
        ("destination.ip", "0:0:0:0:0:0:0:0"),
        ("destination.ip", " ::ffff:0.0.0.0 "),
        ("destination.local_ip", "0.0.0.0"),
    ],
)
def test_what_feeds_write_for_none_is_unknown_and_not_invalid(name: str, text: str) -> None:
    done = normalised(HERE | {name: text})

    assert (done.events[name].to_list(), done.invalid, done.faults) == ([None], {}, [])


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-06-17 09:00:00", datetime(2026, 6, 17, 9, tzinfo=UTC)),
        ("2026-06-17T09:00:00", datetime(2026, 6, 17, 9, tzinfo=UTC)),
        ("2026-06-17T09:00:00Z", datetime(2026, 6, 17, 9, tzinfo=UTC)),
        ("2026-06-17T09:00:00z", datetime(2026, 6, 17, 9, tzinfo=UTC)),
        ("2026-06-17 11:00:00+02:00", datetime(2026, 6, 17, 9, tzinfo=UTC)),
        ("2026-06-17T11:00:00+0200", datetime(2026, 6, 17, 9, tzinfo=UTC)),
        ("2026-06-16T23:30:00.25-09:30", datetime(2026, 6, 17, 9, 0, 0, 250000, tzinfo=UTC)),
        ("2026-06-17 09:00:00.123456", datetime(2026, 6, 17, 9, 0, 0, 123456, tzinfo=UTC)),
        ("1990-01-01 00:00:00", datetime(1990, 1, 1, tzinfo=UTC)),
    ],
)
def test_a_time_is_read_in_every_usual_spelling(text: str, moment: datetime) -> None:
    rows = [HERE | {"time.source": "2026-06-17 08:00:00"}, HERE | {"time.source": text}]

    for known in (rows, rows[::-1]):  # the common spelling is read apart from the others
        assert events(*known)["time.source"].to_list()[known.index(rows[1])] == moment


@pytest.mark.parametrize(
    "text",
    [
        "2026-02-30 00:00:00",
        "2026-06-17",
        "2026-06-17 25:00:00",
        "1989-12-31 23:59:59",
        "2101-01-01 00:00:00",
        "1781686800",
        "17/06/2026 09:00:00",
        "yesterday",
        "٢٠٢٦-06-17 09:00:00",
    ],
)
def test_a_row_whose_time_is_no_time_is_refused(text: str) -> None:
    done = normalised(HERE, HERE | {"time.source": text})

    assert done.faults == [Fault(2, f"time.source: '{text}' is no moment", b"")]
    assert done.events["report.row"].to_list() == [1]


# ── where the problem is ─────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ({"malware.name": "x"}, "no address, name or URL says where the problem is"),
        ({"source.ip": "0.0.0.0"}, f"source.ip: '0.0.0.0' {NO_ADDRESS}"),
        ({"source.ip": "nowhere"}, f"source.ip: 'nowhere' {NO_ADDRESS}"),
        (
            {"source.ip": "nowhere", "destination.ip": "192.0.2.9"},
            f"source.ip: 'nowhere' {NO_ADDRESS}",
        ),
        ({"source.fqdn": "localhost"}, "no address, name or URL says where the problem is"),
    ],
)
def test_a_row_that_says_nowhere_is_refused(row: dict[str, str], reason: str) -> None:
    done = normalised(row)

    assert [fault.reason for fault in done.faults] == [reason]
    assert done.events.height == 0


@pytest.mark.parametrize(
    "row",
    [
        {"source.ip": "2001:db8::7"},
        {"source.network": "192.0.2.0/24"},
        {"source.ip": "192.0.2.0/24"},
        {"source.fqdn": "meadow.example"},
        {"source.url": "http://meadow.example/"},
        {"source.ip": "nowhere", "source.fqdn": "meadow.example"},
        {"destination.ip": "192.0.2.9"},
        {"source.ip": "0.0.0.0", "destination.ip": "192.0.2.9"},
    ],
)
def test_a_row_that_says_where_in_any_way_flows(row: dict[str, str]) -> None:
    assert normalised(row).faults == []


def test_a_refused_row_keeps_its_exact_bytes() -> None:
    lines = (
        b"timestamp,ip,tag\r\n",
        b'"2026-06-17 09:00:00",192.0.2.7,good\r\n',
        b'"2026-06-17 09:00:00",192.0.2.7.9,"bad \xe9\n\x00 ,row"\r\n',
        b"never,192.0.2.8,worse\n",
    )
    fmt = shadowserver.FORMAT
    assert fmt.cut is not None
    assert fmt.parse is not None
    (chunk,) = fmt.cut(io.BytesIO(b"".join(lines)), "2026-06-17-scan_x.csv")

    done = normalise(fmt.parse(chunk))

    assert done.faults == [
        Fault(
            3,
            "source.ip: '192.0.2.7.9' is no address, and nothing else says where it is",
            lines[2],
        ),
        Fault(5, "time.source: 'never' is no moment", lines[3]),
    ]
    assert done.events["extra.tag"].to_list() == ["good"]


@pytest.mark.parametrize(
    ("text", "ip", "network"),
    [
        ("192.0.2.0/24", None, "192.0.2.0/24"),
        ("2001:db8::/32", None, "2001:db8::/32"),
        ("192.0.2.7/32", "192.0.2.7", "192.0.2.7/32"),
        ("2001:db8::7/128", "2001:db8::7", "2001:db8::7/128"),
        ("192.0.2.7", "192.0.2.7", None),
    ],
)
def test_a_network_in_the_address_column_is_a_network(
    text: str, ip: str | None, network: str | None
) -> None:
    row = events({"source.ip": text}, {"source.ip": "198.51.100.0/24"}).row(0, named=True)

    assert (row["source.ip"], row["source.network"]) == (ip, network)
    assert row["source.v4"] == (v4(ip) if ip and "." in ip else None)


def test_a_network_of_the_private_side_is_not_the_reported_one() -> None:
    row = events(HERE | {"source.local_ip": "10.0.0.0/8"}).row(0, named=True)

    assert "source.network" not in row
    assert row["extra.invalid_source_local_ip"] == "10.0.0.0/8"


@pytest.mark.parametrize(
    ("url", "fqdn", "ip"),
    [
        ("http://Meadow.Example:8080/x", "meadow.example", None),
        ("http://me:secret@meadow.example/", "meadow.example", None),
        ("http://evil.example@meadow.example/", "meadow.example", None),
        ("http://meadow.example?a@b", "meadow.example", None),
        ("http://192.0.2.9/x", None, "192.0.2.9"),
        ("http://[2001:DB8::9]:80/x", None, "2001:db8::9"),
        ("http://0.0.0.0/x", None, None),
        ("http://localhost/x", None, None),
    ],
)
def test_the_host_of_a_url_says_where_it_is(url: str, fqdn: str | None, ip: str | None) -> None:
    row = events({"source.url": url}).row(0, named=True)

    assert (row["source.fqdn"], row["source.ip"]) == (fqdn, ip)
    assert row["source.v4"] == (v4(ip) if ip and "." in ip else None)


def test_what_the_report_says_itself_stands_above_the_host_of_its_url() -> None:
    row = events(HERE | {"source.url": "http://192.0.2.9/", "source.fqdn": "a.example"})

    assert row.select("source.ip", "source.fqdn").rows() == [("192.0.2.7", "a.example")]


# ── secrets and disguises ────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("url", "kept"),
    [
        ("http://me:SECRET@meadow.example/a", "http://me:***@meadow.example/a"),
        ("ftp://me@mail.example:SECRET@ftp.example/", "ftp://me@mail.example:***@ftp.example/"),
        ("http://:SECRET@meadow.example", "http://:***@meadow.example"),
        ("http://me:SEC:RET@meadow.example", "http://me:***@meadow.example"),
        ("http://me:SEC@RET@meadow.example", "http://me:***@meadow.example"),
        ("hxxp://me:SECRET@meadow.example/a", "http://me:***@meadow.example/a"),
        ("http://meadow.example:80/a@b", "http://meadow.example:80/a@b"),
        ("http://meadow.example/a:b@c", "http://meadow.example/a:b@c"),
    ],
)
def test_a_password_in_a_url_is_blanked_and_the_rest_stands(url: str, kept: str) -> None:
    assert events(HERE | {"source.url": url})["source.url"].to_list() == [kept]


def test_a_password_in_a_url_that_is_none_does_not_come_out_as_an_extra() -> None:
    row = events(HERE | {"source.url": "http://me:SECRET@meadow.example/a b"}).row(0, named=True)

    assert row["extra.invalid_source_url"] == "http://me:***@meadow.example/a b"


def test_a_password_in_a_url_is_blanked_wherever_the_url_stands() -> None:
    row = HERE | {
        "extra.http_referer": "http://me:SECRET@a.example/ and ftp://b@c:SECRET@d.example",
        "event_description.text": "seen at https://e:SECRET@f.example, port http://g.example:80/@",
    }

    assert events(row).select("extra.http_referer", "event_description.text").rows() == [
        (
            "http://me:***@a.example/ and ftp://b@c:***@d.example",
            "seen at https://e:***@f.example, port http://g.example:80/@",
        )
    ]


def test_control_characters_cannot_stand_in_a_field() -> None:
    row = HERE | {"malware.name": "a\x1fb\n", "extra.tag": "\x1b[31mred\x00", "tlp": "RED\x7f"}

    assert events(row).select("malware.name", "extra.tag", "tlp").rows() == [
        ("a b ", " [31mred\ufffd", "TLP:RED")
    ]


def test_a_separator_in_a_field_does_not_make_two_events_one() -> None:
    one = events(HERE | {"classification.identifier": "a\x1fb", "malware.name": "c"})
    other = events(HERE | {"classification.identifier": "a", "malware.name": "b\x1fc"})

    assert event_keys(one) != event_keys(other)


# ── what follows from other fields ───────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("given_type", "kind", "taxonomy"),
    [
        ("phishing", "phishing", "fraud"),
        ("unauthorized-use-of-resources", "unauthorised-use-of-resources", "fraud"),
        ("botnet drone", "undetermined", "other"),
        (None, "undetermined", "other"),
    ],
)
def test_the_taxonomy_follows_from_the_type_whatever_the_report_says(
    given_type: str | None, kind: str, taxonomy: str
) -> None:
    row = HERE | {"classification.taxonomy": "vulnerable"}
    row |= {"classification.type": given_type} if given_type else {}

    assert events(row).select("classification.type", "classification.taxonomy").rows() == [
        (kind, taxonomy)
    ]


@pytest.mark.parametrize(
    ("own", "feed", "marking"),
    [
        (None, Tlp.AMBER, "TLP:AMBER"),
        ("GREEN", Tlp.AMBER, "TLP:AMBER"),
        ("RED", Tlp.AMBER, "TLP:RED"),
        ("AMBER+STRICT", Tlp.AMBER, "TLP:AMBER+STRICT"),
        ("AMBER", Tlp.AMBER_STRICT, "TLP:AMBER+STRICT"),
        ("WHITE", Tlp.CLEAR, "TLP:CLEAR"),
        ("AMBER-STRICT", Tlp.CLEAR, "TLP:RED"),  # nobody can read it: it may be any
    ],
)
def test_the_stricter_marking_stands(own: str | None, feed: Tlp, marking: str) -> None:
    rows = events(HERE | ({"tlp": own} if own else {}))

    assert mark(rows, feed)["tlp"].to_list() == [marking]


# ── anything at all ──────────────────────────────────────────────────────────────────────

ODD = [
    *HOSTILE[:40],
    "192.0.2.0/24",
    "2001:db8::/32",
    "2026-06-17 09:00:00",
    "meadow.example",
    "http://me:pw@meadow.example/",
    "http://[::1/",
    "http://:80",
    "hxxp://",
    "TLP:RED",
    "be",
    "AS64500",
    "phishing",
    "\ufeff",
    "\u0130",  # its lower case is longer
    "é" * 9000,
]
anything = st.one_of(st.none(), st.sampled_from(ODD), st.text(max_size=20))
rows_of_anything = st.lists(
    st.dictionaries(
        st.sampled_from([*FIELDS, "extra.tag", "extra.password"]), anything, max_size=8
    ),
    min_size=1,
    max_size=5,
)


# What may stand in a field of an event, said once more and differently.
VALID: dict[Kind, Callable[[str], bool]] = {
    Kind.IP: lambda text: str(ip_address(text)) == text or text.startswith("::"),
    Kind.NETWORK: lambda text: ip_network(text) is not None,
    Kind.PORT: lambda text: 0 < int(text) < 65536,
    Kind.ASN: lambda text: 0 < int(text) < 2**32,
    Kind.TIME: lambda text: 1990 <= datetime.fromisoformat(text).year <= 2100,
    Kind.COUNTRY: lambda text: text in CODES,
    Kind.FQDN: lambda text: len(text) <= 253 and text == text.lower() and "." in text,
    Kind.URL: lambda text: re.fullmatch(r"[a-z][a-z0-9+.-]*://\S+", text) is not None,
    Kind.MD5: lambda text: re.fullmatch(r"[0-9a-f]{32}", text) is not None,
    Kind.SHA1: lambda text: re.fullmatch(r"[0-9a-f]{40}", text) is not None,
    Kind.SHA256: lambda text: re.fullmatch(r"[0-9a-f]{64}", text) is not None,
    Kind.NUMBER: lambda text: abs(float(text)) < float("inf"),
    Kind.TLP: lambda text: text in set(Tlp),
    Kind.FLAG: lambda text: text in {"true", "false"},
    Kind.TEXT: lambda text: not re.search(r"[\x00-\x1f\x7f]", text),
    Kind.NAME: lambda text: text.isascii() and text.isprintable() and text == text.lower(),
    Kind.TRANSPORT: lambda text: text.isalnum() and text == text.lower(),
}


@given(rows_of_anything)
@example([dict.fromkeys(FIELDS, "\ud7ff")])
@example([dict.fromkeys(FIELDS, "")])
@SOME
def test_no_row_raises_none_is_lost_and_nothing_invalid_survives(
    rows: list[dict[str, str | None]],
) -> None:
    names = sorted({name for row in rows for name in row}) or ["extra.tag"]
    table = pl.DataFrame(
        {name: [row.get(name) for row in rows] for name in names},
        schema=dict.fromkeys(names, pl.String),
    ).with_row_index("report.row", offset=1)
    nowhere = pl.Series([0] * len(rows)).to_numpy()

    done = normalise(Parsed(table, b"", nowhere, nowhere))

    told = [*done.events["report.row"].to_list(), *(fault.row for fault in done.faults)]
    assert sorted(told) == list(range(1, len(rows) + 1))
    invalid = [
        (name, value)
        for name in done.events.columns
        if name in FIELDS
        for value in done.events[name].drop_nulls().to_list()
        if not VALID[FIELDS[name]](str(value))
    ]
    assert invalid == []
    assert set(done.events["classification.type"].to_list()) <= set(TYPES)
