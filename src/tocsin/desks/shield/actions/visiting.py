"""Counting visits of the warning page, where it is switched on: hour and network, nothing else.

A browser asks for a page again and again, and anybody can ask a thousand times: whoever comes from
one line is counted once for a listing and an hour.
"""

from datetime import datetime, timedelta
from pathlib import Path

from django.db import DatabaseError, transaction
from django.db.models import F

from tocsin.desks.shield.models import Listing, Visit
from tocsin.desks.shield.queries.visits import line_of, network_of
from tocsin.office.limits import has_left
from tocsin.office.people.models import Limit
from tocsin.words.moments import as_utc


def count_visit(
    listing: Listing,
    address: str,
    *,
    kind: str,
    at: datetime,
    store_folder: Path,
    overlay: Path | None,
) -> bool:
    """One more from the network of an address, unless it was counted; whether it is now.

    The address goes no further: a keyed hash of it and of the listing is among the counters of
    `office.limits` until an hour later. The page is more important than its figure: where the
    database is busy, nothing is counted.
    """
    who = f"{listing.uid}:{line_of(address)}"
    network = network_of(address, kind=kind, store_folder=store_folder, overlay=overlay)
    hour = as_utc(at).replace(minute=0, second=0, microsecond=0)
    try:
        with transaction.atomic():
            if not has_left("shield-visit", who, most=1, at=at):
                return False
            row, _ = Visit.objects.get_or_create(listing=listing, hour=hour, network=network)
            Visit.objects.filter(pk=row.pk).update(count=F("count") + 1)
    except DatabaseError:
        return False
    return True


def forget_few(*, least: int, at: datetime) -> int:
    """Counts of hours that are over and stayed below the threshold go; how many.

    With them the counters that ran out, so that nobody is known again after an hour.
    """
    Limit.objects.filter(expires__lt=as_utc(at)).delete()
    over = as_utc(at).replace(minute=0, second=0, microsecond=0) - timedelta(seconds=1)
    few = Visit.objects.filter(hour__lte=over, count__lt=least)
    return few.delete()[0]
