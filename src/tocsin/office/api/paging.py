"""Lists page by page: each page begins where the one before ended, whatever came in meanwhile.

A cursor names the last item that was shown, by its moment and id, is signed and belongs to one
list; whoever calls sees a text without meaning.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, TypeVar
from uuid import UUID

from django.core import signing
from django.db.models import Model, Q, QuerySet
from ninja import Field, Schema

from tocsin.words.errors import Unusable

MOST = 500

Row = TypeVar("Row", bound=Model)
Item = TypeVar("Item")


class Page(Schema, Generic[Item]):
    """One page of a list, the newest first; `next` is the cursor of the next, or null."""

    items: list[Item]
    next: str | None = None


class Paging(Schema):
    """How a list is asked for."""

    limit: int = Field(50, ge=1, le=MOST, description="items of a page")
    cursor: str = Field("", max_length=500, description="`next` of the page before")


@dataclass(frozen=True)
class _Place:
    moment: datetime
    uid: UUID


def page_of(
    rows: QuerySet[Row],
    paging: Paging,
    *,
    name: str,
    by: str,
    show: Callable[[Row], Any],
    where: str = "",
) -> dict[str, Any]:
    """The page of `rows` after the cursor, ordered by the moment `by` and the id, newest first.

    `name` says which list it is and `where` how it was narrowed: a cursor of another is refused.
    """
    salt = f"tocsin.page:{name}:{where}"
    ordered = rows.order_by(f"-{by}", "-uid")
    if paging.cursor:
        ordered = ordered.filter(_after(_read(paging.cursor, salt), by))
    found = list(ordered[: paging.limit + 1])
    shown = found[: paging.limit]
    more = len(found) > paging.limit
    return {
        "items": [show(row) for row in shown],
        "next": _cursor(shown[-1], by, salt) if more else None,
    }


def _after(place: _Place, by: str) -> Q:
    return Q(**{f"{by}__lt": place.moment}) | Q(**{by: place.moment, "uid__lt": place.uid})


def _cursor(row: Any, by: str, salt: str) -> str:
    moment: datetime = getattr(row, by)
    return signing.dumps([moment.isoformat(), row.uid.hex], salt=salt, compress=True)


def _read(cursor: str, salt: str) -> _Place:
    try:
        moment, uid = signing.loads(cursor, salt=salt)
        return _Place(datetime.fromisoformat(moment), UUID(uid))
    except (signing.BadSignature, ValueError, TypeError):
        raise Unusable(
            "this cursor is of no page of this list. Possible: leave it out, and go on with "
            "`next` of each answer, with the same filters"
        ) from None
