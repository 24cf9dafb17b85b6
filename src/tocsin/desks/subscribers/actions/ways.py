"""The ways to a subscriber: what each needs, and how a warning goes out by it.

Mail goes by the office's letters. Everything else lies sealed in the database with the warning that
it is of, is handed over by the worker, and goes by the next way where it is refused or was tried
for three days. A gateway that hears the same key twice sends once.
"""

import csv
import io
import json
import logging
import re
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction

from tocsin.channels.gateway import Exits, post
from tocsin.desks.subscribers.models import Contact, Finding, Outgoing, Warned
from tocsin.flow.durable import write
from tocsin.formats.short_message import MOST_PARTS, parts_of
from tocsin.office import leases, register
from tocsin.office.people import letters
from tocsin.office.people.sealing import seal, unseal
from tocsin.rules.playbooks import Way
from tocsin.words.errors import Undelivered, Unusable
from tocsin.words.moments import as_utc

NO_CONTACT = "nobody is on the list for this line"
NO_MAIL = "no mail address is on the list for this line"
NO_PHONE = "no telephone number with its country code (+…) is on the list for this line"
NOT_SET = {
    Way.SMS: "no gateway for text messages is set",
    Way.LETTER: "no folder for letters is set",
    Way.PORTAL: "no customer portal is set",
}
COLUMNS = ("file", "subscriber", "language", "written")
_PURPOSE = "warning"
_PHONE = re.compile(r"\+[1-9][0-9]{6,14}")  # ITU-T E.164
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Words:
    """What is said: a text, the short one of a text message, the code that stands in both."""

    subject: str
    text: str
    short: str
    code: str
    language: str
    left: list[str] = field(default_factory=list)  # the ways that were not tried yet


def phone_of(contact: Contact) -> str:
    """The telephone number as gateways want it, "" where it has no country code."""
    plain = re.sub(r"[\s()./-]", "", contact.phone)
    plain = f"+{plain[2:]}" if plain.startswith("00") else plain
    return plain if _PHONE.fullmatch(plain) else ""


# ── what each way needs, and how it goes out ─────────────────────────────────────────────


@dataclass(frozen=True)
class Errand:
    """One warning that is handed over now; `key` and `day` are the same at every attempt."""

    exits: Exits
    contact: Contact
    words: Words
    key: str
    day: str
    at: datetime


def _mail(one: Errand) -> None:
    words = one.words
    letters.queue(one.contact.email, subject=words.subject, text=words.text, at=one.at)


def _sms(one: Errand) -> None:
    if one.exits.sms is None:
        raise Undelivered(NOT_SET[Way.SMS], lasting=True)
    if not 1 <= len(parts_of(one.words.short)) <= MOST_PARTS:
        raise Undelivered(f"it takes more than {MOST_PARTS} text messages", lasting=True)
    message = {"to": phone_of(one.contact), "text": one.words.short}
    post(one.exits.sms, message, key=one.key, at=one.at)


def _portal(one: Errand) -> None:
    if one.exits.portal is None:
        raise Undelivered(NOT_SET[Way.PORTAL], lasting=True)
    words = one.words
    message = {"subscriber": one.contact.name, "subject": words.subject, "text": words.text}
    message |= {"code": words.code, "language": words.language}
    post(one.exits.portal, message, key=one.key, at=one.at)


def _letter(one: Errand) -> None:
    """One file and a line in the day's list; a repeat after a crash finds the line and is done."""
    if one.exits.letters is None:
        raise Undelivered(NOT_SET[Way.LETTER], lasting=True)
    name, list_path = f"{one.day}-{one.key}.txt", one.exits.letters / f"{one.day}.csv"
    try:
        known = list_path.read_bytes().decode() if list_path.is_file() else _line(COLUMNS)
        if name in known:
            return
        write(list_path.with_name(name), f"{one.words.subject}\n\n{one.words.text}".encode())
        line = _line((name, one.contact.name, one.words.language, one.day))
        write(list_path, f"{known}{line}".encode())
    except (OSError, UnicodeDecodeError) as fault:
        raise Undelivered(f"the folder of letters: {fault}", lasting=False) from None


def _line(cells: Sequence[str]) -> str:
    out = io.StringIO(newline="")
    # A spreadsheet takes a cell that begins so for a formula.
    csv.writer(out).writerow(f"'{one}" if one[:1] in "=+-@\t\r" else one for one in cells)
    return out.getvalue()


@dataclass(frozen=True)
class Exit:
    """One row of the table: what is missing for this way ("" for nothing), how it goes out."""

    missing: Callable[[Exits, Contact], str]
    send: Callable[[Errand], None]


def _no_phone(exits: Exits, contact: Contact) -> str:
    if exits.sms is None:
        return NOT_SET[Way.SMS]
    return "" if phone_of(contact) else NO_PHONE


TABLE: dict[Way, Exit] = {
    Way.MAIL: Exit(lambda _, contact: "" if contact.email else NO_MAIL, _mail),
    Way.SMS: Exit(_no_phone, _sms),
    Way.LETTER: Exit(lambda exits, _: "" if exits.letters else NOT_SET[Way.LETTER], _letter),
    Way.PORTAL: Exit(lambda exits, _: "" if exits.portal else NOT_SET[Way.PORTAL], _portal),
}


