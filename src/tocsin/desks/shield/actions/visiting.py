"""Counting visits of the warning page, where it is switched on: hour and network, nothing else."""

from datetime import datetime, timedelta
from pathlib import Path

from django.db import DatabaseError, transaction
from django.db.models import F

from tocsin.desks.shield.models import Listing, Visit
from tocsin.desks.shield.queries.visits import network_of
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
    """One more from the network of an address, which goes no further; whether it was counted.

    The page is more important than its figure: where the database is busy, nothing is counted.
    """
    network = network_of(address, kind=kind, store_folder=store_folder, overlay=overlay)
    hour = as_utc(at).replace(minute=0, second=0, microsecond=0)
    try:
        with transaction.atomic():
            row, _ = Visit.objects.get_or_create(listing=listing, hour=hour, network=network)
            Visit.objects.filter(pk=row.pk).update(count=F("count") + 1)
    except DatabaseError:
        return False
    return True


def forget_few(*, least: int, at: datetime) -> int:
    """Counts of hours that are over and stayed below the threshold go; how many."""
    over = as_utc(at).replace(minute=0, second=0, microsecond=0) - timedelta(seconds=1)
    few = Visit.objects.filter(hour__lte=over, count__lt=least)
    return few.delete()[0]
