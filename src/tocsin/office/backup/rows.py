"""Rows as lines of JSON that mean the same on every database, and back.

The first line of a table names its columns, every other is one row. Moments are ISO 8601 in UTC,
bytes base64; JSON stands as it is. Reading goes through the models as they were when the backup
was made, so nothing depends on what they have become since.
"""

import base64
import json
from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from itertools import islice
from typing import Any
from uuid import UUID

from django.apps import apps
from django.db import connection
from django.db.models import CharField, JSONField, Model, Value
from django.utils.duration import duration_iso_string

from tocsin.words.errors import Unreadable, Unusable

# Who is logged in at the moment is no matter of a backup.
LEFT_OUT = frozenset({"sessions.session", "usersessions.usersession"})
_BATCH = 1000


def tables() -> list[type[Model]]:
    """Every table of this node, those between two others among them, by label."""
    found = apps.get_models(include_auto_created=True)
    kept = [m for m in found if m._meta.managed and not m._meta.proxy and _label(m) not in LEFT_OUT]  # noqa: SLF001 Django's way
    return sorted(kept, key=_label)


def _label(model: type[Model]) -> str:
    return model._meta.label_lower  # noqa: SLF001 Django's way


def _fields(model: type[Model]) -> dict[str, Any]:
    return {field.attname: field for field in model._meta.concrete_fields}  # noqa: SLF001 Django's way


# ── out ──────────────────────────────────────────────────────────────────────────────────


def lines(model: type[Model], *, using: str) -> Iterator[bytes]:
    """A table as lines, the columns first, in the order of its primary key."""
    columns = list(_fields(model))
    yield _line(columns)
    found = model._base_manager.using(using).order_by("pk").values_list(*columns)  # noqa: SLF001 Django's way
    for row in found.iterator(chunk_size=_BATCH):
        yield _line([_plain(value) for value in row])


def _line(values: list[Any]) -> bytes:
    return json.dumps(values, separators=(",", ":"), sort_keys=True).encode() + b"\n"


def _plain(value: Any) -> Any:
    match value:
        case datetime():
            return value.astimezone(UTC).isoformat()
        case date() | time():
            return value.isoformat()
        case timedelta():
            return duration_iso_string(value)
        case bytes() | memoryview() | bytearray():
            return base64.b64encode(value).decode("ascii")
        case UUID() | Decimal():
            return str(value)
    return value


# ── in ───────────────────────────────────────────────────────────────────────────────────


def load(model: type[Model], source: Iterable[bytes]) -> Iterator[int]:
    """Put the lines of a table into the database; yields how many rows each batch had.

    `model` is a model as it was then. Raises `Unreadable` for lines that are no such table, and
    `Unusable` where this database does not take a value.
    """
    texts = iter(source)
    try:
        columns = [_keep_moments(_fields(model)[name]) for name in json.loads(next(texts))]
        made = (_row(model, columns, text) for text in texts)
        while batch := list(islice(made, _BATCH)):
            model._base_manager.bulk_create(batch, batch_size=_BATCH)  # noqa: SLF001 Django's way
            yield len(batch)
    except (ValueError, KeyError, TypeError, StopIteration, RecursionError) as fault:
        raise Unreadable(f"table {_label(model)} cannot be read: {fault}") from fault


def _keep_moments(field: Any) -> Any:
    """A moment that is set by itself on every save would become that of the restore."""
    if getattr(field, "auto_now", False) or getattr(field, "auto_now_add", False):
        field.auto_now = field.auto_now_add = False
    return field


def _row(model: type[Model], columns: list[Any], text: bytes) -> Model:
    values = json.loads(text)
    if not isinstance(values, list) or len(values) != len(columns):
        raise ValueError("a row has other columns than its table")
    words = {f.attname: _value(f, v) for f, v in zip(columns, values, strict=True)}
    return model(**words)


def _value(field: Any, value: Any) -> Any:
    if isinstance(field, JSONField):
        value = _storable(value)
        # Nothing, written as JSON, in a column that must hold something.
        return Value(None, JSONField()) if value is None and not field.null else value
    if isinstance(value, str):
        value = _storable(value)
    made = field.to_python(value)
    _require_room(field, made)
    return made


def _storable(value: Any) -> Any:
    """PostgreSQL takes no NUL and no half of a character; SQLite keeps both as they are."""
    if connection.vendor == "sqlite":
        return value
    if isinstance(value, str):
        return value.replace("\0", "�").encode("utf-8", "replace").decode("utf-8")
    if isinstance(value, list):
        return [_storable(item) for item in value]
    if isinstance(value, dict):
        return {_storable(name): _storable(item) for name, item in value.items()}
    return value


def _require_room(field: Any, value: Any) -> None:
    """SQLite does not count characters, PostgreSQL does; it would not say which row it means."""
    if connection.vendor == "sqlite" or not isinstance(field, CharField):
        return
    if field.max_length and isinstance(value, str) and len(value) > field.max_length:
        raise Unusable(
            f"{field.model._meta.label_lower}: a {field.name} has {len(value)} characters, and "  # noqa: SLF001 Django's way
            f"PostgreSQL keeps {field.max_length} of them ({value[:40]!r}…). Possible: restore "
            "into SQLite, correct it there, and back that up"
        )
