"""Making a backup: the moment is fixed first, the copying takes as long as it takes.

1. Under the store's lock, for moments: the database's snapshot, then links to all files. Rows are
   committed after the files they name, so every file that a row of the snapshot names is there.
2. At leisure: tables and files into the folder, each under a key of its own; a file that has not
   changed since the backup before is linked to that one's, its key goes along.
3. The archive of keys, the manifest, the register row, the name. Before the name there is none.
"""

import io
import os
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from secrets import token_hex
from typing import BinaryIO

from django.db import connection, transaction

from tocsin.ledger import files as ledger_files
from tocsin.office import keys, register
from tocsin.office.alone import alone
from tocsin.office.backup import archive, manifest, parts, rows, staging
from tocsin.office.backup.archive import Archive, Key
from tocsin.office.backup.manifest import Manifest, Part
from tocsin.office.backup.snapshot import migrations, snapshot
from tocsin.office.backup.staging import Staged
from tocsin.office.models import Delivery, Evidence, WindowSegment
from tocsin.words.errors import Busy, Refused, TocsinError
from tocsin.words.moments import as_utc, iso

Tell = Callable[[str, int, int], None]
_NAP = 0.2
_EVIDENCE = "store/evidence/"


def _unseen(_step: str, _done: int, _total: int) -> None:
    """Progress where nobody watches."""


@dataclass(frozen=True)
class Wish:
    """Where to, by whom, and how the keys are to be sealed; `wait` for a run that is under way."""

    store_folder: Path
    into: Path
    keys_into: Path
    by: str
    at: datetime
    version: str
    layout: int
    passphrase: str | None = None
    wait: float = 600.0
    tell: Tell = _unseen


@dataclass(frozen=True)
class Made:
    """What was written where; `linked` of the files had not changed since the backup before."""

    folder: Path
    keys: Path
    manifest: Manifest
    linked: int
    written: int


def make(wish: Wish) -> Made:
    """Make a backup; raises `Refused` for places that cannot be, `Busy`, `OutOfSpace`."""
    require_places(wish.store_folder, wish.into, wish.keys_into)
    name = f"{as_utc(wish.at):{manifest.STAMP}}-{token_hex(4)}"
    for folder in (wish.into, wish.keys_into):
        parts.make_folders(folder)
    for left in manifest.halves(wish.into):
        shutil.rmtree(left)
    half = manifest.half(wish.into, name)
    half.mkdir(mode=0o700)
    try:
        return _make(wish, name, half)
    except BaseException:
        archive.path_of(wish.keys_into, name).unlink(missing_ok=True)
        raise
    finally:
        shutil.rmtree(half, ignore_errors=True)


def require_places(store_folder: Path, into: Path, keys_into: Path) -> None:
    """Data and keys apart from each other and from the store; raises `Refused`."""
    store, data, secret = (path.resolve() for path in (store_folder, into, keys_into))
    for place in (data, secret):
        if place == store or store in place.parents:
            raise Refused(
                f"{place} lies in the store {store}, and would be lost with it. Possible: a "
                "folder on another disk"
            )
    if secret == data or data in secret.parents or secret in data.parents:
        raise Refused(
            f"keys in {secret} would go wherever the backup in {data} goes, and what was erased "
            "could be opened as long as any copy of it lives. Possible: a folder that is kept "
            "apart and not as long"
        )


def _make(wish: Wish, name: str, half: Path) -> Made:
    signing = keys.signing_key(wish.store_folder / "keys")
    public = keys.public_text(signing)
    work = _Work(wish, half, _before(wish, public))
    with staging.folder_for_links(wish.store_folder) as folder:
        with snapshot() as alias:
            moment = _fix(wish, alias, folder)
            staged = moment.staged
            work.dump(alias)
            missing = _missing(alias, staged)
        work.take(staged)
        opened = Archive(name, public, work.keys, moment.secrets)
        digest = archive.write(wish.keys_into, opened, passphrase=wish.passphrase)
        made = Manifest(
            name=name,
            at=iso(wish.at),
            tool=f"tocsin {wish.version}",
            layout=wish.layout,
            database=connection.vendor,
            migrations=tuple(moment.migrations),
            tables=work.tables,
            parts=tuple(work.parts),
            keys_sha256=digest,
            missing=missing,
            left_out=staged.left_out,
            public_key=public,
        )
        with parts.new_file(half / manifest.FILE) as file:
            file.write(manifest.written(made, signing))
        os.sync()
        _finish(wish, made, staged, half)
    path = archive.path_of(wish.keys_into, name)
    return Made(wish.into / name, path, made, work.linked, work.written)


# ── the moment ───────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class _Moment:
    migrations: list[tuple[str, str]]
    staged: Staged
    secrets: dict[str, bytes]


def _fix(wish: Wish, alias: str, folder: Path) -> _Moment:
    """Hold runs back for as long as it takes to read one row and to make links."""
    log = wish.store_folder / "log"
    with _alone(wish):
        log.mkdir(mode=0o700, exist_ok=True)
        # The log never shows more than the database knows: it heals what it lacks.
        with ledger_files.alone(log / "lock"):
            state = migrations(alias)  # the first reading: the snapshot's moment
            staging.link_log(wish.store_folder, folder)
        return _Moment(state, staging.link_rest(wish.store_folder, folder), _secrets(wish))


@contextmanager
def _alone(wish: Wish) -> Iterator[None]:
    """The store's lock, waited for: a nightly backup does not fail because a run is under way."""
    ends = time.monotonic() + wish.wait
    while True:
        held = alone(wish.store_folder, briefly=True)
        try:
            held.__enter__()
            break
        except Busy:
            if time.monotonic() >= ends:
                raise
            time.sleep(_NAP)
    try:
        yield
    finally:
        held.__exit__(None, None, None)


