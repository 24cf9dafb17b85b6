"""Contacts that nobody reads any more: marked with when and why, not used, and taken back."""

from datetime import datetime

from django.db import transaction

from tocsin.channels import mail
from tocsin.office import register
from tocsin.office.models import Contact, Party
from tocsin.words.errors import NotFound
from tocsin.words.moments import as_utc

# The source of a contact that stands only so that its bounce is remembered: a party that is
# written to at an address which its party file lists as no contact.
BOUNCE = "bounce"


def mark_dead(value: str, *, at: datetime, why: str, by: str) -> int:
    """Mark a mailbox dead for every party that has it; how many contacts that were.

    Of mailboxes that differ in capitals before the @ alone, the one that is named so is meant; all
    of them where none is (servers on the way may change capitals, RFC 5321 2.4). What was dead
    before keeps its first reason. Raises `NotFound` where nobody has it.
    """
    at = as_utc(at)
    with transaction.atomic():
        meant = _meant(value, _stored(value))
        _remember_addresses(meant)
        rows = Contact.objects.filter(kind="email", value__in=meant)
        parties = sorted(set(rows.values_list("party__slug", flat=True)))
        if not parties:
            raise NotFound(f"nobody on file is written to at {value}")
        marked = rows.filter(dead_at=None).update(dead_at=at, dead_reason=why[:500])
        _move_on(meant, at=at)
        if marked:
            _record("mark_dead", parties, at=at, by=by, why=why)
    return marked


def mark_alive(value: str, *, at: datetime, why: str, by: str) -> int:
    """Take a dead mark back, once somebody knows that the mailbox is read; raises `NotFound`."""
    at = as_utc(at)
    with transaction.atomic():
        dead = Contact.objects.filter(kind="email", value__iexact=value, dead_at__isnull=False)
        rows = dead.filter(value__in=_meant(value, set(dead.values_list("value", flat=True))))
        parties = sorted(set(rows.values_list("party__slug", flat=True)))
        if not parties:
            raise NotFound(f"{value} is not marked dead. Possible: tocsin contacts list --dead")
        forgotten, _ = rows.filter(source=BOUNCE).delete()
        marked = forgotten + rows.update(dead_at=None, dead_reason="")
        _record("mark_alive", parties, at=at, by=by, why=why)
    return marked


def dead_reason(value: str) -> str:
    """Since when and why a mailbox is not used, "" for one that is."""
    dead = Contact.objects.filter(kind="email", value__iexact=value, dead_at__isnull=False)
    for row in dead.order_by("dead_at"):
        if row.dead_at is not None and mail.spelling(row.value) == mail.spelling(value):
            return f"dead since {row.dead_at.date().isoformat()}: {row.dead_reason}"
    return ""


def _stored(value: str) -> set[str]:
    """All spellings of a mailbox that stand in contacts and addresses."""
    contacts = Contact.objects.filter(kind="email", value__iexact=value)
    mailed = Party.objects.filter(channel="mail", channel_address__icontains=value)
    addresses = {
        mailbox.strip()
        for address in mailed.values_list("channel_address", flat=True)
        for mailbox in address.split(",")
    }
    same = {mailbox for mailbox in addresses if mailbox.lower() == value.lower()}
    return same | set(contacts.values_list("value", flat=True))


def _meant(value: str, spellings: set[str]) -> set[str]:
    exact = {one for one in spellings if mail.spelling(one) == mail.spelling(value)}
    return exact or spellings


def _remember_addresses(meant: set[str]) -> None:
    """A contact for each party that is mailed at one of these and lists it nowhere."""
    for value in sorted(meant):
        mailed = Party.objects.filter(channel="mail", channel_address__contains=value)
        for party in mailed.exclude(contacts__kind="email", contacts__value=value):
            if value in [mailbox.strip() for mailbox in party.channel_address.split(",")]:
                Contact.objects.create(party=party, kind="email", value=value, source=BOUNCE)


def _move_on(meant: set[str], *, at: datetime) -> None:
    """Imported parties are written to at their next living mailbox; a person's word stands."""
    for party in Party.objects.filter(member=False, channel_address__in=meant):
        living = party.contacts.filter(kind="email", dead_at=None, source=party.source)
        if (mailbox := living.order_by("pk").first()) is not None:
            party.channel_address, party.updated_at = mailbox.value, at
            party.save(update_fields=["channel_address", "updated_at"])


def _record(verb: str, parties: list[str], *, at: datetime, by: str, why: str) -> None:
    named: list[register.Fact] = list(parties)
    register.record(
        action=f"office:contact:{verb}", actor=by, at=at, facts={"parties": named, "why": why}
    )
