"""A message comes in: read, sealed, put into its groups; always a reference.

What comes together (`receive_messages`) is written together: a statement for all of them costs
hardly more than one for each, and a mailbox brings thousands.
"""

import hashlib
import hmac
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from uuid import UUID

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import IntegrityError, transaction
from django.db.models import F

from tocsin.desks.shield.actions import clocks
from tocsin.desks.shield.actions.answering import ADDRESS, answer_messages
from tocsin.desks.shield.actions.references import reference
from tocsin.desks.shield.actions.triaging import groups_of, judge_soon
from tocsin.desks.shield.models import Group, Listing, Message, Sighting
from tocsin.desks.shield.queries.covering import covers, publicly_covered
from tocsin.desks.shield.queries.messages import SEALED, Led, Told, told_in
from tocsin.office import evidence, register
from tocsin.office.evidence import Waiting
from tocsin.office.models import Evidence, Party
from tocsin.office.people.sealing import seal
from tocsin.rules import audiences
from tocsin.rules.shield import IN_FORCE
from tocsin.words.errors import Unusable
from tocsin.words.moments import as_utc

LONGEST_TEXT = 20_000
LARGEST_FILE = 5 * 1024 * 1024
LARGEST_MAIL = 25 * 1024 * 1024
KEPT = timedelta(days=30)  # without a decision, too
PUBLIC = "public"


@dataclass(frozen=True)
class Brought:
    """What somebody sent: `reporter` a pseudonym of one day, `answer_to` a mail address or ""."""

    text: str = ""
    data: bytes = b""
    answer_to: str = ""
    language: str = "en"
    reporter: str = ""
    via: str = Message.Via.FORM
    party: Party | None = None


@dataclass(frozen=True)
class Opened:
    """What somebody sent, read; nothing of it is written yet."""

    brought: Brought
    told: Told


@dataclass(frozen=True)
class Written:
    """Messages of one transaction, their groups, and the files that belong to them."""

    messages: list[Message]
    groups: set[int]
    files: list[tuple[Waiting, Evidence]]


def open_brought(brought: Brought) -> Opened:
    """Look at what somebody sent; raises `Unusable` for nothing, too much, or no mail address."""
    _check(brought)
    return Opened(brought, told_in(brought.text, brought.data))


def receive_message(brought: Brought, *, by: str, at: datetime, store_folder: Path) -> Message:
    """Take a message in, its groups judged; raises what `open_brought` does."""
    opened = open_brought(brought)
    with sealed_up([opened], at=at, store_folder=store_folder) as waiting:
        try:
            return _receive_one(opened, waiting, by=by, at=at, store_folder=store_folder)
        except IntegrityError:  # in this very moment somebody brought the same
            return _receive_one(opened, waiting, by=by, at=at, store_folder=store_folder)


def _receive_one(
    opened: Opened,
    waiting: Sequence[Waiting | None],
    *,
    by: str,
    at: datetime,
    store_folder: Path,
) -> Message:
    with transaction.atomic():
        written = receive_messages([opened], waiting, by=by, at=at, store_folder=store_folder)
        judge_soon(written.groups, at=at)
        evidence.put_all(written.files, store_folder=store_folder)
    return written.messages[0]


@contextmanager
def sealed_up(
    found: Sequence[Opened], *, at: datetime, store_folder: Path
) -> Iterator[list[Waiting | None]]:
    """The file of each, sealed and durable before a transaction begins; None where none came."""
    kinds = ["message/rfc822" if one.told.is_mail else "application/octet-stream" for one in found]
    with evidence.sealed_up(
        [
            (one.brought.data, kind)
            for one, kind in zip(found, kinds, strict=True)
            if one.brought.data
        ],
        evidence_class="citizen-message",
        at=at,
        keep_for=KEPT,
        store_folder=store_folder,
    ) as made:
        files = iter(made)
        yield [next(files) if one.brought.data else None for one in found]


def receive_messages(
    found: Sequence[Opened],
    waiting: Sequence[Waiting | None],
    *,
    by: str,
    at: datetime,
    store_folder: Path,
) -> Written:
    """Write messages down inside a transaction: all of them, or it raises.

    Before it ends the caller puts the files into their places; groups may be judged later.
    """
    files = [one for one in waiting if one is not None]
    settled = evidence.settle_all(files, store_folder=store_folder)
    kept = iter(settled)
    messages = Message.objects.bulk_create(
        _message(one, next(kept) if file else None, at=at)
        for one, file in zip(found, waiting, strict=True)
    )
    placed = [Placed(row, one.told) for row, one in zip(messages, found, strict=True)]
    groups = place_all(placed, by=by, at=at)
    facts: list[tuple[UUID, dict[str, register.Fact]]] = [
        (one.message.uid, {"via": str(one.message.via), "addresses": len(one.told.places)})
        for one in placed
    ]
    register.record_all(facts, action="shield:message:receive", actor=by, at=at)
    told = [row.uid for row in messages if row.sealed_address]
    clocks.start_new("answer-reporter", told, by=by, at=at)
    _answer_listed(placed, by=by, at=at)
    keys = {group.pk for group in groups}
    return Written(messages, keys, list(zip(files, settled, strict=True)))


