"""Django's PostgreSQL with one difference: NUL and halves of characters become U+FFFD.

SQLite keeps both and finds nothing by them; PostgreSQL ends the whole transaction. They come out of
reports, file names and addresses that somebody typed, in hundreds of places; here is the only one
that all of them pass.
"""

import re
from typing import Any

from django.db.backends.postgresql.base import DatabaseWrapper as Postgresql
from psycopg.adapt import Dumper
from psycopg.types.json import Jsonb, JsonbDumper

_SUSPECT = re.compile(rb"\\u(?:0000|[dD][89a-fA-F])")


def storable(value: Any) -> Any:
    """The same text, or tree of texts, as PostgreSQL takes it."""
    if isinstance(value, str):
        return value.replace("\0", "\ufffd").encode("utf-8", "replace").decode("utf-8")
    if isinstance(value, list | tuple):
        return [storable(item) for item in value]
    if isinstance(value, dict):
        return {storable(name): storable(item) for name, item in value.items()}
    return value


class _Text(Dumper):
    """Text as a parameter whose type the server finds out, as Django has it."""

    def dump(self, obj: str) -> bytes:
        return storable(obj).encode("utf-8")  # type: ignore[no-any-return]


class _Json(JsonbDumper):
    def dump(self, obj: Any) -> Any:
        data = super().dump(obj)
        if data is not None and _SUSPECT.search(bytes(data)):
            return super().dump(Jsonb(storable(obj.obj), dumps=obj.dumps))
        return data


class DatabaseWrapper(Postgresql):
    """What TOCSIN_DATABASE_URL names."""

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        """A connection that speaks so."""
        connection = super().get_new_connection(conn_params)
        connection.adapters.register_dumper(str, _Text)
        connection.adapters.register_dumper(Jsonb, _Json)
        return connection
