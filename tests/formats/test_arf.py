"""Abuse reports: the format of RFC 5965, its extensions, and how real ones deviate."""

import hashlib
import re

import pytest

from tests.formats.mails import SAMPLES, mail, parts, sample
from tests.formats.reading import read
from tocsin.formats.catalogue import sniff
from tocsin.formats.mail import arf
from tocsin.words.classes import TYPES
from tocsin.words.errors import Unreadable

REQUIRED = "User-Agent: Test/1\nVersion: 1\n"
TRACE = (
    b"Content-Type: message/rfc822\n\n"
    b"Received: from relay.post.example (relay.post.example [192.0.2.5]) by mx.post.example;"
    b" Mon, 23 Nov 2026 09:00:00 +0000\n"
    b"Received: from x (unknown [198.51.100.9]) by relay.post.example;"
    b" Mon, 23 Nov 2026 08:59:59 +0000\n"
    b"Received: from liar ([203.0.113.1]) by x; Mon, 23 Nov 2026 08:59:58 +0000\n"
    b"From: spam@bulk.example\nTo: ida@post.example\nMessage-ID: <m1@bulk.example>\n\nBuy!\n"
)


def report(fields: str, *more: bytes, **headers: str) -> bytes:
    part = b"Content-Type: message/feedback-report\n\n" + fields.encode()
    kind = "report; report-type=feedback-report"
    return parts(b"Content-Type: text/plain\n\nA report.", part, *more, kind=kind, **headers)


def rows(data: bytes) -> list[dict[str, object]]:
    return read(arf.FORMAT, data).rows


def test_a_report_gives_a_row_for_the_sending_host_and_one_for_each_address() -> None:
    out = read(arf.FORMAT, sample("arf/abuse.eml"))

    told = ("source.ip", "source.port", "source.url", "classification.type", "time.source")
    assert [tuple(row.get(name) for name in told) for row in out.rows] == [
        ("198.51.100.7", "51423", None, "spam", "2026-11-23 09:10:41"),
        (None, None, "http://promo-mail.example/earn.html", "spam", "2026-11-23 09:10:41"),
    ]
    assert out.rows[0]["extra.authentication_results"] == "dkim=none spf=fail"
    assert out.rows[0]["feed.provider"] == "post.example"


def test_of_the_person_who_complained_only_a_digest_is_kept() -> None:
    out = read(arf.FORMAT, sample("arf/abuse.eml"))

    said = " ".join(str(value) for row in out.rows for value in row.values())
    assert "lea" not in said.lower()
    assert out.rows[0]["extra.original_rcpt_to_sha256"] == (
        hashlib.sha256(b"lea@post.example").hexdigest()
    )
    assert out.rows[0]["extra.original_mail_from"] == "bounce+redacted@promo-mail.example"


@pytest.mark.parametrize(("kind", "expected"), arf.TYPES.items())
def test_each_feedback_type_has_a_class_of_the_taxonomy(kind: str, expected: str) -> None:
    found = rows(report(f"Feedback-Type: {kind}\n{REQUIRED}Source-IP: 192.0.2.1\n"))

    assert expected in TYPES
    assert [row["classification.type"] for row in found] == [expected]


def test_a_type_that_nobody_registered_is_undetermined_and_said() -> None:
    out = read(arf.FORMAT, report(f"Feedback-Type: odd\n{REQUIRED}Source-IP: 192.0.2.1\n"))

    assert [row["classification.type"] for row in out.rows] == ["undetermined"]
    assert out.counts == {arf.UNKNOWN_TYPE: 1}


def test_not_spam_is_no_event_and_no_fault() -> None:
    out = read(arf.FORMAT, report(f"Feedback-Type: not-spam\n{REQUIRED}Source-IP: 192.0.2.1\n"))

    assert (out.rows, out.faults, out.counts) == ([], [], {arf.NOT_SPAM: 1})


def test_the_domain_of_an_authentication_failure_is_the_imitated_one_and_no_source() -> None:
    out = read(arf.FORMAT, sample("arf/auth-failure.eml"))

    assert [(row["source.ip"], row.get("source.fqdn")) for row in out.rows] == [
        ("192.0.2.130", None)
    ]
    assert out.rows[0]["extra.reported_domain"] == "bank.example"
    assert out.rows[0]["extra.auth_failure"] == "dmarc"


