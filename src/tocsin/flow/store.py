"""The event store: one Delta table, partitioned by the day a report came in.

Parts are written by whoever holds the rows, under names that follow from run and chunk; the
commit is one small step at the end. It carries the run's id, so a replay of a run that had
got as far as the commit adds nothing. The day is the day of receipt, not of the event: what
falls out of a seized server may be months old, and storage limitation counts from receipt.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

import polars as pl
from deltalake import DeltaTable, Field
from deltalake.exceptions import TableNotFoundError
from deltalake.transaction import AddAction, CommitProperties, RemoveAction, Transaction

from tocsin.flow.durable import flush
from tocsin.flow.footers import footer_for
from tocsin.flow.release import json_object
from tocsin.rules.disclosure import is_secret
from tocsin.words.fields import EXTRA, FIELDS, Kind

# Delta has no unsigned integers; the next larger signed one holds every value.
_STORED: dict[Kind, type[pl.DataType]] = {
    Kind.PORT: pl.Int32,
    Kind.ASN: pl.Int64,
    Kind.NUMBER: pl.Float64,
}
_MOMENT = pl.Datetime("us", "UTC")
# In a file, what was told to the same lies together and in small groups, so that whoever reads the
# events of one case passes over nearly all of it (`flow.recall`).
_ORDER = (
    *("told", "classification.type", "source.asn"),
    *("malware.name", "classification.identifier", "report", "row"),
)
_GROUP = 4096  # rows
SCHEMA: dict[str, pl.DataType | type[pl.DataType]] = {
    "day": pl.Date,
    "run": pl.String,
    "report": pl.String,
    "row": pl.Int64,
    "repeats": pl.Int32,
    "routed": pl.Boolean,
    "told": pl.String,  # labels of `flow.tally`, one per line: who was told, and as what
    **{
        name: _MOMENT if kind is Kind.TIME else _STORED.get(kind, pl.String)
        for name, kind in FIELDS.items()
    },
    "extra": pl.String,
}


@dataclass(frozen=True)
class Part:
    """One Parquet file of the store: its path below the table, rows, size and day."""

    path: str
    rows: int
    size: int
    day: str


def stored(events: pl.DataFrame) -> pl.DataFrame:
    """Events as they are kept: typed as `SCHEMA` (present columns only), `extra` as JSON.

    Passwords, payloads and requests are not kept in the store at all, nor is `raw`, which may
    hold any of them; the sealed evidence has them for as long as it lives.
    """
    keep = [name for name in SCHEMA if name in events.columns and name not in ("day", "raw")]
    extras = [n for n in events.columns if n.startswith(EXTRA) and not is_secret(n)]
    return events.select(
        *[pl.col(name).cast(SCHEMA[name]) for name in keep], json_object(extras).alias("extra")
    )


def write_part(events: pl.DataFrame, table: Path, *, name: str, day: date) -> Part:
    """Write one part file; the same name is written again with the same content."""
    folder = table / f"day={day.isoformat()}"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.parquet"
    partial = path.with_suffix(".partial")
    write_file(stored(events), partial)
    flush(partial)
    partial.replace(path)
    return Part(f"{folder.name}/{path.name}", len(events), path.stat().st_size, day.isoformat())


def write_file(rows: pl.DataFrame, path: Path) -> None:
    """Rows of the store as one file, in the order in which they are looked for."""
    by = [name for name in _ORDER if name in rows.columns]
    ordered = rows.sort(by, nulls_last=True) if by else rows
    ordered.write_parquet(
        path,
        compression="zstd",
        compression_level=1,
        row_group_size=_GROUP,
        metadata=footer_for(rows),
    )


def commit(table: Path, parts: Iterable[Part], *, run: str, at: datetime) -> bool:
    """Make the parts of one run visible at once; False where the run is there already."""
    actions: list[AddAction | RemoveAction] = [_add(part, at) for part in parts]
    store = open_table(table)
    if has_run(table, run):
        return False
    if actions:
        store.create_write_transaction(
            actions,
            mode="append",
            schema=store.schema(),
            partition_by=["day"],
            commit_properties=CommitProperties(
                custom_metadata={"run": run},
                app_transactions=[Transaction(app_id=f"run-{run}", version=1)],
            ),
        )
    return True


def has_run(table: Path, run: str) -> bool:
    """Whether a run's events have been committed."""
    return open_table(table).transaction_version(f"run-{run}") is not None


def _add(part: Part, at: datetime) -> AddAction:
    return AddAction(
        path=part.path,
        size=part.size,
        partition_values={"day": part.day},
        modification_time=int(at.timestamp() * 1000),
        data_change=True,
        stats=json.dumps({"numRecords": part.rows}),
    )


def open_table(table: Path) -> DeltaTable:
    """The Delta table, made empty on first use."""
    try:
        return _complete(DeltaTable(str(table)))
    except TableNotFoundError:
        table.mkdir(parents=True, exist_ok=True)
        empty = pl.DataFrame(schema=SCHEMA).to_arrow()
        return DeltaTable.create(
            str(table), schema=empty.schema, mode="ignore", partition_by=["day"], name="events"
        )


def _complete(store: DeltaTable) -> DeltaTable:
    """A table of an earlier version gets the columns that came since; what is in it has nulls."""
    known = {field.name for field in store.schema().fields}
    missing = [name for name in SCHEMA if name not in known]
    if missing:
        empty = pl.DataFrame(schema={name: SCHEMA[name] for name in missing}).to_arrow()
        store.alter.add_columns([Field.from_arrow(field) for field in empty.schema])
    return store


def read_events(table: Path, *, days: Iterable[date] | None = None) -> pl.LazyFrame:
    """The store as a lazy frame with the columns of `SCHEMA`; empty where no report came in yet."""
    there = DeltaTable.is_deltatable(str(table))
    frame = pl.scan_delta(str(table)) if there else pl.LazyFrame(schema=SCHEMA)
    return frame.filter(pl.col("day").is_in(list(days))) if days is not None else frame


def files_of(table: Path, *, days: Iterable[date]) -> list[Path]:
    """The files of the newest version that hold these days."""
    folders = {f"day={day.isoformat()}" for day in days}
    paths = (Path(uri.removeprefix("file://")) for uri in DeltaTable(str(table)).file_uris())
    return sorted(path for path in paths if path.parent.name in folders)


def read_files(files: Iterable[Path]) -> pl.LazyFrame:
    """Some files of the store with the columns of `SCHEMA` but the day, and `file`: whence."""
    return pl.scan_parquet(
        list(files),
        schema={name: kind for name, kind in SCHEMA.items() if name != "day"},
        missing_columns="insert",  # written by an earlier version
        extra_columns="ignore",
        hive_partitioning=False,
        include_file_paths="file",
    )
