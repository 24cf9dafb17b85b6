"""Lists as somebody likes to see them. No register row: nobody's matter changes by it."""

from datetime import datetime
from uuid import UUID

from django.db import transaction

from tocsin.desks.response.models import SavedFilter
from tocsin.desks.response.queries.cases import READ, READ_OWN
from tocsin.desks.response.queries.filters import Filters
from tocsin.office.people.viewer import Viewer
from tocsin.words.errors import NotFound, Refused, Unusable
from tocsin.words.moments import as_utc

LONGEST, MOST = 60, 30


def save_filter(viewer: Viewer, *, name: str, filters: Filters, at: datetime) -> SavedFilter:
    """Keep filters under a name; the same name again replaces them.

    Raises `Refused` for who sees no cases, `Unusable` for no name, no filter or too many.
    """
    if viewer.person is None or not (viewer.may(READ) or viewer.may(READ_OWN)):
        raise Refused("only somebody who sees cases keeps filters of them")
    plain = " ".join(name.split())
    if not plain or len(plain) > LONGEST or not plain.isprintable():
        raise Unusable(f"a saved filter has a name of at most {LONGEST} letters")
    if not filters.words():
        raise Unusable("there is no filter to keep. Possible: choose one first")
    with transaction.atomic():
        own = SavedFilter.objects.select_for_update().filter(person=viewer.person)
        if len(own.exclude(name=plain)) >= MOST:
            raise Unusable(f"at most {MOST} filters are kept. Possible: drop one first")
        return own.update_or_create(
            person=viewer.person,
            name=plain,
            defaults={"filters": filters.words(), "saved_at": as_utc(at)},
        )[0]


def drop_filter(viewer: Viewer, uid: UUID | str) -> None:
    """Drop one of one's own; raises `NotFound` for any other."""
    person = viewer.person
    if person is None or not SavedFilter.objects.filter(person=person, uid=uid).delete()[0]:
        raise NotFound("there is no such filter")
