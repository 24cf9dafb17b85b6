"""A report of every type the table knows, written from its columns; nothing in it is real."""

import csv
import io

from tocsin.formats.shadowserver.reports import REPORTS, Report

# Values by the name of a column; all others hold their own name.
VALUES = {
    "timestamp": "2026-06-17 09:00:00",
    **dict.fromkeys(("ip", "src_ip", "http_referer_ip"), "198.51.100.7"),
    "dst_ip": "192.0.2.200",
    **dict.fromkeys(("port", "src_port", "http_referer_port"), "50112"),
    "dst_port": "80",
    **dict.fromkeys(("asn", "src_asn", "http_referer_asn"), "64496"),
    "dst_asn": "64510",
    **dict.fromkeys(("geo", "src_geo", "http_referer_geo"), "DE"),
    **dict.fromkeys(("naics", "sic", "src_naics", "dst_naics", "http_referer_naics"), "0"),
    "protocol": "tcp",
    "application": "http",
    "service": "http",
    "infection": "MeadowBot",
    "family": "meadow",
    "url": "http://login.example/x",
    "http_host": "login.example",
    "host": "login.example",
    "hostname": "host-7.net.example",
    "network": "198.51.100.0/24",
    **dict.fromkeys(("md5", "md5hash"), "0" * 32),
    "sha256": "0" * 64,
}


def value_of(column: str) -> str:
    """What the synthetic report has in this column."""
    return VALUES.get(column, column)


def columns_of(report: Report) -> list[str]:
    """The columns of a report type, in an order that does not depend on the run."""
    return sorted(report.columns)


def report_bytes(name: str, *, rows: int = 1) -> bytes:
    """A report of this type with so many equal rows, all fields quoted."""
    columns = columns_of(REPORTS[name])
    out = io.StringIO()
    writer = csv.writer(out, quoting=csv.QUOTE_ALL, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([[value_of(column) for column in columns]] * rows)
    return out.getvalue().encode()
