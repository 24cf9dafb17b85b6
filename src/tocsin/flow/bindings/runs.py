"""Bindings on the disk: sorted runs, each one Parquet file, merged when there are many.

An import writes one run and touches no other; what is over is left out when runs are merged.
Within a run rows are sorted by key and beginning, so that a look-up reads the few row groups
its keys fall into, and a long list of questions reads each row group once.
"""

import ipaddress as ip
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from tocsin.flow.bindings import keys
from tocsin.flow.durable import flush
from tocsin.words.errors import Unreadable

# `since` and `until` in microseconds since 1970 (UTC), `until` not included.
SCHEMA: dict[str, type[pl.DataType]] = {
    "key": pl.UInt64,
    "since": pl.Int64,
    "until": pl.Int64,
    "line": pl.UInt64,
    "source": pl.UInt16,
    "protocol": pl.UInt8,  # 0 is any, 6 TCP, 17 UDP (IANA)
    "scope": pl.UInt32,  # realm and prefix length of IPv6; 0 for IPv4, whose key is exact
    "high": pl.UInt64,
    "low": pl.UInt64,
}
SUFFIX = ".bindings.parquet"
GROUP = 1 << 16  # rows
_FACTS = b"tocsin.bindings"


@dataclass(frozen=True)
class Run:
    """One sorted file of bindings."""

    path: Path

    @cached_property
    def _file(self) -> pq.ParquetFile:
        try:
            return pq.ParquetFile(self.path, memory_map=True)
        except (pa.ArrowException, OSError) as fault:
            raise Unreadable(f"{self.path.name}: no run of bindings ({fault})") from None

    @cached_property
    def _facts(self) -> dict[str, list[int]]:
        facts = (self._file.metadata.metadata or {}).get(_FACTS)
        if facts is None:
            raise Unreadable(f"{self.path.name}: no run of bindings: its facts are missing")
        return dict(json.loads(facts))

    @property
    def rows(self) -> int:
        """How many bindings."""
        return int(self._file.metadata.num_rows)

    @property
    def heights(self) -> frozenset[int]:
        """Heights of the port nodes in it."""
        return frozenset(self._facts["heights"])

    @property
    def scopes(self) -> frozenset[int]:
        """Realms and lengths of its IPv6 prefixes."""
        return frozenset(self._facts["scopes"])

    @property
    def reach(self) -> tuple[int, int]:
        """The earliest `since` and the latest `until`."""
        first, last = self._facts["reach"]
        return first, last

    @cached_property
    def edges(self) -> tuple[np.ndarray, np.ndarray]:
        """The first and the last key of each row group (uint64)."""
        meta = self._file.metadata
        found = [meta.row_group(i).column(0).statistics for i in range(meta.num_row_groups)]
        return (
            np.array([one.min for one in found], dtype=np.uint64),
            np.array([one.max for one in found], dtype=np.uint64),
        )

    def group(self, number: int, columns: Sequence[str] = tuple(SCHEMA)) -> dict[str, np.ndarray]:
        """The columns of one row group as numpy arrays."""
        # A reader of its own, on the metadata that was read once: one serves one thread alone.
        meta = self._file.metadata
        with pq.ParquetFile(self.path, metadata=meta, memory_map=True, pre_buffer=False) as file:
            table = file.read_row_group(number, columns=list(columns), use_threads=False)
        return {name: table.column(name).to_numpy() for name in columns}

    def frames(self) -> Iterator[pl.DataFrame]:
        """All rows, a row group at a time."""
        for number in range(self._file.metadata.num_row_groups):
            yield pl.DataFrame(self.group(number), schema=SCHEMA)


def runs_in(folder: Path) -> list[Run]:
    """The runs of a folder, oldest name first."""
    return [Run(path) for path in sorted(folder.glob(f"*{SUFFIX}"))]


def write_run(rows: pl.DataFrame, path: Path, *, group: int = GROUP) -> Run:
    """Bindings (`SCHEMA`) as one sorted run: whole and on the disk under its name, or not there."""
    return write_sorted([rows.select(*SCHEMA).sort("key", "since")], path, group=group)


