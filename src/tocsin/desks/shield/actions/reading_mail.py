"""The shield's mailbox: each mail becomes a message, once; then it is no longer in the mailbox.

A mail is known by Message-ID and content, and taken out of the mailbox only when what came of it
is committed: who dies in between reads it again, which changes nothing. What is left (a program's
mail, too large, no phishing, one sender too often) stays for a person. Of what somebody redirected,
the header is that of who wrote it: nothing in it makes it a program's mail. Who sent it in gets a
reference at once, and nothing about what led where.
"""

import hashlib
import logging
import re
import traceback
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import InterfaceError, OperationalError
from django.urls import reverse
from django.utils.translation import gettext as _

from tocsin.channels import imap, maildir
from tocsin.channels.mailbox import (
    Kind,
    Returned,
    answerable,
    body_of,
    language_of,
    read_message,
    redirected_by,
)
from tocsin.desks.shield.actions.receiving import Brought, pseudonym_of, receive_message
from tocsin.desks.shield.actions.triaging import retriage
from tocsin.desks.shield.models import Arrival, Message, Reading, Sighting
from tocsin.desks.shield.queries.reports import report_format
from tocsin.office import sentences
from tocsin.office.limits import has_left
from tocsin.office.people import letters
from tocsin.words.errors import Refused, Unreadable, Unusable
from tocsin.words.languages import SOURCE
from tocsin.words.moments import as_utc

MOST_ANSWERS = 20  # to one address in an hour: a sender may be forged
LEFT = ("automatic", "refused", "too often")  # stay in the mailbox for a person
_FOR_A_PERSON = ("refused", "too often")  # also where what was read goes to another folder
_log = logging.getLogger(__name__)
_ID = re.compile(r"<[!-;=?-~]{3,198}>")


@dataclass
class Taker:
    """Takes single mails in; `most` of one sender in an hour."""

    by: str
    at: datetime
    store_folder: Path
    most: int
    _new: list[int] = field(default_factory=list)

    def take(self, raw: bytes | None) -> str:
        """What became of one: message, repeat, automatic, or one of `LEFT`."""
        if raw is None or len(raw) > imap.LARGEST:
            return "refused"
        returned = read_message(raw)
        redirected = redirected_by(raw)
        key = _key(raw, returned, redirected)
        if Arrival.objects.filter(key=key).exists():
            return "repeat"
        is_by_program = returned.kind is not Kind.ANSWER and redirected is None
        if is_by_program and report_format(raw) is None:
            return "automatic"
        sender = redirected or returned.sender
        if not has_left("shield-mail", sender, most=self.most, at=self.at):
            return "too often"
        return self._receive(raw, returned, key, sender)

    def _receive(self, raw: bytes, returned: Returned, key: str, sender: str) -> str:
        address = _valid(answerable(raw))
        brought = Brought(
            data=raw,
            answer_to=address,
            language=language_of(raw) or SOURCE,
            reporter=pseudonym_of(sender, at=self.at),
            via=Message.Via.MAIL,
        )

        def also(message: Message) -> None:
            Arrival.objects.create(key=key, at=as_utc(self.at))
            if address and has_left("shield-answer", address, most=MOST_ANSWERS, at=self.at):
                acknowledge(message, address, answers=returned.message_id, at=self.at)

        try:
            message = receive_message(
                brought,
                by=self.by,
                at=self.at,
                store_folder=self.store_folder,
                also=also,
                is_judged=False,
            )
        except (Refused, Unreadable, Unusable):
            return "refused"
        except (OperationalError, InterfaceError, OSError):
            raise  # the database or the disk is away: the mail waits
        except Exception as fault:
            # A mail that makes us stumble must not keep all others waiting behind it. What went
            # wrong may hold its words: the log has the kind and the place alone.
            where = traceback.extract_tb(fault.__traceback__)[-1]
            kind = f"{type(fault).__name__} in {where.name}, line {where.lineno}"
            _log.error("mail %s stays in the mailbox: %s", key[:12], kind)
            return "refused"
        self._new.append(message.pk)
        return "message"

    def judge(self) -> None:
        """The groups of what came, once for all of it."""
        led = Sighting.objects.filter(message__in=self._new).exclude(group__key="")
        retriage(list(led.values_list("group", flat=True).distinct()), at=self.at)
        self._new.clear()


