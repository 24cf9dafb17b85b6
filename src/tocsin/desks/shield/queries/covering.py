"""Which addresses that people sent in a listing covers: they alone are settled by it."""

from collections.abc import Iterable

from django.db.models import QuerySet

from tocsin.desks.shield.models import Group, Listing, Look, Message, Sighting
from tocsin.flow.domains import parents
from tocsin.flow.mailboxes import without_mailboxes
from tocsin.flow.urls import read_url
from tocsin.rules.audiences import PUBLIC
from tocsin.rules.shield import IN_FORCE
from tocsin.words.errors import Unreadable

_TOGETHER = 500  # names in one question


def covers(row: Listing, *, url: str, host: str) -> bool:
    """Whether what is listed stops somebody who follows an address."""
    return is_within(row.scope, row.value, url=url, host=host)


def is_within(scope: str, value: str, *, url: str, host: str) -> bool:
    """Whether an address falls under a scope and its value."""
    if scope == "url":
        return value == url or value == unnamed(url)
    return bool(host) and (host == value or host.endswith(f".{value}"))


def unnamed(url: str) -> str:
    """An address without anybody's mailbox: one listing of it is of whomever it was sent to."""
    try:
        return without_mailboxes(read_url(url)).text
    except Unreadable:
        return url


def covering(group: Group) -> list[Listing]:
    """Listings in force that may cover addresses of a group, whoever proposed them."""
    return [row for row in _listings_at(group) if row.state in IN_FORCE]


def publicly_covered(places: Iterable[tuple[str, str]]) -> set[tuple[str, str]]:
    """Of addresses and their hosts those that a listing in force covers, for all to see."""
    return _covered(set(places), {PUBLIC.most.value})


def covers_of(places: Iterable[tuple[str, str]]) -> set[tuple[str, str]]:
    """Of addresses and their hosts those that any listing in force covers."""
    return _covered(set(places), None)


def _covered(places: set[tuple[str, str]], tlps: set[str] | None) -> set[tuple[str, str]]:
    """Asked by what may be listed of each place, so that the number of listings costs nothing.

    By value alone: asked for a state as well, SQLite goes through everything that is in force.
    """
    above = {host: parents(host) for _, host in places if host}
    wanted = sorted({url for url, _ in places} | {one for some in above.values() for one in some})
    found = {
        (scope, value)
        for start in range(0, len(wanted), _TOGETHER)
        for scope, value, state, tlp in Listing.objects.filter(
            value__in=wanted[start : start + _TOGETHER]
        )
        .order_by()
        .values_list("scope", "value", "state", "tlp")
        if state in IN_FORCE and (tlps is None or tlp in tlps)
    }
    names = {value for scope, value in found if scope != "url"}
    urls = {value for scope, value in found if scope == "url"}
    return {
        (url, host)
        for url, host in places
        if url in urls or not names.isdisjoint(above.get(host, ()))
    }


def uncovered(group: Group) -> set[str]:
    """Addresses of a group that wait for a decision and that no listing in force covers."""
    rows = covering(group)
    return {
        url
        for url, host in _waiting(group).values_list("url", "host").distinct()
        if not any(covers(row, url=url, host=host) for row in rows)
    }


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
    """Of a group itself, of the names of its hosts and all above, and of its addresses."""
    host = _host(group.key)
    if not host:
        return Listing.objects.filter(group=group)
    sightings = group.sightings.exclude(url="").order_by()
    hosts = {host, *sightings.values_list("host", flat=True).distinct()}
    names = sorted({above for one in hosts for above in parents(one)})
    own = Listing.objects.filter(group=group)
    by_url = Listing.objects.filter(scope="url", value__in=sightings.values("url"))
    by_name = [
        Listing.objects.filter(
            scope__in=("domain", "host"), value__in=names[start : start + _TOGETHER]
        )
        for start in range(0, len(names), _TOGETHER)
    ]
    # One after the other: each has an index, where all in one question would read every listing.
    found = (rows.order_by().values_list("pk", flat=True) for rows in (own, by_url, *by_name))
    keys = {pk for rows in found for pk in rows}
    return Listing.objects.filter(pk__in=keys)


def _urls(rows: QuerySet[Look]) -> list[str]:
    return list(rows.order_by("landing").values_list("landing", flat=True).distinct())


def _host(text: str) -> str:
    try:
        return read_url(text).host if text else ""
    except Unreadable:
        return ""
