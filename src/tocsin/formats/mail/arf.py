"""Abuse reports of mailbox providers: the Abuse Reporting Format (ARF).

Sources: RFC 5965 (format), RFC 6430 (not-spam), RFC 6591 (auth-failure), RFC 6692
(Source-Port), RFC 6650 (what to expect of reports). Deviations that are read: Received-Date,
Microsoft's JMRP (no report part, X-HmXmrOriginalRecipient in the message), the report part under
another media type, the message as its header only or not at all. The message itself is
untrusted: its trace is asked for the sending host only where the report names none.
"""

import hashlib
import re
from collections.abc import Iterator
from typing import BinaryIO

from tocsin.flow.tables import Chunk, Fault, Parsed
from tocsin.formats.format import Format
from tocsin.formats.idf import Row, Unfit
from tocsin.formats.mail.addresses import address
from tocsin.formats.mail.headers import Headers, addresses_in, moment, split_message, stamp
from tocsin.formats.mail.limits import ADDRESSES_LEFT, LIMITS, Tally
from tocsin.formats.mail.message import Letter, looks_like_message, read_message
from tocsin.formats.mail.people import People
from tocsin.formats.mail.received import handed_over, public_address, results
from tocsin.formats.mail.rows import Layout, chunk_of, parse_with, whole
from tocsin.words.errors import Unreadable

NAME = "arf"
# Feedback-Type to class (RSIT). A failed authentication is a claim to be somebody, so it
# counts as masquerade; the type `virus` says that the message carried one.
TYPES = {
    "abuse": "spam",  # RFC 5965 7.3
    "fraud": "phishing",
    "virus": "malware-distribution",
    "other": "other",
    "auth-failure": "masquerade",  # RFC 6591 3.1
    "opt-out": "spam",  # drafts before RFC 5965
    "opt-out-list": "spam",
}
NO_EVENT = "not-spam"  # RFC 6430
NOT_SPAM = "reports that a message was no spam after all (RFC 6430), which are no events: {n}"
UNKNOWN_TYPE = "reports with a Feedback-Type of their own, class undetermined: {n}"
INCOMPLETE = "reports without User-Agent or Version, which RFC 5965 3.1 requires: {n}"
REPEATED = "reports that repeat a field which RFC 5965 3.2 allows once (the first counts): {n}"
NO_REPORT_PART = (
    "reports without a machine-readable part, as Microsoft's JMRP (taken for abuse): {n}"
)

_ONCE = (
    "feedback-type user-agent version original-envelope-id original-mail-from arrival-date "
    "received-date reporting-mta source-ip source-port incidents auth-failure delivery-result"
).split()
_KEPT = {
    "user-agent": "user_agent",
    "incidents": "incidents",
    "auth-failure": "auth_failure",
    "delivery-result": "delivery_result",
    "identity-alignment": "identity_alignment",
    "dkim-domain": "dkim_domain",
    "original-envelope-id": "original_envelope_id",
}
_JMRP = "x-hmxmroriginalrecipient"
_COMPLAINT = re.compile(
    r"complaint about message from\s+\[?([0-9A-Fa-f.:]{3,45})\]?", re.IGNORECASE
)
_NAME = re.compile(r"(?:[a-z0-9_-]{1,63}\.)+[a-z0-9-]{2,63}", re.ASCII)
_SEVERAL = re.compile(rb"^content-type[ \t]*:\s*multipart/", re.MULTILINE)
_MARKS = (
    b"message/feedback-report",
    b"report-type=feedback-report",
    b"\nfeedback-type:",
    b"\n" + _JMRP.encode() + b":",
)


def sniff(head: bytes, _name: str) -> bool:
    """A message of several parts, with the mark of a report in its header or in its parts."""
    if not looks_like_message(head):
        return False
    low = head.lower().replace(b'"', b"").replace(b"\r\n", b"\n")
    if _SEVERAL.search(low.lstrip(b"\n").partition(b"\n\n")[0]) is None:
        return False
    return any(mark in low for mark in _MARKS)


def cut(stream: BinaryIO, name: str) -> Iterator[Chunk | Fault]:
    """One chunk, the whole report; Unreadable where it has no header."""
    data = whole(stream, name)
    if not looks_like_message(data[:65536]):
        raise Unreadable(
            f"{name}: no abuse report: a message with header lines (From:, Date:, …) is expected."
        )
    yield chunk_of(data, Layout(NAME))


def parse(chunk: Chunk) -> Parsed:
    """The rows of every report (all String); one that cannot be used is a Fault."""
    return parse_with(chunk, read)


def read(data: bytes, tally: Tally) -> list[Row]:
    """The rows of one report; raises Unfit where it is none or says nothing of a place."""
    letter = read_message(data, tally)
    about = _about(letter)
    report = _report(letter, about, tally)
    kind = report.text("feedback-type").lower()
    if kind == NO_EVENT:
        tally.say(NOT_SPAM)
        return []
    told = _told(letter, report, about, kind, tally)
    rows = _source(letter, report, about) + _places(report, kind, tally)
    if not rows:
        raise Unfit(
            "the report names no public Source-IP, no Reported-Domain and no Reported-URI, and "
            "the message in it has no trace to believe"
        )
    return [told | row for row in rows]