def _secrets(wish: Wish) -> dict[str, bytes]:
    """The node's own keys, by their path below the store."""
    folder = wish.store_folder / "keys"
    files = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    return {
        path.relative_to(wish.store_folder).as_posix(): path.read_bytes()
        for path in files
        if not path.name.startswith(".")
    }


def _missing(alias: str, staged: Staged) -> tuple[str, ...]:
    """Files that rows name and the store has lost: said here, not found out at a restore."""
    named = {name for row in _delivered(alias) for name in row if name}
    named |= set(WindowSegment.objects.using(alias).values_list("path", flat=True))
    kept = Evidence.objects.using(alias).exclude(key=b"").values_list("digest", flat=True)
    named |= {f"evidence/{digest[:2]}/{digest}.zst.aes" for digest in kept}
    return tuple(sorted(name for name in named if not (staged.folder / name).is_file()))


def _delivered(alias: str) -> list[tuple[str, str]]:
    """Files of deliveries that retention has not dropped: those on their way."""
    ready = Delivery.objects.using(alias).filter(state=Delivery.State.READY)
    return list(ready.values_list("path", "manifest_path"))


# ── the copying ──────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class _Before:
    """The backup before, if it can be opened: its parts by path, with their keys."""

    folder: Path
    parts: Mapping[str, Part]
    keys: Mapping[str, Key]


def _before(wish: Wish, public: str) -> _Before | None:
    for folder in reversed(manifest.list_backups(wish.into)):
        try:
            found = manifest.read_manifest(folder)
            if found.public_key != public:
                continue
            opened = archive.read(
                wish.keys_into,
                found.name,
                passphrase=wish.passphrase,
                sha256=found.keys_sha256,
            )
        except TocsinError:
            continue  # it is no help; verifying it says why
        return _Before(folder, {part.path: part for part in found.parts}, opened.parts)
    return None


class _Work:
    """The parts of one backup as they come to be."""

    def __init__(self, wish: Wish, folder: Path, before: _Before | None) -> None:
        self._wish, self._folder, self._before = wish, folder, before
        self.parts: list[Part] = []
        self.keys: dict[str, Key] = {}
        self.tables: dict[str, int] = {}
        self.linked = self.written = 0

    def dump(self, alias: str) -> None:
        """Every table, one part each."""
        models = rows.tables()
        total = sum(model._base_manager.using(alias).count() for model in models)  # noqa: SLF001 Django's way
        for model in models:
            label = model._meta.label_lower  # noqa: SLF001 Django's way
            stream = io.BufferedReader(
                parts.Stream(self._counted(label, rows.lines(model, using=alias), total))
            )
            part, key = parts.seal(stream, self._folder, f"tables/{label}.jsonl")
            self._add(part, key)
            self.tables[label] -= 1  # the line that names the columns

    def _counted(self, label: str, lines: Iterator[bytes], total: int) -> Iterator[bytes]:
        self.tables[label] = 0
        for line in lines:
            self.tables[label] += 1
            self._wish.tell("rows", 1, total)
            yield line

    def take(self, staged: Staged) -> None:
        """Every file, sealed or linked to the backup before."""
        files = staged.files()
        total = sum(path.stat().st_size for path in files)
        for path in files:
            name = f"store/{path.relative_to(staged.folder).as_posix()}"
            found = path.stat()
            if not self._link(name, found.st_size, found.st_mtime_ns):
                with path.open("rb") as source:
                    self._add(*self._written(source, name, found.st_mtime_ns))
            self._wish.tell("bytes", found.st_size, total)
        staged.require_whole()

    def _written(self, source: BinaryIO, name: str, mtime_ns: int) -> tuple[Part, Key | None]:
        self.written += 1
        if name.startswith(_EVIDENCE):
            return parts.copy(source, self._folder, name, mtime_ns=mtime_ns), None
        return parts.seal(source, self._folder, name, mtime_ns=mtime_ns)

    def _link(self, name: str, size: int, mtime_ns: int) -> bool:
        before = self._before
        part = before.parts.get(name) if before else None
        if before is None or part is None or (part.plain_size, part.mtime_ns) != (size, mtime_ns):
            return False
        key = before.keys.get(part.sha256)
        if part.is_sealed and key is None:
            return False
        target = self._folder / part.file
        parts.make_folders(target.parent)
        try:
            os.link(before.folder / part.file, target)
        except OSError:
            return False  # gone, on another disk, or one without hard links
        self.linked += 1
        self._add(part, key)
        return True

    def _add(self, part: Part, key: Key | None) -> None:
        self.parts.append(part)
        if key is not None:
            self.keys[part.sha256] = key


# ── the end ──────────────────────────────────────────────────────────────────────────────


def _finish(wish: Wish, made: Manifest, staged: Staged, half: Path) -> None:
    """Register row and name, while nobody erases: what is erased from now on names this backup."""
    final = wish.into / made.name
    with _alone(wish):
        staged.require_whole()
        with transaction.atomic():
            register.record(
                action="office:backup:make",
                actor=wish.by,
                at=wish.at,
                facts={
                    "backup": made.name,
                    "folder": str(final.resolve()),
                    "keys": str(archive.path_of(wish.keys_into, made.name).resolve()),
                    "rows": made.rows,
                    "files": len(made.parts) - len(made.tables),
                    "size": made.size,
                },
            )
        half.replace(final)
    ledger_files.flush_folder(final.parent)
