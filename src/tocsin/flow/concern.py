"""Concern: `(event, party, relation, because)` by the rows of `rules.concern`.

`because` is a sentence that a person can check against the world: which address was held by
whom, in the snapshot of which day; which domain is in whose remit.
"""

import numpy as np
import polars as pl

from tocsin.flow.agreed import Finding, by_agreement, by_report
from tocsin.flow.compiled import Compiled
from tocsin.flow.hits import LINK
from tocsin.flow.holders import by_network, by_state
from tocsin.flow.names import by_brand, by_platform, by_registry
from tocsin.flow.networks import Networks
from tocsin.flow.places import Scene, column
from tocsin.rules.concern import NEEDS_AGREEMENT, concerned
from tocsin.words.relations import Relation, Side

FINDINGS: dict[Relation, Finding] = {
    Relation.NETWORK: by_network,
    Relation.CSIRT: by_state,
    Relation.REGISTRY: by_registry,
    Relation.PLATFORM: by_platform,
    Relation.BRAND: by_brand,
    Relation.REPORTER: by_report,
    **{relation: by_agreement(relation) for relation in NEEDS_AGREEMENT},
}


class Finder:
    """Finds who is concerned by one table of events."""

    def __init__(self, events: pl.DataFrame, compiled: Compiled, networks: Networks) -> None:
        self.scene = Scene(events, compiled, networks)
        self._pairs, self._class_of = _classes(events)

    def links(self, relation: Relation, side: Side) -> pl.DataFrame:
        """Columns of `hits.LINK` for one relation on one side, sorted by event."""
        chosen = self._events_of(relation, side)
        if not len(chosen):
            return pl.DataFrame(schema=LINK)
        found = FINDINGS[relation](self.scene, self.scene.place(side), chosen)
        table = pl.concat([pl.DataFrame(schema=LINK), *found])
        return table.unique(["event", "party"], keep="first", maintain_order=True).sort(
            "event", maintain_order=True
        )

    def _events_of(self, relation: Relation, side: Side) -> np.ndarray:
        """Row numbers whose class has a row for the relation on the side."""
        wanted = [
            any(row.relation is relation and row.side is side for row in concerned(kind, name))
            for kind, name in self._pairs
        ]
        if all(wanted):
            return np.arange(len(self.scene.events), dtype=np.uint32)
        return np.flatnonzero(np.array(wanted, dtype=bool)[self._class_of]).astype(np.uint32)


def _classes(events: pl.DataFrame) -> tuple[list[tuple[str, str]], np.ndarray]:
    """Distinct (type, identifier) pairs and, per event, the number of its pair."""
    columns = ["classification.type", "classification.identifier"]
    table = events.select(
        column(events, name, pl.String).fill_null("").alias(name) for name in columns
    )
    pairs = table.unique(maintain_order=True).with_row_index("n")
    of = table.join(pairs, on=columns, how="left", maintain_order="left")["n"]
    return pairs.select(columns).rows(), of.to_numpy()
