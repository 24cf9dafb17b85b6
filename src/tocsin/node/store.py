"""The store: one folder with everything a node keeps, and the database that goes with it."""

import fcntl
import os
import secrets
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tocsin.node.faults import NO_ROOM, NOT_WRITABLE
from tocsin.words.errors import Busy, NotFound, OutOfSpace, Refused, Unusable

# Raised when the folders or files of a store change in a way an older Tocsin cannot read.
LAYOUT = 1
FOLDERS = (
    "events",
    "evidence",
    "deliveries",
    "window",
    "quarantine",
    "spool",
    "keys",
    "networks",
    "log",
    "bindings",
)
# What cannot be made anew: `spool` is emptied by every run; `networks`, `log`, `bindings` came
# later.
KEPT = ("events", "evidence", "deliveries", "window", "quarantine", "keys")
DATABASE = "tocsin.sqlite3"
DATABASE_URL = "TOCSIN_DATABASE_URL"
# Stands in a store, and as a table in a database on a server, until a restore into it has ended.
RESTORING = ".restoring"
_RESTORING_TABLE = "tocsin_restoring"
OURS = ("office", "people", "response")


@dataclass(frozen=True)
class Store:
    """The paths of a store; making one touches nothing."""

    path: Path

    @property
    def events(self) -> Path:
        """The event store (Delta Lake)."""
        return self.path / "events"

    @property
    def evidence(self) -> Path:
        """Sealed evidence files, see `office.evidence`."""
        return self.path / "evidence"

    @property
    def deliveries(self) -> Path:
        """Files for parties and their manifests."""
        return self.path / "deliveries"

    @property
    def window(self) -> Path:
        """Key files of the deduplication window."""
        return self.path / "window"

    @property
    def quarantine(self) -> Path:
        """Records that could not be used, with the reason."""
        return self.path / "quarantine"

    @property
    def spool(self) -> Path:
        """Temporary files of runs; may be emptied while nothing runs."""
        return self.path / "spool"

    @property
    def keys(self) -> Path:
        """Secrets of this node, one file each, readable by its user alone."""
        return self.path / "keys"

    @property
    def networks(self) -> Path:
        """The routing snapshot, where a newer one than the shipped was fetched."""
        return self.path / "networks"

    def make_folders(self) -> None:
        """Make what is missing, for this user's eyes only (0700)."""
        self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        for name in FOLDERS:
            (self.path / name).mkdir(mode=0o700, exist_ok=True)


def open_store(path: Path, *, scratch: bool = False) -> Store:
    """Make the store if need be, set Django up on its database and bring that up to date.

    One process has one store at a time; opening another one turns the database over to it.
    With `scratch` it is a store to try something in: its database is its own SQLite, whatever
    TOCSIN_DATABASE_URL names. Raises `OutOfSpace` (disk full, not writable), `Unusable` (not a
    folder, no database, written by a newer Tocsin) and `Busy` (locked by another process).
    """
    store = Store(Path(path).absolute())
    url = "" if scratch else os.environ.get(DATABASE_URL, "")
    with _readable_faults(store):
        _require_whole(store, url)
        store.make_folders()
        with _lock(store):
            _check_layout(store)
            _make_secret(store)
            _set_up_django(store, url)
            _migrate(store)
            _mark_layout(store)
    return store


def _require_whole(store: Store, url: str) -> None:
    """A store that was made and has lost a part is not quietly given an empty one.

    An empty `window` would tell everything twice, empty `keys` would sign with another name.
    """
    if (store.path / RESTORING).exists():
        raise Unusable(
            f"store {store.path}: a restore into it did not end. Possible: the same tocsin restore "
            "again, which begins anew"
        )
    if not (store.path / "layout").is_file():
        return
    lost = [name for name in FOLDERS if name in KEPT and not (store.path / name).is_dir()]
    if lost:
        raise Unusable(
            f"store {store.path} has lost its folder {lost[0]}. Possible: restore it from a "
            "backup, or make an empty folder of that name to go on without what was in it"
        )
    if url and (store.path / DATABASE).is_file():
        raise Unusable(
            f"store {store.path} has its own database {DATABASE}, and TOCSIN_DATABASE_URL names "
            "another. Possible: leave that out; or tocsin backup without it and tocsin restore "
            "with it, into a new store"
        )
    if not url and not (store.path / DATABASE).is_file():
        raise Unusable(
            f"store {store.path} has lost its database {DATABASE}. Possible: restore it from a "
            "backup, begin a new store with --store, or set TOCSIN_DATABASE_URL where the database "
            "is on a server"
        )


def open_existing(path: Path) -> Store:
    """Open a store to look at it: as `open_store`, but none is made; raises `NotFound`."""
    if not (path / "layout").is_file():
        raise NotFound(
            f"there is no store at {path}. Possible: name one with --store or TOCSIN_STORE; "
            "tocsin route and tocsin parties import make one"
        )
    return open_store(path)