def test_legacy_date_disguised_part_and_header_only_are_read() -> None:
    found = rows(sample("arf/fraud-v6-headers-only.eml"))

    assert [(row.get("source.ip"), row.get("source.url"), row["time.source"]) for row in found] == [
        ("2001:db8:3::25", None, "2026-11-23 08:59:30"),
        (None, "https://login.lantern-cloud.example/bank/", "2026-11-23 08:59:30"),
    ]


def test_a_complaint_of_microsoft_without_a_report_part_is_read_by_its_subject() -> None:
    out = read(arf.FORMAT, sample("arf/jmrp.eml"))

    assert [(row["source.ip"], row["extra.source_from"]) for row in out.rows] == [
        ("203.0.113.77", "Subject")
    ]
    assert out.counts == {arf.NO_REPORT_PART: 1}


def test_without_source_ip_the_first_hop_from_outside_counts_and_that_is_said() -> None:
    found = rows(report(f"Feedback-Type: abuse\n{REQUIRED}", TRACE))

    assert [(row["source.ip"], row["extra.source_from"]) for row in found] == [
        (
            "198.51.100.9",
            "Received, line 2 from the newest (the report names no Source-IP)",
        )
    ]


@pytest.mark.parametrize("address", ["10.1.2.3", "127.0.0.1", "::1", "fe80::1", "0.0.0.0", "x"])
def test_an_address_inside_somebodys_network_is_no_source(address: str) -> None:
    found = rows(report(f"Feedback-Type: abuse\n{REQUIRED}Source-IP: {address}\n", TRACE))

    assert [row["source.ip"] for row in found] == ["198.51.100.9"]


def test_a_report_that_leads_nowhere_goes_to_quarantine_with_its_bytes() -> None:
    data = report(f"Feedback-Type: abuse\n{REQUIRED}")
    out = read(arf.FORMAT, data)

    assert [(fault.row, fault.raw == data) for fault in out.faults] == [(1, True)]
    assert out.faults[0].reason.startswith("the report names no public Source-IP")


def test_a_report_without_its_type_says_which_rule_it_breaks() -> None:
    out = read(arf.FORMAT, report(REQUIRED + "Source-IP: 192.0.2.1\n"))

    assert [fault.reason for fault in out.faults] == [
        "the report has no Feedback-Type (RFC 5965 3.1)"
    ]


def test_what_is_missing_or_repeated_is_counted_and_read_all_the_same() -> None:
    out = read(
        arf.FORMAT, report("Feedback-Type: abuse\nSource-IP: 192.0.2.1\nSource-IP: 192.0.2.2\n")
    )

    assert [row["source.ip"] for row in out.rows] == ["192.0.2.1"]
    assert out.counts == {arf.INCOMPLETE: 1, arf.REPEATED: 1}


def test_a_thousand_reported_addresses_are_cut_at_the_limit_and_that_is_said() -> None:
    uris = "".join(f"Reported-URI: http://x{n}.example/\n" for n in range(600))
    out = read(arf.FORMAT, report(f"Feedback-Type: fraud\n{REQUIRED}{uris}"))

    assert len(out.rows) == 500
    assert list(out.counts.values()) == [1]


def test_ordinary_mail_is_no_report() -> None:
    letter = mail("Feedback-Type: abuse\nSource-IP: 192.0.2.1\n", Subject="Feedback-Type")

    assert sniff(letter, "x.eml").name == "phishing-mail"


def test_a_table_named_as_a_report_is_unreadable() -> None:
    with pytest.raises(Unreadable, match=r"^file: no abuse report: "):
        read(arf.FORMAT, b"timestamp,ip\n2026-11-23 09:00:00,192.0.2.1\n")


def test_the_page_lists_each_feedback_type_with_its_class() -> None:
    page = (SAMPLES.parent / "docs" / "reference" / "formats-mail.md").read_text("utf-8")
    listed = dict(re.findall(r"^\| `([a-z-]+)` \| ([a-z-]+) \| (?:RFC|drafts)", page, re.MULTILINE))

    assert listed == arf.TYPES
