"""The routing snapshot: readable, and how old."""

import json
from collections.abc import Iterator
from datetime import date, timedelta

from tocsin.node.doctor.finding import Case, Finding
from tocsin.node.doctor.words import ago, note, ok, wrong

AREA = "networks"
OLD, VERY_OLD = timedelta(days=90), timedelta(days=365)
UPDATE = "tocsin networks update"


def look(case: Case) -> Iterator[Finding]:
    """By the date that the snapshot states itself."""
    from tocsin.flow.networks import SHIPPED, snapshot_in

    folder = snapshot_in(case.store.networks)
    try:
        made = date.fromisoformat(json.loads((folder / "snapshot.json").read_bytes())["date"])
        missing = [n for n in ("asn4", "asn6") if not (folder / f"{n}.parquet").is_file()]
    except (OSError, ValueError, KeyError, TypeError):
        yield wrong(AREA, f"the routing snapshot in {folder} cannot be read", UPDATE)
        return
    if missing:
        yield wrong(AREA, f"the routing snapshot in {folder} is not whole", UPDATE)
        return
    age = case.at.date() - made
    kept = "shipped with Tocsin" if folder == SHIPPED else "fetched"
    what = f"the routing snapshot of {made} ({kept}) is {ago(age)} old"
    if age > VERY_OLD:
        yield wrong(AREA, what, UPDATE)
    elif age > OLD:
        yield note(AREA, what, UPDATE)
    else:
        yield ok(AREA, what)
