"""A phishing message as a citizen sends it in: as it is, enclosed, or quoted (.eml, .msg).

One row for each address that the lure leads to (class phishing), one for the host that sent it
(class spam), where a `Received` line can be believed. Attachments are hashed and no more: their
digests stand with the sending host, in `extra`, because an attachment is not yet malware.
Neither the citizen's address nor a word of what they wrote becomes part of a row.
"""

import re
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import BinaryIO

from tocsin.flow.tables import Chunk, Fault, Parsed
from tocsin.formats.format import Format
from tocsin.formats.idf import Row, Unfit
from tocsin.formats.mail.addresses import Address, address, addresses_of_text
from tocsin.formats.mail.headers import addresses_in, moment, stamp
from tocsin.formats.mail.limits import ADDRESSES_LEFT, LIMITS, Tally
from tocsin.formats.mail.lure import Lure, lures_of
from tocsin.formats.mail.message import looks_like_message, read_message
from tocsin.formats.mail.outlook import is_compound
from tocsin.formats.mail.people import People
from tocsin.formats.mail.received import Hop, authentication, handed_over
from tocsin.formats.mail.rows import Layout, chunk_of, parse_with, whole
from tocsin.words.errors import Unreadable

NAME = "phishing-mail"
NO_QUOTE = "messages that say they forward another, but quote none (all addresses taken): {n}"
BLANKED = "addresses with the recipient's mail address in them, which was blanked: {n}"
UNWRAPPED = "addresses taken out of the wrapping of the recipient's own protection: {n}"
# A date that its sender gives counts if the receiving server saw the message about then.
_CREDIBLE = timedelta(days=2)
_ZONED = re.compile(r"(?:[+-]\d{4}|\b(?:GMT|UTC?|[ECMP][SD]T))\b")
_FEED: Row = {"feed.provider": "citizen report", "feed.name": NAME, "feed.code": NAME}
_LURED: Row = {"classification.type": "phishing", "classification.identifier": "phishing-address"}
_SENT: Row = {"classification.type": "spam", "classification.identifier": "phishing-sender"}


def sniff(head: bytes, name: str) -> bool:
    """A message header, or a compound file that is called .msg or says it is a message."""
    if is_compound(head):
        said = "__properties_version1.0".encode("utf-16-le")
        return name.lower().endswith(".msg") or said in head
    return looks_like_message(head)


def cut(stream: BinaryIO, name: str) -> Iterator[Chunk | Fault]:
    """One chunk, the whole message; Unreadable where it has no header."""
    data = whole(stream, name)
    if not (is_compound(data) or looks_like_message(data[:65536])):
        raise Unreadable(
            f"{name}: no message: it begins neither with header lines (From:, Date:, …) nor as "
            "an Outlook file. Possible: save the message as .eml or .msg."
        )
    yield chunk_of(data, Layout(NAME))


def parse(chunk: Chunk) -> Parsed:
    """The rows of every message (all String); a message that leads nowhere is a Fault."""
    return parse_with(chunk, read)


def read(data: bytes, tally: Tally) -> list[Row]:
    """The rows of one message; raises Unfit where nothing in it can be acted on."""
    return rows_of(lures_of(read_message(data, tally), tally), tally)


def rows_of(lures: list[Lure], tally: Tally) -> list[Row]:
    """The same of lures that were read before."""
    rows = [row for lure in lures for row in _rows(lure, tally)]
    if not rows:
        digests = " ".join(one.sha256 for lure in lures for one in lure.attachments[:3])
        attached = f"; attachments (SHA-256): {digests}" if digests else ""
        raise Unfit(f"no web address in the message, and no sending host to believe{attached}")
    return rows


def _rows(lure: Lure, tally: Tally) -> list[Row]:
    people = People(lure.people)
    hop = handed_over(lure.headers)
    found = _distinct(_addresses(lure, tally), people, tally)
    told = {
        **_FEED,
        "time.source": stamp(_sent_at(lure, hop)),
        "extra.forwarded": lure.forwarded,
        **_sender(lure, people),
        "extra.authentication_results": authentication(lure.headers, hop),
    }
    if lure.forwarded == "unknown":
        tally.say(NO_QUOTE)
    rows = [told | _LURED | _place(one) for one in found]
    if hop is not None:
        source = f"Received, line {hop.number} from the newest"
        rows.append(told | _SENT | {"source.ip": hop.ip, "extra.source_from": source})
    if rows:
        rows[-1] |= _attached(lure)
    return rows


