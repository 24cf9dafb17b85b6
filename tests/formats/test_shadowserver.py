"""Shadowserver: all report types, those that nobody has seen, and what goes wrong in real files."""

import re
from pathlib import Path

import pytest

from tests.formats.reading import read
from tests.formats.synthetic import columns_of, report_bytes, value_of
from tocsin.flow.tables import ROW
from tocsin.formats.csvtable import LATIN, MENDED
from tocsin.formats.shadowserver import FORMAT
from tocsin.formats.shadowserver.columns import COLUMNS, field_of, plan
from tocsin.formats.shadowserver.reading import NETWORKS
from tocsin.formats.shadowserver.reports import REPORTS, identify, type_in
from tocsin.words.classes import TYPES
from tocsin.words.errors import Unreadable
from tocsin.words.fields import FIELDS, is_field

SAMPLES = Path(__file__).parents[2] / "samples" / "shadowserver"
KEY = re.compile(r"^[a-z_][a-z_0-9]+(\.[a-z_0-9]+)*$")  # of the IDF harmonisation


def sample(name: str) -> bytes:
    return (SAMPLES / name).read_bytes()


def test_the_table_holds_129_report_types() -> None:
    assert len(REPORTS) == 129


def test_every_class_of_the_table_is_a_class_of_the_taxonomy() -> None:
    classes = {(report.taxonomy, report.kind) for report in REPORTS.values() if report.kind}

    assert classes == {(TYPES[kind], kind) for _, kind in classes}


def test_every_column_of_the_dictionary_fills_a_field_of_an_event() -> None:
    generations = ("pair", "referer", "scan", "site")
    fields = {field_of(column, kind) for column in COLUMNS for kind in generations} - {None}

    assert fields <= FIELDS.keys()


@pytest.mark.parametrize("name", REPORTS)
def test_every_report_type_parses_to_its_class_and_loses_no_value(name: str) -> None:
    report = REPORTS[name]

    out = read(FORMAT, report_bytes(name), f"2026-06-17-{name}-example.csv")

    row = out.rows[0]
    assert out.faults == []
    assert out.notes == []
    assert out.counts == {}
    assert row[ROW] == 2
    assert row["time.source"] == "2026-06-17 09:00:00"
    assert row["feed.provider"] == "Shadowserver"
    assert row["feed.code"] == row["feed.name"] == name
    if report.kind:
        assert row["classification.taxonomy"] == report.taxonomy
        assert row["classification.type"] == report.kind
    if report.identifier:
        assert row["classification.identifier"] == report.identifier
    if report.columns & {"ip", "src_ip", "http_referer_ip"}:
        assert row["source.ip"] == "198.51.100.7"
        assert row["source.asn"] == "64496"
        assert row["source.geolocation.cc"] == "DE"
    for column in columns_of(report):
        assert value_of(column) == "0" or value_of(column) in row.values(), column


@pytest.mark.parametrize("name", REPORTS)
def test_every_column_name_is_a_key_of_the_data_format(name: str) -> None:
    table = read(FORMAT, report_bytes(name), f"{name}.csv").table

    names = [column for column in table.columns if column != ROW]
    assert [column for column in names if not (is_field(column) and KEY.match(column))] == []


def test_an_infected_system_is_named_by_its_malware() -> None:
    row = read(FORMAT, report_bytes("event4_sinkhole"), "event4_sinkhole.csv").rows[0]

    assert row["malware.name"] == "MeadowBot"
    assert row["extra.family"] == "meadow"
    assert row["classification.identifier"] == "meadowbot"


def test_the_family_names_the_malware_where_no_infection_does() -> None:
    data = b"timestamp,src_ip,infection,family\n2026-06-17 00:00:00,192.0.2.1,,Meadow\n"

    row = read(FORMAT, data, "event4_sinkhole.csv").rows[0]

    assert row["malware.name"] == "Meadow"
    assert row["classification.identifier"] == "meadow"
    assert "extra.family" not in row


def test_a_brute_force_attempt_is_named_by_the_service_it_tried() -> None:
    out = read(
        FORMAT, report_bytes("event4_honeypot_brute_force"), "event4_honeypot_brute_force.csv"
    )

    row = out.rows[0]
    assert row["classification.identifier"] == "http"
    assert row["destination.account"] == "username"
    assert row["extra.password"] == "password"


@pytest.mark.parametrize(
    ("tag", "expected"),
    [
        ("exchange;webshell", ("intrusions", "system-compromise", "exchange-server-webshell")),
        ("exchange", ("vulnerable", "vulnerable-system", "vulnerable-exchange-server")),
        ("", ("vulnerable", "vulnerable-system", "vulnerable-exchange-server")),
    ],
)
def test_an_exchange_server_with_a_web_shell_is_broken_into(
    tag: str, expected: tuple[str, str, str]
) -> None:
    data = f"timestamp,ip,tag\n2026-06-17 00:00:00,192.0.2.1,{tag}\n".encode()

    row = read(FORMAT, data, "scan_exchange.csv").rows[0]

    found = tuple(row[f"classification.{part}"] for part in ("taxonomy", "type", "identifier"))
    assert found == expected


