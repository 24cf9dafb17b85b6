"""Phishing messages as citizens send them in: what is taken out, and what is never told."""

import base64
import struct

import pytest

from tests.formats import outlook_files
from tests.formats.mails import EVIL, SAMPLES, mail, parts, sample, urls
from tests.formats.reading import read
from tocsin.formats.catalogue import FORMATS, sniff
from tocsin.formats.mail import phishing
from tocsin.formats.mail.limits import Tally
from tocsin.formats.mail.message import read_message
from tocsin.formats.mail.rtf import decompressed, html_of_rtf
from tocsin.words.errors import Unreadable

FORMAT = phishing.FORMAT
FILES = sorted((SAMPLES / "phishing-mail").iterdir())


# ── the samples ──────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("name", "forwarded", "places", "sender"),
    [
        (
            "as-received.eml",
            "itself",
            ["https://track-parcel.example/pay?u=redacted&n=1", "http://203.0.113.46/card"],
            "203.0.113.45",
        ),
        (
            "thunderbird-attached.eml",
            "enclosed",
            ["http://bank-login.example/de/konto"],
            "198.51.100.140",
        ),
        (
            "outlook-attached.msg",
            "enclosed",
            ["https://tax-refund.example/ee/redacted"],
            "198.51.100.20",
        ),
        (
            "outlook-inline-fr.eml",
            "quoted",
            ["https://impots-remboursement.example/fr?id=9"],
            None,
        ),
        ("gmail-inline-pl.eml", "quoted", ["https://paczka-doplata.example/p?e=redacted"], None),
        (
            "apple-inline-en.eml",
            "quoted",
            ["http://192.0.2.140/webmail/upgrade", "http://www.mail-quota.example/upgrade"],
            None,
        ),
        ("qr-code-nl.eml", "itself", ["https://bank-code.example/qr?k=7"], "192.0.2.200"),
    ],
)
def test_a_sample_gives_its_addresses_and_its_sending_host(
    name: str, forwarded: str, places: list[str], sender: str | None
) -> None:
    out = read(FORMAT, sample(f"phishing-mail/{name}"), name)

    assert {row["extra.forwarded"] for row in out.rows} == {forwarded}
    assert [row["source.url"] for row in out.rows if "source.url" in row] == places
    assert [row["source.ip"] for row in out.rows if "source.ip" in row] == ([sender] * bool(sender))
    assert out.faults == []


def test_the_kinds_of_rows_have_their_classes() -> None:
    found = read(FORMAT, sample("phishing-mail/thunderbird-attached.eml")).rows

    assert [(row["classification.type"], row["classification.identifier"]) for row in found] == [
        ("phishing", "phishing-address"),
        ("spam", "phishing-sender"),
    ]
    assert {row["feed.provider"] for row in found} == {"citizen report"}


def test_the_evidence_of_a_citizen_is_of_its_own_class() -> None:
    classes = {name: FORMATS[name].evidence_class for name in ("phishing-mail", "mbox", "arf")}

    assert classes == {
        "phishing-mail": "citizen-message",
        "mbox": "citizen-message",
        "arf": "machine-report",
    }


# ── the citizen ──────────────────────────────────────────────────────────────────────────

SECRETS = ["otto", "zoe", "zoé", "obywatel", "jan@", "jan.dom", "ann", "uno", "mia", "els@"]
SECRETS += ["555 0100", "home.example", "foyer", "dom.example", "hearth", "kodu", "thuis"]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_no_name_address_or_word_of_the_citizen_becomes_part_of_a_row(path) -> None:
    out = read(FORMAT, path.read_bytes(), path.name)
    said = " ".join(str(value) for row in out.rows for value in row.values()).lower()

    assert [secret for secret in SECRETS if secret in said] == []


@pytest.mark.parametrize(
    "hidden",
    [
        "ida@post.example",
        "IDA%40Post.example",
        "ida=post.example",
        base64.b64encode(b"ida@post.example").decode(),
        base64.urlsafe_b64encode(b'{"mail":"ida@post.example"}').decode().rstrip("="),
    ],
)
def test_the_recipients_address_is_blanked_however_it_hides_in_a_url(hidden: str) -> None:
    out = read(FORMAT, mail(f"{EVIL}/{hidden}/y"))

    assert [row["source.url"] for row in out.rows] == [f"{EVIL}/redacted/y"]
    assert out.counts == {phishing.BLANKED: 1}


