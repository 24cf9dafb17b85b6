"""Cases out of what a run told: opened, joined by what is seen again, reopened by the node.

In the transaction that makes the run count, so that there is a case for every delivery that tells
of events, and never one without. What comes in is columns already counted (`flow.tally`).
"""

import hashlib
import secrets
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from typing import Any
from uuid import UUID, uuid4

import polars as pl

from tocsin.desks.response.actions import bulk
from tocsin.desks.response.models import Case, Entry, Report, Sighting
from tocsin.flow.remits import Recipient
from tocsin.flow.tally import KEYS, SEVERITIES, told_as
from tocsin.office.models import Delivery, Party
from tocsin.rules.lifecycle import NODE, take
from tocsin.rules.response import CASE, SEEN_AGAIN_WITHIN
from tocsin.words.markings import STRICTNESS, Tlp

_LETTERS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"  # Crockford's: none that is misread on the telephone
_TOGETHER = 500  # keys in one query
_TLP = list(Tlp)
_JOINED = (
    "events",
    "first_at",
    "last_at",
    "seen_at",
    "severity",
    "tlp",
    "state",
    "reopened",
    "told_in_id",
    "changed_at",
)
# What joining reads and changes; the other columns stay where they are.
_READ = ("key", "merged_into_id", *(name for name in _JOINED if not name.startswith("told_in")))
_COMES_BACK = frozenset(row.of for row in CASE.steps if row.name == "see_again")
_LONGEST_REASON = 500
MOST_SAMPLED = 5


@dataclass
class Opened:
    """What a run made of cases: how many are new, took more, came back."""

    opened: int = 0
    joined: int = 0
    reopened: int = 0

    def facts(self) -> dict[str, int]:
        """For the register's row of the run."""
        return {f"cases_{name}": count for name, count in vars(self).items()}


@dataclass(frozen=True)
class _Seen:
    """What a run saw of one key: a tally row per report, and the delivery that tells of it."""

    party: Party
    delivery: Delivery
    rows: list[dict[str, Any]] = field(default_factory=list)

    @property
    def key(self) -> str:
        first = self.rows[0]
        parts = (self.party.uid.hex, *(str(first[name]) for name in KEYS[1:]))
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:32]


def reference() -> str:
    """`7F3K-9QWZ-2M4H`: 60 random bits, no sequence."""
    number = secrets.randbits(60)
    letters = "".join(_LETTERS[number >> shift & 31] for shift in range(0, 60, 5))
    return "-".join(letters[start : start + 4] for start in (0, 4, 8))


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
    told = {(row.party.slug, row.relation): row for row in deliveries}
    seen = {one.key: one for one in _by_thing(tallies, recipients, told)}
    known = _known(list(seen), at)
    done = Opened(joined=len({case.pk for case in known.values()}))
    new = {key: _new(key, one, at) for key, one in seen.items() if key not in known}
    done.opened = len(new)
    bulk.insert(Case, new.values())
    came_back = [case for key, case in known.items() if _join(case, seen[key], at)]
    done.reopened = len({case.pk for case in came_back})
    _save(known.values())
    _say_reopened(came_back, by, at)
    keys = {key: case.pk for key, case in known.items()} | _keys_of(new)
    _write_sightings(seen, keys, at)
    return done


def _by_thing(
    tallies: pl.DataFrame,
    recipients: Sequence[Recipient],
    told: Mapping[tuple[str, str], Delivery],
) -> Iterator[_Seen]:
    """The rows of the tallies, those of one key together: they come sorted."""
    found: _Seen | None = None
    last: tuple[Any, ...] = ()
    for row in tallies.iter_rows(named=True):
        key = tuple(row[name] for name in KEYS)
        if found is None or key != last:
            if found is not None:
                yield found
            delivery = told[recipients[row["party"]].party, row["relation"]]
            found, last = _Seen(delivery.party, delivery), key
        found.rows.append(row)
    if found is not None:
        yield found


def _known(keys: list[str], at: datetime) -> dict[str, Case]:
    """The case that each key goes on with: the newest within the window; of merged ones, the one
    they were merged into."""
    found: dict[str, Case] = {}
    by_pk: dict[int, Case] = {}
    source = iter(keys)
    while some := list(islice(source, _TOGETHER)):
        rows = Case.objects.select_for_update(of=("self",)).filter(
            key__in=some, seen_at__gte=at - SEEN_AGAIN_WITHIN
        )
        for case in rows.only(*_READ).order_by("opened_at", "pk"):
            found[case.key] = by_pk.setdefault(case.pk, case)
    targets = {case.merged_into_id for case in found.values() if case.merged_into_id}
    into = Case.objects.select_for_update(of=("self",)).only(*_READ).in_bulk(targets)
    for key, case in list(found.items()):
        if case.merged_into_id:
            found[key] = by_pk.setdefault(case.merged_into_id, into[case.merged_into_id])
        elif case.state == "merged":  # the case it went into is gone
            del found[key]
    return found


