"""Erasure in the event store and beside it: rows out, days out, small files together, and proof.

A Delta table keeps what was deleted: in the files of older versions, and in the minima and
maxima that its own `optimize` and `delete` write into the log. So files are rewritten here,
committed with the number of their rows and nothing else, and every file that the newest
version does not name is unlinked at once. Whoever still reads an older version finds its
files gone: erase when no long query is running. The check at the end opens what lies in the
folder, never what the log says should lie there.
"""

import json
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path

import numpy as np
import polars as pl
from deltalake import DeltaTable
from deltalake.transaction import AddAction, CommitProperties, RemoveAction

from tocsin.flow import merge
from tocsin.flow.store import write_file
from tocsin.flow.subject import Subject

# Below this a file costs more to open than to read; above, one rewrite takes too long.
SMALL = 32 * 1024 * 1024
ROWS_PER_FILE = 2_000_000
_BLOCK = 8 * 1024 * 1024
_OVERLAP = 400  # longer than any spelling of a value
_VERSION = re.compile(r"-v[0-9]+$")


@dataclass(frozen=True)
class Erased:
    """Rows taken out, and which files they were in; `keys`: the window's keys of the rows."""

    rows: int = 0
    files: tuple[Path, ...] = ()
    keys: bytes = b""


@dataclass(frozen=True)
class Checked:
    """What the files themselves say: how many were read, and which still hold the value."""

    files: int = 0
    size: int = 0
    left: tuple[str, ...] = ()

    def __add__(self, other: "Checked") -> "Checked":
        return Checked(self.files + other.files, self.size + other.size, self.left + other.left)


@dataclass
class _Change:
    """One commit being made: files that go, files that come."""

    table: DeltaTable
    root: Path
    at: datetime
    actions: list[AddAction | RemoveAction] = field(default_factory=list)

    def replace(self, old: Iterable[Path], kept: pl.DataFrame | None, *, stem: str) -> None:
        """Put one file (or none) in the place of others, all of one day."""
        now = int(self.at.timestamp() * 1000)
        paths = list(old)
        folder = paths[0].parent
        day: dict[str, str | None] = {"day": folder.name.removeprefix("day=")}
        for path in paths:
            name = str(path.relative_to(self.root))
            gone = RemoveAction(
                name, data_change=True, deletion_timestamp=now, partition_values=day
            )
            self.actions.append(gone)
        if kept is not None and len(kept):
            path = folder / f"{_VERSION.sub('', stem)}-v{self.table.version() + 1}.parquet"
            partial = path.with_suffix(".partial")
            write_file(kept, partial)
            partial.replace(path)
            rows = json.dumps({"numRecords": len(kept)})
            name, size = str(path.relative_to(self.root)), path.stat().st_size
            self.actions.append(AddAction(name, size, day, now, data_change=True, stats=rows))

    def commit(self, why: str) -> None:
        """Make it the newest version, and unlink what that does not name."""
        if self.actions:
            self.table.create_write_transaction(
                self.actions,
                mode="append",
                schema=self.table.schema(),
                partition_by=["day"],
                commit_properties=CommitProperties(custom_metadata={"why": why}),
            )
        unlink_strays(self.root)


def erase_events(
    table: Path,
    subject: Subject,
    *,
    at: datetime,
    only: Collection[Path] | None = None,
    dry_run: bool = False,
) -> Erased:
    """Take every row out in which the value stands, and its bytes out of the folder.

    `only` names the files to look at, as an earlier dry run found them.
    """
    if not _is_there(table):
        return Erased()
    change = _Change(DeltaTable(str(table)), table, at)
    rows, files, keys = 0, [], b""
    for path in _named(change.table) if only is None else sorted(only):
        events = pl.read_parquet(path)
        hit = subject.rows(events)
        if not (count := int(hit.sum())):
            continue
        rows += count
        files.append(path)
        keys += stored_keys(events.filter(hit))
        if not dry_run:
            change.replace([path], events.filter(~hit), stem=path.stem)
    if not dry_run:
        change.commit("erase")
    return Erased(rows, tuple(files), keys)


