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
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import IntegrityError, InterfaceError, OperationalError, transaction
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
from tocsin.desks.shield.actions.receiving import (
    Brought,
    Opened,
    Written,
    open_brought,
    pseudonym_of,
    receive_messages,
    sealed_up,
)
from tocsin.desks.shield.actions.triaging import judge_soon
from tocsin.desks.shield.models import Arrival, Message, Reading
from tocsin.desks.shield.queries.reports import report_format
from tocsin.office import evidence, sentences
from tocsin.office.evidence import Waiting
from tocsin.office.limits import have_left
from tocsin.office.people import letters
from tocsin.words.errors import Refused, Unreadable, Unusable
from tocsin.words.languages import SOURCE
from tocsin.words.moments import as_utc

MOST_AT_ONCE = 5_000  # out of a mailbox, until its turn comes again
MOST_ANSWERS = 20  # to one address in an hour: a sender may be forged
LEFT = ("automatic", "refused", "too often")  # stay in the mailbox for a person
_FOR_A_PERSON = ("refused", "too often")  # also where what was read goes to another folder
_TOGETHER = 100  # mails in one transaction
_MOST_HELD = 32 * 1024 * 1024  # bytes of them
_log = logging.getLogger(__name__)
_ID = re.compile(r"<[!-;=?-~]{3,198}>")


@dataclass(frozen=True)
class _Mail:
    """One that was opened and may be taken in."""

    key: str
    sender: str
    address: str
    answers: str
    opened: Opened


@dataclass
class Taker:
    """Takes mails in; `most` of one sender in an hour."""

    by: str
    at: datetime
    store_folder: Path
    most: int
    _groups: set[int] = field(default_factory=set)

    def take(self, raws: Sequence[bytes | None]) -> list[str]:
        """What became of each: message, repeat, or one of `LEFT`.

        Several are one transaction. Each of them is taken in whole or not at all, and one that
        fails takes no other with it.
        """
        looked = [self._look(raw) for raw in raws]
        keys = {one.key for one in looked if isinstance(one, _Head)}
        known = set(Arrival.objects.filter(key__in=keys).values_list("key", flat=True))
        words: dict[int, str] = {}
        mails: dict[int, _Mail] = {}
        again: list[int] = []
        for number, one in enumerate(looked):
            if isinstance(one, str):
                words[number] = one
            elif one.key in known:
                words[number] = "repeat"
            elif one.key in keys:  # the first of its key in here
                keys.discard(one.key)
                mail = self._open(one)
                mails |= {number: mail} if isinstance(mail, _Mail) else {}
                words |= {number: mail} if isinstance(mail, str) else {}
            else:
                again.append(number)
        words |= dict(zip(mails, self._receive(list(mails.values())), strict=True))
        if again:
            words |= dict(zip(again, self.take([raws[number] for number in again]), strict=True))
        return [words[number] for number in range(len(raws))]

    def _look(self, raw: bytes | None) -> "_Head | str":
        if raw is None or len(raw) > imap.LARGEST:
            return "refused"
        returned = read_message(raw)
        redirected = redirected_by(raw)
        is_by_program = returned.kind is not Kind.ANSWER and redirected is None
        key = _key(raw, returned, redirected)
        return _Head(raw, returned, key, redirected or returned.sender, is_by_program)

    def _open(self, head: "_Head") -> _Mail | str:
        if head.is_by_program and report_format(head.raw) is None:
            return "automatic"
        address = _valid(answerable(head.raw))
        brought = Brought(
            data=head.raw,
            answer_to=address,
            language=language_of(head.raw) or SOURCE,
            reporter=pseudonym_of(head.sender, at=self.at),
            via=Message.Via.MAIL,
        )
        try:
            opened = open_brought(brought)
        except Exception as fault:
            return _failed(head.key, fault)
        return _Mail(head.key, head.sender, address, head.returned.message_id, opened)

    def _receive(self, mails: list[_Mail]) -> list[str]:
        """Sealed before the transaction; in their places before it ends."""
        if not mails:
            return []
        opened = [one.opened for one in mails]
        with (
            sealed_up(opened, at=self.at, store_folder=self.store_folder) as waiting,
            transaction.atomic(),
        ):
            senders = [one.sender for one in mails]
            may = have_left("shield-mail", senders, most=self.most, at=self.at)
            taken = [
                (mail, file)
                for mail, file, is_free in zip(mails, waiting, may, strict=True)
                if is_free
            ]
            written = list(self._written(taken))
            evidence.put_all(
                [pair for _words, one in written if one for pair in one.files],
                store_folder=self.store_folder,
            )
        self._groups |= {key for _words, one in written if one for key in one.groups}
        became = iter([word for some, _one in written for word in some])
        return [next(became) if is_free else "too often" for is_free in may]

    def _written(
        self, pairs: Sequence[tuple[_Mail, Waiting | None]]
    ) -> Iterator[tuple[list[str], Written | None]]:
        """All in one go; where that fails, one by one."""
        if not pairs:
            return
        try:
            written = self._write(pairs)
        except (OperationalError, InterfaceError, OSError):
            raise  # the database or the disk is away: the mail waits
        except Exception as fault:
            if len(pairs) > 1:
                for pair in pairs:
                    yield from self._written([pair])
            else:
                yield [_failed(pairs[0][0].key, fault)], None
        else:
            yield ["message"] * len(pairs), written

    def _write(self, pairs: Sequence[tuple[_Mail, Waiting | None]]) -> Written:
        mails, waiting = [pair[0] for pair in pairs], [pair[1] for pair in pairs]
        opened = [mail.opened for mail in mails]
        with transaction.atomic():
            written = receive_messages(
                opened, waiting, by=self.by, at=self.at, store_folder=self.store_folder
            )
            Arrival.objects.bulk_create(Arrival(key=mail.key, at=as_utc(self.at)) for mail in mails)
            self._acknowledge(zip(written.messages, mails, strict=True))
        return written

    def _acknowledge(self, pairs: Iterable[tuple[Message, _Mail]]) -> None:
        told = [(message, mail) for message, mail in pairs if mail.address]
        addresses = [pair[1].address for pair in told]
        may = have_left("shield-answer", addresses, most=MOST_ANSWERS, at=self.at)
        letters.queue_all(
            [
                acknowledge(message, mail.address, answers=mail.answers)
                for (message, mail), is_free in zip(told, may, strict=True)
                if is_free
            ],
            at=self.at,
        )

    def judge(self) -> None:
        """The groups of what came, once for all of it."""
        judge_soon(self._groups, at=self.at)
        self._groups.clear()


