"""What this node holds about a person, as files to hand over (GDPR art. 15 and 20).

The same places are looked at as for an erasure, and the list of them goes with the files: rows of
events as they are kept, records in quarantine, texts of the database field by field, who was told.
"""

import hmac
import json
import os
import secrets
import shutil
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from django.db import transaction

from tocsin.flow import erasure as flow
from tocsin.office import keys, register
from tocsin.office.erasure import texts
from tocsin.office.erasure.erasing import erase, require_reason
from tocsin.office.erasure.place import Erasure, Order
from tocsin.words.errors import OutOfSpace, Refused
from tocsin.words.moments import iso

README = """\
What this node holds about the person of this request (GDPR art. 15)

Made {at} for: {why}

places.json       every place that was looked at, and what was found there
events.jsonl      {events} rows of reports, as they are kept
quarantine.jsonl  {quarantined} records that could not be read, as they came
texts.jsonl       {texts} fields of the database in which the value stands
recipients.jsonl  {recipients} deliveries in which others were told, to whom and when

Purposes, categories, periods and sources: docs/reference/retention.md and the record of processing
of whoever runs this node. Where data come from stands with each row (feed.name, report).

Before this leaves the node: rows and texts may name others too (art. 15(4)); read them. Reports as
they came (evidence) are no part of this, as they hold rows about others: places.json counts them,
and events.jsonl holds what they say of this person.
"""


@dataclass(frozen=True)
class Export:
    """What was written, and where it was looked."""

    folder: Path
    looked: Erasure
    events: int
    quarantined: int
    texts: int

    @property
    def is_complete(self) -> bool:
        """Whether every place could be looked into."""
        return not self.looked.unsearched


def export(order: Order, into: Path) -> Export:
    """Write a folder of this person's data below `into`; nothing of it changes.

    Raises `Refused` for a folder that is there already, `OutOfSpace`, `Busy`, and what `erase`
    raises for a reason that names the person.
    """
    require_reason(order, "an export")
    final = into / f"subject-{iso(order.at)[:10]}-{_seals(order)[0][:12]}"
    if final.exists():
        raise Refused(f"{final} is there already. Possible: another --out, or remove it")
    partial = final.with_name(f".{final.name}.{secrets.token_hex(4)}.partial")
    try:
        partial.mkdir(mode=0o700, parents=True)
        done = _write(order, partial)
        with transaction.atomic():
            _record(order, done)
            partial.rename(final)
    except OSError as fault:
        raise OutOfSpace(f"{final} cannot be written: {fault.strerror}") from fault
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return replace(done, folder=final)


def _write(order: Order, folder: Path) -> Export:
    looked = erase(replace(order, dry_run=True))
    store = order.store_folder
    done = Export(
        folder,
        looked,
        _lines(folder / "events.jsonl", flow.events_with(store / "events", order.subject)),
        _lines(
            folder / "quarantine.jsonl", flow.quarantined_with(store / "quarantine", order.subject)
        ),
        _lines(folder / "texts.jsonl", texts.found(order.subject)),
    )
    _lines(folder / "recipients.jsonl", (asdict(one) for one in looked.recipients))
    _keep(folder / "places.json", [json.dumps(_places(looked), indent=1, ensure_ascii=False)])
    words = {
        "at": iso(order.at),
        "why": order.why,
        "events": f"{done.events:,}",
        "quarantined": f"{done.quarantined:,}",
        "texts": f"{done.texts:,}",
        "recipients": f"{len(looked.recipients):,}",
    }
    _keep(folder / "README.txt", [README.format(**words)])
    return done


def _places(looked: Erasure) -> list[dict[str, Any]]:
    """Every place with what was found; the words of an erasure are left out."""
    names = ("name", "found", "unit", "files", "unsearched")
    return [{name: getattr(place, name) for name in names} for place in looked.places]


def _lines(path: Path, rows: Iterable[dict[str, Any]]) -> int:
    count = 0

    def written() -> Iterator[str]:
        nonlocal count
        for row in rows:
            count += 1
            kept = {name: value for name, value in row.items() if value is not None}
            yield json.dumps(kept, ensure_ascii=False, default=str) + "\n"

    _keep(path, written())
    return count


def _keep(path: Path, pieces: Iterable[str]) -> None:
    """For this user's eyes only."""
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8", errors="surrogateescape") as file:
        file.writelines(pieces)


def _seals(order: Order) -> list[str]:
    secret = keys.secret(order.store_folder / "keys", "erasures")
    return [
        hmac.digest(secret, f"{order.subject.kind}:{value}".encode(), "sha256").hex()
        for value in order.subject.values
    ]


def _record(order: Order, done: Export) -> None:
    facts: dict[str, register.Fact] = {
        "kind": order.subject.kind,
        "values_hmac": [*_seals(order)],
        "why": order.why,
        "places": {place.name: {"found": place.found} for place in done.looked.places},
        "unsearched": len(done.looked.unsearched),
    }
    register.record(action="office:subject:export", actor=order.by, at=order.at, facts=facts)
