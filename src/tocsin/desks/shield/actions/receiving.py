"""A message comes in: read, sealed, put into its groups; always a reference."""

import hashlib
import hmac
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from io import BytesIO
from pathlib import Path

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import transaction

from tocsin.desks.shield.actions import clocks
from tocsin.desks.shield.actions.answering import ADDRESS, answer_messages
from tocsin.desks.shield.actions.references import reference
from tocsin.desks.shield.actions.triaging import MOST_JUDGED, groups_of, retriage
from tocsin.desks.shield.models import Group, Listing, Message, Sighting
from tocsin.desks.shield.queries.covering import covering, covers
from tocsin.desks.shield.queries.messages import (
    SEALED,
    Led,
    is_message,
    pictures_of,
    places_in,
    subject_of,
)
from tocsin.office import evidence, register
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


def receive_message(
    brought: Brought,
    *,
    by: str,
    at: datetime,
    store_folder: Path,
    also: Callable[[Message], None] | None = None,
    is_judged: bool = True,
) -> Message:
    """Take a message in; raises `Unusable` for nothing, too much, or no mail address.

    `also` is done in the same transaction. Without `is_judged`, the caller judges the groups.
    """
    _check(brought)
    places = places_in(brought.text, brought.data)
    kept = _keep(brought.data, at=at, store_folder=store_folder) if brought.data else None
    with transaction.atomic():
        message = Message.objects.create(
            reference=reference(),
            via=brought.via,
            party=brought.party,
            reporter=brought.reporter,
            sealed=seal(brought.text.encode(), purpose=SEALED) if brought.text else b"",
            sealed_address=_sealed(brought.answer_to),
            evidence=kept,
            letters=_letters(brought.data, has_places=bool(places)),
            language=brought.language,
            received_at=as_utc(at),
        )
        groups = place(message, places, subject_of(brought.data), by=by, at=at)
        if is_judged:
            few = [group for group in groups if group.key and group.messages < MOST_JUDGED]
            retriage([group.pk for group in few], at=at)
        facts: dict[str, register.Fact] = {"via": str(brought.via), "addresses": len(places)}
        register.record(
            action="shield:message:receive", actor=by, at=at, subject=message.uid, facts=facts
        )
        if message.sealed_address:
            clocks.start("answer-reporter", message.uid, started_at=at, by=by, at=at)
        if also is not None:
            also(message)
        for group in groups:
            if any(row.tlp == audiences.PUBLIC.most.value for row in covering(group)):
                answer_messages(group, by=by, at=at, only=message)
    return message


def _letters(data: bytes, *, has_places: bool) -> str:
    """Whether letters are to be read in a picture: of a mail only where nothing else leads on."""
    is_wanted = not (has_places and is_message(data)) and bool(pictures_of(data))
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


def _keep(data: bytes, *, at: datetime, store_folder: Path) -> Evidence:
    kind = "message/rfc822" if is_message(data) else "application/octet-stream"
    return evidence.keep(
        BytesIO(data),
        evidence_class="citizen-message",
        media_type=kind,
        at=at,
        keep_for=KEPT,
        store_folder=store_folder,
    )


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
    keys = groups_of([led.url for led in places])
    led_by = {led.url: led for led in places if led.url in keys} or {"": Led("", "")}
    groups: dict[str, Group] = {}
    for url, led in led_by.items():
        group = groups.setdefault(keys.get(url, ""), _group(keys.get(url, ""), by=by, at=at))
        Sighting.objects.create(
            message=message,
            group=group,
            url=url,
            host=led.host,
            subject=subject,
            is_uncertain=is_uncertain,
            at=as_utc(at),
        )
        _reopen(group, led, by=by, at=at)
    if "" in groups:  # a message that leads nowhere is looked at by people too
        Group.objects.filter(key="").update(messages=groups[""].messages + 1, last_at=as_utc(at))
    return list(groups.values())


def _group(key: str, *, by: str, at: datetime) -> Group:
    group, is_new = Group.objects.select_for_update().get_or_create(
        digest=hashlib.sha256(key.encode()).hexdigest(),
        defaults={
            "reference": reference(),
            "key": key[:2000],
            "first_at": as_utc(at),
            "last_at": as_utc(at),
            "changed_at": as_utc(at),
        },
    )
    if is_new:
        clocks.start("approve", group.uid, started_at=at, by=by, at=at)
    return group


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