def events_with(table: Path, subject: Subject) -> Iterator[dict[str, object]]:
    """Every row in which the value stands, as it is kept; `extra` as what it holds."""
    for path in _named(DeltaTable(str(table))) if _is_there(table) else ():
        events = pl.read_parquet(path)
        for row in events.filter(subject.rows(events)).iter_rows(named=True):
            yield {**row, "extra": json.loads(str(row["extra"])) if row.get("extra") else None}


def quarantined_with(folder: Path, subject: Subject) -> Iterator[dict[str, object]]:
    """Every record in quarantine in which the value stands."""
    for path in sorted(folder.glob("*.parquet")):
        table = pl.read_parquet(path)
        yield from table.filter(subject.rows(table)).iter_rows(named=True)


def stored_keys(events: pl.DataFrame) -> bytes:
    """The window's keys of rows as they are kept: `extra` holds some of the fields."""
    if "extra" not in events.columns:
        return merge.event_keys(events)
    members = [name for name in merge.KEY if name.startswith("extra.")]
    fields = [
        pl.col("extra").str.json_path_match(f"$.{name.removeprefix('extra.')}").alias(name)
        for name in members
    ]
    return merge.event_keys(events.with_columns(fields))


def drop_events(
    table: Path, *, before: Mapping[str, date], default: date, at: datetime, dry_run: bool = False
) -> Erased:
    """Take out what came in before a day: `default`, or that of its `classification.type`."""
    if not _is_there(table):
        return Erased()
    change = _Change(DeltaTable(str(table)), table, at)
    rows, files = 0, []
    for path in _named(change.table):
        day = day_of(path)
        if day >= max(default, *before.values(), default):
            continue
        events = pl.read_parquet(path)
        due = _due(events, day, before, default)
        if not (count := int(due.sum())):
            continue
        rows += count
        files.append(path)
        if not dry_run:
            change.replace([path], events.filter(~due), stem=path.stem)
    if not dry_run:
        change.commit("retention")
    return Erased(rows, tuple(files))


def count_due(table: Path, *, before: Mapping[str, date], default: date) -> int:
    """Rows that should have gone, read from the files that lie there and not from the log."""
    return sum(
        int(_due(pl.read_parquet(path), day_of(path), before, default).sum())
        for path in sorted(table.glob("day=*/*.parquet"))
        if day_of(path) < max(default, *before.values(), default)
    )


def _due(events: pl.DataFrame, day: date, before: Mapping[str, date], default: date) -> pl.Series:
    due = {kind: day < limit for kind, limit in before.items()}
    kinds = events["classification.type"]
    return kinds.replace_strict(due, default=day < default, return_dtype=pl.Boolean)


def compact(table: Path, *, at: datetime, dry_run: bool = False, small: int = SMALL) -> int:
    """Put the small files of each day together; how many files became fewer."""
    if not _is_there(table):
        return 0
    change = _Change(DeltaTable(str(table)), table, at)
    fewer = 0
    by_day: dict[Path, list[Path]] = {}
    for path in _named(change.table):
        if path.stat().st_size < small:
            by_day.setdefault(path.parent, []).append(path)
    for files in by_day.values():
        for number, group in enumerate(_groups(files)):
            fewer += len(group) - 1
            if not dry_run:
                joined = pl.concat([pl.read_parquet(path) for path in group], how="diagonal")
                change.replace(group, joined, stem=f"day-{number:04}")
    if not dry_run:
        change.commit("compact")
    return fewer


def _groups(files: list[Path]) -> Iterator[list[Path]]:
    """Files to be put together: at least two, and few enough rows to be read at once."""
    group: list[Path] = []
    rows = 0
    for path in files:
        count = pl.scan_parquet(path).select(pl.len()).collect().item()
        if group and rows + count > ROWS_PER_FILE:
            yield from [group] if len(group) > 1 else []
            group, rows = [], 0
        group.append(path)
        rows += count
    yield from [group] if len(group) > 1 else []