def test_text_above_a_message_enclosed_is_not_read() -> None:
    inner = b"Content-Type: message/rfc822\n\n" + mail(EVIL, Subject="Win")
    data = parts(b"\nmy page: http://mine.example/", inner, Subject="look")

    assert urls(data) == [EVIL]


def test_a_forward_without_a_quote_gives_addresses_but_no_sender_and_says_so() -> None:
    received = "from home ([192.0.2.9]) by mx.csirt.example; Mon, 23 Nov 2026 09:00:00 +0000"
    out = read(FORMAT, mail(EVIL, Subject="Fwd: look", Received=received))

    assert [(row["source.url"], row.get("source.ip")) for row in out.rows] == [(EVIL, None)]
    assert "extra.from_domain" not in out.rows[0]
    assert out.counts == {phishing.NO_QUOTE: 1}


# ── attachments, Outlook ─────────────────────────────────────────────────────────────────


def test_an_attachment_is_hashed_and_neither_its_name_nor_its_bytes_are_told() -> None:
    file = b"Content-Type: text/html\nContent-Disposition: attachment; filename=ida.html\n\n"
    file += b"<a href='http://b.example/'>"
    out = read(FORMAT, parts(b"\nhttp://a.example/", file))

    assert [row["source.url"] for row in out.rows] == ["http://a.example/"]
    assert out.rows[0]["extra.attachment_size"] == "28"
    assert out.rows[0]["extra.attachment_type"] == "text/html"
    assert len(str(out.rows[0]["extra.attachment_sha256"])) == 64
    assert "ida.html" not in str(out.rows)


def test_a_message_with_nothing_but_an_attachment_is_a_fault_that_names_its_digest() -> None:
    out = read(FORMAT, parts(b"Content-Type: application/pdf\n\n%PDF"))

    assert [fault.reason.split(" (")[0] for fault in out.faults] == [
        "no web address in the message, and no sending host to believe; attachments"
    ]


def test_the_outlook_sample_is_what_the_writer_writes() -> None:
    assert outlook_files.write(outlook_files.SAMPLE) == sample("phishing-mail/outlook-attached.msg")


def test_a_large_outlook_file_keeps_its_body_and_its_attachments() -> None:
    body = "x" * 9000 + f" {EVIL}"
    inner = outlook_files.write(outlook_files.message(header="From: b@c.example\n", body=body))
    attached = outlook_files.file_attached("Win.MSG", "application/octet-stream", inner)
    outer = outlook_files.message(subject="FW: Win", body="Ida", attachments=(attached,))
    letter = read_message(outlook_files.write(outer), Tally())

    assert letter.headers.text("subject") == "FW: Win"
    assert [one.texts for one in letter.enclosed] == [[body]]


def test_html_inside_compressed_rtf_is_read() -> None:
    rtf = (
        rb"{\rtf1\ansi\fromhtml1 {\*\htmltag64 <p>}\htmlrtf {\htmlrtf0 Pay "
        rb'{\*\htmltag84 <a href="http://evil.example/x">}\htmlrtf hidden\htmlrtf0 h\'e9re}}'
    )
    packed = struct.pack("<IIII", len(rtf) + 12, len(rtf), 0x414C454D, 0) + rtf
    data = outlook_files.write(outlook_files.message(header="From: b@c.example\n", rtf=packed))

    assert html_of_rtf(packed) == '<p>Pay <a href="http://evil.example/x">hére'
    assert urls(data) == [EVIL]


@pytest.mark.parametrize(
    ("packed", "text"),
    [
        (
            (
                "2d0000002b0000004c5a4675f1c5c7a703000a007263706731323542320af32068656c090020627705b0"
                "6c647d0a800fa0"
            ),
            b"{\\rtf1\\ansi\\ansicpg1252\\pard hello world}\r\n",
        ),
        (
            "1a0000001c0000004c5a4675e2d44b51410004205758595a0d6e7d010eb0",
            b"{\\rtf1 WXYZWXYZWXYZWXYZWXYZ}",
        ),
    ],
)
def test_compressed_rtf_expands_as_in_the_specification(packed: str, text: bytes) -> None:
    # MS-OXRTFCP 3.1: a simple text, and one that crosses the position it is written to.
    assert decompressed(bytes.fromhex(packed)) == text


