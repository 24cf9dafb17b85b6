"""What the shield does on a schedule."""

from collections import Counter
from datetime import timedelta

from django.conf import settings

from tocsin.desks.shield.actions.announcing import Desk, tell_concerned
from tocsin.desks.shield.actions.claiming import take_claims
from tocsin.desks.shield.actions.ending import end_due
from tocsin.desks.shield.actions.publishing import publish_all
from tocsin.desks.shield.actions.reading_letters import read_waiting
from tocsin.desks.shield.actions.reading_mail import Taker, read_imap, read_maildir
from tocsin.desks.shield.actions.triaging import refresh_queue
from tocsin.desks.shield.actions.visiting import forget_few
from tocsin.desks.shield.queries.published import zone
from tocsin.formats import xarf
from tocsin.office.jobs import Recurring, Slot
from tocsin.words.errors import NotFound, OutOfSpace, Undelivered


def publish_zone(slot: Slot) -> str | None:
    """Bring the hidden primary to the newest editions; nothing where there is none."""
    shield = settings.SHIELD
    zones = {name: zone(name) for name in shield["zones"]} if shield["socket"] else {}
    contact = slot.settings.get("node", {}).get("contact", "")
    return publish_all(zones, socket=shield["socket"], contact=contact, by=slot.by, at=slot.at)


def tell_of_listings(slot: Slot) -> str | None:
    """Those concerned are told what was listed, and those who were told, what was withdrawn."""
    node = slot.settings["node"]
    sender = xarf.Sender(node["name"], node["contact"], node["domain"]) if node["contact"] else None
    resolver = settings.SHIELD["resolver"]
    desk = Desk(slot.store_folder, node["name"], sender, settings.OVERLAY, resolver)
    return "; ".join(tell_concerned(desk, by=slot.by, at=slot.at)) or None


def end_listings(slot: Slot) -> str | None:
    """Listings whose term is over go; proposals that nobody confirmed lapse."""
    expired, lapsed = end_due(by=slot.by, at=slot.at)
    return f"{expired} listings expired, {lapsed} proposals lapsed" if expired or lapsed else None


def look_at_claims(slot: Slot) -> str | None:
    """Appeals by a name that the public list does not have become appeals where another does."""
    count = take_claims(by=slot.by, at=slot.at)
    return f"{count} claims looked at" if count else None


def order_queue(slot: Slot) -> str | None:
    """The clock of each campaign has moved on, and with it the order of the queue."""
    count = refresh_queue(at=slot.at)
    return f"{count} groups put in order" if count else None


def read_pictures(slot: Slot) -> str | None:
    """Letters in pictures, by a program of the distribution, where it is installed."""
    count = read_waiting(
        languages=settings.SHIELD["letters"],
        by=slot.by,
        at=slot.at,
        store_folder=slot.store_folder,
    )
    return f"letters looked for in {count} messages" if count else None


def read_mail(slot: Slot) -> str | None:
    """What people forwarded to the shield's mailbox, over IMAP or out of a Maildir; where one of
    them is out of reach, the other is read before that is said. Raises `Undelivered`."""
    shield = settings.SHIELD
    taker = Taker(slot.by, slot.at, slot.store_folder, most=shield["rate"])
    ways = ((read_imap, shield["imap"]), (read_maildir, shield["maildir"]))
    counts: Counter[str] = Counter()
    faults = []
    for read, place in ways:
        try:
            counts += read(place, taker) if place is not None else Counter()
        except (Undelivered, NotFound, OutOfSpace) as fault:
            faults.append(str(fault))
        except OSError as fault:
            faults.append(f"{fault.filename or 'the disk'}: {fault.strerror or fault}")
    said = ", ".join(f"{count} {word}" for word, count in sorted(counts.items()))
    if faults or counts["unreadable"] or counts["immovable"]:
        raise Undelivered("; ".join([*faults, said] if said else faults), lasting=False)
    return said or None


def forget_few_visits(slot: Slot) -> str | None:
    """Counts of visits that stayed below the threshold go when their hour is over."""
    count = forget_few(least=settings.SHIELD["least"], at=slot.at)
    return f"{count} small counts of visits forgotten" if count else None


def recurring() -> list[Recurring]:
    """Every job with its schedule. A name server that hangs holds up nothing else."""
    return [
        Recurring("end-listings", timedelta(seconds=5), end_listings),
        Recurring("take-claims", timedelta(seconds=5), look_at_claims),
        Recurring("forget-few-visits", timedelta(minutes=10), forget_few_visits),
        Recurring("order-queue", timedelta(minutes=1), order_queue, lane="shield-queue"),
        Recurring("read-letters", timedelta(seconds=3), read_pictures, lane="shield-letters"),
        Recurring("read-shield-mail", timedelta(seconds=20), read_mail, lane="shield-mail"),
        Recurring(
            "tell-of-listings", timedelta(seconds=2), tell_of_listings, lane="shield-notices"
        ),
        Recurring("publish-zone", timedelta(seconds=1), publish_zone, lane="shield-zone"),
    ]
