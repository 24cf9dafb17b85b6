"""Lists that others publish come in: told beforehand what changes, and replaced as one.

Names of small lists (essential services, government, brands …) become the node's own rows, beside
those that people put there. Top sites and other blocklists are entries that are looked up. Nothing
is listed by it: it is a warning, or a reason to look.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime
from itertools import islice
from pathlib import Path
from typing import TypeVar

from django.db import transaction

from tocsin.desks.shield.actions.editions import new_editions
from tocsin.desks.shield.models import Entry, Name, NameList
from tocsin.desks.shield.queries.known import KINDS
from tocsin.desks.shield.queries.looked_up import (
    LOOKED_UP,
    OTHER_LIST,
    key_of_name,
    key_of_url,
    value_of,
)
from tocsin.formats.foreign_lists import Flaw, Listed, read_list
from tocsin.office import register
from tocsin.rules.listing import Caution
from tocsin.words.errors import NotFound, Refused, Unusable
from tocsin.words.moments import as_utc

MOST = 5_000_000
MOST_IN_MEMORY = 100_000
SHOWN = 10
IMPORTED = (*KINDS, OTHER_LIST)
_BATCH = 5000
Tell = Callable[[str, int], None]
_Row = TypeVar("_Row")


@dataclass(frozen=True)
class Origin:
    """Which list it is, whose, under what licence, of which day."""

    kind: str
    title: str
    where: str = ""
    licence: str = ""
    as_of: date | None = None


@dataclass
class Change:
    """What an import does, or would do: counts, and the first of each."""

    kind: str
    title: str
    as_of: str
    entries: int = 0
    come: int = 0
    go: int = 0
    stay: int = 0
    flawed: int = 0
    addresses_left: int = 0
    first_come: list[str] = field(default_factory=list)
    first_go: list[str] = field(default_factory=list)
    flaws: list[tuple[int, str]] = field(default_factory=list)


def import_list(
    path: Path, origin: Origin, *, preview: bool, by: str, at: datetime, tell: Tell | None = None
) -> Change:
    """Replace a list by a file; with `preview` only say what would change.

    Raises `Unusable` for a kind or title that cannot be, what `read_list` raises, and `Refused`
    where nearly everything would go: a file that was cut short is no list.
    """
    _check(origin)
    as_of = origin.as_of or as_utc(at).date()
    change = Change(origin.kind, origin.title, as_of.isoformat())
    wanted = _wanted(read_list(path), change, tell)
    before = NameList.objects.filter(title=origin.title).first()
    if before is not None and before.kind != origin.kind:
        raise Unusable(
            f"{origin.title} is a list of {before.kind}. Possible: that, or another --title"
        )
    there = _there(before)
    _compare(change, wanted, there)
    if preview:
        return change
    if before is not None and before.is_ready and change.go > 100 and change.entries < change.go:
        raise Refused(
            f"{change.go:,} of {len(there):,} entries would go and {change.entries:,} be left: the "
            "file looks cut short. Possible: `tocsin shield names forget` first, then import it"
        )
    row = _row(before, origin, as_of, by=by, at=at)
    if origin.kind in LOOKED_UP:
        _replace_entries(row, wanted, there, change, as_of, by=by, at=at)
    else:
        _replace_names(row, wanted, there, change, by=by, at=at)
    return change


def forget_list(title: str, *, by: str, at: datetime) -> NameList:
    """Drop an imported list with all its names; raises `NotFound`."""
    row = NameList.objects.filter(title=title).first()
    if row is None:
        raise NotFound(f"there is no list {title!r}. Possible: tocsin shield names lists")
    NameList.objects.filter(pk=row.pk).update(is_ready=False)
    if row.kind in LOOKED_UP:
        rows = Entry.objects.filter(name_list=row)
        while keys := list(rows.values_list("pk", flat=True)[:_BATCH]):
            Entry.objects.filter(pk__in=keys).delete()
    with transaction.atomic():
        count = row.entries
        row.delete()
        _done(row, Change(row.kind, row.title, "", go=count), by=by, at=at, verb="forget")
    return row


def _check(origin: Origin) -> None:
    if origin.kind not in IMPORTED:
        raise Unusable(f"{origin.kind!r} is no kind of list. Possible: {', '.join(IMPORTED)}")
    title = origin.title
    if not title or len(title) > 100 or not title.isprintable() or title != title.strip():
        raise Unusable("a list has a title of one line, at most 100 letters. Possible: --title X")


def _wanted(items: Iterable[Listed | Flaw], change: Change, tell: Tell | None) -> dict[bytes, str]:
    """Each entry once by its key, with brand and words where the list has them."""
    wanted: dict[bytes, str] = {}
    most = MOST if change.kind in LOOKED_UP else MOST_IN_MEMORY
    for number, item in enumerate(items):
        if isinstance(item, Flaw):
            change.flawed += 1
            change.flaws += [(item.line, item.why)] * (len(change.flaws) < SHOWN)
        elif item.is_url and change.kind != OTHER_LIST:
            change.addresses_left += 1
        else:
            key = key_of_url(item.value) if item.is_url else key_of_name(item.value)
            wanted[key] = _brand(item, change)
        if tell is not None and number % _BATCH == 0:
            tell("reading", _BATCH)
        if len(wanted) > most:
            raise Unusable(f"a list of this kind has at most {most:,} entries")
    if not wanted:
        raise Unusable("there is no name in it. Possible: names, one a line; docs/reference/shield")
    change.entries = len(wanted)
    return wanted


def _brand(item: Listed, change: Change) -> str:
    if change.kind != str(Caution.BRAND_OWN):
        return ""
    if not item.brand:
        raise Unusable("a list of brands is CSV with the columns domain,brand,words")
    return f"{' '.join(item.brand.split())}\n{' '.join(item.words.split())}"


def _there(row: NameList | None) -> dict[bytes, str]:
    """What the last import left: keys, with brand and words."""
    if row is None:
        return {}
    if row.kind in LOOKED_UP:
        keys = Entry.objects.filter(name_list=row).values_list("key", flat=True)
        return dict.fromkeys(map(bytes, keys.iterator(chunk_size=50_000)), "")
    is_brand = row.kind == str(Caution.BRAND_OWN)
    rows = Name.objects.filter(name_list=row).values_list("value", "brand", "words")
    return {key_of_name(v): f"{brand}\n{words}" if is_brand else "" for v, brand, words in rows}


def _compare(change: Change, wanted: dict[bytes, str], there: dict[bytes, str]) -> None:
    come = [key for key, said in wanted.items() if there.get(key) != said]
    go = [key for key, said in there.items() if wanted.get(key) != said]
    change.come, change.go = len(come), len(go)
    change.stay = len(wanted) - len(come)
    change.first_come = [value_of(key) for key in come[:SHOWN]]
    change.first_go = [value_of(key) for key in go[:SHOWN]]


def _row(
    before: NameList | None, origin: Origin, as_of: date, *, by: str, at: datetime
) -> NameList:
    """The row of the list; a new one is not ready until its names are there."""
    if before is not None:
        return before
    return NameList.objects.create(
        kind=origin.kind,
        title=origin.title,
        origin=origin.where[:300],
        licence=origin.licence[:200],
        as_of=as_of,
        imported_at=as_utc(at),
        imported_by=by,
    )


def _replace_entries(
    row: NameList,
    wanted: dict[bytes, str],
    there: dict[bytes, str],
    change: Change,
    as_of: date,
    *,
    by: str,
    at: datetime,
) -> None:
    """In one transaction; the first time in several, and the list counts when it is whole.

    So no writer waits for a million rows, and who is cut off begins again where they were.
    """
    rows = (Entry(name_list=row, key=key, since=as_of) for key in wanted if key not in there)
    gone = (key for key in there if key not in wanted)
    if not row.is_ready:
        for some in _batches(rows):
            Entry.objects.bulk_create(some, ignore_conflicts=True)
    with transaction.atomic():
        for keys in _batches(gone, 500):
            Entry.objects.filter(name_list=row, key__in=keys).delete()
        for some in _batches(rows):  # nothing is left of them the first time
            Entry.objects.bulk_create(some)
        _done(row, change, by=by, at=at, as_of=as_of)


def _replace_names(
    row: NameList,
    wanted: dict[bytes, str],
    there: dict[bytes, str],
    change: Change,
    *,
    by: str,
    at: datetime,
) -> None:
    """What somebody put on the same list by hand stays theirs."""
    gone = [value_of(key) for key, said in there.items() if wanted.get(key) != said]
    come = {value_of(key): said for key, said in wanted.items() if there.get(key) != said}
    with transaction.atomic():
        for some in _batches(iter(gone), 500):
            Name.objects.filter(name_list=row, value__in=some).delete()
        rows = (
            Name(
                kind=row.kind,
                value=value,
                brand=said.partition("\n")[0],
                words=said.partition("\n")[2],
                added_at=as_utc(at),
                added_by=by,
                name_list=row,
            )
            for value, said in sorted(come.items())
        )
        for some_rows in _batches(rows):
            Name.objects.bulk_create(some_rows, ignore_conflicts=True)
        _done(row, change, by=by, at=at, as_of=date.fromisoformat(change.as_of))


def _batches(items: Iterator[_Row], size: int = _BATCH) -> Iterator[list[_Row]]:
    while some := list(islice(items, size)):
        yield some


def _done(
    row: NameList,
    change: Change,
    *,
    by: str,
    at: datetime,
    as_of: date | None = None,
    verb: str = "import",
) -> None:
    if as_of is not None:
        row.as_of, row.entries, row.is_ready = as_of, change.entries, True
        row.imported_at, row.imported_by = as_utc(at), by
        row.save()
    if row.kind == str(Caution.ALWAYS_PASSES) and (change.come or change.go):
        new_editions(at=at, is_whole=True)
    facts: dict[str, register.Fact] = {"kind": row.kind, "come": change.come, "go": change.go}
    register.record(action=f"shield:list:{verb}", actor=by, at=at, subject=row.uid, facts=facts)
