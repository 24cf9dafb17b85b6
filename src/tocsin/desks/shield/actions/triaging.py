"""The queue: each group's figures, score and place, as `flow.triage` has them."""

from collections.abc import Iterable, Iterator
from datetime import datetime

import polars as pl
from django.db.models import Count, Q

from tocsin.desks.shield.models import Group, Sighting
from tocsin.desks.shield.queries.covering import covers_of
from tocsin.desks.shield.queries.known import known, known_of
from tocsin.flow.triage import MESSAGES, group_of, triage
from tocsin.flow.urls import read_url

MOST_JUDGED = 200  # a group with more messages is judged with the queue, within a minute
_MOST = 50_000  # messages looked at in one go
_OPEN = (Group.State.OPEN, Group.State.WAITING)


def groups_of(urls: list[str]) -> dict[str, str]:
    """URL to the group that it belongs to: a domain, or the URL itself."""
    lists = known().lists
    return {url: group_of(read_url(url), lists) for url in urls}


def retriage(keys: list[int], *, at: datetime) -> int:
    """Count and judge groups anew; how many. Of an open one, over what is not listed yet."""
    if not keys:
        return 0
    rows = Sighting.objects.filter(~Q(url=""), group__in=keys)
    words = ("message_id", "url", "subject", "message__reporter", "at", "group", "host")
    found = list(rows.order_by("at", "pk").values_list(*words)[:_MOST])
    open_ = set(Group.objects.filter(pk__in=keys, state__in=_OPEN).values_list("pk", flat=True))
    done = covers_of((row[1], row[6]) for row in found if row[5] in open_)
    table = pl.DataFrame(
        [
            (str(message), url, subject or None, reporter or None, moment)
            for message, url, subject, reporter, moment, group, host in found
            if group not in open_ or (url, host) not in done
        ],
        schema=MESSAGES,
        orient="row",
    )
    queue = triage(table, known=known_of(table["url"].unique()), at=at).groups
    by_key = {group.key: group for group in Group.objects.filter(pk__in=keys)}
    for row in queue.iter_rows(named=True):
        if (group := by_key.get(row["group"])) is not None:
            _judge(group, row)
    Group.objects.bulk_update(by_key.values(), _CHANGED, batch_size=200)
    return len(by_key)


_CHANGED = ("landing", "lure", "score", "urgency", "reasons", "messages", "reporters", "last_at")


def _judge(group: Group, row: dict[str, object]) -> None:
    group.landing = read_url(str(row["landing"])).text[:2000]
    if row["lure"]:
        group.lure = str(row["lure"])[:200]
    for name in ("score", "urgency", "reasons", "messages", "reporters", "last_at"):
        setattr(group, name, row[name])


def judge_soon(keys: Iterable[int], *, at: datetime) -> int:
    """Of these groups those that are judged at once: the large ones are with the queue."""
    small = Group.objects.filter(pk__in=list(keys), messages__lt=MOST_JUDGED).exclude(key="")
    return retriage(list(small.values_list("pk", flat=True)), at=at)


def refresh_queue(*, at: datetime) -> int:
    """What is open is put in order again: its clock has moved on."""
    open_ = Group.objects.filter(state__in=(Group.State.OPEN, Group.State.WAITING)).exclude(key="")
    rows = open_.annotate(count=Count("sightings")).order_by("pk").values_list("pk", "count")
    return sum(retriage(keys, at=at) for keys in _portions(rows.iterator()))


def _portions(rows: Iterable[tuple[int, int]]) -> Iterator[list[int]]:
    """Groups with so many messages together as one table may hold."""
    keys: list[int] = []
    held = 0
    for key, count in rows:
        if keys and held + count > _MOST:
            yield keys
            keys, held = [], 0
        keys.append(key)
        held += count
    if keys:
        yield keys
