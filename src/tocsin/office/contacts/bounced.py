"""Contacts that nobody reads any more: marked with when and why, not used, and taken back."""

from datetime import datetime

from django.db import transaction

from tocsin.office import register
from tocsin.office.models import Contact, Party
from tocsin.words.errors import NotFound
from tocsin.words.moments import as_utc

# The source of a contact that stands only so that its bounce is remembered: a party that is
# written to at an address which its party file lists as no contact.
BOUNCE = "bounce"


def mark_dead(value: str, *, at: datetime, why: str, by: str) -> int:
    """Mark a mailbox dead for every party that has it; how many contacts that were.

    What was dead before keeps its first reason. Raises `NotFound` where nobody has it.
    """
    at = as_utc(at)
    with transaction.atomic():
        _remember_addresses(value)
        rows = Contact.objects.filter(kind="email", value__iexact=value)
        parties = sorted(set(rows.values_list("party__slug", flat=True)))
        if not parties:
            raise NotFound(f"nobody on file is written to at {value}")
        marked = rows.filter(dead_at=None).update(dead_at=at, dead_reason=why[:500])
        _move_on(value, at=at)
        if marked:
            _record("mark_dead", parties, at=at, by=by, why=why)
    return marked


def mark_alive(value: str, *, at: datetime, why: str, by: str) -> int:
    """Take a dead mark back, once somebody knows that the mailbox is read; raises `NotFound`."""
    at = as_utc(at)
    with transaction.atomic():
        rows = Contact.objects.filter(kind="email", value__iexact=value, dead_at__isnull=False)
        parties = sorted(set(rows.values_list("party__slug", flat=True)))
        if not parties:
            raise NotFound(f"{value} is not marked dead. Possible: tocsin contacts list --dead")
        forgotten, _ = rows.filter(source=BOUNCE).delete()
        marked = forgotten + rows.update(dead_at=None, dead_reason="")
        _record("mark_alive", parties, at=at, by=by, why=why)
    return marked


def dead_reason(value: str) -> str:
    """Since when and why a mailbox is not used, "" for one that is."""
    row = (
        Contact.objects.filter(kind="email", value__iexact=value, dead_at__isnull=False)
        .order_by("dead_at")
        .first()
    )
    if row is None or row.dead_at is None:
        return ""
    return f"dead since {row.dead_at.date().isoformat()}: {row.dead_reason}"


def _remember_addresses(value: str) -> None:
    """A contact for each party that is mailed there and lists it nowhere."""
    mailed = Party.objects.filter(channel="mail", channel_address__icontains=value)
    for party in mailed.exclude(contacts__kind="email", contacts__value__iexact=value):
        for mailbox in party.channel_address.split(","):
            if mailbox.strip().lower() == value.lower():
                Contact.objects.create(
                    party=party, kind="email", value=mailbox.strip(), source=BOUNCE
                )


def _move_on(value: str, *, at: datetime) -> None:
    """Imported parties are written to at their next living mailbox; a person's word stands."""
    for party in Party.objects.filter(member=False, channel_address__iexact=value):
        living = party.contacts.filter(kind="email", dead_at=None, source=party.source)
        if (mailbox := living.order_by("pk").first()) is not None:
            party.channel_address, party.updated_at = mailbox.value, at
            party.save(update_fields=["channel_address", "updated_at"])


def _record(verb: str, parties: list[str], *, at: datetime, by: str, why: str) -> None:
    named: list[register.Fact] = list(parties)
    register.record(
        action=f"office:contact:{verb}", actor=by, at=at, facts={"parties": named, "why": why}
    )