def _new(key: str, seen: _Seen, at: datetime) -> dict[str, Any]:
    """The columns of a case that nobody answered yet."""
    first = seen.rows[0]
    return {
        "uid": uuid4(),
        "reference": reference(),
        "key": key,
        "party_id": seen.party.pk,
        "relation": first["relation"],
        "side": first["side"],
        "kind": first["kind"],
        "family": first["family"][:100],
        "about": first["about"][:253],
        "about_kind": first["about_kind"],
        "because": (first["because"] or "")[:_LONGEST_REASON],
        "told_as": told_as(first["relation"], first["side"], seen.party.slug),
        "within": "",
        "without": "[]",
        "events": sum(row["events"] for row in seen.rows),
        "first_at": _first(seen),
        "last_at": _last(seen),
        "seen_at": at,
        "severity": _severity(seen, ""),
        "tlp": _strictest(seen, ""),
        "sample": _sample(seen),
        "state": CASE.start,
        "reopened": 0,
        "told_in_id": seen.delivery.pk,
        "opened_at": at,
        "changed_at": at,
    }


def _keys_of(new: Mapping[str, Mapping[str, Any]]) -> dict[str, int]:
    """The primary keys of rows that were written a moment ago."""
    by_uid = {row["uid"]: key for key, row in new.items()}
    found: dict[str, int] = {}
    source = iter(by_uid)
    while some := list(islice(source, _TOGETHER)):
        rows = Case.objects.filter(uid__in=some).order_by().values_list("uid", "pk")
        found |= {by_uid[uid]: pk for uid, pk in rows}
    return found


def _join(case: Case, seen: _Seen, at: datetime) -> bool:
    """Add what was seen again; whether that reopened it."""
    case.events += sum(row["events"] for row in seen.rows)
    case.first_at = min(filter(None, (case.first_at, _first(seen))), default=None)
    case.last_at = max(filter(None, (case.last_at, _last(seen))), default=None)
    case.seen_at = case.changed_at = at
    case.severity = _severity(seen, case.severity)
    case.tlp = _strictest(seen, case.tlp)
    case.told_in_id = seen.delivery.pk
    if case.state not in _COMES_BACK:
        return False
    case.state = take(CASE, case.state, "see_again", NODE)
    case.reopened += 1
    return True


def _first(seen: _Seen) -> datetime | None:
    return min(filter(None, (row["first"] for row in seen.rows)), default=None)


def _last(seen: _Seen) -> datetime | None:
    return max(filter(None, (row["last"] for row in seen.rows)), default=None)


def _severity(seen: _Seen, before: str) -> str:
    ranks = [row["severity"] for row in seen.rows if row["severity"] is not None]
    ranks += [SEVERITIES.index(before)] if before in SEVERITIES else []
    return SEVERITIES[max(ranks)] if ranks else before


def _strictest(seen: _Seen, before: str) -> str:
    ranks = [row["strictest"] for row in seen.rows]
    ranks += [STRICTNESS[Tlp(before)]] if before else []
    return str(_TLP[max(ranks)])


def _sample(seen: _Seen) -> str:
    """A few rows as the party got them, as JSON."""
    return f"[{','.join(row['sample'] for row in seen.rows[:MOST_SAMPLED])}]"


def _save(cases: Iterable[Case]) -> None:
    """The same case may be there under two keys, once merged; one row each."""
    bulk.update(Case, {case.pk: {name: getattr(case, name) for name in _JOINED} for case in cases})


def _say_reopened(cases: Iterable[Case], by: str, at: datetime) -> None:
    Entry.objects.bulk_create(
        Entry(case=case, kind=Entry.Kind.STEP, at=at, by=by, step="see_again", state=case.state)
        for case in {case.pk: case for case in cases}.values()
    )


def _write_sightings(seen: Mapping[str, _Seen], keys: Mapping[str, int], at: datetime) -> None:
    """One row per case and report; a merged case may take two keys of one report."""
    uids = {UUID(row["report"]) for one in seen.values() for row in one.rows}
    found = Report.objects.filter(uid__in=uids).values_list("uid", "pk")
    reports = {uid.hex: pk for uid, pk in found}
    rows: dict[tuple[int, int, int], dict[str, Any]] = {}
    for key, one in seen.items():
        for row in one.rows:
            place = (keys[key], reports[row["report"]], one.delivery.pk)
            added = rows.setdefault(place, _no_sighting(place, at))
            added["events"] += row["events"]
            added["first_at"] = min(filter(None, (added["first_at"], row["first"])), default=None)
            added["last_at"] = max(filter(None, (added["last_at"], row["last"])), default=None)
    bulk.insert(Sighting, rows.values())


def _no_sighting(place: tuple[int, int, int], at: datetime) -> dict[str, Any]:
    case, report, delivery = place
    return {
        "case_id": case,
        "report_id": report,
        "delivery_id": delivery,
        "events": 0,
        "first_at": None,
        "last_at": None,
        "at": at,
    }
