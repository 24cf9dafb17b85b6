"""The whole database as it was at one moment, read while others go on writing."""

from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy
from typing import Any

from django.db import connection, connections, transaction
from django.db.migrations.recorder import MigrationRecorder
from django.db.utils import load_backend

ALIAS = "snapshot"


@contextmanager
def snapshot() -> Iterator[str]:
    """A connection of its own, by its alias; from the first reading on, nothing changes in it.

    SQLite: a read transaction, which in WAL keeps nobody waiting. PostgreSQL: REPEATABLE READ.
    """
    words = deepcopy(connection.settings_dict)
    words["OPTIONS"] = {**words.get("OPTIONS", {}), **_options()}
    backend: Any = load_backend(words["ENGINE"])
    own = backend.DatabaseWrapper(words, alias=ALIAS)
    connections[ALIAS] = own
    try:
        with transaction.atomic(using=ALIAS):
            yield ALIAS
    finally:
        own.close()
        del connections[ALIAS]


def _options() -> dict[str, Any]:
    if connection.vendor != "postgresql":
        return {"transaction_mode": "DEFERRED"}
    from django.db.backends.postgresql.psycopg_any import IsolationLevel  # noqa: PLC0415

    return {"isolation_level": IsolationLevel.REPEATABLE_READ}


def migrations(alias: str) -> list[tuple[str, str]]:
    """Which migrations have been applied, sorted."""
    return sorted(MigrationRecorder(connections[alias]).applied_migrations())
