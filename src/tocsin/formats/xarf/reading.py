"""From XARF reports to raw tables."""

import base64
import binascii
import hashlib
import json
import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from functools import lru_cache
from typing import BinaryIO

import polars as pl

from tocsin.flow.tables import ROW, Chunk, Fault, Parsed
from tocsin.formats.idf import (
    Row,
    Unfit,
    column_of,
    no_number,
    rows_of,
    table_from,
    text_of,
    without,
)
from tocsin.formats.indicators import read_indicator
from tocsin.formats.objects import cut_objects
from tocsin.formats.xarf import prohibited
from tocsin.formats.xarf.classes import class_of
from tocsin.formats.xarf.shapes import SHAPES, Report, deviations
from tocsin.words.fields import EXTRA, FIELDS

# A report may carry 50 pieces of evidence of 5 MB; on a line of its own it may have this much.
REPORT_LIMIT = 16 * 1024 * 1024

_LAYOUT = "xarf"
_LONGEST = 65536
_LONGEST_NAME = 256
_TOLD = 3  # deviations named in one reason
_decode = json.JSONDecoder(parse_constant=no_number).decode
_V3 = (
    "XARF version 3; version 4 is read. Possible: ask the sender for version 4, or convert it "
    "with the reference library of XARF"
)
_LONG = "longer than 16 MiB, the limit of a report on one line; none of its bytes are kept"
_KEY_V3 = re.compile(rb'"ReporterInfo"\s*:')
_MOMENT = re.compile(r"(\.[0-9]{6})[0-9]+")

# What fills which column. The rest of what a report says becomes `extra.<name>`.
COLUMNS: dict[str, str] = {
    "timestamp": "time.source",
    "source_port": "source.port",
    "destination_ip": "destination.ip",
    "destination_port": "destination.port",
    "url": "source.url",
    "infringing_url": "source.url",
    "target_url": "destination.url",
    "domain": "source.fqdn",
    "asn": "source.asn",
    "country_code": "source.geolocation.cc",
    "screenshot_url": "screenshot_url",
    "description": "event_description.text",
    "target_brand": "event_description.target",
    "affected_organization": "event_description.target",
    "malware_family": "malware.name",
    "smtp_to": "destination.account",  # often a spam trap: no extra, which its sender could see
    "severity": "severity",
    "cve_id": "product.vulnerabilities",
    "service_version": "product.version",
    "category": "extra.category",
    "type": "extra.xarf_type",
}
_BY_TYPE: dict[str, dict[str, str]] = {
    "vulnerability/cve": {"service": "product.name", "service_port": "source.port"},
    "vulnerability/open_service": {"service": "protocol.application"},
    "vulnerability/misconfiguration": {"service": "protocol.application"},
    "messaging/spam": {"protocol": "protocol.application"},
    "messaging/bulk_messaging": {"protocol": "protocol.application"},
}
_OTHERWISE = {"protocol": "protocol.transport"}
_TRANSPORTS = ("tcp", "udp", "icmp", "sctp")
# Read by functions of their own, or left in the evidence: the contacts are people's addresses.
_APART = frozenset(
    {"xarf_version", "reporter", "sender", "source_identifier", "evidence", "_internal"}
)


def sniff(head: bytes, _name: str) -> bool:
    """An object, or an array of them, with `xarf_version`; or a report of version 3.

    Evidence may stand before the version and be longer than what is seen here.
    """
    start = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    if start[:1] not in {b"{", b"["}:
        return False
    if b'"xarf_version"' in start or b'"source_identifier"' in start:
        return True
    evidence = b'"evidence"' in start and b'"payload"' in start
    return evidence or (b'"Report"' in start and bool(_KEY_V3.search(start)))


def cut(stream: BinaryIO, name: str) -> Iterator[Chunk | Fault]:
    """Chunks of whole reports; Unreadable where the first character begins no object or array."""
    for item in cut_objects(stream, name, _LAYOUT, limit=REPORT_LIMIT):
        yield _without_prohibited(item) if isinstance(item, Fault) else item


