"""The report types: their class, identifier and columns, and which of them a file is."""

import re
from collections.abc import Collection
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from math import fsum

OTHER = "other"
NAMELESS = "unknown-report"
_FILE_NAME = re.compile(r"^(?:\d{4}-\d{2}-\d{2}-)?(\w+)(?:-\w+)*\.csv$", re.ASCII)
_PACKED = re.compile(r"(?:\.(?:gz|zip))+$", re.IGNORECASE)
# A file that is named like a report type is of that type, or of none that we know.
_FAMILY = re.compile(r"^(?:scan6?|event(?:4|6|46)|population6?|device|sandbox|honeypot)_")
_ENOUGH = 0.6
_UNSEEN = 0.5


@dataclass(frozen=True)
class Report:
    """One report type; empty `kind` or `identifier`: the rows decide (see `reading.py`)."""

    name: str
    taxonomy: str
    kind: str
    identifier: str
    columns: frozenset[str]


@dataclass(frozen=True)
class Found:
    """What a file is, and what to tell about how that was found."""

    report: Report
    notes: tuple[str, ...] = ()


def _load() -> dict[str, Report]:
    text = files(__package__).joinpath("reports.tsv").read_text(encoding="utf-8")
    rows = (line.split("\t") for line in text.splitlines()[1:])
    return {
        name: Report(name, taxonomy, kind, identifier, frozenset(columns.lower().split(",")))
        for name, taxonomy, kind, identifier, columns in rows
    }


REPORTS: dict[str, Report] = _load()
SEEN: frozenset[str] = frozenset().union(*(report.columns for report in REPORTS.values()))


def type_in(file_name: str) -> str | None:
    """The report type a file name carries, known or not: `2026-06-17-scan_rdp-at.csv.gz`."""
    base = re.split(r"[/\\]", file_name)[-1]
    match = _FILE_NAME.match(_PACKED.sub("", base.lower()))
    return match[1] if match else None


def identify(file_name: str, columns: Collection[str]) -> Found:
    """The report type by the file name; where that names none, by the columns."""
    name = type_in(file_name)
    if name in REPORTS:
        return Found(REPORTS[name])
    if name is not None and _FAMILY.match(name):
        return Found(_unknown(name), (f"report type '{name}' is not in the table: class other",))
    return _by_columns(columns) or _nothing_fits(name)


def _nothing_fits(name: str | None) -> Found:
    report = name or NAMELESS
    told = f"report type '{report}' is not in the table" if name else "no report type in the name"
    return Found(_unknown(report), (f"{told}, and its columns are of none: class other",))


def _unknown(name: str) -> Report:
    return Report(name, OTHER, OTHER, name, frozenset())


def _by_columns(columns: Collection[str]) -> Found | None:
    """The best fitting types; several that fit equally well must be of one class."""
    header = frozenset(columns)
    scores = {name: _likeness(header, report.columns) for name, report in REPORTS.items()}
    best = max(scores.values())
    if best < _ENOUGH:
        return None
    fitting = [REPORTS[name] for name, score in scores.items() if score == best]
    names = " or ".join(report.name for report in fitting)
    classes = {(report.taxonomy, report.kind, report.identifier) for report in fitting}
    if len(fitting) == 1:
        return Found(fitting[0], (f"by its columns this is {names}",))
    if len({one[:2] for one in classes}) > 1:
        told = f"by its columns this may be {names}, which are of different classes: class other"
        return Found(_unknown(NAMELESS), (told,))
    taxonomy, kind, identifier = min(classes) if len(classes) == 1 else (*min(classes)[:2], "")
    report = Report(NAMELESS, taxonomy, kind, identifier, fitting[0].columns)
    return Found(report, (f"by its columns this is {names}, which are of one class",))


def _likeness(header: frozenset[str], known: frozenset[str]) -> float:
    """Jaccard, each column weighed by how few report types have it.

    Unweighed, any report with the twelve columns that all scans share would look like the
    shortest of them.
    """
    weights = _weights()
    common = fsum(weights[column] for column in header & known)
    total = fsum(weights.get(column, _UNSEEN) for column in header | known)
    return common / total


@cache
def _weights() -> dict[str, float]:
    columns = [column for report in REPORTS.values() for column in report.columns]
    return {column: 1 / columns.count(column) for column in set(columns)}
