"""Cases out of what a run told: opened, joined by what is seen again, reopened by the node.

In the transaction that makes the run count, so that there is a case for every delivery that tells
of events, and never one without. What comes in is columns already counted (`flow.tally`), and
columns they stay until the database has them.
"""

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import NamedTuple, TypeVar
from uuid import UUID

import polars as pl

from tocsin.desks.response.actions import bulk
from tocsin.desks.response.models import Case, Entry, Report, Sighting
from tocsin.flow.remits import Recipient
from tocsin.flow.tally import KEYS, SEVERITIES
from tocsin.office.models import Delivery
from tocsin.rules.lifecycle import NODE, take
from tocsin.rules.response import CASE, SEEN_AGAIN_WITHIN
from tocsin.words.markings import STRICTNESS, Tlp

Key = TypeVar("Key", str, int)

_TOGETHER = 500  # keys in one query
_TLP = [str(one) for one in Tlp]
_COMES_BACK = frozenset(row.of for row in CASE.steps if row.name == "see_again")
_REOPENED = {state: take(CASE, state, "see_again", NODE) for state in _COMES_BACK}
_LONGEST_REASON = 500
MOST_SAMPLED = 5
_COUNTS = (
    pl.col("events").sum().cast(pl.Int64),
    pl.col("first").min(),
    pl.col("last").max(),
    pl.col("severity").max(),
    pl.col("strictest").max(),
)
# What is seen again is added to what a case holds already.
_EARLIER, _LATER = (
    f"CASE WHEN {{column}} IS NULL OR {{column}} {sign} %s THEN %s ELSE {{column}} END"
    for sign in "><"
)
_JOINED = {
    "events": "{column} + %s",
    "first_at": _EARLIER,
    "last_at": _LATER,
    "severity": "%s",
    "tlp": "%s",
    "state": "%s",
    "reopened": "{column} + %s",
    "told_in_id": "%s",
    "seen_at": "%s",
    "changed_at": "%s",
}


@dataclass
class Opened:
    """What a run made of cases: how many are new, took more, came back."""

    opened: int = 0
    joined: int = 0
    reopened: int = 0

    def facts(self) -> dict[str, int]:
        """For the register's row of the run."""
        return {f"cases_{name}": count for name, count in vars(self).items()}


class _Known(NamedTuple):
    """What joining must know of a case; the columns that are read, in this order."""

    key: str
    id: int
    merged_into_id: int | None
    state: str
    severity: str
    tlp: str


def reference() -> str:
    """`7F3K-9QWZ-2M4H`: 60 random bits, no sequence."""
    return bulk.references(1)[0]


def open_cases(
    tallies: pl.DataFrame,
    *,
    recipients: Sequence[Recipient],
    deliveries: Iterable[Delivery],
    by: str,
    at: datetime,
) -> Opened:
    """Make and join the cases of one run, whose reports and deliveries are saved already.

    `recipients` are the parties by their numbers in the tallies. Call it in the run's transaction.
    """
    if not len(tallies):
        return Opened()
    tallies = tallies.with_columns(pl.struct(KEYS).rle_id().alias("thing"))  # they come sorted
    seen = _by_thing(tallies, _places(tallies, recipients, deliveries))
    known = _known(seen["key"].to_list(), at)
    cases = [known[key].id if key in known else None for key in seen["key"]]
    seen = seen.with_columns(pl.Series("case", cases, dtype=pl.Int64))
    new = seen.filter(pl.col("case").is_null())
    made = _insert(new, at)
    reopened = _join(seen.filter(pl.col("case").is_not_null()), known.values(), at)
    _say_reopened(reopened, by, at)
    _write_sightings(tallies, seen.update(made, on="thing"), at)
    return Opened(len(new), len({case.id for case in known.values()}), len(reopened))


def _places(
    tallies: pl.DataFrame, recipients: Sequence[Recipient], deliveries: Iterable[Delivery]
) -> pl.DataFrame:
    """Who a party's number is, and the delivery that tells it, for each relation."""
    told = {(row.party.slug, row.relation): row for row in deliveries}
    pairs = tallies.select("party", "relation").unique()
    rows = [told[recipients[party].party, relation] for party, relation in pairs.iter_rows()]
    return pairs.with_columns(
        pl.Series("party_id", [row.party_id for row in rows], dtype=pl.Int64),
        pl.Series("slug", [row.party.slug for row in rows], dtype=pl.String),
        pl.Series("uid", [row.party.uid.hex for row in rows], dtype=pl.String),
        pl.Series("told_in_id", [row.pk for row in rows], dtype=pl.Int64),
    )


def _by_thing(tallies: pl.DataFrame, places: pl.DataFrame) -> pl.DataFrame:
    """A row for each thing a party was told of, with the key that finds its case."""
    seen = tallies.group_by("thing", maintain_order=True).agg(
        pl.col(*KEYS, "because").first(),
        *_COUNTS,
        pl.col("sample").drop_nulls().head(MOST_SAMPLED).str.join(","),
    )
    seen = seen.join(places, on=["party", "relation"], how="left", maintain_order="left")
    named = pl.concat_str("uid", *KEYS[1:], separator="\n")
    texts = seen.select(named).to_series().to_list()
    keys = [hashlib.sha256(text.encode()).hexdigest()[:32] for text in texts]
    return seen.with_columns(pl.Series("key", keys, dtype=pl.String))


