"""Questions that every page asks: their SQL is made once in a process and not at each page.

Of the time that a short query takes, nine parts of ten are Django writing its SQL. Only the values
differ from page to page, so they are put in the places of marks. It leans on how a query set asks
its compiler (Django 5.2); `tests/office/test_prepared.py` holds every answer against the plain one.
"""

from collections.abc import Callable, Sequence
from copy import copy
from datetime import UTC, datetime
from typing import Any, Generic, TypeVar
from uuid import UUID

from django.db import DEFAULT_DB_ALIAS, connections
from django.db.models import QuerySet
from django.db.models.sql.compiler import SQLCompiler

Row = TypeVar("Row")
Value = int | str | UUID | datetime


class Prepared(Generic[Row]):
    """`make` gives the query set for some values; `marks` are values of the same kinds that stand
    for them, none of which may be in the question by itself."""

    def __init__(self, make: Callable[..., QuerySet[Any, Row]], *marks: Value) -> None:
        self._make, self._marks = make, marks
        self._ready: tuple[QuerySet[Any, Row], SQLCompiler, str, tuple[Any, ...]] | None = None

    def __call__(self, *values: Value) -> list[Row]:
        """The rows for these values."""
        if self._ready is None:
            self._ready = _prepare(self._make(*self._marks))
        made, compiler, sql, params = self._ready
        given = dict(zip(_adapted(self._marks), _adapted(values), strict=True))
        return list(_asked(made, compiler, sql, tuple(given.get(one, one) for one in params)))


def _prepare(
    rows: QuerySet[Any, Row],
) -> tuple[QuerySet[Any, Row], SQLCompiler, str, tuple[Any, ...]]:
    compiler = rows.query.get_compiler(using=DEFAULT_DB_ALIAS)
    sql, params = compiler.as_sql()
    return rows, compiler, sql, tuple(params)


def _asked(
    made: QuerySet[Any, Row], compiler: SQLCompiler, sql: str, params: tuple[Any, ...]
) -> QuerySet[Any, Row]:
    own = copy(compiler)  # a thread has a connection of its own
    own.connection = connections[DEFAULT_DB_ALIAS]
    own.as_sql = lambda *_args, **_words: (sql, params)  # type: ignore[method-assign]
    rows = made.all()
    rows.query.get_compiler = lambda *_args, **_words: own  # type: ignore[method-assign]
    return rows


def _adapted(values: Sequence[Value]) -> list[Any]:
    """As the database takes them."""
    connection = connections[DEFAULT_DB_ALIAS]

    def one(value: Value) -> Any:
        if isinstance(value, datetime):
            return connection.ops.adapt_datetimefield_value(value)
        if isinstance(value, UUID) and not connection.features.has_native_uuid_field:
            return value.hex
        return value

    return [one(value) for value in values]


# Marks: values that no question has by itself.
A_KEY, ANOTHER_KEY = 7_000_000_000_000_001, 7_000_000_000_000_003
A_WORD = "a mark that no question has by itself"
A_UID = UUID("00000000-0000-0000-0000-000000000001")
A_MOMENT = datetime(1903, 3, 3, 3, 3, 3, 3, tzinfo=UTC)
