"""Mail that comes back: bounces (RFC 3464), answers, and what answered by itself (RFC 3834).

A reader yields the raw messages of a place; `read_message` says what one of them is. Places so far:
an mbox file and a Maildir folder. Nothing is moved, marked or deleted: the same mailbox can be read
again, and `office.mailbox` knows what it has seen.
"""

import mailbox
import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.errors import MessageError
from email.header import decode_header, make_header
from email.message import Message
from email.utils import getaddresses, parsedate_to_datetime
from enum import StrEnum
from pathlib import Path

from tocsin.words.errors import NotFound, Unreadable

LARGEST = 25 * 1024 * 1024  # larger messages are passed over
MOST_PARTS = 50

Reader = Callable[[Path], Iterator[bytes]]

_OURS = re.compile(r"<tocsin\.([A-Za-z0-9]{1,64})@[^<>\s]{1,255}>")
_TICKET = re.compile(
    r"\[Tocsin ([0-9A-HJKMNP-TV-Z]{4}-[0-9A-HJKMNP-TV-Z]{4}-[0-9A-HJKMNP-TV-Z]{4})\]", re.IGNORECASE
)
_STATUS = re.compile(r"\b[245]\.\d{1,3}\.\d{1,3}\b")
_UNKNOWN = re.compile(
    r"(no such|unknown|invalid) (user|mailbox|recipient|address)|user unknown|does(n't| not) exist"
    r"|mailbox (not found|unavailable|disabled)|address (rejected|unknown)",
    re.IGNORECASE,
)
# What servers answer to RCPT without a code of RFC 3463. "Mailbox unavailable" is not among it: it
# is the text of RFC 5321 for 550, which stands for policy as well.
_NO_SUCH = re.compile(
    r"no such (user|mailbox|recipient|address|person|account)|no mailbox (here )?by that name"
    r"|(unknown|invalid) (user|mailbox|recipient|account)|does(n't| not) exist"
    r"|(user|mailbox|recipient|account) (is )?(unknown|not found|disabled)",
    re.IGNORECASE,
)
_POLICY = re.compile(
    r"spam|block|black|deny|denied|policy|relay|reputation|listed|access|authenticat|prohibited",
    re.IGNORECASE,
)
# RFC 3463: the mailbox or its host does not exist, moved away, or takes no mail at all.
_DEAD = re.compile(r"5\.1\.(1|2|3|6|10)|5\.2\.1")
# Mailboxes that no person reads (RFC 3834 2, RFC 2142, and what list programs are called).
_ROLE = re.compile(
    r"mailer-daemon|postmaster|listserv|majordomo|(do-?)?not?-?reply.*|owner-.*|bounces?[-+].*"
    r"|.*-(request|bounces?|owner|errors|relay)"
)
_AUTOMATIC = {"bulk", "junk", "auto_reply", "list"}


class Kind(StrEnum):
    """What a message that came back is."""

    BOUNCE = "bounce"
    ANSWER = "answer"
    AUTOMATIC = "automatic"


@dataclass(frozen=True)
class Failure:
    """One mailbox that a bounce names: why, and whether the mailbox is no more."""

    mailbox: str
    status: str
    dead: bool


@dataclass(frozen=True)
class Returned:
    """One message that came back; `messages` and `ticket` say which of ours it answers.

    Its text is not kept: `message_id`, `sender` and `sent_at` are enough to find it again.
    """

    kind: Kind
    message_id: str
    sender: str
    sent_at: datetime | None
    messages: tuple[str, ...] = ()
    ticket: str = ""
    failures: tuple[Failure, ...] = ()


# ── places ───────────────────────────────────────────────────────────────────────────────


def read_mbox(path: Path) -> Iterator[bytes]:
    """The messages of an mbox file; raises `NotFound`, `Unreadable`."""
    if not path.is_file():
        raise NotFound(f"no such mbox file: {path}")
    with path.open("rb") as file:
        head = file.read(5)
    if head not in (b"", b"From "):
        raise Unreadable(
            f"{path} is no mbox file: it does not begin with 'From '. Possible: an mbox, or "
            "--maildir FOLDER; a single message is read by tocsin route"
        )
    box = mailbox.mbox(path, create=False)
    yield from _messages(box, path)


