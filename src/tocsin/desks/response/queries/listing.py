"""Pages of lists: cut by the server, a page behind the last is the last."""

from dataclasses import dataclass
from typing import Any

from django.db.models import QuerySet

PAGE = 50


@dataclass(frozen=True)
class Slice:
    """One page; `number` counts from 1."""

    rows: list[Any]
    number: int
    size: int
    total: int

    @property
    def pages(self) -> int:
        """How many pages there are; at least one, which may be empty."""
        return max(1, -(-self.total // self.size))

    @property
    def has_next(self) -> bool:
        """Whether another one follows."""
        return self.number < self.pages


def cut(rows: QuerySet[Any], *, page: int, size: int = PAGE) -> Slice:
    """One page of rows that have an order; two queries."""
    total = rows.count()
    number = min(max(1, page), max(1, -(-total // size)))
    start = (number - 1) * size
    return Slice(list(rows[start : start + size]), number, size, total)
