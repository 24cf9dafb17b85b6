"""Leases: whoever takes a row has it for a while; whoever dies loses it, and another takes over.

For rows with `attempt`, `next_attempt_at`, `lease_owner` and `lease_until`. Attempt and owner
together say whether somebody who comes back late may still speak.
"""

import time
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any, TypeVar

from django.db import InterfaceError, OperationalError, connection, transaction
from django.db.models import Model, Q, QuerySet

from tocsin.words.moments import as_utc

LEASE = timedelta(minutes=10)
_AGAIN = 1.0  # seconds between two tries while the database is away

Row = TypeVar("Row", bound=Model)
Written = TypeVar("Written")


def unheld(at: datetime) -> Q:
    """Rows that are due at this moment and that nobody has."""
    at = as_utc(at)
    return (Q(lease_until=None) | Q(lease_until__lte=at)) & Q(next_attempt_at__lte=at)


def take(
    due: QuerySet[Row], *, owner: str, at: datetime, lease: timedelta = LEASE, limit: int = 20
) -> list[Row]:
    """Take up to `limit` of what is due and unheld; nobody else gets them until the lease ends.

    Of two takers PostgreSQL lets the second pass over the rows of the first (SKIP LOCKED); SQLite
    makes it wait for the short transaction (BEGIN IMMEDIATE), then shows it the rest.
    """
    at = as_utc(at)
    with transaction.atomic():
        free = due.filter(unheld(at)).select_for_update(skip_locked=True, of=("self",))
        taken: list[Any] = list(free[:limit])
        for row in taken:
            row.attempt += 1
            row.lease_owner, row.lease_until = owner, at + lease
            row.save(update_fields=["attempt", "lease_owner", "lease_until"])
    return taken


def settle(row: Model, changes: Mapping[str, Any]) -> bool:
    """Write what came of it and give the lease back, if it is still ours.

    False where it ran out and somebody else took over: then theirs counts.
    """
    held: Any = row
    ours = type(row)._default_manager.filter(  # noqa: SLF001 Django's way
        pk=row.pk, lease_owner=held.lease_owner, attempt=held.attempt, lease_until__isnull=False
    )
    if not ours.update(**{"lease_until": None, **changes}):
        row.refresh_from_db()
        return False
    for name, value in {"lease_until": None, **changes}.items():
        setattr(row, name, value)
    return True


def patiently(write: Callable[[], Written], *, left: timedelta) -> Written:
    """Write what came of something, again and again while the database is away.

    For as long as is `left` of the lease; then somebody else has taken over anyway. `write` is one
    transaction that can be begun anew.
    """
    ends = time.monotonic() + left.total_seconds()
    while True:
        try:
            return write()
        except (OperationalError, InterfaceError):
            if connection.in_atomic_block or time.monotonic() >= ends:
                raise
            connection.close()
            time.sleep(_AGAIN)
