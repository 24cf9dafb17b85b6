"""Lists as somebody likes to see them."""

from dataclasses import dataclass
from urllib.parse import urlencode

from tocsin.desks.response.models import SavedFilter
from tocsin.office.people.viewer import Viewer
from tocsin.office.prepared import A_KEY, Prepared


@dataclass(frozen=True)
class Saved:
    """One of somebody's own: its name, and the query string that opens it."""

    uid: str
    name: str
    query: str


def saved_filters(viewer: Viewer) -> list[Saved]:
    """Somebody's own, by name; programs have none."""
    if viewer.person is None or viewer.scopes is not None:
        return []
    rows = _own(viewer.person.pk)
    return [Saved(row.uid.hex, row.name, urlencode(row.filters, doseq=True)) for row in rows]


_own = Prepared(lambda person: SavedFilter.objects.filter(person=person).order_by("name"), A_KEY)
