"""What the tests of this folder share: a small world of networks, parties and events."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime
from ipaddress import ip_address
from types import MappingProxyType

import polars as pl
from hypothesis import settings

from tocsin.flow.addresses import as_range
from tocsin.flow.compiled import Compiled, compile_directory
from tocsin.flow.networks import Layer, Networks
from tocsin.flow.normalise import Normalised, normalise
from tocsin.flow.ranges import flatten, ranges_of
from tocsin.flow.remits import Agreement, Directory, Recipient, Remit
from tocsin.flow.tables import Parsed
from tocsin.words.relations import Relation, RemitKind
from tocsin.words.roles import Role

AT = datetime(2026, 6, 17, 9, 0, tzinfo=UTC)
ON = AT.date()
SECRET = b"a secret of thirty-two bytes, ok"

# Hypothesis with the same examples every time: a red test stays red until it is mended.
FEW = settings(max_examples=40, deadline=None, derandomize=True)
SOME = settings(max_examples=120, deadline=None, derandomize=True)
MANY = settings(max_examples=250, deadline=None, derandomize=True)


def party(name: str, *, form: str = "idf-csv", source: str = "manual") -> Recipient:
    """A party called by its short name."""
    known_on = date(2026, 6, 1)
    return Recipient(name, name.title(), Role.ISP, "BE", form, "folder", source, known_on)


def compiled(
    remits: Iterable[Remit],
    *,
    agreements: Sequence[Agreement] = (),
    formats: Mapping[str, str] = MappingProxyType({}),
    sources: Mapping[str, str] = MappingProxyType({}),
    on: date = ON,
) -> Compiled:
    """The directory of exactly the parties that the remits name, in order of their names."""
    rows = tuple(remits)
    names = sorted({row.party for row in rows})
    recipients = tuple(
        party(name, form=formats.get(name, "idf-csv"), source=sources.get(name, "manual"))
        for name in names
    )
    return compile_directory(Directory(recipients, rows, tuple(agreements)), on=on)


def holds(
    name: str, kind: RemitKind, value: str, relation: Relation = Relation.NETWORK, **more: bool
) -> Remit:
    """One row of who answers for what."""
    return Remit(name, kind, value, relation, **more)


def layer(rows: Iterable[tuple[str, object]], dtype: type[pl.DataType], said: str) -> Layer:
    """A layer of (CIDR or range, value) rows; the narrowest range wins."""
    spans = [(as_range(text), value) for text, value in rows]
    names = sorted({value for _, value in spans}, key=str)
    families = []
    for version in (4, 6):
        pieces = flatten(
            (span[1], span[2], names.index(value)) for span, value in spans if span[0] == version
        )
        families.append(ranges_of([(low, high, v[0]) for low, high, v in pieces], version))
    return Layer(families[0], families[1], pl.Series(names, dtype=dtype), said)


NETWORKS = Networks(
    (
        layer(
            [
                ("192.0.2.0/25", 64496),
                ("192.0.2.128/25", 64497),
                ("198.51.100.0-198.51.100.130", 64498),
                ("2001:db8:1::/48", 64496),
                ("2001:db8:2::/48", 64498),
            ],
            pl.UInt32,
            "the snapshot of 2026-06-17",
        ),
    ),
    (
        layer(
            [
                ("192.0.2.0/24", "BE"),
                ("198.51.100.0/24", "PL"),
                ("2001:db8:1::/48", "BE"),
                ("2001:db8:2::/48", "PL"),
            ],
            pl.String,
            "the snapshot of 2026-06-17",
        ),
    ),
    {64496: "Meadow Net", 64497: "Brook Telecom"},
    "2026-06-17",
)


def normalised(*rows: dict[str, str]) -> Normalised:
    """Rows of a raw table, normalised."""
    return normalise(Parsed.of(list(rows)))


def events(*rows: dict[str, str]) -> pl.DataFrame:
    """Rows that must all become events."""
    done = normalised(*rows)
    assert done.faults == []
    return done.events


def v4(text: str) -> int:
    """`192.0.2.7` as a number."""
    return int(ip_address(text))