@dataclass(frozen=True)
class _Head:
    """One mail as far as its header was looked at."""

    raw: bytes
    returned: Returned
    key: str
    sender: str
    is_by_program: bool


def _failed(key: str, fault: Exception) -> str:
    """A mail that makes us stumble stays, and must not keep all others waiting behind it."""
    if isinstance(fault, IntegrityError) and Arrival.objects.filter(key=key).exists():
        return "repeat"  # somebody else took it in just now
    if not isinstance(fault, (Refused, Unreadable, Unusable)):
        # What went wrong may hold its words: the log has the kind and the place alone.
        where = traceback.extract_tb(fault.__traceback__)[-1]
        kind = f"{type(fault).__name__} in {where.name}, line {where.lineno}"
        _log.error("mail %s stays in the mailbox: %s", key[:12], kind)
    return "refused"


def acknowledge(message: Message, address: str, *, answers: str) -> dict[str, str]:
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
    return letters.worded(address, subject=subject, text="\n\n".join(lines) + "\n", answers=known)


# ── places ───────────────────────────────────────────────────────────────────────────────


def read_imap(place: imap.Place, taker: Taker) -> Counter[str]:
    """What is new in a folder over IMAP; how many were what. Raises `Undelivered`."""
    counts: Counter[str] = Counter()
    with imap.opened(place) as box, _judged(taker):
        row = _reading(place.name, at=taker.at)
        for some in _batches(box.new(_after(row, box.validity), most=MOST_AT_ONCE)):
            for found, word in zip(some, taker.take([one.raw for one in some]), strict=True):
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
        for some in _batches(maildir.new(folder, most=MOST_AT_ONCE, largest=imap.LARGEST)):
            whole = [found for found in some if not found.fault]
            for found in some:
                if found.fault:
                    counts["unreadable"] += 1
                    _log.warning("%s stays where it is: %s", found.path, found.fault)
            for found, word in zip(whole, taker.take([one.raw for one in whole]), strict=True):
                counts[word] += 1
                try:
                    (found.leave if word in LEFT else found.erase)()
                except OSError as fault:
                    counts["immovable"] += 1
                    _log.warning("%s stays where it is: %s", found.path, fault.strerror)
    return counts


def _batches(mails: Iterable[Any]) -> Iterator[list[Any]]:
    """As many as are one transaction, and no more than memory bears."""
    some: list[Any] = []
    held = 0
    for found in mails:
        some.append(found)
        held += len(found.raw or b"")
        if len(some) >= _TOGETHER or held >= _MOST_HELD:
            yield some
            some, held = [], 0
    if some:
        yield some


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
