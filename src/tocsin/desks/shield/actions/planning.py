"""The dates on which somebody looks again: set when a listing goes out, dropped when it goes."""

from datetime import datetime

from tocsin.desks.shield.actions import clocks
from tocsin.desks.shield.models import Listing, Recheck
from tocsin.rules.listing import Scope, rechecks_at
from tocsin.words.moments import as_utc


def plan_rechecks(listing: Listing, *, by: str, at: datetime) -> int:
    """Set the dates of a term that begins now; those of the term before are over. How many."""
    drop_rechecks(listing, by=by, at=at)
    dates = rechecks_at(Scope(listing.scope), listed_at=at)
    for due_at in dates:
        row = Recheck.objects.create(listing=listing, due_at=as_utc(due_at))
        clocks.start("recheck", row.uid, started_at=due_at, by=by, at=at)
    return len(dates)


def drop_rechecks(listing: Listing, *, by: str, at: datetime) -> int:
    """Nobody has to look any more; how many were left."""
    rows = list(listing.rechecks.filter(done_at=None))
    for row in rows:
        clocks.drop(row.uid, why="the term is over", by=by, at=at)
        row.delete()
    return len(rows)
