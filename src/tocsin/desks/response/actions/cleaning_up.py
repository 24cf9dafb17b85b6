"""Count how fast each network's infections go away, out of the event store."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path

import polars as pl
from django.db import transaction

from tocsin.desks.response.models import CleanUp
from tocsin.flow import cleaning
from tocsin.office.models import Party
from tocsin.words.moments import as_utc

KIND = "infected-system"
WINDOW = timedelta(days=90)


@dataclass(frozen=True)
class _Counted:
    """The spells of one network and the curve made of them."""

    spells: pl.DataFrame
    curve: pl.DataFrame
    falling: cleaning.Decay | None


def count_clean_up(*, store_folder: Path, at: datetime) -> int:
    """Replace every network's figures; of how many networks there are any now.

    No register row: what is written is counts, and nobody read an event.
    """
    last = as_utc(at).date()
    first = last - WINDOW
    seen = cleaning.sightings(store_folder / "events", first=first, last=last, kind=KIND)
    counted = {
        str(slug): _counted(rows, until=last)
        for (slug,), rows in seen.partition_by("party", as_dict=True).items()
    }
    known = {party.slug: party for party in Party.objects.filter(slug__in=counted)}
    words = {"counted_at": at, "first": first, "last": last, "quiet": cleaning.QUIET}
    rows = [_row(counted[slug], party, words) for slug, party in known.items()]
    peers = {s: one for s, one in counted.items() if len(one.spells) >= cleaning.LEAST_SPELLS}
    if found := cleaning.band({s: one.curve for s, one in peers.items()}, days=cleaning.SHOWN):
        still = [[day, middle, low, high] for day, low, middle, high in found]
        total = {"spells": sum(len(one.spells) for one in peers.values()), "over": 0}
        rows.append(CleanUp(party=None, still=still, **total, **words))
    with transaction.atomic():
        CleanUp.objects.all().delete()
        CleanUp.objects.bulk_create(rows)
    return len(known)


def _counted(seen: pl.DataFrame, *, until: date) -> _Counted:
    found = cleaning.spells(seen, until=until)
    by_day = dict(seen.group_by("day").agg(pl.col("thing").n_unique()).rows())
    return _Counted(found, cleaning.survival(found), cleaning.decay(by_day))


def _row(one: _Counted, party: Party, words: dict[str, object]) -> CleanUp:
    curve = one.curve.filter(pl.col("day") <= cleaning.SHOWN)
    return CleanUp(
        party=party,
        spells=len(one.spells),
        over=int(one.spells["is_over"].sum()),
        median=cleaning.median(one.curve),
        coming_back=cleaning.coming_back(one.spells),
        half_life=one.falling.half_life if one.falling else None,
        still=[list(row) for row in curve.select("day", "share", "low", "high").rows()],
        **words,
    )
