"""What the software would list for an address, and whether it is of a group at all."""

from tocsin.desks.shield.models import Group, Listing
from tocsin.desks.shield.queries.covering import addresses_of, is_within
from tocsin.desks.shield.queries.known import known_of
from tocsin.desks.shield.queries.messages import inert
from tocsin.flow.domains import registrable_domain
from tocsin.flow.scope import Choice, Seen, choose_scope, narrowed
from tocsin.flow.urls import read_url
from tocsin.rules.audiences import PUBLIC
from tocsin.rules.listing import Scope
from tocsin.rules.shield import IN_FORCE
from tocsin.words.errors import Refused, Unusable

_MOST_NAMED = 5


def choice_for(url: str, scope: str | None) -> Choice:
    """What the software would list for an address, or what a person narrows it to.

    Raises `Unreadable`, and `Refused` for a wider scope.
    """
    lists, others = known_of([url], below=True).lists, _fraud_beside(url)
    if not scope:
        return choose_scope(url, lists=lists, others=others)
    if scope not in tuple(Scope):
        raise Unusable(f"{scope!r} is no scope. Possible: {', '.join(Scope)}")
    return narrowed(url, Scope(scope), lists=lists, others=others)


def require_of_group(group: Group, url: str, choice: Choice) -> None:
    """Raises `Refused` for what is no address of a group and covers none of its addresses."""
    places = addresses_of(group)
    if not places:
        raise Refused(
            "listing: no address was found in these messages, so there is nothing to list. "
            "Possible: reject them, or wait until the letters in their pictures are read"
        )
    asked = read_url(url).text
    for text, host in places:
        if text == asked or is_within(str(choice.scope), choice.value, url=text, host=host):
            return
    named = [inert(text) for text, _ in places[:_MOST_NAMED]]
    more = f" and {len(places) - len(named)} more" if len(places) > len(named) else ""
    raise Refused(
        f"listing: nobody reported {inert(asked)[:200]} in this group. "
        f"Possible: {', '.join(named)}{more}"
    )


def _fraud_beside(url: str) -> list[Seen]:
    """What is listed by host under the same domain: two such hosts make a domain of fraud."""
    domain = registrable_domain(read_url(url).host)
    if domain is None:
        return []
    rows = Listing.objects.filter(
        scope="host", state__in=IN_FORCE, value__endswith=f".{domain}", tlp=PUBLIC.most.value
    )
    return [Seen(read_url(row.url), is_fraud=True) for row in rows[:50]]