def _known(keys: list[str], at: datetime) -> dict[str, _Known]:
    """The case that each key goes on with: the newest within the window; of merged ones, the one
    they were merged into."""
    found: dict[str, _Known] = {}
    since = bulk.moment(at - SEEN_AGAIN_WITHIN)
    lately = "key IN ({some}) AND seen_at >= %s ORDER BY opened_at, id"
    for some in _batches(keys):
        for row in bulk.read(Case, _Known._fields, lately, some, since):
            found[row[0]] = _Known(*row)
    into = _those({case.merged_into_id for case in found.values() if case.merged_into_id})
    for key, case in list(found.items()):
        if case.merged_into_id:
            found[key] = into[case.merged_into_id]
        elif case.state == "merged":  # the case it went into is gone
            del found[key]
    return found


def _those(ids: Iterable[int]) -> dict[int, _Known]:
    rows = [
        _Known(*row)
        for some in _batches(sorted(ids))
        for row in bulk.read(Case, _Known._fields, "id IN ({some}) ORDER BY id", some)
    ]
    return {case.id: case for case in rows}


def _batches(keys: Iterable[Key]) -> Iterator[list[Key]]:
    source = iter(keys)
    while some := list(islice(source, _TOGETHER)):
        yield some


def _insert(new: pl.DataFrame, at: datetime) -> pl.DataFrame:
    """Cases that nobody answered yet; the key that each thing's case got."""
    last, uids, now = bulk.last_key(Case), bulk.uids(len(new)), bulk.moment(at)
    texts = new.select(
        "key",
        "relation",
        "side",
        "kind",
        pl.col("family").str.slice(0, 100),
        pl.col("about").str.slice(0, 253),
        "about_kind",
        pl.col("because").fill_null("").str.slice(0, _LONGEST_REASON),
        pl.concat_str("relation", "side", "slug", separator=":").alias("told_as"),  # flow.tally
        pl.format("[{}]", "sample").alias("sample"),
        "party_id",
        "told_in_id",
        "events",
    )
    columns = {name: values.to_list() for name, values in texts.to_dict().items()}
    firsts, lasts = bulk.moments(new["first"], new["last"])
    columns |= {
        "uid": uids,
        "reference": bulk.references(len(new)),
        "first_at": firsts,
        "last_at": lasts,
        "severity": [_severity(rank, "") for rank in new["severity"]],
        "tlp": [_TLP[rank] for rank in new["strictest"]],
    }
    moments = dict.fromkeys(("seen_at", "opened_at", "changed_at"), now)
    bulk.insert(Case, columns, state=CASE.start, reopened=0, within="", without="[]", **moments)
    made = bulk.keys_after(Case, last)
    cases = pl.Series("case", [made[uid] for uid in uids], dtype=pl.Int64)
    return new.select("thing").with_columns(cases)


def _join(seen: pl.DataFrame, known: Iterable[_Known], at: datetime) -> dict[int, str]:
    """Add what was seen again; the cases that this reopened, with the state they are in now.

    The same case may be there under two keys, once merged; it is changed once.
    """
    cases, now = {case.id: case for case in known}, bulk.moment(at)
    added = seen.group_by("case", maintain_order=True).agg(*_COUNTS, pl.col("told_in_id").last())
    added = added.sort("case")  # as they lie in the table
    firsts, lasts = bulk.moments(added["first"], added["last"])
    rows, reopened = [], {}
    figures = added.select("case", "events", "severity", "strictest", "told_in_id").iter_rows()
    for (pk, events, severity, strictest, told), first, last in zip(
        figures, firsts, lasts, strict=True
    ):
        case = cases[pk]
        state = _REOPENED.get(case.state, case.state)
        if case.state in _COMES_BACK:
            reopened[pk] = state
        rank = max(strictest, STRICTNESS[Tlp(case.tlp)])
        counted = (events, first, first, last, last, _severity(severity, case.severity), _TLP[rank])
        rows.append((*counted, state, int(pk in reopened), told, now, now, pk))
    bulk.update(Case, _JOINED, rows)
    return reopened


def _severity(rank: int | None, before: str) -> str:
    """The word of a rank, or the word before where that is higher."""
    if rank is None:
        return before
    return (
        SEVERITIES[max(rank, SEVERITIES.index(before))]
        if before in SEVERITIES
        else SEVERITIES[rank]
    )


def _say_reopened(cases: Mapping[int, str], by: str, at: datetime) -> None:
    Entry.objects.bulk_create(
        Entry(case_id=pk, kind=Entry.Kind.STEP, at=at, by=by, step="see_again", state=state)
        for pk, state in cases.items()
    )


def _write_sightings(tallies: pl.DataFrame, seen: pl.DataFrame, at: datetime) -> None:
    """One row per case and report; a merged case may take two keys of one report."""
    uids = [UUID(text) for text in tallies["report"].unique()]
    found = Report.objects.filter(uid__in=uids).values_list("uid", "pk")
    reports = {uid.hex: pk for uid, pk in found}
    placed = tallies.join(seen.select("thing", "case", "told_in_id"), on="thing")
    rows = placed.group_by("case", "report", "told_in_id", maintain_order=True).agg(*_COUNTS)
    firsts, lasts = bulk.moments(rows["first"], rows["last"])
    columns = {
        "case_id": rows["case"].to_list(),
        "report_id": [reports[text] for text in rows["report"]],
        "delivery_id": rows["told_in_id"].to_list(),
        "events": rows["events"].to_list(),
        "first_at": firsts,
        "last_at": lasts,
    }
    bulk.insert(Sighting, columns, at=bulk.moment(at))
