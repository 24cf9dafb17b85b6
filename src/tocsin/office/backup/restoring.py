"""Filling an empty store from a backup.

The database is first brought to exactly the state the backup was made in, then filled through the
models of that state; bringing it up to date is what every opening of a store does. Nothing is
written before every byte of the backup was checked (`verifying.open_backup`).
"""

import os
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

from django.core.management.color import no_style
from django.db import IntegrityError, connection, transaction
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.loader import MigrationLoader

from tocsin.office import register
from tocsin.office.backup import parts, rows
from tocsin.office.backup.manifest import ANOTHER, Part
from tocsin.office.backup.verifying import Opened
from tocsin.words.errors import Unreadable, Unusable

_STORE = "store/"


def _unseen(_step: str, _done: int, _total: int) -> None:
    """Progress where nobody watches."""


def fill(
    opened: Opened, store_folder: Path, *, tell: Callable[[str, int, int], None] = _unseen
) -> None:
    """Put keys, files and rows into an empty store with an empty database.

    Raises `Unusable` for a backup of a newer Tocsin, before anything is written.
    """
    models = _models_then(opened)
    _write_keys(opened, store_folder)
    for part in opened.manifest.parts:
        if part.path.startswith(_STORE):
            _write_file(opened, part, store_folder)
            tell("bytes", part.size, opened.manifest.size)
    _write_rows(opened, models, tell)
    os.sync()


# ── the database ─────────────────────────────────────────────────────────────────────────


def require_known(opened: Opened) -> None:
    """Raise `Unusable` where a newer Tocsin made the backup; touches no database."""
    _targets(opened, MigrationLoader(None))


def _models_then(opened: Opened) -> Any:
    """Make the tables as they were; the models of that state."""
    executor = MigrationExecutor(connection)
    targets = _targets(opened, executor.loader)
    executor.migrate(targets)
    return executor.loader.project_state(targets).apps


def _targets(opened: Opened, loader: MigrationLoader) -> list[tuple[str, str]]:
    """The last migrations of the state the backup was made in."""
    graph = loader.graph
    recorded = set(opened.manifest.migrations)
    unknown = recorded - set(loader.disk_migrations or {})
    if unknown:
        named = ", ".join(f"{app}.{name}" for app, name in sorted(unknown)[:3])
        raise Unusable(
            f"backup {opened.manifest.name} was made by a newer Tocsin ({opened.manifest.tool}; it "
            f"has {named}). Possible: restore it with that version"
        )
    known = {node for node in recorded if node in graph.nodes}
    followed = {parent.key for node in known for parent in graph.node_map[node].parents}
    return sorted(known - followed)


def _write_rows(opened: Opened, models: Any, tell: Callable[[str, int, int], None]) -> None:
    made = opened.manifest
    try:
        with transaction.atomic():
            for label, count in made.tables.items():
                model = _model(models, label)
                part = made.part(f"tables/{label}.jsonl")
                key = opened.archive.parts.get(part.sha256)
                lines = parts.lines(parts.plain(part, opened.folder, key))
                found = 0
                for batch in rows.load(model, lines):
                    found += batch
                    tell("rows", batch, made.rows)
                if found != count:
                    raise Unreadable(
                        f"table {label} has {found} rows instead of {count}. {ANOTHER}"
                    )
            _reset_sequences(models, made.tables)
        connection.check_constraints()
    except IntegrityError as fault:
        raise Unreadable(f"backup {made.name}: its tables do not fit together: {fault}") from fault


def _model(models: Any, label: str) -> Any:
    try:
        return models.get_model(label)
    except (LookupError, ValueError) as fault:
        raise Unreadable(f"the backup has a table {label} that its Tocsin had not") from fault


def _reset_sequences(models: Any, labels: Any) -> None:
    """The next row gets the number after the last one (PostgreSQL counts apart from its rows)."""
    found = [models.get_model(label) for label in labels]
    with connection.cursor() as cursor:
        for statement in connection.ops.sequence_reset_sql(no_style(), found):
            cursor.execute(statement)


# ── the files ────────────────────────────────────────────────────────────────────────────


def _write_keys(opened: Opened, store_folder: Path) -> None:
    for name, data in opened.archive.files.items():
        if not name.startswith("keys/"):
            raise Unreadable(f"{name} in the archive of keys is no key")
        with parts.new_file(store_folder / name) as file:
            file.write(data)


def _write_file(opened: Opened, part: Part, store_folder: Path) -> None:
    path = store_folder / part.path.removeprefix(_STORE)
    key = opened.archive.parts.get(part.sha256)
    with parts.new_file(path) as file:
        for block in parts.plain(part, opened.folder, key):
            file.write(block)
    os.utime(path, ns=(part.mtime_ns, part.mtime_ns))


# ── the register ─────────────────────────────────────────────────────────────────────────


def record_restore(opened: Opened, *, by: str, at: datetime) -> None:
    """Write down that the store came out of a backup; once the database is up to date."""
    made = opened.manifest
    with transaction.atomic():
        register.record(
            action="office:backup:restore",
            actor=by,
            at=at,
            facts={
                "backup": made.name,
                "made_at": made.at,
                "tool": made.tool,
                "rows": made.rows,
                "files": len(made.parts) - len(made.tables),
            },
        )