def _message(opened: Opened, kept: Evidence | None, *, at: datetime) -> Message:
    brought = opened.brought
    return Message(
        reference=reference(),
        via=brought.via,
        party=brought.party,
        reporter=brought.reporter,
        sealed=seal(brought.text.encode(), purpose=SEALED) if brought.text else b"",
        sealed_address=_sealed(brought.answer_to),
        evidence=kept,
        letters=_letters(opened.told),
        language=brought.language,
        received_at=as_utc(at),
    )


def _letters(told: Told) -> str:
    """Whether letters are to be read in a picture: of a mail only where nothing else leads on."""
    is_wanted = not (told.places and told.is_mail) and told.has_pictures
    return Message.Letters.WAITING if is_wanted else Message.Letters.NONE


def pseudonym_of(who: str, *, at: datetime) -> str:
    """Who reports, for one day: tells independent reports from repeated ones, and nobody who."""
    text = f"shield reporter {who} {at:%Y-%m-%d}"
    return hmac.new(settings.SECRET_KEY.encode(), text.encode(), hashlib.sha256).hexdigest()[:32]


def _check(brought: Brought) -> None:
    if not brought.text.strip() and not brought.data:
        raise Unusable("there is nothing to look at. Possible: an address, a text or a file")
    if len(brought.text) > LONGEST_TEXT:
        raise Unusable(f"a text has at most {LONGEST_TEXT:,} letters. Possible: send it as a file")
    most = LARGEST_MAIL if brought.via == Message.Via.MAIL else LARGEST_FILE
    if len(brought.data) > most:
        raise Unusable(f"a file has at most {most // 1024 // 1024} MiB")
    if brought.answer_to:
        try:
            validate_email(brought.answer_to)
        except ValidationError:
            raise Unusable("that is no mail address. Possible: ada@example.org, or none") from None


def _sealed(address: str) -> bytes:
    return seal(address.encode(), purpose=ADDRESS) if address else b""


@dataclass(frozen=True)
class Placed:
    """A message and what it told: where it leads, and what it is called."""

    message: Message
    told: Told
    is_uncertain: bool = False


def place(
    message: Message,
    places: list[Led],
    subject: str,
    *,
    by: str,
    at: datetime,
    is_uncertain: bool = False,
) -> list[Group]:
    """A sighting for each place; the groups, those that were decided opened again if need be."""
    told = Told(places, subject)
    return place_all([Placed(message, told, is_uncertain=is_uncertain)], by=by, at=at)


def place_all(placed: Sequence[Placed], *, by: str, at: datetime) -> list[Group]:
    """The same for several messages; every group once."""
    keys = groups_of([led.url for one in placed for led in one.told.places])
    led_to = [
        (one, led, keys.get(led.url, ""))
        for one in placed
        for led in one.told.places or [Led("", "")]
    ]
    groups = _groups({key for _, _, key in led_to}, by=by, at=at)
    Sighting.objects.bulk_create(
        Sighting(
            message=one.message,
            group=groups[key],
            url=led.url,
            host=led.host,
            subject=one.told.subject,
            is_uncertain=one.is_uncertain,
            at=as_utc(at),
        )
        for one, led, key in led_to
    )
    for _, led, key in led_to:
        _reopen(groups[key], led, by=by, at=at)
    if "" in groups:  # a message that leads nowhere is looked at by people too
        more = F("messages") + sum(not key for _, _, key in led_to)
        Group.objects.filter(key="").update(messages=more, last_at=as_utc(at))
    return list(groups.values())


def _groups(keys: Iterable[str], *, by: str, at: datetime) -> dict[str, Group]:
    """The group of each key, locked; where there is none yet, a new one with its clock."""
    digests = {hashlib.sha256(key.encode()).hexdigest(): key for key in keys}
    # in one order, so that no two processes wait for each other
    locked = Group.objects.select_for_update().order_by("digest")
    groups = {digests[row.digest]: row for row in locked.filter(digest__in=digests)}
    new = Group.objects.bulk_create(
        Group(
            reference=reference(),
            key=key[:2000],
            digest=digest,
            first_at=as_utc(at),
            last_at=as_utc(at),
            changed_at=as_utc(at),
        )
        for digest, key in sorted(digests.items())
        if key not in groups
    )
    clocks.start_new("approve", [row.uid for row in new], by=by, at=at)
    return groups | {digests[row.digest]: row for row in new}


def _reopen(group: Group, led: Led, *, by: str, at: datetime) -> None:
    """A decided group is open again, unless what all see listed still covers this place.

    What is listed for some alone is no answer to anybody else: an answer at once would tell it.
    """
    if group.state in (Group.State.OPEN, Group.State.WAITING):
        return
    listings = Listing.objects.filter(
        group=group, state__in=IN_FORCE, tlp=audiences.PUBLIC.most.value
    )
    is_covered = any(covers(row, url=led.url, host=led.host) for row in listings)
    if group.state == Group.State.LISTED and is_covered:
        return
    group.state, group.first_at, group.changed_at = Group.State.OPEN, as_utc(at), as_utc(at)
    group.save(update_fields=["state", "first_at", "changed_at"])
    clocks.start("approve", group.uid, started_at=at, by=by, at=at)


def _answer_listed(placed: Sequence[Placed], *, by: str, at: datetime) -> None:
    """Who leads where all see a listing already is answered at once."""
    listed = publicly_covered((led.url, led.host) for one in placed for led in one.told.places)
    for one in placed:
        if any((led.url, led.host) in listed for led in one.told.places):
            for sighting in one.message.sightings.select_related("group"):
                answer_messages(sighting.group, by=by, at=at, only=one.message)
