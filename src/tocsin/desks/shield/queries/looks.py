"""What the isolated fetcher saw of a group, as text that leads nowhere."""

from dataclasses import dataclass

from tocsin.desks.shield.models import Group, Look
from tocsin.desks.shield.queries.messages import inert


@dataclass(frozen=True)
class Seen:
    """One look, and the other groups that land at the same place."""

    look: Look
    landing: str
    hops: tuple[tuple[str, int], ...]
    title: str
    names: str
    fault: str
    others: tuple[Group, ...]


def seen_of(group: Group) -> Seen | None:
    """The last look at a group; None where nobody asked for one."""
    look = group.looks.first()
    if look is None:
        return None
    return Seen(
        look,
        landing=inert(look.landing),
        hops=tuple((inert(one["url"]), one["status"]) for one in look.hops),
        title=inert(look.title),
        names=inert(", ".join(look.names)),
        fault=inert(look.fault),
        others=tuple(_others(group, look)),
    )


def _others(group: Group, look: Look) -> list[Group]:
    """Groups that lead to the same place, and that place itself where people sent it in."""
    if not look.place_digest:
        return []
    by_look = Group.objects.filter(looks__place_digest=look.place_digest)
    itself = Group.objects.filter(digest=look.place_digest)
    return list((by_look | itself).exclude(pk=group.pk).distinct()[:20])