def test_a_whole_report_of_a_sinkhole() -> None:
    out = read(FORMAT, sample("2026-06-17-event4_sinkhole-sample.csv"), "event4_sinkhole.csv")

    assert out.rows[3] == {
        "report.row": 5,
        "time.source": "2026-06-17 01:02:03",
        "source.ip": "203.0.113.41",
        "source.geolocation.cc": "FR",
        "destination.ip": "192.0.2.200",
        "destination.port": "80",
        "destination.asn": "64510",
        "destination.geolocation.cc": "NL",
        "protocol.transport": "tcp",
        "malware.name": "rustworm",
        "extra.src_naics": "517311",
        "extra.src_sector": "Communications, Service Provider, and Hosting Service",
        "extra.tag": "rustworm",
        "extra.event_id": "5f0d",
        "feed.provider": "Shadowserver",
        "feed.name": "event4_sinkhole",
        "feed.code": "event4_sinkhole",
        "classification.taxonomy": "malicious-code",
        "classification.type": "infected-system",
        "classification.identifier": "rustworm",
    }


def test_a_report_type_that_nobody_has_seen_still_parses() -> None:
    name = "2026-06-17-scan_quokka-sample.csv"

    out = read(FORMAT, sample(name), name)

    assert out.rows[0]["classification.taxonomy"] == "other"
    assert out.rows[0]["classification.type"] == "other"
    assert out.rows[0]["classification.identifier"] == "scan_quokka"
    assert out.rows[0]["severity"] == "low"
    assert out.rows[0]["extra.quokka_mode"] == "open"
    assert out.notes == [
        "report type 'scan_quokka' is not in the table: class other",
        "columns not in the table for 'scan_quokka', kept as extra: quokka_version, quokka-mode",
    ]


def test_a_new_column_of_a_known_report_is_kept_and_named() -> None:
    data = b"timestamp,ip,url,host,novelty\n2026-06-17 00:00:00,192.0.2.1,,,x\n"

    out = read(FORMAT, data, "2026-06-17-phish_url-x.csv")

    assert out.rows[0]["extra.novelty"] == "x"
    assert out.notes == ["columns not in the table for 'phish_url', kept as extra: novelty"]


def test_columns_whose_names_collide_keep_both_values() -> None:
    names = [column.extra for column in plan(["a-b", "A_B", "a b", "", "Ü"])]

    assert names == ["extra.a_b", "extra.a_b_2", "extra.a_b_3", "extra.column_4", "extra.column_5"]


def test_a_column_that_stands_twice_keeps_the_second_value_as_an_extra() -> None:
    data = b"timestamp,ip,ip\n2026-06-17 00:00:00,192.0.2.1,192.0.2.2\n"

    row = read(FORMAT, data, "scan_rdp.csv").rows[0]

    assert (row["source.ip"], row["extra.ip_2"]) == ("192.0.2.1", "192.0.2.2")


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("2026-06-17-event4_sinkhole-example-asn.csv", "event4_sinkhole"),
        ("scan6_http_proxy.csv", "scan6_http_proxy"),
        ("inbox/2026-06-17-phish_url-x.csv.gz", "phish_url"),
        ("2026-06-17-Special-x.CSV", "special"),
        ("2026-06-17-event4_sinkhole-x.zip", None),
        ("report.txt", None),
    ],
)
def test_the_file_name_tells_the_report_type(name: str, expected: str | None) -> None:
    assert type_in(name) == expected


@pytest.mark.parametrize("name", REPORTS)
def test_a_renamed_report_gets_the_class_of_its_type_by_its_columns(name: str) -> None:
    report = REPORTS[name]

    found = identify("mail-attachment.dat", columns_of(report)).report

    assert (found.taxonomy, found.kind) in {(report.taxonomy, report.kind), ("other", "other")}


def test_columns_that_fit_types_of_one_class_give_that_class() -> None:
    found = identify("attachment.dat", REPORTS["event4_sinkhole"].columns)

    assert (found.report.taxonomy, found.report.kind) == ("malicious-code", "infected-system")
    assert found.notes == (
        (
            "by its columns this is event4_microsoft_sinkhole or event4_sinkhole or "
            "event6_sinkhole, which are of one class"
        ),
    )


def test_columns_that_fit_types_of_two_classes_give_the_class_other() -> None:
    found = identify("attachment.dat", REPORTS["scan_http_proxy"].columns)

    assert (found.report.kind, found.report.identifier) == ("other", "unknown-report")
    assert found.notes == (
        (
            "by its columns this may be population6_http_proxy or population_http_proxy or "
            "scan6_http_proxy or scan_http_proxy, which are of different classes: class other"
        ),
    )


