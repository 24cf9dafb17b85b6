"""Hits: which rows fall into whose remit, and the sentence that says why."""

import numpy as np
import polars as pl

from tocsin.flow.addresses import as_range, pack_v6
from tocsin.flow.compiled import Compiled, PrefixTable
from tocsin.flow.places import Place, Scene
from tocsin.words.relations import RemitKind, Side

# One row per event and party: `event` (UInt32, row of the events table), `party` (UInt32, number of
# the recipient), `because` (String), `remit` (UInt32, number of the remit that led there).
LINK = {"event": pl.UInt32, "party": pl.UInt32, "because": pl.String, "remit": pl.UInt32}
MOST_HOLDERS = 64  # a reported network that spans more holders than this is told to nobody


def prefix_hits(
    table: PrefixTable, place: Place, chosen: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """(row, remit number) pairs: every party whose range an address or network touches."""
    rows: list[np.ndarray] = []
    groups: list[np.ndarray] = []
    is4 = place.is4[chosen]
    single = place.network.is_null().to_numpy()[chosen]
    for family, ranges in ((is4, table.v4), (~is4, table.v6)):
        take = chosen[family & single]
        if ranges is table.v4:
            points = place.v4.gather(pl.Series(take)).to_numpy()
        else:
            texts = place.v6.gather(pl.Series(take))
            take, points = take[texts.is_not_null().to_numpy()], pack_v6(texts.drop_nulls())
        found = ranges.find(points)
        hit = found >= 0
        rows.append(take[hit])
        groups.append(ranges.values[found[hit]])
    for row in chosen[~single]:
        touched = _touched(table, place.network[int(row)])
        if len({remit for group in touched for remit in table.groups[group]}) <= MOST_HOLDERS:
            rows.append(np.full(len(touched), row, dtype=np.uint32))
            groups.append(touched)
    return _expand(table, np.concatenate(rows), np.concatenate(groups))


def _touched(table: PrefixTable, network: str) -> np.ndarray:
    span = as_range(network)
    if span is None:
        return np.empty(0, dtype=np.int64)
    version, low, high = span
    ranges = table.v4 if version == 4 else table.v6
    ends = (
        np.array([low, high], dtype=np.uint32)
        if version == 4
        else np.frombuffer(low.to_bytes(16, "big") + high.to_bytes(16, "big"), dtype="S16")
    )
    first, last = ranges.overlapping(ends[:1], ends[1:])
    return ranges.values[int(first[0]) : int(last[0])]


def _expand(
    table: PrefixTable, rows: np.ndarray, groups: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    sizes = np.array([len(group) for group in table.groups], dtype=np.int64)
    if not len(sizes):
        return rows, groups
    firsts = np.concatenate([[0], np.cumsum(sizes)[:-1]])
    flat = np.array([row for group in table.groups for row in group], dtype=np.int64)
    repeat = sizes[groups]
    within = np.arange(repeat.sum()) - np.repeat(np.cumsum(repeat) - repeat, repeat)
    return np.repeat(rows, repeat), flat[np.repeat(firsts[groups], repeat) + within]


def prefix_reasons(compiled: Compiled, remits: np.ndarray) -> pl.Series:
    distinct, back = np.unique(remits, return_inverse=True)
    texts = [_remit_reason(compiled, int(remit)) for remit in distinct]
    return pl.Series(texts, dtype=pl.String).gather(pl.Series(back, dtype=pl.UInt32))


def _remit_reason(compiled: Compiled, remit: int) -> str:
    row = compiled.remits[remit]
    party = compiled.recipients[compiled.party_of[remit]]
    known = f"{party.source}, {party.as_of.isoformat()}" if party.as_of else party.source
    value = f"AS{row.value}" if row.kind is RemitKind.ASN else row.value
    return f"{value} is in the remit of {party.name} ({known})"


def with_origin(compiled: Compiled, remits: np.ndarray, because: pl.Series) -> pl.Series:
    """The sentences, and behind those of imported parties who says so, and of which day."""
    if not (compiled.is_ranked and len(remits)):
        return because
    distinct, back = np.unique(remits, return_inverse=True)
    texts = [
        f"; {_remit_reason(compiled, int(remit))}" if compiled.ranks[int(remit)] else ""
        for remit in distinct
    ]
    return because + pl.Series(texts, dtype=pl.String).gather(pl.Series(back, dtype=pl.UInt32))


def by_value(
    values: pl.Series, rows: np.ndarray, held: dict[str, tuple[int, ...]]
) -> tuple[np.ndarray, np.ndarray]:
    """Rows whose value somebody holds, with the number of the remit; ties give several."""
    table = pl.DataFrame(
        {
            "value": [value for value, remits in held.items() for _ in remits],
            "remit": [remit for remits in held.values() for remit in remits],
        },
        schema={"value": pl.String, "remit": pl.Int64},
    )
    named = pl.DataFrame({"value": values.cast(pl.String), "row": pl.Series(rows, dtype=pl.UInt32)})
    hits = named.join(table, on="value", how="inner", maintain_order="left_right")
    return hits["row"].to_numpy(), hits["remit"].to_numpy()


def links_of(
    compiled: Compiled, rows: np.ndarray, remits: np.ndarray, because: pl.Series
) -> pl.DataFrame:
    party = np.array(compiled.party_of, dtype=np.uint32)[remits.astype(np.int64)]
    return pl.DataFrame(
        {
            "event": pl.Series(rows, dtype=pl.UInt32),
            "party": pl.Series(party, dtype=pl.UInt32),
            "because": because.alias("because"),
            "remit": pl.Series(remits, dtype=pl.UInt32),
        }
    )


def same(text: str, size: int) -> pl.Series:
    """The same sentence for every row."""
    return pl.Series([text], dtype=pl.String).new_from_index(0, size)


def is_shared(scene: Scene, side: Side) -> np.ndarray:
    """True where the address is one that many lines use at once (a declared pool, RFC 6598)."""
    table = scene.compiled.shared
    found = np.zeros(len(scene.events), dtype=bool)
    if table is not None:
        rows, _ = prefix_hits(
            PrefixTable(table.v4, table.v6, tuple((0,) for _ in table.groups)),
            scene.place(side),
            np.arange(len(scene.events), dtype=np.uint32),
        )
        found[rows] = True
    return found