def _without_prohibited(fault: Fault) -> Fault:
    """A fault keeps no bytes that nobody could look into, or that nobody may keep."""
    if fault.reason.startswith("longer than"):
        return replace(fault, reason=_LONG, raw=b"")
    if prohibited.is_prohibited(fault.raw):
        return replace(fault, reason=prohibited.reason(fault.raw), raw=b"")
    return fault


def parse(chunk: Chunk) -> Parsed:
    """One row per report: IDF and `extra.*` columns (String), `report.row` (Int64).

    A report that breaks a rule of XARF 4 is a Fault; one of csam or csem is a Fault without
    its bytes.
    """
    bounds = zip(chunk.starts.tolist(), chunk.ends.tolist(), strict=True)
    read = _row_if_lawful if prohibited.is_prohibited(chunk.data) else _row
    rows, bad = rows_of([chunk.data[start:end] for start, end in bounds], read)
    table = table_from(rows)
    line = pl.Series(ROW, chunk.lines, dtype=pl.Int64)
    table = table.insert_column(0, line) if table.width else line.to_frame()
    parsed = without(Parsed(table, chunk.data, chunk.starts, chunk.ends), bad)
    return replace(parsed, faults=[_without_prohibited(fault) for fault in parsed.faults])


def _row_if_lawful(record: bytes) -> Row:
    if prohibited.is_prohibited(record):
        raise Unfit(prohibited.reason(record))
    return _row(record)


def _row(record: bytes) -> Row:
    try:
        row = _columns(_checked(_decode(record.decode())))
        return row if len(record) <= _LONGEST else _bounded(row)
    except UnicodeDecodeError as error:
        raise Unfit("not JSON: it must be in UTF-8 (RFC 8259 section 8.1)") from error
    except (ValueError, RecursionError) as error:
        raise error if isinstance(error, Unfit) else Unfit(f"not JSON: {error}") from error


def _checked(report: object) -> Report:
    """The report, if it keeps the rules; raises Unfit with the first of those it breaks."""
    if not isinstance(report, dict):
        raise Unfit("not an object; a XARF report is one JSON object")
    if "xarf_version" not in report and "ReporterInfo" in report:
        raise Unfit(_V3)
    if broken := deviations(report):
        more = f" (and {len(broken) - _TOLD} more)" if len(broken) > _TOLD else ""
        raise Unfit("; ".join(broken[:_TOLD]) + more)
    return report


def _columns(report: Report) -> Row:
    """A valid report as columns."""
    kind = f"{report['category']}/{report['type']}"
    known = _PLANS[kind]
    row = _source(report)
    for key, value in report.items():
        if key in _APART:
            continue
        column = known.get(key) or _extra(key)
        if type(value) is str and value.isascii():  # nearly all are, and it is far cheaper
            text: str | None = value or None
        else:
            text = text_of(column, value)
        if text is not None and row.setdefault(column, text) != text:
            row.setdefault(_extra(key), text)
    _refine(report, row)
    row |= _from(report) | _evidence(report.get("evidence"))
    row["classification.type"] = class_of(kind, report)
    row["classification.identifier"] = _identifier(report, row)
    return row


def _source(report: Report) -> Row:
    """What the identifier and the port say of the source, and when it was seen."""
    identifier = str(report["source_identifier"])
    row: Row = dict(read_indicator(text_of("source_identifier", identifier) or ""))
    if not row or ("source.url" in row and _URLS & report.keys()):
        row = {_extra("source_identifier"): identifier}
    if "source_port" in report:
        row["source.port"] = _integer(report["source_port"])
    moment = str(report["timestamp"]).upper()
    row["time.source"] = _MOMENT.sub(r"\1", moment) if "." in moment else moment
    return row