def possible(ways: Sequence[Way], exits: Exits, contact: Contact | None) -> tuple[list[Way], str]:
    """The ways that are one for this subscriber, in turn; without any, a sentence that says why."""
    if contact is None:
        return [], NO_CONTACT
    missing = {way: TABLE[way].missing(exits, contact) for way in ways}
    found = [way for way in ways if not missing[way]]
    # What the operator did not set is no fault of the list, and says nothing where nothing is set.
    of_list = [why for why in missing.values() if why and why not in NOT_SET.values()]
    return found, "" if found else "; ".join(of_list or missing.values())


# ── on its way ───────────────────────────────────────────────────────────────────────────


def hand_out(warning: Warned, contact: Contact, words: Words, *, at: datetime) -> None:
    """Queue a warning by its way, in the caller's transaction."""
    if warning.way == Way.MAIL:
        letters.queue(contact.email, subject=words.subject, text=words.text, at=at)
        return
    sealed = seal(json.dumps(asdict(words)).encode(), purpose=_PURPOSE)
    Outgoing.objects.create(warning=warning, sealed=sealed, created_at=at, next_attempt_at=at)


def send_outgoing(*, exits: Exits, by: str, at: datetime) -> tuple[int, int]:
    """Hand over what is due: how many went out, how many wait or go by another way."""
    at = as_utc(at)
    sent = failed = 0
    rows = Outgoing.objects.select_related("warning__finding").order_by("created_at", "pk")
    while taken := leases.take(rows, owner=by, at=at):
        for row in taken:
            if _send(row, exits, by=by, at=at):
                sent += 1
            else:
                failed += 1
    return sent, failed


def _send(row: Outgoing, exits: Exits, *, by: str, at: datetime) -> bool:
    contact = Contact.objects.filter(line=row.warning.finding.line).first()
    words = _words(row)
    try:
        _hand_over(row, words, contact, exits, at=at)
    except Undelivered as fault:
        if fault.lasting or at - row.created_at > letters.KEPT:
            _fall(row, words, contact, exits, by=by, at=at, why=str(fault))
        else:
            again = at + timedelta(minutes=min(2 ** min(row.attempt, 6), 60))
            leases.settle(row, {"last_error": str(fault)[:500], "next_attempt_at": again})
        return False
    row.delete()
    return True


def _hand_over(
    row: Outgoing, words: Words, contact: Contact | None, exits: Exits, *, at: datetime
) -> None:
    way = TABLE[Way(row.warning.way)]
    if contact is None or not words.text:
        why = "its words cannot be opened" if contact else NO_CONTACT
        raise Undelivered(why, lasting=True)
    if why := way.missing(exits, contact):
        raise Undelivered(why, lasting=True)
    way.send(Errand(exits, contact, words, row.uid.hex, row.created_at.date().isoformat(), at))


def _words(row: Outgoing) -> Words:
    """What was sealed; under another key than today's it is lost, and nothing is left to try."""
    try:
        return Words(**json.loads(unseal(bytes(row.sealed), purpose=_PURPOSE)))
    except Unusable:
        return Words("", "", "", "", "")


def _fall(
    row: Outgoing,
    words: Words,
    contact: Contact | None,
    exits: Exits,
    *,
    by: str,
    at: datetime,
    why: str,
) -> None:
    """By the next way; with none left it was no warning, and the line is due again."""
    _log.warning("warning %s does not go by %s: %s", row.uid, row.warning.way, why)
    ways, _ = possible([Way(one) for one in words.left], exits, contact)
    with transaction.atomic():
        held = Outgoing.objects.filter(pk=row.pk, attempt=row.attempt, lease_owner=row.lease_owner)
        if not held.delete()[0]:
            return  # another worker took it over
        warning = Warned.objects.select_for_update(of=("self",)).get(pk=row.warning.pk)
        before = warning.way
        if ways and contact is not None:
            warning.way = ways[0].value
            left = [one.value for one in ways[1:]]
            hand_out(warning, contact, Words(**{**asdict(words), "left": left}), at=at)
        else:
            warning.failed_at = at
            _unsay(warning)
        warning.save(update_fields=["way", "failed_at"])
        facts: dict[str, register.Fact] = {
            "way": before, "instead": ways[0].value if ways else "",
        }  # fmt: skip
        uid = warning.finding.uid
        register.record(
            action="subscribers:line:fall_back", actor=by, at=at, subject=uid, facts=facts
        )


def _unsay(warning: Warned) -> None:
    """The step counts as not taken; it is due again a day after this attempt."""
    row: Any = Finding.objects.select_for_update().get(pk=warning.finding.pk)
    if row.state != Finding.State.WARNED or row.taken != warning.step:
        return
    before = row.warnings.filter(failed_at=None).exclude(pk=warning.pk).order_by("at").last()
    is_last = before is not None and row.taken > 1
    row.taken -= 1
    row.warned_at = before.at if is_last and before is not None else None
    row.state = Finding.State.WARNED if is_last else Finding.State.SEEN
    row.save(update_fields=["taken", "warned_at", "state"])