@pytest.mark.parametrize("name", ["table.xls", "x.msg"])
def test_another_compound_file_is_no_message(name: str) -> None:
    data = outlook_files.write(outlook_files.Folder({"Workbook": b"x" * 100}))

    if name.endswith(".msg"):
        assert [fault.reason for fault in read(FORMAT, data, name).faults] == [
            "a compound file that is no Outlook message (MS-OXMSG 2.4)"
        ]
    else:
        with pytest.raises(Unreadable):
            sniff(data, name)


# ── sending host and time ────────────────────────────────────────────────────────────────

OWN = "from store.post.example (mx.post.example [192.0.2.5]) by in.post.example; {}"
AT = "Mon, 23 Nov 2026 09:00:00 +0000"


@pytest.mark.parametrize(
    ("line", "ip"),
    [
        ("from helo.x (rdns.evil.example [198.51.100.9]) by mx.post.example", "198.51.100.9"),
        ("from x ([IPv6:2001:db8::9]) by mx.post.example", "2001:db8::9"),
        ("from [10.0.0.1] (unknown [198.51.100.9]) by mx.post.example", "198.51.100.9"),
        ("from [198.51.100.9] (helo=[10.0.0.1]) by mx.post.example", "198.51.100.9"),
        ("from unknown (HELO x) (198.51.100.9) by mx.post.example", "198.51.100.9"),
        ("from a.evil.example (198.51.100.9) by mx.post.example (10.1.1.1)", "198.51.100.9"),
        ("from mx.post.example (evil.example [198.51.100.9]) by mx.post.example", "198.51.100.9"),
        ("by mx.post.example with LMTP", None),
        ("from x (unknown [10.0.0.1]) by mx.post.example", None),
    ],
)
def test_the_address_that_the_receiving_server_saw_is_the_sending_host(
    line: str, ip: str | None
) -> None:
    out = read(FORMAT, b"Received: " + f"{line}; {AT}\n".encode() + mail(EVIL))

    assert [row["source.ip"] for row in out.rows if "source.ip" in row] == ([ip] if ip else [])


def test_lines_below_the_hand_over_are_not_believed() -> None:
    head = f"Received: {OWN.format(AT)}\n"
    head += f"Received: from x ([198.51.100.9]) by mx.post.example; {AT}\n"
    head += f"Received: from y ([203.0.113.9]) by z.example; {AT}\n"
    head += "Authentication-Results: z.example; spf=pass\n"
    out = read(FORMAT, head.encode() + mail(EVIL))

    assert [row["source.ip"] for row in out.rows if "source.ip" in row] == ["198.51.100.9"]
    assert "extra.authentication_results" not in out.rows[0]


@pytest.mark.parametrize(
    ("date", "expected"),
    [
        (AT, "2026-11-23 09:00:00"),
        ("Mon, 23 Nov 2026 10:30:00 +0130", "2026-11-23 09:00:00"),
        ("Fri, 01 Jan 2038 00:00:00 +0000", "2026-11-23 09:00:05"),
        ("yesterday", "2026-11-23 09:00:05"),
    ],
)
def test_the_date_of_the_lure_counts_where_the_receiving_server_bears_it_out(
    date: str, expected: str
) -> None:
    head = "Received: from x ([198.51.100.9]) by mx.post.example; Mon, 23 Nov 2026 09:00:05 +0000\n"
    out = read(FORMAT, head.encode() + mail(EVIL, Date=date))

    assert {row["time.source"] for row in out.rows} == {expected}


@pytest.mark.parametrize("date", ["", "Mon, 99 Nov 2026", "1" * 5000, "Mon, 1 Jan 1901 00:00:00"])
def test_a_date_that_is_none_is_left_out(date: str) -> None:
    assert "time.source" not in read(FORMAT, mail(EVIL, Date=date)).rows[0]
