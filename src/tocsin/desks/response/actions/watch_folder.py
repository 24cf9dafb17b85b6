"""The watched folder: whatever is put there is taken in once, then moved to `done` or `failed`.

A file is left alone until nothing has changed about it for a while; whoever moves a finished file
there need not wait longer, and one that is still being written is not taken by halves. What was
taken in lies in `taken`, under the id of its intake, until the worker is through with it.
"""

import stat
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from uuid import UUID

from tocsin.desks.response.actions.arrive import digest_of, key_of, take_in_once
from tocsin.desks.response.actions.take_in import Brought
from tocsin.desks.response.models import Arrival, Intake
from tocsin.office.models import Party
from tocsin.words.errors import NotFound, Refused, Unreadable, Unusable
from tocsin.words.moments import as_utc

TAKEN, DONE, FAILED = "taken", "done", "failed"
_UNFINISHED = (".part", ".partial", ".tmp", ".crdownload", ".filepart", ".reason.txt")


@dataclass(frozen=True)
class Watched:
    """A folder, how its files are to be read, and for how long they must have been still."""

    path: Path
    brought: Brought
    settle: timedelta = timedelta(seconds=10)


def watch_folder(
    watched: Watched, *, party: Party | None, by: str, at: datetime, store_folder: Path
) -> list[str]:
    """Take in what is new and put away what was worked; a sentence for each.

    Raises `NotFound` where the folder is not there, and `Unusable` for files that cannot be read
    or moved, when all others were taken in.
    """
    if not watched.path.is_dir():
        raise NotFound(f"the watched folder {watched.path} is not there")
    for name in (TAKEN, DONE, FAILED):
        (watched.path / name).mkdir(mode=0o700, exist_ok=True)
    said, faults = _put_away(watched.path), []
    for path in _still(watched, at=as_utc(at)):
        try:
            said.append(_take(path, watched, party, by=by, at=at, store_folder=store_folder))
        except OSError as fault:
            faults.append(f"{path.name}: {fault.strerror or fault}")
    if faults:
        raise Unusable(f"watched folder {watched.path}: {'; '.join(faults[:5])}")
    return said


def _still(watched: Watched, *, at: datetime) -> Iterator[Path]:
    """Plain files whose bytes and names have not changed for a while, the oldest first.

    The moment of change (ctime) counts too: a copy can bring an old time of its bytes with it.
    """
    before = (at - watched.settle).timestamp()
    found = []
    for path in watched.path.iterdir():
        if path.name.startswith(".") or path.name.lower().endswith(_UNFINISHED):
            continue
        try:
            state = path.lstat()
        except FileNotFoundError:
            continue
        if stat.S_ISREG(state.st_mode) and max(state.st_mtime, state.st_ctime) <= before:
            found.append((state.st_mtime_ns, path))
    return iter(path for _, path in sorted(found))


def _take(
    path: Path, watched: Watched, party: Party | None, *, by: str, at: datetime, store_folder: Path
) -> str:
    name = _text(path.name)
    digest = digest_of(path)
    try:
        intake, is_new = take_in_once(
            path,
            source=Arrival.Source.FOLDER,
            key=key_of(name, digest),
            name=name,
            brought=watched.brought,
            party=party,
            by=by,
            at=at,
            store_folder=store_folder,
        )
    except (Unusable, Refused, Unreadable) as fault:
        _fail(path, watched.path, name, str(fault))
        return f"{name}: refused, {fault}"
    if intake is None or not is_new:
        _move(path, watched.path / DONE / path.name)
        return f"{name}: was taken in before"
    _move(path, watched.path / TAKEN / f"{intake.uid.hex}-{path.name}")
    return f"{name}: taken in as {intake.uid.hex[:8]}"


def _put_away(folder: Path) -> list[str]:
    """Files whose intake the worker is through with, to `done` or `failed`."""
    taken = {path: _uid_of(path.name) for path in (folder / TAKEN).iterdir() if path.is_file()}
    rows = {row.uid: row for row in Intake.objects.filter(uid__in=[u for u in taken.values() if u])}
    said = []
    for path, uid in sorted(taken.items()):
        row = rows.get(uid) if uid else None
        name = path.name[33:] if uid else path.name
        if row is None or row.state == Intake.State.DONE:
            _move(path, folder / DONE / name)
            said.append(f"{_text(name)}: done")
        elif row.state == Intake.State.FAILED:
            _fail(path, folder, name, row.error)
            said.append(f"{_text(name)}: failed, {row.error}")
    return said


def _uid_of(name: str) -> UUID | None:
    try:
        return UUID(name[:32]) if name[32:33] == "-" else None
    except ValueError:
        return None


def _fail(path: Path, folder: Path, name: str, reason: str) -> None:
    target = _move(path, folder / FAILED / Path(name).name)
    note = target.with_name(f"{target.name}.reason.txt")
    note.write_text(f"{reason}\n", encoding="utf-8")


def _move(path: Path, target: Path) -> Path:
    """One step on the same disk; a file of that name that is there already stays."""
    number = 1
    free = target
    while free.exists():
        number += 1
        free = target.with_name(f"{target.stem}-{number}{target.suffix}")
    return path.rename(free)


def _text(name: str) -> str:
    """A file name may hold any bytes (PEP 383); the database holds text alone."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