def test_the_columns_that_all_scans_share_make_no_report_look_like_the_shortest() -> None:
    common = "timestamp,ip,port,protocol,hostname,tag,asn,geo,region,city,naics,sic".split(",")

    found = identify("attachment.csv", [*common, "wombat_version", "wombat_mode"])

    assert found.report.kind == "other"
    assert found.notes == (
        "report type 'attachment' is not in the table, and its columns are of none: class other",
    )


def test_latin1_bytes_are_read_and_counted() -> None:
    out = read(FORMAT, sample("2026-06-16-event4_sinkhole-latin1.csv"), "event4_sinkhole.csv")

    assert [row["source.geolocation.city"] for row in out.rows] == [
        "KÖLN-BEISPIEL",
        "BERLIN-BEISPIEL",
    ]
    assert out.counts == {LATIN: 1}


def test_line_ends_and_quotes_inside_values_are_read_as_blanks_and_quotes() -> None:
    out = read(
        FORMAT, sample("2026-06-17-compromised_website-multiline.csv"), "compromised_website.csv"
    )

    row = out.rows[0]
    assert row["extra.category"] == "first line second line"
    assert row["extra.server"] == "nginx"
    assert row["source.url"] == "https://blog.example/wp-content/x.php"
    assert [one[ROW] for one in out.rows] == [2, 5]


def test_the_good_rows_of_a_broken_report_flow_and_the_bad_ones_are_kept() -> None:
    data = sample("2026-06-17-event4_sinkhole-broken.csv")

    out = read(FORMAT, data, "event4_sinkhole.csv")

    lines = data.splitlines(keepends=True)
    assert [row[ROW] for row in out.rows] == [2, 5, 7]
    assert [(fault.row, fault.reason, fault.raw) for fault in out.faults] == [
        (3, "25 fields where the header names 30", lines[2]),
        (4, "3 fields where the header names 30", lines[3]),
    ]
    assert out.rows[1]["source.geolocation.city"] == 'VILLE "NEUVE"'
    assert out.counts == {MENDED: 1}
    assert [out.parsed[0].raw(index) for index in range(3)] == [lines[1], lines[4], lines[6]]


def test_zero_and_empty_mean_unknown() -> None:
    data = b"timestamp,ip,port,asn,naics,sic,geo,tag\n2026-06-17 00:00:00,192.0.2.1,0,0,0,0,,0\n"

    row = read(FORMAT, data, "scan_rdp.csv").rows[0]

    filled = {key for key in row if key.startswith(("source.", "extra."))}
    assert filled == {"source.ip", "extra.tag"}


def test_a_network_in_the_address_column_is_a_network() -> None:
    values = ["192.0.2.0/24", "192.0.2.7/32", "2001:db8::/32", "2001:db8::7/128", "192.0.2.9"]
    data = "timestamp,ip\n" + "".join(f"2026-06-17 00:00:00,{value}\n" for value in values)

    out = read(FORMAT, data.encode(), "scan_rdp.csv")

    assert out.table.select("source.ip", "source.network").rows() == [
        (None, "192.0.2.0/24"),
        ("192.0.2.7", None),
        (None, "2001:db8::/32"),
        ("2001:db8::7", None),
        ("192.0.2.9", None),
    ]
    assert out.counts == {NETWORKS: 2}


def test_a_host_that_is_an_address_is_no_domain_name() -> None:
    hosts = ["192.0.2.1", "shop.example:8080", "[2001:db8::1]:80", "shop.example"]
    data = "timestamp,ip,http_host\n" + "".join(
        f"2026-06-17 00:00:00,192.0.2.1,{h}\n" for h in hosts
    )

    out = read(FORMAT, data.encode(), "compromised_website.csv")

    assert out.table.select("source.fqdn", "extra.http_host").rows() == [
        (None, "192.0.2.1"),
        ("shop.example", "shop.example:8080"),
        (None, "[2001:db8::1]:80"),
        ("shop.example", None),
    ]


def test_a_file_of_another_kind_is_refused_with_its_columns() -> None:
    with pytest.raises(Unreadable) as refusal:
        read(FORMAT, b"name;surname\nx;y\n", "people.csv")

    assert str(refusal.value) == (
        "people.csv: no Shadowserver header: none of timestamp, ip, src_ip, dst_ip, url, … among "
        "its 1 columns (name;surname). A report is comma-separated and begins with a line of "
        "column names."
    )


def test_a_report_with_a_header_and_no_rows_gives_nothing() -> None:
    assert read(FORMAT, b"timestamp,ip\n", "scan_rdp.csv").parsed == []
