"""The scene: one table of events with both ends located, each end once."""

from dataclasses import dataclass, field

import numpy as np
import polars as pl

from tocsin.flow.addresses import as_range
from tocsin.flow.compiled import Compiled
from tocsin.flow.networks import Located, Networks, locate
from tocsin.words.relations import Side


@dataclass(frozen=True)
class Place:
    """One side of the events, located. All columns are as long as the events."""

    side: Side
    ip: pl.Series
    v4: pl.Series  # UInt32
    v6: pl.Series  # String
    network: pl.Series
    asn: Located
    country: Located
    fqdn: pl.Series

    @property
    def is4(self) -> np.ndarray:
        return self.v4.is_not_null().to_numpy()


def place_side(events: pl.DataFrame, side: Side, networks: Networks) -> Place:
    """Locate one side: address, or the first address of a reported network."""
    ip = column(events, f"{side}.ip", pl.String)
    v4 = column(events, f"{side}.v4", pl.UInt32)
    network = column(events, f"{side}.network", pl.String)
    bare = network.zip_with(ip.is_null(), pl.Series([None], dtype=pl.String))
    if bare.is_not_null().any():
        v4, ip = _first_of(bare, v4, ip)
    v6 = ip.zip_with(v4.is_null(), pl.Series([None], dtype=pl.String))
    return Place(
        side,
        ip,
        v4,
        v6,
        bare,
        locate(networks.asn, v4, v6),
        locate(networks.country, v4, v6),
        column(events, f"{side}.fqdn", pl.String),
    )


def column(events: pl.DataFrame, name: str, dtype: type[pl.DataType]) -> pl.Series:
    if name in events.columns:
        return events[name]
    return pl.Series(name, [None], dtype=dtype).new_from_index(0, len(events))


def _first_of(bare: pl.Series, v4: pl.Series, ip: pl.Series) -> tuple[pl.Series, pl.Series]:
    firsts4: dict[str, int | None] = {}
    firsts: dict[str, str | None] = {}
    for text in bare.drop_nulls().unique():
        span = as_range(text)
        firsts4[text] = span[1] if span and span[0] == 4 else None
        firsts[text] = text.partition("/")[0]
    return (
        v4.fill_null(bare.replace_strict(firsts4, default=None, return_dtype=pl.UInt32)),
        ip.fill_null(bare.replace_strict(firsts, default=None, return_dtype=pl.String)),
    )


@dataclass(frozen=True)
class Scene:
    """Events, and what is needed to find who is concerned by them."""

    events: pl.DataFrame
    compiled: Compiled
    networks: Networks
    _places: dict[Side, Place] = field(default_factory=dict, repr=False)

    def place(self, side: Side) -> Place:
        """The located side, computed when first asked for."""
        if side not in self._places:
            self._places[side] = place_side(self.events, side, self.networks)
        return self._places[side]