def _refine(report: Report, row: Row) -> None:
    """What needs a look at the value to know where it belongs."""
    if row.get("protocol.transport", "tcp") not in _TRANSPORTS:
        row["extra.protocol"] = row.pop("protocol.transport")
    if report.get("bot_type") == "malicious" and "extra.bot_name" in row:
        row["malware.name"] = row.pop("extra.bot_name")
    for column in ("source.port", "destination.port", "source.asn"):
        if not (row.get(column) or "0").isdecimal():
            row[column] = _integer(row[column])
    controller = read_indicator(row.get("extra.c2_server") or "")
    if controller:
        del row["extra.c2_server"]
        row |= {name.replace("source.", "destination."): value for name, value in controller}
    hashes = report.get("file_hashes")
    if isinstance(hashes, dict) and row.pop("extra.file_hashes", None):
        for name, value in hashes.items():
            column = f"malware.hash.{name}"
            row[column if column in FIELDS else _extra(f"file_hashes.{name}")] = str(value)


def _integer(value: object) -> str:
    return (
        str(value) if type(value) is int else str(int(float(str(value))))
    )  # 443.0 is 443 in JSON Schema


def _from(report: Report) -> Row:
    """Who reports; the addresses of its people stay in the evidence."""
    reporter, sender = _contact(report, "reporter"), _contact(report, "sender")
    return _organisations(reporter["org"], reporter["domain"], sender["org"])


def _contact(report: Report, name: str) -> dict[str, str]:
    contact = report[name]
    return contact if isinstance(contact, dict) else {}


@lru_cache(maxsize=4096)
def _organisations(reporter: str, domain: str, sender: str) -> Row:
    row: Row = {
        "feed.provider": text_of("reporter.org", reporter),
        "extra.reporter_domain": text_of("reporter.domain", domain),
    }
    if sender != reporter:
        row["extra.sender"] = text_of("sender.org", sender)
    return row


def _evidence(evidence: object) -> Row:
    """Kind, digest and size of each piece; never the piece itself."""
    if not isinstance(evidence, list) or not evidence:
        return {}
    pieces = [_digest(str(piece["payload"])) for piece in evidence]
    kinds = (text_of("evidence", piece["content_type"]) or "" for piece in evidence)
    return {
        "extra.evidence_content_type": ", ".join(kinds),
        "extra.evidence_sha256": ", ".join(digest for digest, _ in pieces),
        "extra.evidence_size": ", ".join(str(size) for _, size in pieces),
    }


def _digest(payload: str) -> tuple[str, int]:
    """SHA-256 and size of what a payload holds; of its text where it is no base64."""
    data = payload.encode("utf-8", "surrogatepass")
    with suppress(binascii.Error, ValueError):
        data = base64.b64decode(data, validate=True)
    return hashlib.sha256(data).hexdigest(), len(data)


def _identifier(report: Report, row: Row) -> str:
    """The vulnerability, else the malware, else the type of the report."""
    name = row.get("product.vulnerabilities") or row.get("malware.name")
    return (name or str(report["type"]).replace("_", "-")).lower()


def _bounded(row: Row) -> Row:
    for column, text in row.items():
        if text is not None and len(text) > _LONGEST:
            name = column.removeprefix(EXTRA)
            raise Unfit(f"{name} is longer than 64 KiB; what is so long belongs into evidence")
    return row


def _extra(key: str) -> str:
    if len(key) > _LONGEST_NAME:
        raise Unfit(f"a field whose name is longer than {_LONGEST_NAME} characters")
    return _extra_column(key)


@lru_cache(maxsize=4096)
def _extra_column(key: str) -> str:
    return column_of(EXTRA + key)


_URLS = {"url", "infringing_url"}
# Only what XARF defines for the type fills a column; a member of the same name elsewhere is extra.
_PLANS: dict[str, dict[str, str]] = {
    kind: {
        key: column
        for key, column in (COLUMNS | _BY_TYPE.get(kind, _OTHERWISE)).items()
        if key in shape.fields or key in {"category", "type"}
    }
    for kind, shape in SHAPES.items()
}
