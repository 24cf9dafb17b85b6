"""An empty SQLite begins as a copy of one that was migrated: migrating costs seconds of CPU.

The real migration runs after it and finds nothing to do; whatever is not empty is left alone.
"""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

from django.db import DatabaseError, connection

from tocsin.node.store import DATABASE, Store


def copying(ready: Path, migrate: Callable[..., None]) -> Callable[..., None]:
    """`store._migrate` that copies what is ready first; the first of all makes it ready."""

    def quickly(opened: Store, **words: Any) -> None:
        is_new = _is_empty()
        if is_new and ready.exists():
            _copy(ready, connection.connection)
        migrate(opened, **words)
        if is_new and not ready.exists():
            with closing(sqlite3.connect(ready)) as copy:
                connection.connection.backup(copy)

    return quickly


def lay_into(ready: Path, store: Path) -> None:
    """The database of a store that a process of its own will make."""
    store.mkdir(mode=0o700)
    with closing(sqlite3.connect(store / DATABASE)) as database:
        _copy(ready, database)


def _is_empty() -> bool:
    """Whether this is SQLite without a table; a file that is no database is not."""
    try:
        return connection.vendor == "sqlite" and not connection.introspection.table_names()
    except DatabaseError:
        return False


def _copy(ready: Path, into: sqlite3.Connection) -> None:
    with closing(sqlite3.connect(ready)) as source:
        source.backup(into)