def read_maildir(path: Path) -> Iterator[bytes]:
    """The messages of a Maildir folder (`new` and `cur`); raises `NotFound`, `Unreadable`."""
    if not all((path / name).is_dir() for name in ("new", "cur")):
        raise NotFound(f"no Maildir there: {path}. Possible: a folder that holds new/ and cur/")
    box = mailbox.Maildir(path, create=False)
    yield from _messages(box, path)


def _messages(box: mailbox.mbox | mailbox.Maildir, path: Path) -> Iterator[bytes]:
    try:
        for key in sorted(box.keys()):
            raw = box.get_bytes(key)
            if len(raw) <= LARGEST:
                yield raw
    except (OSError, mailbox.Error) as fault:
        raise Unreadable(f"{path} cannot be read as a mailbox: {fault}") from fault
    finally:
        box.close()


# ── one message ──────────────────────────────────────────────────────────────────────────


def read_message(raw: bytes) -> Returned:
    """What one message is; whatever stands in it, this returns (bytes of strangers)."""
    # The older parser: it leaves headers as they are, where the newer one can trip over them.
    message = message_from_bytes(raw, policy=policy.compat32)
    failures, original = _bounce(message)
    kind = Kind.ANSWER
    if failures:
        kind = Kind.BOUNCE
    elif original or _is_automatic(message):
        kind = Kind.AUTOMATIC  # a delay, a success or a read receipt among them
    named = " ".join(_header(message, name) for name in ("In-Reply-To", "References")) + original
    return Returned(
        kind=kind,
        message_id=_header(message, "Message-ID").strip()[:200],
        sender=_sender(message),
        sent_at=_moment(_header(message, "Date")),
        messages=tuple(dict.fromkeys(_OURS.findall(named))),
        ticket=_ticket(_header(message, "Subject") + original),
        failures=failures,
    )


def answerable(raw: bytes) -> str:
    """Where an automatic answer to a message may go (RFC 3834 2 and 4), "" where it may not.

    Never to lists, programs, role accounts, what was redirected by hand (its sender is not who
    passed it on), or a sender that the receiving server found to be forged.
    """
    message = message_from_bytes(raw, policy=policy.compat32)
    names = {name.lower() for name in message.keys()}  # noqa: SIM118 a message is no mapping
    if _is_automatic(message) or any(name.startswith(("list-", "resent-")) for name in names):
        return ""
    checked = _header(message, "Authentication-Results").lower()
    if re.search(r"\b(spf|dmarc)\s*=\s*(fail|softfail)\b", checked):
        return ""
    said = getaddresses([_header(message, "Return-Path")])
    address = (said[0][1].lower() if said else "") or _sender(message)
    local, _, domain = address.rpartition("@")
    if not local or not domain or len(address) > 254 or _ROLE.fullmatch(local):
        return ""
    return address


def redirected_by(raw: bytes) -> str | None:
    """Who passed a message on by hand (RFC 5322 3.6.6), "" where they do not say; else None.

    Every other field of its header is then that of whoever wrote it first.
    """
    message = message_from_bytes(raw, policy=policy.compat32)
    if not any(name.lower().startswith("resent-") for name in message.keys()):  # noqa: SIM118
        return None
    return _address(message, "Resent-From") or _address(message, "Resent-Sender")


def language_of(raw: bytes) -> str:
    """What the sender's program says it speaks (RFC 3282), "" where it says nothing."""
    message = message_from_bytes(raw, policy=policy.compat32)
    said = _header(message, "Accept-Language") or _header(message, "Content-Language")
    found = re.match(r"[A-Za-z]{2,3}\b", said)
    return found[0].lower() if found else ""


def body_of(raw: bytes) -> bytes:
    """What stands behind the header: the same however often a message was passed on."""
    return re.split(rb"\r?\n\r?\n", raw, maxsplit=1)[-1]


def _bounce(message: Message) -> tuple[tuple[Failure, ...], str]:
    """The mailboxes that failed, and what the report quotes of our message's header."""
    if message.get_content_type() != "multipart/report":
        return (), ""
    failures: list[Failure] = []
    quoted = " "
    for _, part in zip(range(MOST_PARTS), message.walk(), strict=False):
        kind = part.get_content_type()
        if kind == "message/delivery-status":
            blocks = _blocks(part)
            failures += [found for block in blocks if (found := _failure(block))]
            quoted += "".join(_envelope_id(block) for block in blocks)
        elif kind == "message/rfc822" and part.is_multipart():
            quoted += _quoted(part.get_payload(0))
        elif kind == "text/rfc822-headers":
            quoted += _quoted(message_from_bytes(_payload(part), policy=policy.compat32))
    return tuple(failures), quoted


