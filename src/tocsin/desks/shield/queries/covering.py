"""Which addresses that people sent in a listing covers: they alone are settled by it."""

from collections.abc import Iterable

from django.db.models import Q, QuerySet

from tocsin.desks.shield.models import Group, Listing, Look, Message, Sighting
from tocsin.flow.domains import parents
from tocsin.flow.urls import read_url
from tocsin.rules.audiences import PUBLIC
from tocsin.rules.shield import IN_FORCE
from tocsin.words.errors import Unreadable


def covers(row: Listing, *, url: str, host: str) -> bool:
    """Whether what is listed stops somebody who follows an address."""
    return is_within(row.scope, row.value, url=url, host=host)


def is_within(scope: str, value: str, *, url: str, host: str) -> bool:
    """Whether an address falls under a scope and its value."""
    if scope == "url":
        return value == url
    return bool(host) and (host == value or host.endswith(f".{value}"))


def covering(group: Group) -> list[Listing]:
    """Listings in force that may cover addresses of a group, whoever proposed them."""
    return list(_listings_at(group).filter(state__in=IN_FORCE))


def uncovered(group: Group) -> set[str]:
    """Addresses of a group that wait for a decision and that no listing in force covers."""
    rows = covering(group)
    return {
        url
        for url, host in _waiting(group).values_list("url", "host").distinct()
        if not any(covers(row, url=url, host=host) for row in rows)
    }


def covered(group: Group, rows: Iterable[Listing]) -> set[str]:
    """Addresses of a group that any of these listings covers."""
    kept = list(rows)
    if not kept:
        return set()
    places = group.sightings.exclude(url="").values_list("url", "host").distinct()
    return {url for url, host in places if any(covers(row, url=url, host=host) for row in kept)}


def addresses_of(group: Group) -> list[tuple[str, str]]:
    """URL and host of what was sent in, and of where the fetcher landed."""
    sent = group.sightings.exclude(url="").order_by("url").values_list("url", "host").distinct()
    landed = group.looks.filter(state=Look.State.DONE).exclude(landing="")
    return [*sent, *((url, host) for url in _urls(landed) if (host := _host(url)))]


def listings_of(message: Message) -> list[Listing]:
    """Public listings that cover or covered an address of a message, those in force first."""
    found: dict[int, Listing] = {}
    for sighting in message.sightings.exclude(url="").select_related("group"):
        rows = _listings_at(sighting.group).filter(tlp=PUBLIC.most.value).exclude(listed_at=None)
        for row in rows.order_by("-changed_at", "-pk"):
            if covers(row, url=sighting.url, host=sighting.host):
                found.setdefault(row.pk, row)
    return sorted(found.values(), key=lambda row: row.state not in IN_FORCE)


def _waiting(group: Group) -> QuerySet[Sighting]:
    """Since the group was last opened, of messages that have no answer yet."""
    return Sighting.objects.filter(
        group=group, message__state=Message.State.RECEIVED, at__gte=group.first_at
    )


def _listings_at(group: Group) -> QuerySet[Listing]:
    """Of a group itself, of names at, above and below its own, and of its addresses."""
    host = _host(group.key)
    if not host:
        return Listing.objects.filter(group=group)
    names = Q(value__in=parents(host)) | Q(value__endswith=f".{host}")
    urls = group.sightings.exclude(url="").values("url")
    by_url = Q(scope="url", value__in=urls)
    return Listing.objects.filter(Q(group=group) | Q(scope__in=("domain", "host")) & names | by_url)


def _urls(rows: QuerySet[Look]) -> list[str]:
    return list(rows.order_by("landing").values_list("landing", flat=True).distinct())


def _host(text: str) -> str:
    try:
        return read_url(text).host if text else ""
    except Unreadable:
        return ""