def acknowledge(message: Message, address: str, *, answers: str, at: datetime) -> None:
    """The reference, to who sent a mail in; marked so that no program answers it."""
    with sentences.speaking(message.language):
        subject = _("Your report %(reference)s") % {"reference": message.reference}
        lines = [
            _("Thank you: your message arrived. Its reference is %(reference)s.")
            % {"reference": message.reference},
            _("Two people look at what it leads to. We write once more, when they decided."),
        ]
        if settings.NODE_URL:
            url = settings.NODE_URL + reverse("shield:outcome", args=[message.reference])
            lines.append(_("Until then: %(url)s") % {"url": url})
        lines.append(_("If you typed a password or a card number, call your bank now."))
    known = answers if _ID.fullmatch(answers) else ""
    letters.queue(address, subject=subject, text="\n\n".join(lines) + "\n", at=at, answers=known)


# ── places ───────────────────────────────────────────────────────────────────────────────


def read_imap(place: imap.Place, taker: Taker) -> Counter[str]:
    """What is new in a folder over IMAP; how many were what. Raises `Undelivered`."""
    counts: Counter[str] = Counter()
    with imap.opened(place) as box, _judged(taker):
        row = _reading(place.name, at=taker.at)
        for found in box.new(_after(row, box.validity)):
            word = taker.take(found.raw)
            counts[word] += 1
            if place.done and word not in _FOR_A_PERSON:
                box.settle(found.uid)
            elif word not in LEFT:
                box.erase(found.uid)
            row.upto, row.changed_at = f"{box.validity}:{found.uid}", as_utc(taker.at)
            row.save(update_fields=["upto", "changed_at"])
    return counts


def read_maildir(folder: Path, taker: Taker) -> Counter[str]:
    """What is new in a Maildir; how many were what. A file that cannot be read, or not be taken
    away, is said and keeps no other waiting. Raises `NotFound`, and `OSError` for the folder."""
    counts: Counter[str] = Counter()
    with _judged(taker):
        for found in maildir.new(folder, most=imap.MOST_AT_ONCE, largest=imap.LARGEST):
            if found.fault:
                counts["unreadable"] += 1
                _log.warning("%s stays where it is: %s", found.path, found.fault)
                continue
            word = taker.take(found.raw)
            counts[word] += 1
            try:
                (found.leave if word in LEFT else found.erase)()
            except OSError as fault:
                counts["immovable"] += 1
                _log.warning("%s stays where it is: %s", found.path, fault.strerror)
    return counts


@contextmanager
def _judged(taker: Taker) -> Iterator[None]:
    """Groups are judged when a mailbox was read, also where reading broke off."""
    try:
        yield
    finally:
        taker.judge()


def _reading(place: str, *, at: datetime) -> Reading:
    key = hashlib.sha256(place.encode()).hexdigest()
    return Reading.objects.get_or_create(place=key, defaults={"changed_at": as_utc(at)})[0]


def _after(row: Reading, validity: int) -> int:
    """The UID to read on from; where the server counts anew, the beginning."""
    before, _, uid = row.upto.partition(":")
    return int(uid) if before == str(validity) else 0


def _valid(address: str) -> str:
    """The address, or "" where no letter could go there: the report is worth as much without."""
    try:
        validate_email(address)
    except ValidationError:
        return ""
    return address


def _key(raw: bytes, returned: Returned, redirected: str | None) -> str:
    """One mail; what two people redirect are two, though both carry the id of the first."""
    words = [returned.message_id.encode("utf-8", "surrogateescape"), body_of(raw)]
    if redirected is not None:
        words.append(redirected.encode("utf-8", "surrogateescape"))
    return hashlib.sha256(b"\0".join(words)).hexdigest()
