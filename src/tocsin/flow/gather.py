"""Gather: the pieces of all chunks to one file per party and relation.

Chunks arrive in order; each piece is appended to its delivery's file, so nothing is held in
memory. Figures (counts for those who see no rows) are added up and written at the end.
"""

import hashlib
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import polars as pl

from tocsin.flow.durable import flush
from tocsin.flow.release import columns_of
from tocsin.flow.remits import Recipient
from tocsin.flow.stages import Piece, Plan, Routed
from tocsin.flow.tally import MOST_APART, summed, together
from tocsin.words.markings import Tlp
from tocsin.words.moments import stamp
from tocsin.words.relations import Relation


@dataclass
class Gathered:
    """One delivery: its file so far, digest, counts."""

    recipient: Recipient
    relation: Relation
    path: Path
    rows: int = 0
    size: int = 0
    first: datetime | None = None
    last: datetime | None = None
    classes: dict[str, int] = field(default_factory=dict)
    reports: set[str] = field(default_factory=set)  # that its rows came from; of figures none
    strictest: int = 0
    digest: str = ""
    _hash: Any = field(default_factory=hashlib.sha256, repr=False)

    @property
    def tlp(self) -> Tlp:
        """The marking of the delivery: the strictest of its rows."""
        return list(Tlp)[self.strictest]

    def append(self, data: bytes) -> None:
        """Add bytes to the file and to its digest."""
        with self.path.open("ab") as file:
            file.write(data)
        self._hash.update(data)
        self.size += len(data)

    def count(self, piece: Piece) -> None:
        """Take a piece's facts over."""
        self.rows += piece.rows
        self.strictest = max(self.strictest, piece.strictest)
        self.reports |= {piece.report} if piece.report else set()
        for kind, count in piece.classes.items():
            self.classes[kind] = self.classes.get(kind, 0) + count
        self.first = min(filter(None, (self.first, piece.first)), default=None)
        self.last = max(filter(None, (self.last, piece.last)), default=None)

    def close(self) -> None:
        """Fix the digest and the bytes; nothing is appended after this."""
        flush(self.path)
        self.digest = self._hash.hexdigest()


class Gatherer:
    """Collects the deliveries of one run below `folder`."""

    def __init__(self, plan: Plan, folder: Path) -> None:
        self.plan = plan
        self.folder = folder
        self._open: dict[tuple[int, Relation], Gathered] = {}
        self._figures: dict[tuple[int, Relation], list[pl.DataFrame]] = {}
        self._headers: dict[tuple[str, Relation], bytes] = {}
        self._tallies: list[pl.DataFrame] = []

    def add(self, routed: Routed) -> None:
        """Append one chunk's pieces; its file is removed afterwards."""
        path = self.plan.path("out", routed.number, ".bin")
        with path.open("rb") as file:
            for piece in routed.pieces:
                file.seek(piece.offset)
                delivery = self._delivery(piece.party, piece.relation)
                delivery.append(file.read(piece.size))
                delivery.count(piece)
        path.unlink()
        for key, table in routed.figures.items():
            self._add_figures(key, table)
        self._tallies.append(routed.tallies)
        if len(self._tallies) > 8:
            self._tallies = [together(summed(self._tallies), MOST_APART)]

    def tallies(self) -> pl.DataFrame:
        """What cases are made from (`flow.tally`), of all chunks so far."""
        return together(summed(self._tallies))

    def _add_figures(self, key: tuple[int, Relation], table: pl.DataFrame) -> None:
        held = self._figures.setdefault(key, [])
        held.append(table)
        if len(held) > 8:  # keep it small: figures of many chunks add up to few rows
            self._figures[key] = [_summed(held)]

    def _delivery(self, party: int, relation: Relation) -> Gathered:
        key = (party, relation)
        if key not in self._open:
            recipient = self.plan.compiled.recipients[party]
            shape = self.plan.shapes[recipient.format]
            name = delivery_name(self.plan, relation) + shape.extension
            path = self.folder / recipient.party / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.unlink(missing_ok=True)
            self._open[key] = Gathered(recipient, relation, path)
            self._open[key].append(self._header(recipient.format, relation))
        return self._open[key]

    def _header(self, name: str, relation: Relation) -> bytes:
        if (name, relation) not in self._headers:
            columns = list(columns_of(relation, self.plan.on))
            self._headers[name, relation] = self.plan.shapes[name].header(columns)
        return self._headers[name, relation]

    def close(self) -> list[Gathered]:
        """Every delivery with its digest, sorted by party and relation."""
        for (party, relation), tables in sorted(self._figures.items()):
            self._write_figures(party, relation, _summed(tables))
        for delivery in self._open.values():
            delivery.close()
        return sorted(self._open.values(), key=lambda d: (d.recipient.party, d.relation))

    def _write_figures(self, party: int, relation: Relation, table: pl.DataFrame) -> None:
        delivery = self._delivery(party, relation)
        body = self.plan.shapes[delivery.recipient.format].body(table)
        delivery.append(body)
        classes = table.group_by("classification.type").agg(pl.col("extra.events").sum())
        moments = table["time.source"].drop_nulls()
        delivery.count(
            Piece(
                party,
                relation,
                0,
                len(body),
                len(table),
                moments.min() if len(moments) else None,  # type: ignore[arg-type]
                moments.max() if len(moments) else None,  # type: ignore[arg-type]
                dict(classes.rows()),
                list(Tlp).index(Tlp.AMBER),
            )
        )


def _summed(tables: list[pl.DataFrame]) -> pl.DataFrame:
    names = [name for name in tables[0].columns if name != "extra.events"]
    joined = pl.concat(tables, how="vertical_relaxed")
    return joined.group_by(names).agg(pl.col("extra.events").sum()).sort(names)


def delivery_name(plan: Plan, relation: Relation) -> str:
    """`20260617T090000Z-network-1f3a9c2e`: sorts by time, tells runs apart."""
    return f"{stamp(plan.at)}-{relation.value.replace('_', '-')}-{plan.run[:8]}"
