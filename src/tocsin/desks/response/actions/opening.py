"""Cases out of what a run told: opened, joined by what is seen again, reopened by the node.

In the transaction that makes the run count, so that there is a case for every delivery that tells
of events, and never one without. What comes in is columns already counted (`flow.tally`).
"""

import hashlib
import json
import secrets
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from typing import Any
from uuid import UUID

import polars as pl

from tocsin.desks.response.models import Case, Entry, Report, Sighting
from tocsin.flow.remits import Recipient
from tocsin.flow.tally import KEYS, SEVERITIES, told_as
from tocsin.office.models import Delivery, Party
from tocsin.rules.lifecycle import NODE, possible, take
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
    "told_in",
    "changed_at",
)
_LONGEST_REASON = 500


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
    letters = "".join(secrets.choice(_LETTERS) for _ in range(12))
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
    Case.objects.bulk_create(new.values())
    came_back = [case for key, case in known.items() if _join(case, seen[key], at)]
    done.reopened = len({case.pk for case in came_back})
    _save(known.values())
    _say_reopened(came_back, by, at)
    _write_sightings(seen, {**new, **known}, at)
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
        for case in rows.defer("sample").order_by("opened_at", "pk"):
            found[case.key] = by_pk.setdefault(case.pk, case)
    targets = {case.merged_into_id for case in found.values() if case.merged_into_id}
    into = Case.objects.select_for_update(of=("self",)).defer("sample").in_bulk(targets)
    for key, case in list(found.items()):
        if case.merged_into_id:
            found[key] = by_pk.setdefault(case.merged_into_id, into[case.merged_into_id])
        elif case.state == "merged":  # the case it went into is gone
            del found[key]
    return found


def _new(key: str, seen: _Seen, at: datetime) -> Case:
    first = seen.rows[0]
    return Case(
        reference=reference(),
        key=key,
        party=seen.party,
        relation=first["relation"],
        side=first["side"],
        kind=first["kind"],
        family=first["family"][:100],
        about=first["about"][:253],
        about_kind=first["about_kind"],
        because=(first["because"] or "")[:_LONGEST_REASON],
        told_as=told_as(first["relation"], first["side"], seen.party.slug),
        events=sum(row["events"] for row in seen.rows),
        first_at=_first(seen),
        last_at=_last(seen),
        seen_at=at,
        severity=_severity(seen, ""),
        tlp=_strictest(seen, ""),
        sample=_sample(seen),
        told_in=seen.delivery,
        opened_at=at,
        changed_at=at,
    )


def _join(case: Case, seen: _Seen, at: datetime) -> bool:
    """Add what was seen again; whether that reopened it."""
    case.events += sum(row["events"] for row in seen.rows)
    case.first_at = min(filter(None, (case.first_at, _first(seen))), default=None)
    case.last_at = max(filter(None, (case.last_at, _last(seen))), default=None)
    case.seen_at = case.changed_at = at
    case.severity = _severity(seen, case.severity)
    case.tlp = _strictest(seen, case.tlp)
    case.told_in = seen.delivery
    if "see_again" not in {step.name for step in possible(CASE, case.state, NODE)}:
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


def _sample(seen: _Seen) -> list[dict[str, Any]]:
    """A few rows as the party got them: what they leave empty is left out."""
    texts = [text for row in seen.rows for text in row["sample"]][:5]
    return [{k: v for k, v in json.loads(text).items() if v is not None} for text in texts]


def _save(cases: Iterable[Case]) -> None:
    """The same case may be there under two keys, once merged; one row each."""
    rows = list({case.pk: case for case in cases}.values())
    Case.objects.bulk_update(rows, _JOINED, batch_size=200)


def _say_reopened(cases: Iterable[Case], by: str, at: datetime) -> None:
    Entry.objects.bulk_create(
        Entry(case=case, kind=Entry.Kind.STEP, at=at, by=by, step="see_again", state=case.state)
        for case in {case.pk: case for case in cases}.values()
    )


def _write_sightings(seen: Mapping[str, _Seen], cases: Mapping[str, Case], at: datetime) -> None:
    """One row per case and report; a merged case may take two keys of one report."""
    uids = {UUID(row["report"]) for one in seen.values() for row in one.rows}
    reports = Report.objects.in_bulk(uids, field_name="uid")
    rows: dict[tuple[int, int, int], Sighting] = {}
    for key, one in seen.items():
        for row in one.rows:
            case, report = cases[key], reports[UUID(row["report"])]
            place = (case.pk, report.pk, one.delivery.pk)
            if place not in rows:
                rows[place] = Sighting(
                    case=case, report=report, delivery=one.delivery, events=0, at=at
                )
            added = rows[place]
            added.events += row["events"]
            added.first_at = min(filter(None, (added.first_at, row["first"])), default=None)
            added.last_at = max(filter(None, (added.last_at, row["last"])), default=None)
    Sighting.objects.bulk_create(rows.values())
