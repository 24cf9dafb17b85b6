"""The phishing message in what a person sent in: the message itself, one enclosed, one quoted.

What the person wrote, and who that is, is not read beyond this file: of a message that
forwards another only the other one counts. Rules, in this order: a message enclosed is the lure;
else what is quoted; else, where the subject says "forwarded", the body alone, without the
header; else the message itself. Below the first level, only a subject that says "forwarded" makes
a forwarder of a message, so that an invented quote does not hide the lure around it.
"""

from dataclasses import dataclass, field

from tocsin.formats.mail.addresses import addresses_of_text
from tocsin.formats.mail.headers import Headers, addresses_in
from tocsin.formats.mail.limits import LIMITS, Tally
from tocsin.formats.mail.message import Attachment, Letter
from tocsin.formats.mail.page import Page, page_of_html, page_of_text
from tocsin.formats.mail.quoting import Quote, find_quote, is_forward

OUTSIDE = "addresses outside of the quoted message, left out: {n}"
LURES_LEFT = "messages that enclose over 20 others, read only that far: {n}"
# The names of those who received, or sent in, a message.
_RECIPIENTS = (
    "to",
    "cc",
    "bcc",
    "delivered-to",
    "x-original-to",
    "envelope-to",
    "apparently-to",
    "x-envelope-to",
    "x-forwarded-to",
    "x-forwarded-for",
    "resent-to",
    "resent-from",
)
_SENDERS = ("from", "sender", "reply-to", "return-path")


@dataclass
class Lure:
    """One phishing message as far as it may be told of, and the people not to be named."""

    forwarded: str  # itself, enclosed, quoted, unknown
    headers: Headers = field(default_factory=Headers)
    quoted: dict[str, str] = field(default_factory=dict)
    pages: list[Page] = field(default_factory=list)
    images: list[bytes] = field(default_factory=list)
    attachments: list[Attachment] = field(default_factory=list)
    people: set[str] = field(default_factory=set)


def lures_of(letter: Letter, tally: Tally) -> list[Lure]:
    """Every lure in a message, at least one."""
    lures: list[Lure] = []
    _collect(letter, set(), lures, tally, top=True)
    if len(lures) > LIMITS.lures:
        tally.say(LURES_LEFT)
    return lures[: LIMITS.lures]


def _collect(
    letter: Letter, people: set[str], lures: list[Lure], tally: Tally, *, top: bool
) -> None:
    """Add the lures of one letter; `people` are those who passed it on."""
    people = people | set(letter.headers.addresses(*_RECIPIENTS))
    forwards = is_forward(letter.headers.text("subject"))
    if letter.enclosed and (top or forwards):
        passing = people | set(letter.headers.addresses(*_SENDERS))
        for inner in letter.enclosed:
            _collect(inner, passing, lures, tally, top=False)
        return
    lures.append(_own(letter, people, tally, top=top, forwards=forwards))
    for inner in letter.enclosed:
        _collect(inner, people, lures, tally, top=False)


def _own(letter: Letter, people: set[str], tally: Tally, *, top: bool, forwards: bool) -> Lure:
    pages = [page_of_html(text) for text in letter.pages]
    pages = [page_of_text(text) for text in letter.texts] + pages
    if top or forwards:
        quotes = [find_quote(page.lines, even_replies=forwards) for page in pages]
        if any(quotes):
            return _quoted(letter, people, pages, quotes, tally)
    if forwards and top:
        passing = people | set(letter.headers.addresses(*_SENDERS))
        return Lure("unknown", Headers(), {}, pages, letter.images, letter.attachments, passing)
    return Lure(
        "itself" if top else "enclosed",
        letter.headers,
        {},
        pages,
        letter.images,
        letter.attachments,
        people,
    )


def _quoted(
    letter: Letter,
    people: set[str],
    pages: list[Page],
    quotes: list[Quote | None],
    tally: Tally,
) -> Lure:
    """Of every body the quoted lines; a body without a quote is the forwarder's own."""
    passing = people | set(letter.headers.addresses(*_SENDERS))
    headers: dict[str, str] = {}
    kept = []
    for page, quote in zip(pages, quotes, strict=True):
        lines = quote.lines if quote is not None else frozenset()
        if quote is not None:
            headers = {**quote.headers, **headers}
            kept.append(_within(page, lines))
        tally.add(OUTSIDE, _outside(page, lines))
    for role in ("to", "cc"):
        passing |= set(addresses_in(headers.get(role, "")))
    # A picture attached is as likely a screenshot, or the logo under the forwarder's name.
    files = [one for one in letter.attachments if not one.media_type.startswith("image/")]
    return Lure("quoted", Headers(), headers, kept, letter.images, files, passing)


def _outside(page: Page, lines: frozenset[int]) -> int:
    text = "\n".join(line for at, line in enumerate(page.loose) if at not in lines)
    links = [link for link in page.links if link.line not in lines and _is_web(link.url)]
    return len(addresses_of_text(text)) + len(links)


def _is_web(url: str) -> bool:
    return url.lower().startswith(("http:", "https:"))


def _within(page: Page, lines: frozenset[int]) -> Page:
    return Page(
        lines=[page.lines[at] for at in sorted(lines)],
        loose=[page.loose[at] for at in sorted(lines)],
        links=[link for link in page.links if link.line in lines],
        pictures=[(at, data) for at, data in page.pictures if at in lines],
    )
