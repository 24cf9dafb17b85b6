"""What came of a run, as plain values: what was read, who was told which fields, and why."""

import csv
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

MOST_TOLD = 500  # parties listed one by one; the deliveries of the run list them all
_MOST_NOBODY = 20


def facts_of(outcome: Any, folder: Path) -> dict[str, Any]:
    """Of an `Outcome` whose delivery files lie below `folder`."""
    totals = outcome.totals
    told = sorted(
        zip(outcome.deliveries, totals.deliveries, strict=True),
        key=lambda pair: (-sum(pair[1].classes.values()), pair[0].party.slug),
    )
    return {
        "run": outcome.run,
        "read": sum(report.rows + report.quarantined for report in outcome.reports),
        "quarantined": sum(report.quarantined for report in outcome.reports),
        "duplicates": sum(report.duplicates for report in outcome.reports),
        "events": totals.events,
        "unrouted": totals.unrouted,
        "held": totals.held,
        "classes": dict(sorted(totals.classes.items())),
        "unrouted_by": [
            {"country": country, "network": network, "events": count}
            for (country, network), count in sorted(
                totals.nobody.items(), key=lambda item: (-item[1], item[0])
            )[:_MOST_NOBODY]
        ],
        "files": [_file(report) for report in outcome.reports],
        "parties": len({delivery.party.slug for delivery in outcome.deliveries}),
        "deliveries": len(outcome.deliveries),
        "told": [
            {
                "party": delivery.party.slug,
                "name": delivery.party.name,
                "relation": delivery.relation,
                "delivery": str(delivery.uid),
                "events": sum(gathered.classes.values()),
                "rows": delivery.rows,
                "format": delivery.format,
                "tlp": delivery.tlp,
                **inside(folder / delivery.path, folder / delivery.manifest_path),
            }
            for delivery, gathered in told[:MOST_TOLD]
        ],
    }


def _file(report: Any) -> dict[str, Any]:
    return {
        "report": report.uid,
        "name": report.name,
        "format": report.format,
        "rows": report.rows,
        "quarantined": report.quarantined,
        "duplicates": report.duplicates,
        "events": report.events,
        "notes": report.sentences(),
        "unreadable": report.unreadable,
    }


def inside(file: Path, manifest: Path) -> dict[str, Any]:
    """What a delivery holds: fields by what is done to them; why its first row is there."""
    rulings = json.loads(manifest.read_bytes())["manifest"]["rulings"]
    return {"because": _first_reason(file), "fields": fields_by_act(rulings)}


def fields_by_act(rulings: Mapping[str, list[dict[str, Any]]]) -> dict[str, list[str]]:
    """Of a manifest's rulings: act to the fields it is done to, each once."""
    fields: dict[str, list[str]] = {}
    for rows in rulings.values():
        for row in rows:
            held = fields.setdefault(row["act"], [])
            held += [name for name in row["fields"] if name not in held]
    return fields


def _first_reason(file: Path) -> str:
    with file.open(encoding="utf-8", newline="") as stream:
        if file.suffix == ".csv":
            return next(csv.DictReader(stream), {}).get("extra.because") or ""
        row = json.loads(stream.readline() or "{}")
    extra = row.get("extra") or row.get("idf", {}).get("extra") or {}
    return str(extra.get("because", ""))
