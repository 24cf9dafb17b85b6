"""Reading logs of leases and sessions: each file once, whole or not at all."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import polars as pl
from django.db import transaction
from django.db.models import Max

from tocsin.desks.subscribers.actions.keeping import merge_runs, sweep
from tocsin.desks.subscribers.models import BindingRun, LogImport, Source
from tocsin.desks.subscribers.queries.bindings import FOLDER, open_path, pending_path, run_path
from tocsin.flow.bindings import records
from tocsin.flow.bindings.fold import fold
from tocsin.flow.bindings.runs import Run, write_run
from tocsin.flow.tables import Fault
from tocsin.formats.leases.catalogue import lease_format
from tocsin.formats.leases.format import Piece
from tocsin.office import keys, register
from tocsin.office.alone import alone
from tocsin.words.errors import NotFound, Unusable
from tocsin.words.moments import as_utc

SHOWN = 10  # faults that are said
LINES = "subscribers"  # the key that makes pseudonyms of names
_AHEAD = timedelta(days=1)


@dataclass(frozen=True)
class Reading:
    """How a log is read; what is not said stays as the source has it."""

    source: str
    log_format: str = ""
    mapping: str = ""
    subscriber: str = ""
    slack: int | None = None
    quiet: int | None = None
    realm: int | None = None
    inside_realm: int | None = None


@dataclass(frozen=True)
class Imported:
    """What came of a file; `faults` are the first of what could not be used."""

    source: str
    log_format: str
    messages: int
    spans: int
    going: int
    refused: int
    faults: list[Fault] = field(default_factory=list)
    reaches_to: datetime | None = None
    is_repeat: bool = False


def import_log(
    path: Path, reading: Reading, *, by: str, at: datetime, store_folder: Path
) -> Imported:
    """Read one file of a source. The same bytes again change nothing.

    Raises NotFound, Unreadable (no log that is known), Unusable (settings that cannot work), Busy.
    """
    if not path.is_file():
        raise NotFound(f"no such file: {path}")
    with alone(store_folder):
        digest = _digest(path)
        source = _source(reading)
        if source.pk and source.imports.filter(digest=digest).exists():
            return Imported(source.name, source.log_format, 0, 0, 0, 0, is_repeat=True)
        sweep(store_folder)
        done = _read(path, source, at=at, store_folder=store_folder)
        _commit(path, digest, source, done, by=by, at=at)
        sweep(store_folder)
        merge_runs(at=at, store_folder=store_folder)
    return done.imported


@dataclass(frozen=True)
class _Done:
    uid: str
    imported: Imported
    run: Run | None


def _digest(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _source(reading: Reading) -> Source:
    """The source as it is on file, or a new one, with what the reading says of it."""
    row = Source.objects.filter(name=reading.source).first()
    if row is None:
        if not reading.source.strip() or len(reading.source) > 60:
            raise Unusable("a source needs a name of up to 60 characters, such as dhcp-north")
        most = Source.objects.aggregate(most=Max("number"))["most"] or 0
        row = Source(name=reading.source, number=most + 1)
    for name in ("log_format", "mapping", "subscriber"):
        setattr(row, name, getattr(reading, name) or getattr(row, name))
    for name in ("slack", "quiet", "realm", "inside_realm"):
        if getattr(reading, name) is not None:
            setattr(row, name, getattr(reading, name))
    if row.inside_realm == 0 and row.realm == 0:
        row.inside_realm = row.number  # the inside of a translator is never the Internet
    return row


def _read(path: Path, source: Source, *, at: datetime, store_folder: Path) -> _Done:
    found = lease_format(path, name=source.log_format, mapping=source.mapping)
    source.log_format = found.name
    secret = keys.secret(store_folder / "keys", LINES)
    faults: list[Fault] = []
    messages, refused, latest = 0, 0, source.reaches_to
    rows: list[pl.DataFrame] = list(_pending(source, store_folder))
    with path.open("rb") as stream:
        for piece in found.read(stream, path.name, source.subscriber):
            rows.append(records.pseudonymised(piece.rows, secret))
            messages += len(piece.rows)
            refused += len(piece.faults)
            faults += piece.faults[: SHOWN - len(faults)]
            latest = _later(latest, piece)
    _require_something(path, messages, refused, faults)
    # A log cannot reach beyond now: a clock that is ahead must not end what goes on.
    upto = min(latest or at, as_utc(at) + _AHEAD)
    quiet = timedelta(seconds=source.quiet) if source.quiet is not None else None
    folded = fold(pl.concat(rows), upto=upto, quiet=quiet)
    uid = uuid4().hex
    (store_folder / FOLDER).mkdir(mode=0o700, exist_ok=True)
    of = records.Source(source.number, source.realm, source.inside_realm)
    run = None
    if len(folded.over):
        run = write_run(records.bindings(folded.over, of), run_path(store_folder, uid))
    write_run(records.bindings(folded.open_, of), open_path(store_folder, uid))
    folded.pending.write_parquet(pending_path(store_folder, uid))
    source.reaches_to = upto
    imported = Imported(
        source.name,
        found.name,
        messages,
        len(folded.over),
        len(folded.open_),
        refused,
        faults,
        upto,
    )
    return _Done(uid, imported, run)


def _pending(source: Source, store_folder: Path) -> Iterator[pl.DataFrame]:
    if source.latest:
        yield pl.read_parquet(pending_path(store_folder, source.latest.hex))


def _later(latest: datetime | None, piece: Piece) -> datetime | None:
    last = piece.rows["at"].max()
    if not isinstance(last, datetime):
        return latest
    return last if latest is None else max(latest, last)


def _require_something(path: Path, messages: int, refused: int, faults: list[Fault]) -> None:
    if not messages and refused:
        raise Unusable(
            f"{path.name}: not one of {refused:,} records can be used; the first, line "
            f"{faults[0].row}: {faults[0].reason}"
        )


def _commit(path: Path, digest: str, source: Source, done: _Done, *, by: str, at: datetime) -> None:
    """From here on the new files count and the old ones do not."""
    imported = done.imported
    with transaction.atomic():
        source.latest = done.uid
        source.save()
        LogImport.objects.create(
            source=source, digest=digest, name=path.name[:200], at=as_utc(at), by=by,
            messages=imported.messages, spans=imported.spans, refused=imported.refused,
        )  # fmt: skip
        if done.run is not None:
            since, until = (datetime.fromtimestamp(end / 1e6, UTC) for end in done.run.reach)
            BindingRun.objects.create(
                uid=done.uid, made_at=as_utc(at), rows=done.run.rows, since=since, until=until
            )
        facts: dict[str, register.Fact] = {
            "source": source.name, "digest": digest, "messages": imported.messages,
            "spans": imported.spans, "refused": imported.refused,
        }  # fmt: skip
        register.record(action="subscribers:log:import", actor=by, at=at, facts=facts)
