"""How many cases there are of each sort, for the lists: counted once, kept while nothing changes.

At 100,000 cases a count of each filter is a walk over the whole table; so one walk gives them all,
and what it gave is kept until the database says that anything in it was changed, by whomever.
Nothing is kept inside a transaction: nobody knows yet whether it will stand.
"""

import threading
from collections import Counter, OrderedDict
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from django.db import connection
from django.db.models import Count, QuerySet

from tocsin.desks.response.models import Case, Tag
from tocsin.desks.response.queries.filters import OPEN, Filters
from tocsin.office.models import Party
from tocsin.office.people.viewer import Viewer

MOST_FACETS = 30
MOST_KEPT = 200  # counts a thread remembers
_SORTS = ("states", "kinds", "parties", "countries")
T = TypeVar("T")
Sort = tuple[str, str, str, str]  # state, class, party, country


@dataclass(frozen=True)
class Sight:
    """Whose sight is counted: the cases they may see; `of` names it, equal for equal sights."""

    cases: QuerySet[Case]
    viewer: Viewer
    is_desk: bool
    of: Hashable


def count_of(sight: Sight, filters: Filters) -> int:
    """How many cases a list has; at most two queries."""

    def count() -> int:
        fits = _all_fitting(filters)
        sorts = _sorts_of(sight, filters)
        return sum(n for sort, n in sorts if all(fit(sort) for fit in fits))

    return _kept(("total", *_key(sight, filters)), count)


def facets_of(sight: Sight, filters: Filters) -> dict[str, dict[str, int]]:
    """How many cases each word of a filter would leave; at most three queries."""

    def count() -> dict[str, dict[str, int]]:
        fits, sorts = _all_fitting(filters), _sorts_of(sight, filters)
        found = {name: _left(sorts, fits, number) for number, name in enumerate(_SORTS)}
        if sight.is_desk:
            found["tags"] = _tags(sight, filters)
        return {name: _most_frequent(words) for name, words in found.items()}

    return _kept(("facets", *_key(sight, filters)), count)


def _key(sight: Sight, filters: Filters) -> tuple[Hashable, ...]:
    person = sight.viewer.person
    return sight.of, person.pk if filters.assigned and person else None, filters


def _all_fitting(filters: Filters) -> list[Callable[[Sort], bool]]:
    return [_fitting(filters, number) for number in range(len(_SORTS))]


def _sorts_of(sight: Sight, filters: Filters) -> list[tuple[Sort, int]]:
    """Counted with none of these four filters on: lists that differ in them alone share it."""
    without = replace(filters, states=(), kinds=(), parties=(), countries=())
    wanted = filters.conditions(sight.viewer, is_desk=sight.is_desk, but=_SORTS)
    return _kept(("sorts", *_key(sight, without)), lambda: _sorts(sight.cases.filter(wanted)))


def _sorts(rows: QuerySet[Case]) -> list[tuple[Sort, int]]:
    """Every state, class and party together with how many cases have them."""
    counts = rows.order_by().values_list("state", "kind", "party_id").annotate(n=Count("*"))
    found = list(counts)
    named = Party.objects.filter(pk__in={party for _, _, party, _ in found})
    parties = {pk: (slug, country) for pk, slug, country in named.values_list(
        "pk", "slug", "country"
    )}  # fmt: skip
    return [((state, kind, *parties[party]), n) for state, kind, party, n in found]


def _fitting(filters: Filters, number: int) -> Callable[[Sort], bool]:
    """Whether a sort passes one of the filters, as `Filters.conditions` says it."""
    name = _SORTS[number]
    wanted = set(getattr(filters, name))
    if name == "states" and not wanted:
        return lambda sort: sort[number] != "merged"
    if name == "states" and "open" in wanted:
        wanted |= set(OPEN)
    return (lambda sort: sort[number] in wanted) if wanted else (lambda _sort: True)


def _left(
    sorts: list[tuple[Sort, int]], fits: list[Callable[[Sort], bool]], number: int
) -> Counter[str]:
    """Each word of one filter with what it would leave, all other filters on."""
    others = [fit for at, fit in enumerate(fits) if at != number]
    found: Counter[str] = Counter()
    for sort, n in sorts:
        if all(fit(sort) for fit in others):
            found[sort[number]] += n
    return found


def _tags(sight: Sight, filters: Filters) -> Counter[str]:
    wanted = filters.conditions(sight.viewer, is_desk=sight.is_desk, but=("tags",))
    rows = Tag.objects.filter(case__in=sight.cases.filter(wanted).order_by()).order_by()
    return Counter(dict(rows.values_list("name").annotate(n=Count("*"))))


def _most_frequent(words: Mapping[str, int]) -> dict[str, int]:
    found = sorted(words.items(), key=lambda row: (-row[1], row[0]))
    return {word: n for word, n in found[:MOST_FACETS] if word}


# ── what is kept ─────────────────────────────────────────────────────────────────────────


class _Memory(threading.local):
    """Of one thread: on which connection, at what stand of the database, what was counted."""

    at: tuple[Any, ...] = ()
    found: OrderedDict[Hashable, Any]


_memory = _Memory()


def _kept(key: Hashable, count: Callable[[], T]) -> T:
    """What was counted already at this stand of the database, or what is counted now."""
    if connection.in_atomic_block:
        return count()
    at = stand()
    if _memory.at != at:
        _memory.at, _memory.found = at, OrderedDict()
    kept = _memory.found
    if key not in kept:
        # Whatever comes in between the stand and the count makes another stand.
        kept[key] = count()
    kept.move_to_end(key)
    found: T = kept[key]
    while len(kept) > MOST_KEPT:
        kept.popitem(last=False)
    return found


def stand() -> tuple[Any, ...]:
    """What is another one after anything was committed, here or by any other process.

    SQLite: `PRAGMA data_version` tells of others' commits, the number of changed rows of one's
    own. PostgreSQL: the snapshot, which no later one equals once a transaction has ended, be it
    of another database of that server.
    """
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.execute("PRAGMA data_version")
            mine = connection.connection.total_changes
            return connection.connection, mine, cursor.fetchone()[0]
        cursor.execute("SELECT pg_current_snapshot()::text")
        return (connection.settings_dict["NAME"], cursor.fetchone()[0])
