"""Remits compiled for look-up: prefixes to disjoint intervals, the rest to plain tables.

The better source wins (`rules.contacts`), then the most specific within a kind. A prefix
stands above the autonomous system around it: whoever answers for the smaller range is told,
and not also whoever routes it. Several parties of equal rank with the very same value are all
told.
"""

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import date

from tocsin.flow.addresses import as_range
from tocsin.flow.domains import parents
from tocsin.flow.ranges import Ranges, flatten, ranges_of
from tocsin.flow.remits import Agreement, Directory, Recipient, Remit
from tocsin.rules.contacts import CONTESTED, rank_of
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
    ranks: tuple[int, ...] = ()  # remit number to the rank of its party's source

    @property
    def is_ranked(self) -> bool:
        """Whether there is a remit that another one may outrank."""
        return any(self.ranks)

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
    parties = tuple(number[remit.party] for remit in directory.remits)
    ranks = tuple(
        rank_of(directory.recipients[party].source) if remit.relation in CONTESTED else 0
        for remit, party in zip(directory.remits, parties, strict=True)
    )
    return Compiled(
        directory.recipients,
        directory.remits,
        parties,
        {relation: _prefix_table(rows, ranks) for relation, rows in spans.items()},
        {key: _foremost(key[1], held, ranks) for key, held in values.items()},
        _prefix_table(shared),
        tuple(
            row
            for row in directory.agreements
            if row.since <= on and (row.until is None or on <= row.until)
        ),
        ranks,
    )


def _foremost(
    kind: RemitKind, held: dict[str, list[int]], ranks: tuple[int, ...]
) -> dict[str, tuple[int, ...]]:
    """Of each value the remits of the best rank; a domain gives way to a better one above it."""
    best = {value: min(ranks[row] for row in rows) for value, rows in held.items()}
    return {
        value: tuple(row for row in rows if ranks[row] == best[value])
        for value, rows in held.items()
        if kind is not RemitKind.DOMAIN
        or best[value] == 0
        or all(best.get(above, best[value]) >= best[value] for above in parents(value))
    }


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


def _prefix_table(
    rows: list[tuple[int, int, int, int]], ranks: tuple[int, ...] = ()
) -> PrefixTable:
    groups: list[tuple[int, ...]] = []
    tables = []
    for family in (4, 6):
        pieces = flatten(
            ((low, high, row) for version, low, high, row in rows if version == family),
            rank=ranks.__getitem__ if any(ranks) else lambda _row: 0,
        )
        numbered = []
        for low, high, values in pieces:
            numbered.append((low, high, len(groups)))
            groups.append(values)
        tables.append(ranges_of(numbered, family))
    return PrefixTable(tables[0], tables[1], tuple(groups))
