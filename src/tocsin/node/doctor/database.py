"""The database: reachable, whole, of this version."""

import os
from collections.abc import Iterator
from typing import Any

from tocsin.node.console import clean
from tocsin.node.doctor.finding import Case, Finding
from tocsin.node.doctor.opening import is_sqlite
from tocsin.node.doctor.words import named, ok, wrong
from tocsin.node.store import DATABASE, OURS

AREA = "database"
OLDEST_POSTGRES = 140000  # Django 5.2
RESTORE = "restore it from the newest backup: tocsin restore FOLDER --keys FOLDER"


def look(case: Case) -> Iterator[Finding]:
    """Whether it can be read, is whole, and has the schema of this version."""
    from django.db import DatabaseError, connection

    if is_sqlite(connection.settings_dict):
        found = [*_file(case)]
        if found:
            yield from found
            return
    try:
        said = _server() if connection.vendor == "postgresql" else _sqlite(case)
        yield from [*said, *_schema()] or [ok(AREA, _kind())]
    except DatabaseError as fault:
        yield _away(str(fault))


def _file(case: Case) -> Iterator[Finding]:
    path = case.store.path / DATABASE
    if not path.is_file():
        yield wrong(AREA, f"{path} is not there", f"{RESTORE}; a new store makes its own")
    elif not os.access(path, os.R_OK | os.W_OK):
        yield wrong(AREA, f"this user may not read and write {path}", f"chmod 600 {path}")


def _sqlite(case: Case) -> list[Finding]:
    from django.db import connection

    if case.quick:
        return []
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA quick_check(3)")
        said = [str(row[0]) for row in cursor.fetchall()]
    return [] if said == ["ok"] else [wrong(AREA, f"it is damaged: {named(said)}", RESTORE)]


def _server() -> list[Finding]:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("SHOW server_version_num")
        (number,) = cursor.fetchone()
        cursor.execute("SHOW server_encoding")
        (encoding,) = cursor.fetchone()
    found = []
    if int(number) < OLDEST_POSTGRES:
        found.append(wrong(AREA, f"PostgreSQL {_kind()} is too old", "PostgreSQL 14 or later"))
    if encoding != "UTF8":
        what = f"it stores text as {encoding}"
        found.append(wrong(AREA, what, "a database made with ENCODING 'UTF8'"))
    return found


def _schema() -> Iterator[Finding]:
    from django.db import connection
    from django.db.migrations.executor import MigrationExecutor

    executor: Any = MigrationExecutor(connection)
    applied = set(executor.loader.applied_migrations)
    newer = sorted(
        f"{app}.{name}"
        for app, name in applied - set(executor.loader.disk_migrations)
        if app in OURS
    )
    if newer:
        what = f"it was written by a newer Tocsin ({named(newer)})"
        yield wrong(AREA, what, "use that version")
        return
    missing = executor.migration_plan(executor.loader.graph.leaf_nodes())
    if missing:
        what = f"its schema is older than this Tocsin ({len(missing)} changes to make)"
        yield wrong(AREA, what, "make a backup; then tocsin deliver, or any command, makes them")


def _kind() -> str:
    from django.db import connection

    if connection.vendor == "sqlite":
        import sqlite3

        return f"SQLite {sqlite3.sqlite_version}, {DATABASE} in the store"
    with connection.cursor() as cursor:
        cursor.execute("SHOW server_version")
        (version,) = cursor.fetchone()
    return f"PostgreSQL {version}, database {connection.settings_dict['NAME']}"


def _away(text: str) -> Finding:
    said = clean(text.strip().split("\n")[0])
    if os.environ.get("TOCSIN_DATABASE_URL"):
        mend = "start the server, or correct TOCSIN_DATABASE_URL"
        return wrong(AREA, f"it cannot be reached: {said}", mend)
    if "locked" in said:
        return wrong(AREA, "another process holds it locked", "wait, or end that process")
    return wrong(AREA, f"it cannot be read: {said}", RESTORE)
