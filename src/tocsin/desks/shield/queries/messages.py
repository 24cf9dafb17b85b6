"""What a message says and where it leads, read without fetching or running anything of it."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

from django.db.models import Count, Q

from tocsin.desks.shield.models import Group, Listing, Message
from tocsin.desks.shield.queries.covering import covering, covers
from tocsin.desks.shield.queries.reports import MOST_PLACES, report_format, reported, said_of
from tocsin.flow.mailboxes import without_mailboxes
from tocsin.flow.urls import Landing, read_url
from tocsin.formats.idf import Unfit
from tocsin.formats.mail import phishing
from tocsin.formats.mail.addresses import addresses_of_text
from tocsin.formats.mail.limits import Tally
from tocsin.formats.mail.lure import Lure, lures_of
from tocsin.formats.mail.message import looks_like_message, read_message
from tocsin.formats.mail.outlook import is_compound
from tocsin.office import evidence
from tocsin.office.people.sealing import unseal
from tocsin.words.errors import TocsinError, Unreadable

SEALED = "shield message"
LONGEST_URL = 2000
MOST_URLS = MOST_PLACES
MOST_PICTURES = 4  # in which letters are read
_LONGEST_SHOWN = 20_000


@dataclass(frozen=True)
class Led:
    """One place that a message leads to, in one spelling, without anybody's mail address."""

    url: str
    host: str


def is_message(data: bytes) -> bool:
    """Whether a file is a mail, as .eml or .msg."""
    return is_compound(data) or looks_like_message(data[:65536])


@dataclass(frozen=True)
class Told:
    """What is to be known of a message, out of one reading of it.

    `subject` is what a forwarded message is called, "" for anything else.
    """

    places: list[Led]
    subject: str = ""
    is_mail: bool = False
    has_pictures: bool = False


def told_in(text: str, data: bytes) -> Told:
    """Where a text and a file lead, and what the file is.

    Raises what `queries.reports.reported` does.
    """
    is_mail = is_message(data)
    is_report = bool(data) and report_format(data) is not None
    lures = _lures(data) if is_mail else []
    urls = [*_urls_of_text(text), *_urls_of_file(data, lures, is_mail=is_mail, is_report=is_report)]
    pictures = [] if is_mail and is_report else _pictures(data, lures)
    return Told(_places(urls), _subject(lures), is_mail=is_mail, has_pictures=bool(pictures))


def _lures(data: bytes) -> list[Lure]:
    try:
        return lures_of(read_message(data, Tally()), Tally())
    except (Unfit, TocsinError):
        return []


def _subject(lures: list[Lure]) -> str:
    said = (lure.headers.text("subject") or lure.quoted.get("subject", "") for lure in lures)
    return next((text[:200] for text in said if text), "")


def _places(urls: Iterable[str]) -> list[Led]:
    """Each place once, at most twenty."""
    found: dict[str, Led] = {}
    for url in urls:
        try:
            led = _led(without_mailboxes(read_url(url)))
        except Unreadable:
            continue
        if "." in led.host or ":" in led.host:  # a word alone is no place
            found.setdefault(led.url, led)
    return list(found.values())[:MOST_URLS]


def places_of_letters(urls: list[str]) -> list[Led]:
    """What was read in pictures, as places."""
    return places_in("\n".join(urls), b"")


def places_in(text: str, data: bytes) -> list[Led]:
    """Where a text and a file lead, each place once, at most twenty; raises what `told_in` does."""
    return told_in(text, data).places


def pictures_of(data: bytes) -> list[bytes]:
    """A picture, or the pictures in a mail."""
    if not is_message(data) or report_format(data) is not None:
        return _pictures(data, [])
    return _pictures(data, _lures(data))


def _pictures(data: bytes, lures: list[Lure]) -> list[bytes]:
    if _is_picture(data):
        return [data]
    found = [
        *(picture for lure in lures for page in lure.pages for _, picture in page.pictures),
        *(picture for lure in lures for picture in lure.images),
    ]
    return found[:MOST_PICTURES]


def _led(landing: Landing) -> Led:
    text = landing.text
    if len(text) > LONGEST_URL:
        text = Landing(landing.scheme, landing.host, landing.port, "/", landing.is_address).text
    return Led(text, landing.host)


def _urls_of_text(text: str) -> Iterator[str]:
    plain = text.strip()
    if plain and not re.search(r"\s", plain) and "." in plain and "@" not in plain:
        yield plain  # an address and nothing else, with or without its scheme
    yield from addresses_of_text(text)


