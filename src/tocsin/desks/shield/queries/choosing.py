"""What the software would list for an address, and whether it is of a group at all."""

from django.db.models import Q

from tocsin.desks.shield.models import Group, Listing, Message, Sighting
from tocsin.desks.shield.queries.covering import addresses_of, is_within
from tocsin.desks.shield.queries.known import known_of
from tocsin.desks.shield.queries.messages import inert
from tocsin.flow.domains import registrable_domain
from tocsin.flow.mailboxes import without_mailboxes
from tocsin.flow.scope import Choice, Seen, Site, choose_scope, narrowed
from tocsin.flow.urls import read_url
from tocsin.rules.audiences import PUBLIC
from tocsin.rules.listing import Scope
from tocsin.rules.shield import IN_FORCE
from tocsin.words.errors import Refused, Unusable

_MOST_NAMED, _MOST_BESIDE = 5, 50
_OPEN = (Group.State.OPEN, Group.State.WAITING)
_WITHDRAWN = "was listed before, and looked at again it was not fraud, or not any more"
_REJECTED = "was looked at, and nothing of it was listed"


def choice_for(url: str, scope: str | None, *, is_shared: bool = False) -> Choice:
    """What the software would list for an address, or what a person narrows it to.

    `is_shared`: somebody says that the site serves something else too, or was broken into. Raises
    `Unreadable`, and `Refused` for a wider scope.
    """
    knows, host = known_of([url], below=True), read_url(url).host
    domain = registrable_domain(host)
    site = Site(is_shared, imitates=bool(knows.brands.alike(host, domain)))
    others = [*_fraud_beside(domain), *_innocent_beside(host, domain)] if domain else []
    if not scope:
        return choose_scope(url, lists=knows.lists, others=others, site=site)
    if scope not in tuple(Scope):
        raise Unusable(f"{scope!r} is no scope. Possible: {', '.join(Scope)}")
    return narrowed(url, Scope(scope), lists=knows.lists, others=others, site=site)


def require_of_group(group: Group, url: str, choice: Choice) -> None:
    """Raises `Refused` for what is no address of a group and covers none of its addresses."""
    places = addresses_of(group)
    if not places:
        raise Refused(
            "listing: no address was found in these messages, so there is nothing to list. "
            "Possible: reject them, or wait until the letters in their pictures are read"
        )
    asked = read_url(url)
    spelled = (asked.text, without_mailboxes(asked).text)
    for text, host in places:
        if text in spelled or is_within(str(choice.scope), choice.value, url=text, host=host):
            return
    named = [inert(text) for text, _ in places[:_MOST_NAMED]]
    more = f" and {len(places) - len(named)} more" if len(places) > len(named) else ""
    raise Refused(
        f"listing: nobody reported {inert(asked.text)[:200]} in this group. "
        f"Possible: {', '.join(named)}{more}"
    )


def _fraud_beside(domain: str) -> list[Seen]:
    """What is listed by host under the same domain: two such hosts make a domain of fraud."""
    rows = Listing.objects.filter(
        scope="host", state__in=IN_FORCE, value__endswith=f".{domain}", tlp=PUBLIC.most.value
    )
    return [Seen(read_url(row.url), is_fraud=True) for row in rows[:_MOST_BESIDE]]


def _innocent_beside(host: str, domain: str) -> list[Seen]:
    """What was withdrawn under the same domain, and other hosts of it that were rejected."""
    names = Q(value=domain) | Q(value__endswith=f".{domain}")
    by_url = Q(scope="url", group__key=domain)
    withdrawn = Listing.objects.filter(names | by_url, state="withdrawn", tlp=PUBLIC.most.value)
    found = [
        Seen(read_url(row.url), is_fraud=False, why=_WITHDRAWN) for row in withdrawn[:_MOST_BESIDE]
    ]
    below = Q(host=domain) | Q(host__endswith=f".{domain}")
    rejected = Sighting.objects.filter(below, message__state=Message.State.REJECTED)
    urls = rejected.exclude(host=host).exclude(group__state__in=_OPEN).order_by("url")
    read = (read_url(url) for url in urls.values_list("url", flat=True)[:_MOST_BESIDE])
    hosts = {one.host: one for one in read}
    return [*found, *(Seen(one, is_fraud=False, why=_REJECTED) for one in hosts.values())]
