"""What ends by itself: terms that are over, proposals that nobody confirmed."""

from datetime import datetime, timedelta

from django.db import transaction

from tocsin.desks.shield.actions.deciding import end_by_itself
from tocsin.desks.shield.models import Listing
from tocsin.rules.shield import IN_FORCE
from tocsin.words.moments import as_utc

LAPSE = timedelta(days=7)  # the clock `shield:lapse`


def end_due(*, by: str, at: datetime) -> tuple[int, int]:
    """How many listings expired, how many proposals lapsed."""
    at = as_utc(at)
    over = Listing.objects.filter(state__in=IN_FORCE, expires_at__lte=at)
    stale = Listing.objects.filter(state__in=("proposed", "approved"), proposed_at__lte=at - LAPSE)
    counts = []
    for rows, step in ((over, "expire"), (stale, "lapse")):
        keys = list(rows.values_list("pk", flat=True))
        for key in keys:
            with transaction.atomic():
                row = Listing.objects.select_for_update().get(pk=key)
                if row.state in (IN_FORCE if step == "expire" else ("proposed", "approved")):
                    end_by_itself(row, step, by=by, at=at)
        counts.append(len(keys))
    return counts[0], counts[1]
