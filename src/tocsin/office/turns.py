"""Turns: a receiver that is slow keeps nobody else waiting.

For channels where every party has a receiver of its own (webhooks). A party that somebody is
handing something to is passed over by everyone else, so one that hangs holds up one worker and not
all of them; and after a slow attempt the rest of what is due for that party steps back, so that it
gets half of a worker's time while it takes what it gets, and a tenth while it does not.
"""

from collections.abc import Collection
from datetime import datetime, timedelta

from tocsin.office.models import Delivery
from tocsin.words.moments import as_utc

SLOW = timedelta(seconds=5)
LONGEST_PAUSE = timedelta(minutes=10)  # however slow: what is urgent is tried within it


def busy(at: datetime, channels: Collection[str]) -> list[int]:
    """Parties that somebody is handing something to over these channels, by primary key."""
    at = as_utc(at)
    held = Delivery.objects.filter(lease_until__gt=at, channel__in=channels)
    # No DISTINCT: SQLite would walk all deliveries in the order of their parties for it.
    return sorted(set(held.order_by().values_list("party_id", flat=True)))


def step_back(delivery: Delivery, *, took: timedelta, is_handed: bool, at: datetime) -> int:
    """After an attempt that took so long: let others go before what else is due; how many do.

    `at` is the moment when the attempt was over.
    """
    if took < SLOW:
        return 0
    pause = took if is_handed else min(took * 10, LONGEST_PAUSE)
    rest = Delivery.objects.filter(
        state=Delivery.State.READY,
        party_id=delivery.party_id,
        channel=delivery.channel,
        next_attempt_at__lte=as_utc(at),
    ).exclude(pk=delivery.pk)
    return rest.exclude(lease_until__gt=as_utc(at)).update(next_attempt_at=as_utc(at) + pause)
