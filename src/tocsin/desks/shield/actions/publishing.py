"""The list goes to the hidden primary: what changed since the serial that it serves."""

from datetime import datetime

from tocsin.channels import knot
from tocsin.desks.shield.actions import clocks
from tocsin.desks.shield.models import Edition, Listing
from tocsin.desks.shield.queries.known import passes
from tocsin.desks.shield.queries.published import (
    changes_since,
    current,
    edition_of,
    is_whole_since,
    newest,
)
from tocsin.formats.listed import Delta
from tocsin.formats.rpz import Zone, is_newer, write_changes, write_whole
from tocsin.office.models import Deadline


def publish(
    primary: knot.Primary, *, zone: Zone, contact: str, by: str, at: datetime
) -> str | None:
    """Bring the primary to the newest edition; a sentence, or None where it is there.

    What it serves is asked of it: whatever happened to either side, the next pass mends it.
    Raises `Undelivered`.
    """
    row = newest()
    if row is None:
        return None
    serial = knot.read_serial(primary)
    if serial == row.version:
        _meet(by=by, at=at)
        return None
    edition = edition_of(row, contact=contact, at=at)
    if serial is None or is_whole_since(serial) or not _is_ours(serial):
        return _publish_whole(primary, zone, row, serial, contact=contact, at=at)
    delta = changes_since(serial, version=row.version)
    knot.publish(primary, write_changes(delta, zone=zone, edition=edition, passes=passes()))
    _meet(by=by, at=at)
    return f"published edition {row.version}: {_counts(delta)}"


def _publish_whole(
    primary: knot.Primary,
    zone: Zone,
    row: Edition,
    serial: int | None,
    *,
    contact: str,
    at: datetime,
) -> str:
    if serial is not None and not is_newer(row.version, serial):
        raise knot.behind(primary, serial, row.version)
    table = current(at=at)
    owners = knot.read_owners(primary) if serial is not None else []
    edition = edition_of(row, contact=contact, at=at)
    commands = write_whole(table, zone=zone, edition=edition, passes=passes(), unset=owners)
    knot.publish(primary, commands)
    return f"published edition {row.version} whole: {table.height:,} listings"


def _is_ours(serial: int) -> bool:
    return Edition.objects.filter(version=serial).exists()


def _counts(delta: Delta) -> str:
    return f"{delta.added.height:,} came, {delta.removed.height:,} went"


def _meet(*, by: str, at: datetime) -> None:
    """What was withdrawn is out of the zone: its clock stops."""
    running = Deadline.objects.filter(rule="shield:withdraw", met_at=None)
    for matter in list(running.exclude(state="withdrawn").values_list("matter", flat=True)):
        ended = Listing.objects.filter(uid=matter).exclude(ended_at=None)
        if ended.exists():
            clocks.meet("withdraw", matter, by=by, at=at)
