"""Mail to people: written into the database with what causes it, sent afterwards, then gone.

A page never waits for a mail server, and takes the same time whether it wrote to anybody or not.
The process that serves the pages sends at once (`at_once`); the worker repeats what failed.
"""

import json
import logging
import secrets
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

from django.core.mail import EmailMessage
from django.db import connection, transaction

from tocsin.office import leases
from tocsin.office.people.models import Letter
from tocsin.office.people.sealing import seal, unseal
from tocsin.words.moments import as_utc

KEPT = timedelta(hours=72)  # a link in it is dead by then
_PURPOSE = "letter"
_log = logging.getLogger(__name__)
_state = {"at_once": False}


def at_once() -> None:
    """From now on this process sends what it queues, in a thread of its own."""
    _state["at_once"] = True


def queue(address: str, *, subject: str, text: str, at: datetime, answers: str = "") -> Letter:
    """Write a letter; with an empty `address` it is thrown away later, at the same cost.

    `answers` is the Message-ID of what it answers by itself (RFC 3834): nothing answers it back.
    """
    return queue_all([worded(address, subject=subject, text=text, answers=answers)], at=at)[0]


def worded(address: str, *, subject: str, text: str, answers: str = "") -> dict[str, str]:
    """A letter that is not yet queued."""
    words = {"to": address, "subject": subject, "text": text}
    return {**words, "answers": answers} if answers else words


def queue_all(words: Iterable[dict[str, str]], *, at: datetime) -> list[Letter]:
    """Write several letters; see `queue`."""
    letters = Letter.objects.bulk_create(
        Letter(
            sealed=seal(json.dumps(one).encode(), purpose=_PURPOSE),
            created_at=as_utc(at),
            next_attempt_at=as_utc(at),
        )
        for one in words
    )
    if _state["at_once"] and letters:
        transaction.on_commit(lambda: _post().submit(_send_in_thread))
    return letters


def send_due(*, owner: str, at: datetime) -> tuple[int, int]:
    """Send what is due: how many went out, how many are tried again."""
    sent = failed = 0
    while taken := leases.take(Letter.objects.order_by("created_at"), owner=owner, at=at):
        for letter in taken:
            if _send(letter, at=as_utc(at)):
                sent += 1
            else:
                failed += 1
    return sent, failed


def _send(letter: Letter, *, at: datetime) -> bool:
    try:
        words = read(letter)
        if words["to"]:
            _message(words).send()
    except Exception as fault:
        return _put_back(letter, fault, at=at)
    letter.delete()
    return True


def _message(words: dict[str, str]) -> EmailMessage:
    id_ = words.get("answers", "")
    headers = {"Auto-Submitted": "auto-replied", "In-Reply-To": id_, "References": id_}
    return EmailMessage(
        words["subject"], words["text"], to=[words["to"]], headers=headers if id_ else None
    )


def _put_back(letter: Letter, fault: Exception, *, at: datetime) -> bool:
    """Once more later, or never: a letter is kept for three days. The address is not logged."""
    said = f"{type(fault).__name__}: {fault}"[:500]
    if at - letter.created_at > KEPT:
        _log.warning("letter %s was given up after %s attempts", letter.uid, letter.attempt)
        letter.delete()
        return False
    again = at + timedelta(minutes=min(2**letter.attempt, 60))
    leases.settle(letter, {"last_error": said, "next_attempt_at": again})
    return False


def read(letter: Letter) -> dict[str, str]:
    """Address, subject and text of a letter; raises `Unusable`."""
    words: dict[str, str] = json.loads(unseal(bytes(letter.sealed), purpose=_PURPOSE))
    return words


@cache
def _post() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(max_workers=1, thread_name_prefix="letters")


def _send_in_thread() -> Any:
    try:
        return send_due(owner=f"pages {secrets.token_hex(8)}", at=datetime.now(UTC))
    except Exception:
        _log.exception("letters wait for the worker")
        return None
    finally:
        connection.close()