def unlink_strays(table: Path, *, dry_run: bool = False) -> list[str]:
    """Files below the days that the newest version does not name: replaced, or left by a crash.

    Nothing else may be writing: the parts of a run that has not committed are strays too.
    """
    if not _is_there(table):
        return []
    named = set(_named(DeltaTable(str(table))))
    strays = [path for path in sorted(table.glob("day=*/*")) if path not in named]
    if not dry_run:
        for path in strays:
            path.unlink()
        for folder in table.glob("day=*"):
            if not any(folder.iterdir()):
                folder.rmdir()
    return [str(path.relative_to(table)) for path in strays]


def day_of(path: Path) -> date:
    """The day whose folder a file of the store lies in."""
    return date.fromisoformat(path.parent.name.removeprefix("day="))


def _is_there(table: Path) -> bool:
    return (table / "_delta_log").is_dir() and DeltaTable.is_deltatable(str(table))


def _named(table: DeltaTable) -> list[Path]:
    return sorted(Path(uri.removeprefix("file://")) for uri in table.file_uris())


# ── beside the table ─────────────────────────────────────────────────────────────────────


def erase_quarantined(folder: Path, subject: Subject, *, dry_run: bool = False) -> Erased:
    """Take records out of quarantine; a file with nothing left goes."""
    rows, files = 0, []
    for path in sorted(folder.glob("*.parquet")):
        table = pl.read_parquet(path)
        hit = subject.rows(table)
        if subject.spans(path.stem):  # the run itself is to be erased
            hit = hit.is_not_null()
        if not (count := int(hit.sum())):
            continue
        rows += count
        files.append(path)
        if not dry_run:
            _rewrite(path, table.filter(~hit))
    return Erased(rows, tuple(files))


def _rewrite(path: Path, kept: pl.DataFrame) -> None:
    if not len(kept):
        path.unlink()
        return
    partial = path.with_suffix(".partial")
    kept.write_parquet(partial, compression="zstd")
    partial.replace(path)


def forget_keys(segment: Path, keys: bytes, *, dry_run: bool = False) -> tuple[int, int]:
    """Take keys out of a segment of the window; how many were there, and how many are left."""
    seen = np.load(segment)
    wanted = np.frombuffer(keys, dtype=">u8").reshape(-1, 2)
    pairs = {(int(k0), int(k1)) for k0, k1 in wanted.tolist()}
    # numpy compares native numbers only; the keys are big-endian in the file.
    likely = np.flatnonzero(np.isin(seen["k0"].astype(np.uint64), wanted[:, 0].astype(np.uint64)))
    mine = [at for at in likely.tolist() if (int(seen["k0"][at]), int(seen["k1"][at])) in pairs]
    if mine and not dry_run:
        partial = segment.with_suffix(".partial")
        with partial.open("wb") as file:
            np.save(file, np.delete(seen, mine))
        partial.replace(segment)
    return len(mine), len(seen) - len(mine)


# ── the files themselves ─────────────────────────────────────────────────────────────────


def check_files(folder: Path, subject: Subject) -> Checked:
    """Open every file below a folder and look for the value; Parquet is unpacked."""
    files = size = 0
    left: list[str] = []
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        files += 1
        size += path.stat().st_size
        rows = int(subject.rows(pl.read_parquet(path)).sum()) if _is_parquet(path) else 0
        if rows or holds(path, subject):
            left.append(str(path.relative_to(folder.parent)))
    return Checked(files, size, tuple(left))


def _is_parquet(path: Path) -> bool:
    return path.suffix == ".parquet"


def holds(path: Path, subject: Subject) -> bool:
    """Whether the value stands in the bytes of a file, as they lie there."""
    with path.open("rb") as file:
        return any(subject.spans_in(block) for block in _blocks(file.read))


def _blocks(read: Callable[[int], bytes]) -> Iterator[bytes]:
    """A stream in blocks that overlap, so that no value is cut in two."""
    tail = b""
    while block := read(_BLOCK):
        yield tail + block
        tail = block[-_OVERLAP:]
