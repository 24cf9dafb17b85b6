"""The node's own lists of names: what always passes, what warns, brands, what is shared."""

from datetime import datetime
from uuid import UUID

from django.db import transaction

from tocsin.desks.shield.actions.editions import new_editions
from tocsin.desks.shield.models import Name
from tocsin.desks.shield.queries.known import KINDS
from tocsin.flow.urls import read_host
from tocsin.office import register
from tocsin.office.people.viewer import Viewer
from tocsin.rules.listing import Caution
from tocsin.words.errors import NotFound, Refused, Unreadable, Unusable
from tocsin.words.moments import as_utc

CHANGE = "shield:name:change"
MOST = 5000


def add_names(
    viewer: Viewer, *, kind: str, values: str, brand: str = "", words: str = "", at: datetime
) -> int:
    """Put names on a list, one a line; how many are new. Raises `Unusable` naming the first bad."""
    viewer.require(CHANGE)
    if kind not in KINDS:
        raise Unusable(f"{kind!r} is no list. Possible: {', '.join(KINDS)}")
    names = {_name(line) for line in values.splitlines() if line.strip()}
    if not names or len(names) > MOST:
        raise Unusable(f"one name a line, 1 to {MOST:,} of them")
    if kind == str(Caution.BRAND_OWN) and not brand.strip():
        raise Unusable("a brand's own names come with the name of the brand")
    with transaction.atomic():
        there = set(Name.objects.filter(kind=kind, value__in=names).values_list("value", flat=True))
        rows = [
            Name(
                kind=kind,
                value=name,
                brand=" ".join(brand.split())[:100],
                words=" ".join(words.split())[:200],
                added_at=as_utc(at),
                added_by=viewer.name,
            )
            for name in sorted(names - there)
        ]
        Name.objects.bulk_create(rows)
        _changed("add", kind, len(rows), viewer, at=at)
    return len(rows)


def remove_name(viewer: Viewer, uid: UUID, *, at: datetime) -> None:
    """Take a name off its list; raises `NotFound`."""
    viewer.require(CHANGE)
    with transaction.atomic():
        row = Name.objects.select_for_update().filter(uid=uid).first()
        if row is None:
            raise NotFound(f"there is no name {uid}")
        row.delete()
        _changed("remove", row.kind, 1, viewer, at=at)


def _name(line: str) -> str:
    try:
        name, is_address = read_host(line.strip())
    except Unreadable as fault:
        raise Unusable(str(fault)) from fault
    if is_address or "." not in name:
        raise Refused(f"{line.strip()[:80]!r} is no name of a site. Possible: bank.example")
    return name


def _changed(verb: str, kind: str, count: int, viewer: Viewer, *, at: datetime) -> None:
    """What passes stands in the zone: a change of it goes out at once."""
    if count and kind == str(Caution.ALWAYS_PASSES):
        new_editions(at=at, is_whole=True)
    register.record(
        action=f"shield:name:{verb}",
        actor=viewer.name,
        at=at,
        facts={"kind": kind, "names": count},
    )
