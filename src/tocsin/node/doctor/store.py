"""The store: there, whole, private, with room."""

import fcntl
import os
import pwd
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path

from tocsin.node.doctor.finding import Case, Finding
from tocsin.node.doctor.words import many, named, note, ok, wrong
from tocsin.node.store import DATABASE, FOLDERS, KEPT, LAYOUT, RESTORING, Store

AREA = "store"
LITTLE, VERY_LITTLE = 2 * 1024**3, 256 * 1024**2  # bytes left on its disk
OLD = 3600  # seconds: what a run under way writes is no leftover


def look(case: Case) -> Iterator[Finding]:
    """Layout, folders, rights, owner, room, what a crash left."""
    store = case.store
    found = [*_not_there(store)] or [
        *_layout(store),
        *_folders(store),
        *_rights(store),
        *_room(store),
    ]
    yield from found or [ok(AREA, f"{store.path} is whole")]


def look_for_leftovers(case: Case) -> Iterator[Finding]:
    """Files that a crash left, and that nobody is writing just now."""
    if case.quick or is_busy(case.store):
        return
    from tocsin.office import leftovers

    now = case.at.timestamp()
    found = [path for path in leftovers.find(case.store.path) if _is_old(path, now)]
    if found:
        size = sum(path.lstat().st_size for path in found) / 2**20
        what = f"{many(len(found), 'file', 'files')} of {size:,.1f} MiB that a crash left"
        yield note("leftovers", what, "tocsin retain")
    else:
        yield ok("leftovers", "no crash left anything")


def is_busy(store: Store) -> bool:
    """Whether a run, an erasure or a retention has the store to itself just now."""
    try:
        with (store.path / ".route.lock").open() as handle:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False


def _is_old(path: Path, now: float) -> bool:
    try:
        return now - path.lstat().st_mtime > OLD
    except OSError:
        return False


def _not_there(store: Store) -> Iterator[Finding]:
    """What makes every further look pointless."""
    if not os.path.lexists(store.path):
        yield wrong(
            AREA,
            f"there is no store at {store.path}",
            "name it with --store or TOCSIN_STORE, or make one: tocsin parties import FILE",
        )
    elif not store.path.is_dir():
        yield wrong(AREA, f"{store.path} is no folder", "name the store's folder with --store")
    elif not os.access(store.path, os.R_OK | os.X_OK):
        owner = _name_of(store.path.stat().st_uid)
        yield wrong(
            AREA,
            f"this user may not look into {store.path}, which belongs to {owner}",
            f"run it as {owner}",
        )


def _layout(store: Store) -> Iterator[Finding]:
    mark = store.path / "layout"
    if (store.path / RESTORING).exists():
        what = f"a restore into {store.path} did not end"
        yield wrong(AREA, what, "the same tocsin restore again, which begins anew")
        return
    if not mark.is_file():
        has_database = (store.path / DATABASE).is_file()
        what = "has lost its mark `layout`" if has_database else "was begun and never finished"
        yield wrong(AREA, f"{store.path} {what}", "tocsin parties import FILE makes it whole")
        return
    text = mark.read_text(encoding="ascii", errors="replace").strip()
    if not text.isdigit() or int(text) > LAYOUT:
        yield wrong(
            AREA,
            f"it has layout {text[:20]!r}; this Tocsin knows layouts up to {LAYOUT}",
            "use the newer Tocsin that wrote it",
        )


def _folders(store: Store) -> Iterator[Finding]:
    for name in FOLDERS:
        path = store.path / name
        if name in KEPT and not path.is_dir():
            yield wrong(
                AREA,
                f"its folder {name} is lost",
                f"restore it from a backup, or go on without what was in it: mkdir -m 700 {path}",
            )


def _rights(store: Store) -> Iterator[Finding]:
    folders = [store.path, *(store.path / name for name in FOLDERS)]
    there = [(path, path.stat()) for path in folders if path.is_dir()]
    open_ = [path for path, found in there if stat.S_IMODE(found.st_mode) & 0o077]
    if open_:
        yield wrong(
            AREA,
            f"others on this machine may look into {named(open_)}",
            f"chmod 700 {' '.join(str(path) for path in open_)}",
        )
    owner = there[0][1].st_uid
    foreign = [path for path, found in there if found.st_uid != owner]
    if foreign:
        yield wrong(
            AREA,
            f"{named(foreign)} belongs to another user than the store ({_name_of(owner)})",
            f"chown -R {_name_of(owner)}: {store.path}",
        )
    unwritable = [path for path, _ in there if not os.access(path, os.W_OK | os.X_OK)]
    if unwritable:
        yield wrong(
            AREA,
            f"this user may not write to {named(unwritable)}",
            f"run it as {_name_of(owner)}, or chmod 700 {' '.join(map(str, unwritable))}",
        )


def _room(store: Store) -> Iterator[Finding]:
    disk = shutil.disk_usage(store.path)
    left = f"{disk.free / 2**30:,.1f} GiB of {disk.total / 2**30:,.0f} GiB are left on its disk"
    if disk.free < VERY_LITTLE:
        yield wrong(AREA, left, "make room; tocsin retain drops what is due")
    elif disk.free < LITTLE:
        yield note(AREA, left, "make room; tocsin retain drops what is due")


def _name_of(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)