def write_sorted(frames: Iterable[pl.DataFrame], path: Path, *, group: int = GROUP) -> Run:
    """Frames that are sorted by `key` and `since`, one after the other, as one run.

    `group` is the number of rows of a row group.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.partial")
    heights: set[int] = set()
    scopes: set[int] = set()
    reach: list[int] = []
    schema = pl.DataFrame(schema=SCHEMA).to_arrow().schema
    with _writer(partial, schema) as writer:
        for frame in _regrouped(frames, group):
            writer.write_table(frame.to_arrow().cast(schema), row_group_size=group)
            found = frame["key"].to_numpy()
            heights |= keys.heights((found & np.uint64((1 << keys.NODE_BITS) - 1)).astype(np.int64))
            scopes |= set(frame.filter(pl.col("scope") > 0)["scope"].unique())
            ends = frame.select(pl.col("since").min(), pl.col("until").max()).row(0)
            reach = [min(ends[0], *reach[:1]), max(ends[1], *reach[1:])] if reach else list(ends)
        facts = {"heights": sorted(heights), "scopes": sorted(scopes), "reach": reach or [0, 0]}
        writer.add_key_value_metadata({_FACTS: json.dumps(facts).encode()})
    flush(partial)
    partial.replace(path)
    flush(path.parent)
    return Run(path)


def _writer(path: Path, schema: pa.Schema) -> pq.ParquetWriter:
    return pq.ParquetWriter(
        path,
        schema,
        compression="lz4",
        use_dictionary=["source", "protocol", "scope"],
        write_statistics=["key"],
    )


def _regrouped(frames: Iterable[pl.DataFrame], group: int) -> Iterator[pl.DataFrame]:
    """The same rows in frames of one row group each."""
    rest: list[pl.DataFrame] = []
    held = 0
    for frame in frames:
        rest.append(frame)
        held += len(frame)
        if held >= group:
            whole = pl.concat(rest)
            for start in range(0, held - group + 1, group):
                yield whole.slice(start, group)
            rest, held = [whole.slice(held - held % group)], held % group
    if held:
        yield pl.concat(rest)


def merged(
    runs: Sequence[Run], *, keep: Callable[[pl.DataFrame], pl.DataFrame] = lambda frame: frame
) -> Iterator[pl.DataFrame]:
    """The rows of several runs in one order; `keep` leaves out what is over.

    Holds about one row group of each run.
    """
    readers = [_Reader(run) for run in runs]
    while ends := [reader.last for reader in readers if reader.last is not None]:
        limit = min(ends)
        taken = pl.concat([reader.take(limit) for reader in readers])
        ready = keep(taken.sort("key", "since"))
        if len(ready):
            yield ready


def overlapping(
    rows: pl.DataFrame, networks: Iterable[ip.IPv4Network | ip.IPv6Network]
) -> pl.Series:
    """Bool per binding of the Internet (realm 0): whether its address or prefix is in a network."""
    found = np.zeros(len(rows), bool)
    held, scope = rows["key"].to_numpy(), rows["scope"].to_numpy()
    is_v6 = keys.is_v6(held) & (scope >> np.uint32(8) == 0)
    lengths = scope & np.uint32(0xFF)
    for network in networks:
        first, length = int(network.network_address), network.prefixlen
        if isinstance(network, ip.IPv4Network):
            low = np.uint64(first << keys.NODE_BITS)
            high = np.uint64((int(network.broadcast_address) + 1) << keys.NODE_BITS)
            found |= (held >= low) & (held < high)
        else:
            # Two prefixes meet where both, cut to the shorter of them, are the same.
            shorter = np.minimum(lengths, length)
            own = keys.masked(rows["high"].to_numpy(), rows["low"].to_numpy(), shorter)
            halves = (np.uint64(first >> 64), np.uint64(first % 2**64))
            full = [np.full(len(rows), half) for half in halves]
            other = keys.masked(full[0], full[1], shorter)
            found |= is_v6 & (own[0] == other[0]) & (own[1] == other[1])
    return pl.Series(found, dtype=pl.Boolean)


class _Reader:
    """A run on its way into another: what was read of it and not yet taken."""

    def __init__(self, run: Run) -> None:
        self._frames = run.frames()
        self._held = pl.DataFrame(schema=SCHEMA)
        self._read()

    @property
    def last(self) -> int | None:
        """The largest key at hand; None when nothing is left."""
        return int(self._held["key"][-1]) if len(self._held) else None

    def take(self, limit: int) -> pl.DataFrame:
        """All rows up to the key `limit`; its rows may go on in the next row groups."""
        while self.last == limit and self._read():
            pass
        cut = int(self._held["key"].search_sorted(limit, side="right"))
        taken, self._held = self._held.slice(0, cut), self._held.slice(cut)
        if not len(self._held):
            self._read()
        return taken

    def _read(self) -> bool:
        more = next(self._frames, None)
        if more is None:
            return False
        self._held = pl.concat([self._held, more])
        return True