def restore_store(
    path: Path, *, fill: Callable[[Store], None], record: Callable[[], None]
) -> Store:
    """Make a store out of a backup: `fill` it, bring it up to date, `record` that it was done.

    Nothing opens it before all of that has ended well. What an earlier restore that was cut off
    left there is removed. Raises `Refused` where there is a store, files or a database with tables.
    """
    store = Store(Path(path).absolute())
    url = os.environ.get(DATABASE_URL, "")
    with _readable_faults(store):
        _begin_restore(store)
        try:
            with _lock(store):
                _set_up_django(store, url)
                with _explained(store):
                    _empty_database()
                    fill(store)
                _turn_over(store, url)  # the keys are there now
                _migrate(store, is_restoring=True)
                record()
                with _explained(store):
                    _drop_tables([_RESTORING_TABLE])
                _mark_layout(store)
                (store.path / RESTORING).unlink()
        except BaseException:
            _empty_folder(store.path)
            (store.path / RESTORING).unlink(missing_ok=True)
            raise
    return store


def _begin_restore(store: Store) -> None:
    """An empty folder with a mark, whatever a restore that was cut off left in it."""
    mark = store.path / RESTORING
    if store.path.exists() and not mark.exists() and any(store.path.iterdir()):
        raise Refused(
            f"{store.path} is not empty, and a restore fills an empty store. Possible: another "
            "--store, or move that folder away"
        )
    store.path.mkdir(mode=0o700, parents=True, exist_ok=True)
    mark.touch(mode=0o600)
    _empty_folder(store.path)
    store.make_folders()


def _empty_folder(folder: Path) -> None:
    """Remove everything but the mark."""
    for left in folder.iterdir():
        if left.name != RESTORING:
            shutil.rmtree(left) if left.is_dir() and not left.is_symlink() else left.unlink()


def _empty_database() -> None:
    """On a server: nothing in it but what a restore that was cut off left there, and that goes."""
    from django.db import connection

    tables = connection.introspection.table_names()
    if tables and _RESTORING_TABLE not in tables:
        raise Refused(
            f"the database that {DATABASE_URL} names has tables already ({tables[0]} …), and a "
            "restore fills an empty one. Possible: createdb another, and name that"
        )
    _drop_tables([name for name in tables if name != _RESTORING_TABLE])
    if not tables:
        with connection.cursor() as cursor:
            cursor.execute(f"CREATE TABLE {_RESTORING_TABLE} (at integer)")


def _drop_tables(names: list[str]) -> None:
    from django.db import connection

    with connection.cursor() as cursor:
        for name in names:
            cascade = " CASCADE" if connection.vendor == "postgresql" else ""
            cursor.execute(f"DROP TABLE IF EXISTS {connection.ops.quote_name(name)}{cascade}")


@contextmanager
def _explained(store: Store) -> Iterator[None]:
    """What a database says that is away or full, as one of our own errors."""
    from django.db import OperationalError

    try:
        yield
    except OperationalError as fault:
        raise _explain_database(store, str(fault)) from fault


def set_up_django(store: Store) -> None:
    """Django on the settings of a store that need not be there: opens, makes, writes nothing."""
    with _readable_faults(store):
        _set_up_django(store, os.environ.get(DATABASE_URL, ""))
    from django.conf import settings

    settings.STORE = None  # so that whatever is opened next is turned over to, with its secret


def use_database(words: dict[str, Any]) -> None:
    """Turn this process's default database over to another one (a settings dictionary)."""
    from django.db import connections

    connections["default"].close()
    connections.settings["default"] = words
    del connections["default"]


@contextmanager
def _readable_faults(store: Store) -> Iterator[None]:
    try:
        yield
    except OSError as fault:
        raise _explain(fault, store) from fault


def _explain(fault: OSError, store: Store) -> OutOfSpace | Unusable:
    if fault.errno in NO_ROOM:
        return OutOfSpace(
            f"store {store.path}: the disk is full. Possible: make room, or choose another "
            "folder with --store or TOCSIN_STORE"
        )
    if fault.errno in NOT_WRITABLE:
        return OutOfSpace(
            f"store {store.path}: {fault.filename or 'the folder'} is not writable. Possible: "
            "give this user the right to write, or choose another folder with --store or "
            "TOCSIN_STORE"
        )
    return Unusable(
        f"store {store.path} cannot be used: {fault.strerror or fault}. Possible: name a folder, "
        "or a path where one can be made"
    )


@contextmanager
def _lock(store: Store) -> Iterator[None]:
    with (store.path / ".lock").open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def _mark_layout(store: Store) -> None:
    """Say that the store is whole, once its database is there."""
    mark = store.path / "layout"
    if not mark.exists():
        _write_privately(mark, f"{LAYOUT}\n")


def _check_layout(store: Store) -> None:
    mark = store.path / "layout"
    if not mark.exists():
        return
    text = mark.read_text(encoding="ascii", errors="replace").strip()
    if not text.isdigit() or int(text) > LAYOUT:
        raise Unusable(
            f"store {store.path} has layout {text!r}, this Tocsin knows layouts up to {LAYOUT}. "
            "Possible: use the newer Tocsin that wrote it, or another folder with --store"
        )