def _place(one: Address) -> Row:
    """Where an address leads; a host that is an IP address is left to be read from the URL."""
    is_name = ":" not in one.host and not one.host.replace(".", "").isdigit()
    return {
        "source.url": one.url,
        "source.fqdn": one.host if is_name else None,
        "extra.found_in": one.found_in,
        "extra.link_text_mismatch": one.shown,
        "extra.wrapped_by": one.wrapped_by,
    }


def _attached(lure: Lure) -> Row:
    return {
        "extra.attachment_sha256": " ".join(one.sha256 for one in lure.attachments),
        "extra.attachment_size": " ".join(str(one.size) for one in lure.attachments),
        "extra.attachment_type": " ".join(one.media_type for one in lure.attachments),
    }


def _sent_at(lure: Lure, hop: Hop | None) -> datetime | None:
    # Apple Mail: "23 November 2026 at 15:40:11 GMT"; a date without a zone is no moment.
    quoted = lure.quoted.get("date", "").replace(" at ", " ")
    said = moment(lure.headers.first("date") or (quoted if _ZONED.search(quoted) else ""))
    if hop is None or hop.at is None:
        return said
    return said if said is not None and abs(said - hop.at) <= _CREDIBLE else hop.at


def _sender(lure: Lure, people: People) -> Row:
    """Domains that the lure claims to come from: claims, so they stand in `extra`."""
    headers = lure.headers
    given = {
        "from": headers.addresses("from") or addresses_in(lure.quoted.get("from", "")),
        "return_path": headers.addresses("return-path"),
        "reply_to": headers.addresses("reply-to") or addresses_in(lure.quoted.get("reply-to", "")),
    }
    domains: Row = {
        f"extra.{role}_domain": addresses[0].rpartition("@")[2]
        for role, addresses in given.items()
        if addresses and addresses[0] not in lure.people
    }
    return domains | {"extra.message_id": people.blanked(headers.text("message-id")[:300])}


def _addresses(lure: Lure, tally: Tally) -> Iterator[Address | None]:
    """Everything that leads somewhere, in the order of how much a reader would trust it."""
    links = [address(link.url, "html", link.shown) for page in lure.pages for link in page.links]
    yield from links
    led_to = {one.host for one in links if one}
    only_shown = {one.shown for one in links if one} - led_to
    for page in lure.pages:
        for text in addresses_of_text("\n".join(page.loose)):
            one = address(text, "html" if page.links else "text")
            # The plain twin of a page shows the imitated name where the page leads elsewhere.
            yield one if one and one.host not in only_shown else None
    pictures = [data for page in lure.pages for _, data in page.pictures] + lure.images
    if pictures:
        from tocsin.formats.mail.codes import texts_in  # noqa: PLC0415 - loads two libraries

        for said in texts_in(pictures, tally):
            for text in addresses_of_text(said) or [said]:
                yield address(text, "qr")


def _distinct(found: Iterable[Address | None], people: People, tally: Tally) -> list[Address]:
    """Each URL once, at most 500, none with a mail address of a recipient in it."""
    kept: dict[str, Address] = {}
    for one in found:
        if one is None:
            continue
        url = people.blanked(one.url)
        if url in kept:
            continue
        if len(kept) == LIMITS.addresses:
            tally.say(ADDRESSES_LEFT)
            break
        tally.add(BLANKED, int(url != one.url))
        tally.add(UNWRAPPED, int(bool(one.wrapped_by)))
        kept[url] = Address(url, one.host, one.found_in, one.shown, one.wrapped_by)
    return list(kept.values())


FORMAT = Format(
    name=NAME,
    media_type="message/rfc822",
    extension=".eml",
    sniff=sniff,
    cut=cut,
    parse=parse,
    samples=NAME,
    evidence_class="citizen-message",
)