def _urls_of_file(
    data: bytes, lures: list[Lure], *, is_mail: bool, is_report: bool
) -> Iterator[str]:
    if is_report:
        yield from reported(data)
    if is_mail:
        yield from _urls_of_lures(lures)
    if not data or is_mail or is_report:
        return
    if _is_picture(data):
        from tocsin.formats.mail.codes import texts_in  # noqa: PLC0415 - loads two libraries

        for said in texts_in([data], Tally()):
            yield from addresses_of_text(said) or [said]
        return
    yield from addresses_of_text(data[:200_000].decode("utf-8", "replace"))


def _urls_of_lures(lures: list[Lure]) -> Iterator[str]:
    try:
        rows = phishing.rows_of(lures, Tally())
    except (Unfit, TocsinError):
        return
    yield from (url for row in rows if (url := row.get("source.url")))


def _is_picture(data: bytes) -> bool:
    return data.startswith((b"\x89PNG", b"\xff\xd8\xff", b"GIF8")) or data[8:12] == b"WEBP"


# ── shown to a reviewer ──────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class Place:
    """Where a group leads, as nothing that can be followed, and what stops people there already.

    Not `is_sure` is what a program read in pictures and nobody wrote.
    """

    text: str
    is_sure: bool
    listing: Listing | None = None


def places_of(group: Group) -> list[Place]:
    """Where the messages of a group lead, the first fifty in the order of the alphabet."""
    written = Count("pk", filter=Q(is_uncertain=False))
    seen = group.sightings.exclude(url="").values("url", "host").annotate(written=written)
    rows = seen.order_by("url").values_list("url", "host", "written")[:50]
    listed = covering(group)
    return [
        Place(
            inert(url),
            count > 0,
            next((one for one in listed if covers(one, url=url, host=host)), None),
        )
        for url, host, count in rows
    ]


def inert(text: str) -> str:
    """A text in which nothing is an address any more: `hxxps://evil[.]example`."""
    text = re.sub(r"(?i)h(tt)p(s?)://", r"hxxp\2://", text)
    return re.sub(r"(?<=[\w-])\.(?=[^\W\d_]|xn--)", "[.]", text)


@dataclass(frozen=True)
class Shown:
    """What was written, and of a mail its parts as plain text; nothing of it is loaded or run."""

    text: str
    parts: tuple[tuple[str, str], ...]
    is_erased: bool
    letters: str = ""


def shown(message: Message, *, store_folder: Path) -> Shown:
    """A message as a reviewer may see it, after its consultation was written down."""
    sealed = bytes(message.sealed)
    text = unseal(sealed, purpose=SEALED).decode() if sealed else ""
    data = b""
    if message.evidence is not None and message.evidence.key:
        data = b"".join(evidence.read(message.evidence.digest, store_folder=store_folder))
    letters = bytes(message.sealed_letters)
    return Shown(
        inert(text),
        tuple(_parts(data)),
        is_erased=not (sealed or data),
        letters=inert(unseal(letters, purpose=SEALED).decode()) if letters else "",
    )


def _parts(data: bytes) -> Iterator[tuple[str, str]]:
    if not data:
        return
    try:
        yield from (("report", inert(line)) for line in said_of(data))
    except TocsinError as fault:
        yield "report", str(fault)
    if report_format(data) is not None and not is_message(data):
        return
    if not is_message(data):
        size = len(BytesIO(data).getbuffer())
        yield "file", f"{'picture' if _is_picture(data) else 'file'}, {size:,} bytes, not shown"
        return
    try:
        lures = lures_of(read_message(data, Tally()), Tally())
    except (Unfit, TocsinError) as fault:
        yield "file", str(fault)
        return
    for lure in lures:
        headers = (("from", "From"), ("reply-to", "Reply-To"), ("subject", "Subject"))
        said = [(name, lure.headers.text(key) or lure.quoted.get(key, "")) for key, name in headers]
        yield "header", inert("\n".join(f"{name}: {text[:300]}" for name, text in said if text))
        for page in lure.pages:
            yield "text", inert("\n".join(page.lines)[:_LONGEST_SHOWN])
            if page.links:
                yield "links", "\n".join(inert(one.url[:500]) for one in page.links[:MOST_URLS])
        for one in lure.attachments[:MOST_URLS]:
            yield "attachment", f"{one.media_type}, {one.size:,} bytes, SHA-256 {one.sha256}"