def _blocks(part: Message) -> list[Message]:
    """The groups of fields of a delivery status: first the message's, then one per mailbox."""
    inner = part.get_payload()
    if isinstance(inner, list):
        return [block for block in inner[:MOST_PARTS] if isinstance(block, Message)]
    texts = re.split(rb"\r?\n\r?\n", _payload(part))
    return [message_from_bytes(text, policy=policy.compat32) for text in texts[:MOST_PARTS]]


def _failure(block: Message) -> Failure | None:
    if _header(block, "Action").strip().lower() != "failed":
        return None
    told = _header(block, "Original-Recipient") or _header(block, "Final-Recipient")
    named = told.rpartition(";")[2].strip().strip("<>")[:320]
    diagnosis = _header(block, "Diagnostic-Code").partition(";")[2]
    # Exim says 5.0.0 for everything; what the other server answered knows more.
    codes = _STATUS.findall(f"{diagnosis} {_header(block, 'Status')}")
    code = next((one for one in codes if not one.endswith(".0.0")), codes[0] if codes else "")
    return Failure(named, code, dead=_is_dead(code, diagnosis)) if named else None


def is_gone(code: int, said: str) -> bool:
    """Whether the answer to a RCPT says that the mailbox is no more: by its code of RFC 3463, or
    where it has none, by its words; a refusal by policy never does."""
    status = _STATUS.search(said)
    if code < 500 or (status and not status[0].endswith(".0.0")):
        return code >= 500 and status is not None and bool(_DEAD.fullmatch(status[0]))
    return code in {550, 551, 553} and bool(_NO_SUCH.search(said)) and not _POLICY.search(said)


def _is_dead(code: str, diagnosis: str) -> bool:
    """Whether the mailbox is no more, as opposed to full, busy or particular about content."""
    if code == "5.0.0":  # no reason given: by the words, or without any, the worst
        return not diagnosis.strip() or bool(_UNKNOWN.search(diagnosis))
    return bool(_DEAD.fullmatch(code))


def _envelope_id(block: Message) -> str:
    """RFC 3464 2.2.1: the ENVID that `channels.mail` gave, written as a message id."""
    name = _header(block, "Original-Envelope-Id").strip()
    return f" <tocsin.{name}@envelope>" if re.fullmatch(r"[A-Za-z0-9]{1,64}", name) else ""


def _quoted(header: object) -> str:
    if not isinstance(header, Message):
        return ""
    return f" {_header(header, 'Message-ID')} {_header(header, 'Subject')}"


def _is_automatic(message: Message) -> bool:
    """RFC 3834 and what programs did before it."""
    submitted = _header(message, "Auto-Submitted").partition(";")[0].strip().lower()
    return (
        submitted not in ("", "no")
        or _header(message, "Precedence").strip().lower() in _AUTOMATIC
        or any(message.get(name) for name in ("X-Autoreply", "X-Autorespond", "List-Id"))
        or _header(message, "Return-Path").strip() == "<>"
        or message.get_content_type() == "multipart/report"
    )


def _header(message: Message, name: str) -> str:
    """One header as plain text on one line, "" where it is missing or cannot be read."""
    try:
        text = str(message.get(name, ""))
    except (MessageError, ValueError, LookupError):
        return ""
    if "=?" in text:
        with suppress(MessageError, ValueError, LookupError):
            text = str(make_header(decode_header(text)))
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())[:5000]


def _payload(part: Message) -> bytes:
    try:
        data = part.get_payload(decode=True)
    except (MessageError, ValueError, LookupError):
        return b""
    return data if isinstance(data, bytes) else b""


def _sender(message: Message) -> str:
    return _address(message, "From")


def _address(message: Message, name: str) -> str:
    addresses = getaddresses([_header(message, name)])
    return addresses[0][1].lower()[:320] if addresses else ""


def _ticket(text: str) -> str:
    found = _TICKET.search(text)
    return found[1].upper() if found else ""


def _moment(text: str) -> datetime | None:
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    try:
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
