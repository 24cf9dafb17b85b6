"""The list goes to the hidden primary: what changed since the serial that it serves."""

import logging
from collections.abc import Mapping
from datetime import datetime

from tocsin.channels import knot
from tocsin.desks.shield.actions import clocks
from tocsin.desks.shield.models import Edition, Listing
from tocsin.desks.shield.queries.known import passes
from tocsin.desks.shield.queries.published import (
    changes_since,
    edition_of,
    is_whole_since,
    names_in,
    newest,
)
from tocsin.formats import listed
from tocsin.formats.listed import Delta
from tocsin.formats.rpz import Zone, is_newer, write_changes, write_whole
from tocsin.office.models import Deadline
from tocsin.words.errors import Undelivered

_LOG = logging.getLogger(__name__)


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
    Where it does not take what changed, the whole zone goes in one transaction, so that nothing
    waits behind one change. Raises `Undelivered`.
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
        return _publish_whole(primary, zone, audience, edition, is_empty=serial is None)
    delta = changes_since(serial, audience, version=row.version)
    try:
        knot.publish(primary, write_changes(delta, zone=zone, edition=edition, passes=passes()))
    except Undelivered as fault:
        said = _publish_whole(primary, zone, audience, edition, is_empty=False)
        _LOG.error("%s: changes since %s refused: %s", primary.zone, serial, fault)
        return f"{said}, because the changes since {serial} were refused: {fault}"
    return f"published edition {row.version}: {_counts(delta)}"


def _publish_whole(
    primary: knot.Primary, zone: Zone, audience: str, edition: listed.Edition, *, is_empty: bool
) -> str:
    owners = [] if is_empty else knot.read_owners(primary)
    table = names_in(edition.version, audience)
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
