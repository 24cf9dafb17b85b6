"""What the node knows of names, as `flow` and `match` take it."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import replace
from functools import lru_cache

from tocsin.desks.shield.models import Name
from tocsin.desks.shield.queries.looked_up import look_up
from tocsin.flow.scope import Lists
from tocsin.flow.triage import Known
from tocsin.match.names import Brand, Brands
from tocsin.rules.listing import Caution
from tocsin.rules.starting_lists import STARTING

SHARED_HOSTING, SHORTENER = "shared_hosting", "shortener"
KINDS = (
    *(str(one) for one in Caution if one not in (Caution.PUBLIC_SUFFIX, Caution.MAILBOX)),
    SHARED_HOSTING,
    SHORTENER,
)


def known() -> Known:
    """Brands and lists; made anew only where a name came or went."""
    last = Name.objects.order_by("-pk").values_list("uid", flat=True).first()
    return _known(Name.objects.count(), str(last))


def known_of(urls: Iterable[str], *, below: bool = False) -> Known:
    """The same, with what large lists hold of these addresses; `below` where a name is blocked."""
    found, own = look_up(urls, below=below), known()
    if not found.top_sites and not found.elsewhere:
        return own
    cautions = dict(own.lists.cautions)
    cautions[Caution.TOP_SITE] = cautions.get(Caution.TOP_SITE, frozenset()) | found.top_sites
    return replace(own, lists=replace(own.lists, cautions=cautions), elsewhere=found.elsewhere)


def passes() -> list[str]:
    """Names that always pass: they stand first in every zone."""
    rows = Name.objects.filter(kind=str(Caution.ALWAYS_PASSES))
    return sorted(rows.values_list("value", flat=True))


@lru_cache(maxsize=1)
def _known(_count: int, _last: str) -> Known:
    names: dict[str, set[str]] = defaultdict(set)
    for kind, values in STARTING.items():
        names[kind] |= values
    brands: dict[str, tuple[set[str], set[str]]] = defaultdict(lambda: (set(), set()))
    for kind, value, brand, words in Name.objects.values_list("kind", "value", "brand", "words"):
        names[kind].add(value)
        if kind == str(Caution.BRAND_OWN) and brand:
            own, called = brands[brand]
            own.add(value)
            called |= {word.strip() for word in words.split(",") if word.strip()} or {brand}
    return Known(
        Brands(
            Brand(name, tuple(sorted(called)), tuple(sorted(own)))
            for name, (own, called) in sorted(brands.items())
        ),
        Lists(
            frozenset(names[SHARED_HOSTING]),
            frozenset(names[SHORTENER]),
            {one: frozenset(names[str(one)]) for one in Caution},
        ),
    )