def _about(letter: Letter) -> Headers:
    """The header of the message that the report is about; empty where it is missing."""
    if letter.enclosed:
        return letter.enclosed[0].headers
    loose = letter.loose_headers[0] if letter.loose_headers else b""
    return split_message(loose, 0, len(loose), Tally())[0]


def _report(letter: Letter, about: Headers, tally: Tally) -> Headers:
    """The fields of the machine-readable part; what a JMRP complaint amounts to, without one."""
    if not letter.reports:
        if about.first(_JMRP) or letter.headers.first(_JMRP):
            tally.say(NO_REPORT_PART)
            said = _COMPLAINT.search(letter.headers.text("subject"))
            source = (("source-ip", said[1]),) if said else ()
            return Headers((("feedback-type", "abuse"), *source))
        raise Unfit("no message/feedback-report part, so no abuse report (RFC 5965 2)")
    part = letter.reports[0].lstrip(b"\r\n\t ")
    report = split_message(part, 0, len(part), tally)[0]
    if not report.text("feedback-type"):
        raise Unfit("the report has no Feedback-Type (RFC 5965 3.1)")
    if not (report.first("user-agent") and report.first("version")):
        tally.say(INCOMPLETE)
    names = [name for name, _ in report.fields]
    if any(names.count(name) > 1 for name in _ONCE):
        tally.say(REPEATED)
    return report


def _told(letter: Letter, report: Headers, about: Headers, kind: str, tally: Tally) -> Row:
    """What every row of the report says."""
    if kind not in TYPES:
        tally.say(UNKNOWN_TYPE)
    recipients = report.addresses("original-rcpt-to", "removal-recipient")
    recipients += about.addresses("to", "cc", "delivered-to", "x-original-to", _JMRP)
    people = People(set(recipients))
    reporter = letter.headers.addresses("from")
    arrival = report.first("arrival-date") or report.first("received-date")
    told: Row = {
        "feed.provider": reporter[0].rpartition("@")[2] if reporter else "unnamed reporter",
        "feed.name": NAME,
        "feed.code": NAME,
        "classification.type": TYPES.get(kind, "undetermined"),
        "classification.identifier": kind[:60],
        "time.source": stamp(moment(arrival)),
        "extra.original_mail_from": people.blanked(_mail_from(report)),
        "extra.original_rcpt_to_sha256": _digests(report),
        "extra.authentication_results": results(", ".join(report.all("authentication-results"))),
        "extra.reported_domain": " ".join(_domains(report)),
        "extra.reported_message_id": people.blanked(about.text("message-id")[:300]),
        "extra.reporting_mta": report.text("reporting-mta").rpartition(";")[2].strip()[:255],
    }
    kept = {f"extra.{key}": report.text(name)[:300] for name, key in _KEPT.items()}
    return told | {key: people.blanked(value) for key, value in kept.items()}


def _mail_from(report: Headers) -> str:
    found = addresses_in(report.text("original-mail-from"))
    return found[0] if found else ""


def _digests(report: Headers) -> str:
    """Recipients are people who complained: only the SHA-256 of their addresses is kept."""
    named = report.addresses("original-rcpt-to")[:20]
    return " ".join(hashlib.sha256(one.encode()).hexdigest() for one in named)


def _source(letter: Letter, report: Headers, about: Headers) -> list[Row]:
    """The host that sent it: as the report says, else by the trace of the message."""
    said = report.text("source-ip").strip("[] ")
    ip = public_address(said)
    if ip:
        origin = "Source-IP" if letter.reports else "Subject"
        row: Row = {"source.ip": ip, "extra.source_from": origin}
        port = report.text("source-port")
        return [row | ({"source.port": port} if port.isascii() and port.isdigit() else {})]
    hop = handed_over(about)
    if hop is None:
        return []
    origin = f"Received, line {hop.number} from the newest (the report names no Source-IP)"
    return [{"source.ip": hop.ip, "extra.source_from": origin}]


def _places(report: Headers, kind: str, tally: Tally) -> list[Row]:
    """A row for each Reported-URI, and for each Reported-Domain that no URI is on.

    Of an authentication failure the reported domain is the one that was imitated (RFC 6591
    3.2.1): it is no place of the problem.
    """
    rows: list[Row] = []
    hosts: set[str] = set()
    uris = report.all("reported-uri")
    if len(uris) > LIMITS.addresses:
        tally.say(ADDRESSES_LEFT)
    for uri in dict.fromkeys(uris[: LIMITS.addresses]):
        found = address(uri.strip("<> "), "report")
        if found is not None:
            hosts.add(found.host)
            rows.append({"source.url": found.url})
    if kind != "auth-failure":
        rows += [{"source.fqdn": name} for name in _domains(report) if name not in hosts]
    return rows


def _domains(report: Headers) -> list[str]:
    named = (value.strip(" <>.").lower() for value in report.all("reported-domain")[:50])
    return [name for name in dict.fromkeys(named) if _NAME.fullmatch(name)]


FORMAT = Format(
    name=NAME,
    media_type="multipart/report",
    extension=".eml",
    sniff=sniff,
    cut=cut,
    parse=parse,
    samples=NAME,
)
