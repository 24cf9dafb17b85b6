"""What a database says of deliveries, clocks and workers; asked directly, and nothing changed.

Without Django and in this process: who waits for a state asks many times.
"""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg

DELIVERIES = """
    SELECT d.uid, p.slug, d.channel, d.state, d.attempt, d.digest, d.path, d.last_error
    FROM office_delivery d JOIN office_party p ON p.id = d.party_id ORDER BY d.id
"""
ROWS = """
    SELECT action, subject, actor FROM office_registerrow
    WHERE action LIKE 'office:de%' ORDER BY id
"""
NAMES = ("uid", "party", "channel", "state", "attempt", "digest", "name", "error")


def outbox_state(database: Path, url: str) -> dict[str, Any]:
    """Of the database at an address, or of that file where the address is ""."""
    with closing(psycopg.connect(url) if url else sqlite3.connect(database, 30)) as connection:
        return _state(lambda words: connection.execute(words).fetchall())


def _state(ask: Callable[[str], list[tuple[Any, ...]]]) -> dict[str, Any]:
    deliveries = [
        (_plain(uid), *words, Path(path).name, error)
        for uid, *words, path, error in ask(DELIVERIES)
    ]
    return {
        "deliveries": [dict(zip(NAMES, row, strict=True)) for row in deliveries],
        "clocks": [
            [_plain(of), told] for of, told in ask("SELECT matter, told FROM office_deadline")
        ],
        "rows": [[action, _plain(subject), actor] for action, subject, actor in ask(ROWS)],
        "workers": dict(ask("SELECT owner, stopped_at IS NOT NULL FROM office_worker")),
    }


def _plain(value: Any) -> str:
    """SQLite keeps a UUID as 32 digits, PostgreSQL as a UUID."""
    text = str(value)
    return str(UUID(text)) if len(text) == 32 else text
