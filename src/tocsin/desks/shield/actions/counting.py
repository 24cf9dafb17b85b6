"""What the public figures are made of: each time that a listing goes out or is withdrawn.

The rows are counted by month when the register closes it, so that the figures stay when the facts
of single listings are erased. What is listed for some audience alone is not counted: whoever
compares the figures with the public list would see that there is more.
"""

from datetime import datetime

from tocsin.desks.shield.models import Listing
from tocsin.office import register
from tocsin.rules.audiences import PUBLIC
from tocsin.rules.shield import span_of
from tocsin.words.moments import as_utc

RENEWED, UNKNOWN = "renewed", "unknown"


def count_listed(row: Listing, *, is_first: bool, by: str, at: datetime) -> None:
    """It goes out; how long after the first message, where it is the first time."""
    if row.tlp != PUBLIC.most.value:
        return
    since = row.group.first_at if row.group else row.proposed_at
    within = span_of(as_utc(at) - since) if is_first else RENEWED
    facts: dict[str, register.Fact] = {"scope": row.scope, "within": within}
    register.record(action="shield:term:begin", actor=by, at=at, subject=row.uid, facts=facts)


def count_withdrawn(
    row: Listing, *, cause: str, since: datetime | None, by: str, at: datetime
) -> None:
    """It is withdrawn; why, and how long after somebody said that it should be."""
    if row.tlp != PUBLIC.most.value:
        return
    within = span_of(as_utc(at) - since) if since else UNKNOWN
    facts: dict[str, register.Fact] = {"scope": row.scope, "cause": cause, "within": within}
    register.record(action="shield:term:end", actor=by, at=at, subject=row.uid, facts=facts)
