"""The node's database, opened to be read and for nothing else."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tocsin.node.store import DATABASE, Store, set_up_django, use_database

CONNECT_SECONDS = 5


@contextmanager
def opened(store: Store) -> Iterator[None]:
    """Django on the store's database for as long as this lasts; connects to nothing yet.

    Raises what Django raises for settings that cannot be used.
    """
    set_up_django(store)
    from django.conf import settings
    from django.db import connections

    words, before = connections["default"].settings_dict, settings.STORE
    use_database(_reading(words, store))
    try:
        yield
    finally:
        use_database(words)
        settings.STORE = before


def is_sqlite(words: dict[str, Any]) -> bool:
    """Whether the database is the file in the store."""
    return str(words["ENGINE"]).endswith("sqlite3")


def _reading(words: dict[str, Any], store: Store) -> dict[str, Any]:
    if not is_sqlite(words):
        options = {
            **words.get("OPTIONS", {}),
            "connect_timeout": CONNECT_SECONDS,
            "options": "-c default_transaction_read_only=on -c statement_timeout=60000",
        }
        return {**words, "OPTIONS": options}
    return {**words, "NAME": _address(store), "OPTIONS": {"uri": True, "timeout": CONNECT_SECONDS}}


def _address(store: Store) -> str:
    """Where nobody has it open it is read as it lies there, so that no file comes beside it."""
    path = (store.path / DATABASE).as_posix().replace("?", "%3f").replace("#", "%23")
    is_open = os.path.lexists(f"{store.path / DATABASE}-wal")
    return f"file:{path}?mode=ro" if is_open else f"file:{path}?immutable=1"
