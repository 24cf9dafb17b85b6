"""The files of a store as they are at one moment, held fast by hard links.

Files of a store are written once and then renamed, replaced or removed, never changed in place; so
a second name for each of them is a copy of the whole store that costs no room and takes moments.
What is changed in place (the log's journal) is copied. The links lie in `.backup/` in the store. An
erasure that comes in between removes them, and the backup is not finished.
"""

import fcntl
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from tocsin.office.backup.parts import make_folders
from tocsin.words.errors import Busy

_FOLDER = ".backup"
# Emptied by itself; secrets go into the archive of keys; the database into tables.
NOT_STORED = ("spool", "keys")
_LOG = "log"
_JOURNAL = "log/leaves.bin"
_NOT_OF_THE_LOG = ("log/lock", "log/spool")
_HALF = (".part", ".partial", ".draft")


@dataclass(frozen=True)
class Staged:
    """Where the links lie, and what could not be taken along, in words."""

    folder: Path
    left_out: tuple[str, ...] = ()

    def files(self) -> list[Path]:
        """Every file, sorted."""
        return sorted(path for path in self.folder.rglob("*") if path.is_file())

    def require_whole(self) -> None:
        """Raise `Busy` where an erasure took the links away."""
        if not self.folder.is_dir():
            raise Busy(
                "an erasure came in between, and what it removed must not be in a backup. "
                "Possible: the same command again"
            )


@contextmanager
def folder_for_links(store_folder: Path) -> Iterator[Path]:
    """An empty folder as long as this lasts; what killed backups left is taken away."""
    place = store_folder / _FOLDER
    place.mkdir(mode=0o700, exist_ok=True)
    _sweep(place)
    folder = place / secrets.token_hex(8)
    with folder.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        folder.mkdir(mode=0o700)
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)
            Path(lock.name).unlink(missing_ok=True)


def _sweep(place: Path) -> None:
    """A living backup holds its lock; the kernel frees that of a dead one."""
    for path in place.glob("*.lock"):
        with suppress(FileNotFoundError, BlockingIOError), path.open("r+") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(path.with_suffix(""), ignore_errors=True)
            path.unlink()


def drop(store_folder: Path) -> None:
    """Take the links of every backup away, also of one that is under way: an erasure begins."""
    shutil.rmtree(store_folder / _FOLDER, ignore_errors=True)


def link_log(store_folder: Path, folder: Path) -> None:
    """The public log; whoever calls holds its lock."""
    for path, name in _walk(store_folder, store_folder / _LOG, _LOG, []):
        if not name.startswith(_NOT_OF_THE_LOG):
            _take(path, folder / name, copied=name == _JOURNAL)


def link_rest(store_folder: Path, folder: Path) -> Staged:
    """Everything else; whoever calls holds the store's lock."""
    left_out: list[str] = []
    for top in sorted(store_folder.iterdir()):
        if _is_ours_to_leave(top):
            continue
        for path, name in _walk(store_folder, top, top.name, left_out):
            _take(path, folder / name)
    return Staged(folder, tuple(left_out))


def _is_ours_to_leave(top: Path) -> bool:
    return (
        top.name in (*NOT_STORED, _LOG, "layout")
        or top.name.startswith(".")
        or top.name.startswith("tocsin.sqlite3")
    )


def _walk(store: Path, top: Path, name: str, left_out: list[str]) -> Iterator[tuple[Path, str]]:
    """Files below `top` with their names below the store; a folder of the store may be a link."""
    if top.is_symlink() and not (top.is_dir() and top.parent == store):
        left_out.append(f"{_shown(name)}: a link")
    elif top.is_dir():
        for inner in sorted(top.iterdir()):
            yield from _walk(store, inner, f"{name}/{inner.name}", left_out)
    elif not top.is_file():
        left_out.append(f"{_shown(name)}: no file and no folder")
    elif _shown(name) != name:
        left_out.append(f"{_shown(name)}: its name is no text")
    elif not (top.name.startswith(".") or top.name.endswith(_HALF)):
        yield top, name


def _shown(name: str) -> str:
    return name.encode("utf-8", "replace").decode("utf-8")


def _take(path: Path, target: Path, *, copied: bool = False) -> None:
    make_folders(target.parent)
    try:
        if not copied:
            os.link(path, target)
            return
    except FileNotFoundError:
        return  # a temporary file that has its name by now
    except OSError:
        pass  # another disk, or one without hard links
    shutil.copy2(path, target)
