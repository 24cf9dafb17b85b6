"""Many rows at once, for what a run writes in its one transaction: columns in, one statement.

A model instance per row costs ten times what the row costs, a dictionary per row twice. So values
come as the columns hold them: identifiers as 32 digits, JSON as text, moments through `moments`.
"""

import secrets
from collections.abc import Mapping, Sequence
from datetime import datetime
from itertools import repeat
from typing import Any

import polars as pl
from django.db import connection
from django.db.models import Max, Model

_LETTERS = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ"  # Crockford's: none misread on the telephone
_AS_LETTER = bytes(_LETTERS[number & 31] for number in range(256))
_VARIANT = {digit: "89ab"[number & 3] for number, digit in enumerate("0123456789abcdef")}


def insert(model: type[Model], columns: Mapping[str, Sequence[Any]], **same: Any) -> None:
    """Write a row per place of the columns; `same` is the same in all. By name (`attname`)."""
    names = [*columns, *same]
    rows = list(zip(*columns.values(), *map(repeat, same.values()), strict=False))
    marks = ", ".join(["%s"] * len(names))
    written = ", ".join(_column(model, name) for name in names)
    sql = f"INSERT INTO {_table(model)} ({written}) VALUES ({marks})"  # noqa: S608 names of ours
    _run(sql, rows)


def update(model: type[Model], changes: Mapping[str, str], rows: Sequence[Sequence[Any]]) -> None:
    """Change rows by their key, which each ends with; `changes` is an SQL expression by column.

    An expression says `{column}` for what the column holds and `%s` for what comes with the row.
    """
    parts = (
        f"{_column(model, name)} = {how.format(column=_column(model, name))}"
        for name, how in changes.items()
    )
    sql = f"UPDATE {_table(model)} SET {', '.join(parts)} WHERE id = %s"  # noqa: S608 names of ours
    _run(sql, rows)


def last_key(model: type[Model]) -> int:
    """The key that the next rows come after."""
    return int(model._default_manager.aggregate(last=Max("pk"))["last"] or 0)  # noqa: SLF001


def keys_after(model: type[Model], last: int) -> dict[str, int]:
    """The key of every row after `last`, by its `uid` as 32 digits."""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT uid, id FROM {_table(model)} WHERE id > %s", [last])  # noqa: S608
        rows = cursor.fetchall()
    return {uid if isinstance(uid, str) else uid.hex: key for uid, key in rows}


def read(
    model: type[Model], names: Sequence[str], where: str, some: Sequence[Any], *more: Any
) -> list[tuple[Any, ...]]:
    """Rows as they lie there, locked until the transaction ends.

    `where` says `{some}` for the list of `some`, and then a `%s` for each of `more`.
    """
    wanted = ", ".join(_column(model, name) for name in names)
    chosen = where.format(some=", ".join(["%s"] * len(some)))
    lock = " FOR UPDATE" if connection.features.has_select_for_update else ""
    sql = f"SELECT {wanted} FROM {_table(model)} WHERE {chosen}{lock}"  # noqa: S608 words of ours
    with connection.cursor() as cursor:
        cursor.execute(sql, [*some, *more])
        return list(cursor.fetchall())


def moments(*columns: pl.Series) -> list[list[str | None]]:
    """UTC moments as the database writes them down, column by column; nulls stay."""
    is_bare = connection.vendor == "sqlite"
    written = [
        pl.lit(column).dt.strftime("%Y-%m-%d %H:%M:%S%.6f").alias(str(number))
        for number, column in enumerate(columns)
    ]
    made = [text.str.strip_suffix(".000000") if is_bare else text + "+00:00" for text in written]
    return [column.to_list() for column in pl.select(*made)]


def moment(value: datetime) -> str:
    """One of them."""
    ((text,),) = moments(pl.Series([value], dtype=pl.Datetime("us", "UTC")))
    return str(text)


def uids(count: int) -> list[str]:
    """Random identifiers (UUID version 4) as 32 digits."""
    digits = secrets.token_hex(16 * count)
    some = (digits[start : start + 32] for start in range(0, len(digits), 32))
    return [f"{one[:12]}4{one[13:16]}{_VARIANT[one[16]]}{one[17:]}" for one in some]


def references(count: int) -> list[str]:
    """`7F3K-9QWZ-2M4H`: 60 random bits each, no sequence."""
    letters = secrets.token_bytes(12 * count).translate(_AS_LETTER).decode("ascii")
    some = (letters[start : start + 12] for start in range(0, len(letters), 12))
    return [f"{one[:4]}-{one[4:8]}-{one[8:]}" for one in some]


def _run(sql: str, rows: Sequence[Sequence[Any]]) -> None:
    if rows:
        with connection.cursor() as cursor:
            cursor.executemany(sql, rows)


def _column(model: type[Model], name: str) -> str:
    known = {field.attname: field.column for field in model._meta.concrete_fields}  # noqa: SLF001
    return str(connection.ops.quote_name(str(known[name])))


def _table(model: type[Model]) -> str:
    return str(connection.ops.quote_name(model._meta.db_table))  # noqa: SLF001 Django's way
