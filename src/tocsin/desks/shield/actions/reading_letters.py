"""Letters in pictures that people sent in: read by the worker, never while somebody waits.

What is read is a guess of a program's: its addresses are marked as uncertain, stand beside the
lines for whoever decides, and are listed by two people or not at all, like every other.
"""

from datetime import datetime
from pathlib import Path

from django.db import transaction

from tocsin.desks.shield.actions import clocks
from tocsin.desks.shield.actions.answering import answer_messages
from tocsin.desks.shield.actions.confining import say_what_is_open
from tocsin.desks.shield.actions.receiving import place
from tocsin.desks.shield.actions.triaging import retriage
from tocsin.desks.shield.models import Group, Message
from tocsin.desks.shield.queries.covering import covering
from tocsin.desks.shield.queries.messages import (
    SEALED,
    Led,
    pictures_of,
    places_of_letters,
)
from tocsin.formats.mail import letters
from tocsin.office import evidence
from tocsin.office.people.sealing import seal
from tocsin.words.errors import TocsinError, Unreadable

MOST_AT_ONCE = 20
_LONGEST = 20_000


def read_waiting(*, languages: str, by: str, at: datetime, store_folder: Path) -> int:
    """Read letters where they wait; how many messages. Without the program they say so."""
    rows = Message.objects.filter(letters=Message.Letters.WAITING).order_by("received_at")
    program = letters.program() if languages else None
    waiting = list(rows.select_related("evidence")[:MOST_AT_ONCE])
    for message in waiting:
        if program is None or message.evidence is None:
            settle(message, Message.Letters.ABSENT, [])
            continue
        say_what_is_open()
        lines, is_read = _lines(message, program, languages, store_folder)
        state = Message.Letters.READ if is_read else Message.Letters.FAILED
        _take(message, lines, state, by=by, at=at)
    return len(waiting)


def _lines(
    message: Message, program: str, languages: str, store_folder: Path
) -> tuple[list[letters.Line], bool]:
    """The lines of all its pictures; False where none could be read."""
    lines: list[letters.Line] = []
    is_read = False
    try:
        digest = message.evidence.digest if message.evidence else ""
        data = b"".join(evidence.read(digest, store_folder=store_folder))
    except TocsinError:
        return [], False
    for picture in pictures_of(data):
        try:
            lines += letters.letters_in(picture, program=program, languages=languages)
            is_read = True
        except (Unreadable, OSError):  # one picture less; the others are read
            continue
    return lines, is_read


def _take(
    message: Message, lines: list[letters.Line], state: str, *, by: str, at: datetime
) -> None:
    """The lines, sealed; the addresses in them, uncertain, in their groups."""
    known = set(message.sightings.values_list("url", flat=True))
    places = [led for led in places_of_letters(letters.addresses_of(lines)) if led.url not in known]
    with transaction.atomic():
        row = Message.objects.select_for_update().get(pk=message.pk)
        if row.state != Message.State.RECEIVED:  # decided meanwhile: nothing of it is kept
            settle(row, Message.Letters.NONE, [])
            return
        settle(row, state, lines)
        if places:
            _place(row, places, by=by, at=at)


def settle(message: Message, state: str, lines: list[letters.Line]) -> None:
    """What became of reading."""
    text = "\n".join(line.text for line in lines)[:_LONGEST]
    message.letters = state
    message.sealed_letters = seal(text.encode(), purpose=SEALED) if text else b""
    message.save(update_fields=["letters", "sealed_letters"])


def _lead_away(message: Message, *, by: str, at: datetime) -> None:
    """It leads somewhere after all; where nothing is left that leads nowhere, nothing waits."""
    gone, _ = message.sightings.filter(group__key="").delete()
    group = Group.objects.select_for_update().filter(key="").first()
    if not gone or group is None:
        return
    group.messages = max(group.messages - gone, 0)
    if not group.sightings.filter(message__state=Message.State.RECEIVED).exists():
        group.state = Group.State.REJECTED
        clocks.drop(group.uid, why="letters in the picture lead somewhere", by=by, at=at)
    group.save(update_fields=["messages", "state"])


def _place(message: Message, places: list[Led], *, by: str, at: datetime) -> None:
    subject = str(message.sightings.values_list("subject", flat=True).first() or "")
    _lead_away(message, by=by, at=at)
    groups = place(message, places, subject, by=by, at=at, is_uncertain=True)
    retriage([group.pk for group in groups], at=at)
    for group in groups:
        if group.state == Group.State.LISTED or covering(group):
            answer_messages(group, by=by, at=at, only=message)
