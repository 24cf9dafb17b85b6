"""Digests: what is due for one party and interval goes into one message, and stays in it.

An interval is a run (`each`), an hour or a day (UTC). It gives the ticket, the reference that a
reader answers with; which deliveries travel in one message is written on them when they are first
taken up, so that a repeat is the same message, whatever became due meanwhile.
"""

import hashlib
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from itertools import groupby
from pathlib import Path

from django.db.models import Q

from tocsin.channels import mail
from tocsin.channels.channel import Letter
from tocsin.office import sentences, wording
from tocsin.office.models import Contact, Delivery, Party
from tocsin.words.errors import Undelivered
from tocsin.words.moments import DAY, as_utc, stamp

INTERVALS = ("each", "hourly", "daily")
NOTICE = "notice"  # the relation of the node's own texts (`office.notices`)
MOST_TOGETHER = 50  # deliveries in one message, two files each
FOR_MANIFEST = 64 * 1024  # twice the largest seen

# Crockford's alphabet: no I, L, O, U that a person could misread on the telephone.
_LETTERS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


def is_due(at: datetime) -> Q:
    """Deliveries whose interval is over, those in a message already, and the node's notices."""
    hour = as_utc(at).replace(minute=0, second=0, microsecond=0)
    return (
        Q(party__interval="each")
        | Q(run=None)
        | Q(party__interval="hourly", created_at__lt=hour)
        | Q(party__interval="daily", created_at__lt=hour.replace(hour=0))
        | ~Q(parcel="")
    )


def due_at(delivery: Delivery) -> datetime:
    """When it is to be handed over: at its next attempt, but not before its interval is over."""
    if delivery.run_id is None:
        return as_utc(delivery.next_attempt_at)
    begun = as_utc(delivery.created_at).replace(minute=0, second=0, microsecond=0)
    over = {
        "each": begun,
        "hourly": begun + timedelta(hours=1),
        "daily": begun.replace(hour=0) + DAY,
    }[delivery.party.interval]
    attempt = as_utc(delivery.next_attempt_at)
    return attempt if delivery.parcel else max(attempt, over)


def interval_of(delivery: Delivery) -> str:
    """The interval that a delivery falls into, by its party's wish; a notice is one of its own."""
    if delivery.run is None:
        return delivery.uid.hex
    if delivery.party.interval == "each":
        return delivery.run.uid.hex
    return stamp(delivery.created_at)[: {"hourly": 11, "daily": 8}[delivery.party.interval]]


def ticket_of(delivery: Delivery) -> str:
    """`7F3K-9QWZ-2M4H`: from party and interval; who knows neither cannot guess it (60 bits)."""
    digest = hashlib.sha256(f"{delivery.party.uid.hex}:{interval_of(delivery)}".encode()).digest()
    number = int.from_bytes(digest[:8], "big")
    letters = "".join(_LETTERS[number >> shift & 31] for shift in range(0, 60, 5))
    return "-".join(letters[start : start + 4] for start in (0, 4, 8))


def stack(deliveries: Sequence[Delivery], rooms: Mapping[str, int]) -> None:
    """Give every delivery its ticket and its message; those that have them keep them.

    `rooms` says, by channel, how many bytes of files one message holds.
    """
    new = [delivery for delivery in deliveries if not delivery.parcel]
    for delivery in new:
        delivery.ticket = ticket_of(delivery)
    new.sort(key=lambda one: (one.channel, one.party_id, one.ticket, one.pk))
    for (channel, _, _), group in groupby(new, lambda o: (o.channel, o.party_id, o.ticket)):
        for together in _cut(list(group), rooms[channel]):
            name = hashlib.sha256(b"".join(one.uid.bytes for one in together)).hexdigest()[:32]
            for delivery in together:
                delivery.parcel = name
    Delivery.objects.bulk_update(new, ["ticket", "parcel"])


def _cut(deliveries: list[Delivery], room: int) -> list[list[Delivery]]:
    """In order, as many together as there is room for; one that has no room goes alone."""
    cut: list[list[Delivery]] = []
    left = 0
    for delivery in deliveries:
        size = delivery.size + FOR_MANIFEST
        if not cut or size > left or len(cut[-1]) == MOST_TOGETHER:
            cut.append([])
            left = room
        cut[-1].append(delivery)
        left -= size
    return cut


def mailboxes_of(party: Party) -> str:
    """The address a party is written to, without those found dead; raises `Undelivered`.

    A dead `Jo@host.example` silences `Jo@HOST.example` and not `jo@host.example` (RFC 5321 2.4).

    Its own address of the party file, or else its living contacts: those for abuse before
    others, those written by hand before those out of a registry.
    """
    known = party.contacts.filter(kind="email")
    dead = {mail.spelling(row.value) for row in known.exclude(dead_at=None)}
    own = [part.strip() for part in party.channel_address.split(",") if part.strip()]
    written = own or _contacts(list(known.filter(dead_at=None)))
    living = [mailbox for mailbox in written if mail.spelling(mailbox) not in dead]
    if not living:
        why = f"found dead: {', '.join(sorted(dead))}" if dead else "none is on file"
        raise Undelivered(
            f"party {party.slug}: no mail address that lives ({why}). Possible: write one into "
            "its [party.delivery] or [[party.contact]], import it and resume the delivery",
            lasting=True,
        )
    return ",".join(living)


def _contacts(contacts: list[Contact]) -> list[str]:
    best = [row for row in contacts if row.source == "manual"] or contacts
    best = [row for row in best if row.purpose == "abuse"] or best
    return sorted({row.value for row in best})


def letter_of(group: Sequence[Delivery], *, store_folder: Path) -> Letter:
    """The letter that goes with these deliveries of one message."""
    party, first = group[0].party, group[0]
    beginning = Delivery.objects.filter(ticket=first.ticket, party=party).order_by("pk").first()
    started_by = beginning.parcel if beginning else first.parcel
    said = _said(group, store_folder=store_folder)
    return Letter(
        message=first.parcel,
        reference=first.ticket,
        subject=said.subject,
        text=said.text,
        name=party.name,
        language=said.language,
        dated=max(as_utc(delivery.created_at) for delivery in group),
        after="" if started_by == first.parcel else started_by,
        key=party.key,
    )


def _said(group: Sequence[Delivery], *, store_folder: Path) -> wording.Said:
    """The words: a notice brings its own, what tells of events is worded from its manifests."""
    if group[0].relation != NOTICE:
        return wording.digest(group, store_folder=store_folder)
    text = (store_folder / group[0].path).read_text(encoding="utf-8")
    subject, _, body = text.partition("\n")
    language = sentences.offered(group[0].party.language)
    return wording.Said(subject=subject, text=body.strip() + "\n", language=language)