def _make_secret(store: Store) -> None:
    path = store.keys / "django-secret"
    if not path.exists():
        _write_privately(path, secrets.token_urlsafe(64))


def _write_privately(path: Path, text: str) -> None:
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as handle:
        handle.write(text)
        handle.flush()
        os.fsync(handle.fileno())
    temporary.replace(path)


def _set_up_django(store: Store, url: str) -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tocsin.node.settings")
    os.environ["TOCSIN_STORE"] = str(store.path)  # for the processes this one starts

    import django
    from django.apps import apps
    from django.conf import settings
    from django.core.exceptions import ImproperlyConfigured

    try:
        if not apps.ready:
            django.setup()
    except ImproperlyConfigured as fault:  # the address of a database, or its driver
        raise Unusable(f"the settings cannot be used: {fault}") from fault
    if store.path != settings.STORE:
        _turn_over(store, url)


def _turn_over(store: Store, url: str) -> None:
    """Point the settings, read before this store was there, at it."""
    from django.conf import settings
    from django.core.exceptions import ImproperlyConfigured
    from django.db import connections

    from tocsin.node.settings import postgres, secret_key, sqlite

    settings.STORE = store.path
    settings.SECRET_KEY = secret_key(store.path)
    try:
        words = postgres(url) if url else sqlite(store.path)
    except ImproperlyConfigured as fault:
        raise Unusable(f"the settings cannot be used: {fault}") from fault
    use_database({**connections.settings["default"], **_NOWHERE, **words})


# What one database's words may leave unsaid and another's have said.
_NOWHERE: dict[str, Any] = {"USER": "", "PASSWORD": "", "HOST": "", "PORT": "", "OPTIONS": {}}


def _migrate(store: Store, *, is_restoring: bool = False) -> None:
    from django.core.management import call_command
    from django.db import DatabaseError, OperationalError, connection
    from django.db.migrations.executor import MigrationExecutor

    try:
        with _migrating_alone():
            executor = MigrationExecutor(connection)
            if not is_restoring:
                _refuse_half_restored()
            _refuse_newer(store, set(executor.loader.applied_migrations), executor)
            if executor.migration_plan(executor.loader.graph.leaf_nodes()):
                with _whole_or_not_at_all():
                    call_command("migrate", verbosity=0, interactive=False)
    except OperationalError as fault:
        raise _explain_database(store, str(fault)) from fault
    except DatabaseError as fault:
        raise Unusable(
            f"store {store.path}: the database cannot be read ({fault}). Possible: restore a "
            "backup, or choose another folder with --store"
        ) from fault


@contextmanager
def _migrating_alone() -> Iterator[None]:
    """A database on a server may belong to several folders and machines: it has a lock itself."""
    from django.db import connection

    if connection.vendor != "postgresql":
        yield  # the lock of the store folder is enough
        return
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock(%s)", [_MIGRATIONS])
    try:
        yield
    finally:
        if connection.is_usable():
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_unlock(%s)", [_MIGRATIONS])


@contextmanager
def _whole_or_not_at_all() -> Iterator[None]:
    """One transaction around all migrations.

    Django commits a migration with its indexes first and notes that it was applied afterwards;
    killed in between, the next one finds tables that it is to make.
    """
    from django.db import connection, transaction

    connection.disable_constraint_checking()  # SQLite can only do it outside; each one checks
    try:
        with transaction.atomic():
            if connection.vendor == "postgresql":
                with connection.cursor() as cursor:  # no table is altered with checks pending
                    cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
            yield
    finally:
        connection.enable_constraint_checking()


_MIGRATIONS = 0x746F6373696E  # "tocsin"; the session's end frees it too


def _refuse_half_restored() -> None:
    """A database on a server does not see the mark in the folder."""
    from django.db import connection

    if connection.vendor == "postgresql" and (
        _RESTORING_TABLE in connection.introspection.table_names()
    ):
        raise Unusable(
            f"a restore into the database that {DATABASE_URL} names did not end. Possible: the "
            "same tocsin restore again, which begins anew"
        )


def _refuse_newer(store: Store, applied: set[tuple[str, str]], executor: Any) -> None:
    unknown = [
        f"{app}.{name}"
        for app, name in sorted(applied - set(executor.loader.disk_migrations))
        if app in OURS
    ]
    if unknown:
        raise Unusable(
            f"store {store.path} was written by a newer Tocsin (it has {', '.join(unknown)}). "
            "Possible: use that version, or another folder with --store"
        )


def _explain_database(store: Store, text: str) -> Busy | OutOfSpace | Unusable:
    if "locked" in text:
        return Busy(f"store {store.path}: another process is writing. Possible: try again")
    if "full" in text or "readonly" in text:
        return OutOfSpace(
            f"store {store.path}: the database cannot be written ({text}). Possible: make room, "
            "or give this user the right to write"
        )
    return Unusable(
        f"store {store.path}: the database cannot be opened ({text}). Possible: check "
        "TOCSIN_DATABASE_URL, or choose another folder with --store"
    )
