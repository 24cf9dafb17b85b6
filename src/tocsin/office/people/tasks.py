"""What recurs for people: letters that failed, and what was kept as long as it may be."""

from datetime import timedelta

from django.contrib.sessions.models import Session
from django.db.models import Q

from tocsin.office.jobs import Recurring, Slot
from tocsin.office.people import letters
from tocsin.office.people.models import Invitation, Limit

INVITATIONS = timedelta(days=30)


def send_letters(slot: Slot) -> str | None:
    """Send the letters that are due."""
    sent, failed = letters.send_due(owner=slot.by, at=slot.at)
    return f"{sent} letters sent, {failed} wait" if sent or failed else None


def tidy(slot: Slot) -> str | None:
    """Drop sessions and counters that ran out, and invitations a month after their end."""
    before = slot.at - INVITATIONS
    over = Q(expires_at__lt=before) | Q(accepted_at__lt=before) | Q(withdrawn_at__lt=before)
    Invitation.objects.filter(over).delete()
    Limit.objects.filter(expires__lt=slot.at).delete()
    gone, _ = Session.objects.filter(expire_date__lt=slot.at).delete()
    return f"{gone} sessions had run out" if gone else None


def recurring() -> list[Recurring]:
    """Every job with its schedule."""
    return [
        Recurring("send-letters", timedelta(minutes=1), send_letters),
        Recurring("tidy-people", timedelta(days=1), tidy),
    ]
