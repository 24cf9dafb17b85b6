"""Remits compiled for look-up: prefixes to disjoint intervals, the rest to plain tables.

Most specific wins within a kind. A prefix stands above the autonomous system around it:
whoever answers for the smaller range is told, and not also whoever routes it. Several
parties with the very same value are all told.
"""

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import date

from tocsin.flow.addresses import as_range
from tocsin.flow.ranges import Ranges, flatten, ranges_of
from tocsin.flow.remits import Agreement, Directory, Recipient, Remit
from tocsin.words.errors import Unusable
from tocsin.words.relations import Relation, RemitKind

# RFC 6598: shared address space; RFC 1918 never identifies anyone outside one network.
ALWAYS_SHARED = ("100.64.0.0/10",)


@dataclass(frozen=True)
class PrefixTable:
    """Disjoint ranges of one relation; `groups[value]` are numbers of remit rows."""

    v4: Ranges
    v6: Ranges
    groups: tuple[tuple[int, ...], ...]


@dataclass(frozen=True)
class Compiled:
    """A directory ready for look-up; numbers index `recipients` and `remits`."""

    recipients: tuple[Recipient, ...]
    remits: tuple[Remit, ...]
    party_of: tuple[int, ...]  # remit number to recipient number
    prefixes: dict[Relation, PrefixTable] = field(default_factory=dict)
    values: dict[tuple[Relation, RemitKind], dict[str, tuple[int, ...]]] = field(
        default_factory=dict
    )
    shared: PrefixTable | None = None
    agreements: tuple[Agreement, ...] = ()

    def lookup(self, relation: Relation, kind: RemitKind) -> dict[str, tuple[int, ...]]:
        """Value to remit numbers; empty where nobody holds such a remit."""
        return self.values.get((relation, kind), {})


def compile_directory(directory: Directory, *, on: date) -> Compiled:
    """Raises `Unusable` for a remit that names nothing; keeps agreements valid on the day."""
    number = {recipient.party: n for n, recipient in enumerate(directory.recipients)}
    values: dict[tuple[Relation, RemitKind], dict[str, list[int]]] = defaultdict(dict)
    spans: dict[Relation, list[tuple[int, int, int, int]]] = defaultdict(list)
    shared: list[tuple[int, int, int, int]] = [
        (*_span_of(text, "RFC 6598"), -1) for text in ALWAYS_SHARED
    ]
    for row, remit in enumerate(directory.remits):
        if remit.party not in number:
            raise Unusable(f"remit {remit.value}: there is no party {remit.party}")
        if remit.kind is RemitKind.PREFIX:
            span = (*_span_of(remit.value, remit.party), row)
            spans[remit.relation].append(span)
            shared.extend([span] if remit.shared else [])
        else:
            held = values[remit.relation, remit.kind].setdefault(_value(remit), [])
            held.append(row)
    return Compiled(
        directory.recipients,
        directory.remits,
        tuple(number[remit.party] for remit in directory.remits),
        {relation: _prefix_table(rows) for relation, rows in spans.items()},
        {key: {v: tuple(rows) for v, rows in held.items()} for key, held in values.items()},
        _prefix_table(shared),
        tuple(
            row
            for row in directory.agreements
            if row.since <= on and (row.until is None or on <= row.until)
        ),
    )


def _span_of(text: str, party: str) -> tuple[int, int, int]:
    span = as_range(text)
    if span is None:
        raise Unusable(f"{party}: {text!r} is no CIDR, range or address, such as 192.0.2.0/24")
    return span


def _value(remit: Remit) -> str:
    if remit.kind is RemitKind.ASN:
        return str(int(remit.value.upper().removeprefix("AS")))
    if remit.kind is RemitKind.COUNTRY:
        return remit.value.upper()
    return remit.value.strip().lower().strip(".")  # as Polars lowers what it is compared with


def _prefix_table(rows: list[tuple[int, int, int, int]]) -> PrefixTable:
    groups: list[tuple[int, ...]] = []
    tables = []
    for family in (4, 6):
        pieces = flatten((low, high, row) for version, low, high, row in rows if version == family)
        numbered = []
        for low, high, values in pieces:
            numbered.append((low, high, len(groups)))
            groups.append(values)
        tables.append(ranges_of(numbered, family))
    return PrefixTable(tables[0], tables[1], tuple(groups))
