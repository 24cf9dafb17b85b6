"""The list goes to the hidden primary: what changed since the serial that it serves."""

from collections.abc import Mapping
from datetime import datetime

import polars as pl

from tocsin.channels import knot
from tocsin.desks.shield.actions import clocks
from tocsin.desks.shield.models import Edition, Listing
from tocsin.desks.shield.queries.known import passes
from tocsin.desks.shield.queries.published import (
    changes_since,
    edition_of,
    is_whole_since,
    names_in_force,
    newest,
)
from tocsin.formats import listed
from tocsin.formats.listed import Delta
from tocsin.formats.rpz import Zone, is_newer, write_changes, write_whole
from tocsin.office.models import Deadline
from tocsin.words.errors import Undelivered


def publish_all(
    zones: Mapping[str, Zone], *, socket: str, contact: str, by: str, at: datetime
) -> str | None:
    """Bring the primary to the newest edition of each audience's zone; a sentence, or None.

    What was withdrawn is out once every zone was seen without it. One zone that fails keeps no
    other waiting; then raises its `Undelivered`.
    """
    said, faults = [], []
    for audience, zone in zones.items():
        try:
            done = publish(
                knot.Primary(zone.origin, socket), audience, zone, contact=contact, at=at
            )
        except Undelivered as fault:
            faults.append(fault)
        else:
            said += [done] if done else []
    if faults:
        raise faults[0]
    _meet(by=by, at=at)
    return "; ".join(said) or None


def publish(
    primary: knot.Primary, audience: str, zone: Zone, *, contact: str, at: datetime
) -> str | None:
    """Bring a zone to the newest edition of its audience; a sentence, or None where it is there.

    What it serves is asked of it: whatever happened to either side, the next pass mends it.
    Raises `Undelivered`.
    """
    row = newest(audience)
    if row is None:
        return None
    serial = knot.read_serial(primary)
    if serial == row.version:
        return None
    edition = edition_of(row, contact=contact, at=at)
    if serial is None or is_whole_since(serial, audience) or not _is_ours(serial, audience):
        if serial is not None and not is_newer(row.version, serial):
            raise knot.behind(primary, serial, row.version)
        owners = knot.read_owners(primary) if serial is not None else []
        return _publish_whole(primary, zone, names_in_force(audience, at=at), edition, owners)
    delta = changes_since(serial, audience, version=row.version)
    knot.publish(primary, write_changes(delta, zone=zone, edition=edition, passes=passes()))
    return f"published edition {row.version}: {_counts(delta)}"


def _publish_whole(
    primary: knot.Primary,
    zone: Zone,
    table: pl.DataFrame,
    edition: listed.Edition,
    owners: list[str],
) -> str:
    commands = write_whole(table, zone=zone, edition=edition, passes=passes(), unset=owners)
    knot.publish(primary, commands)
    return f"published edition {edition.version} whole: {table.height:,} listings"


def _is_ours(serial: int, audience: str) -> bool:
    return Edition.objects.filter(audience=audience, version=serial).exists()


def _counts(delta: Delta) -> str:
    return f"{delta.added.height:,} came, {delta.removed.height:,} went"


def _meet(*, by: str, at: datetime) -> None:
    """What was withdrawn is out of the zone: its clock stops."""
    running = Deadline.objects.filter(rule="shield:withdraw", met_at=None)
    for matter in list(running.exclude(state="withdrawn").values_list("matter", flat=True)):
        ended = Listing.objects.filter(uid=matter).exclude(ended_at=None)
        if ended.exists():
            clocks.meet("withdraw", matter, by=by, at=at)
