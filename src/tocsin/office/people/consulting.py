"""Looking at lists of people and contacts: who looked, at how many of which party, and what for.

One register row for a view of a list, before it is shown; a list that shows nobody writes none. It
counts and does not name: whom a party had on a day the register says elsewhere. Nobody is asked for
a reason, because whoever may open these lists has them for one thing.
"""

from datetime import datetime

from tocsin.office import register
from tocsin.office.models import Party, RegisterRow
from tocsin.office.people.viewer import Viewer

_ADMINISTERS = "administers the people of its party"
_HANDLES, _OWN = "handles what parties are told", "acts for the party"


def consult_people(
    viewer: Viewer, party: Party, *, shown: int, page: int, at: datetime
) -> RegisterRow | None:
    """Mandates, invitations and tokens of a party: everybody who acts for it or was asked to."""
    what = f"people of {party.slug}, page {page}"
    return _consult("office:person", viewer, party, what=what, shown=shown, why=_ADMINISTERS, at=at)


def consult_contacts(
    viewer: Viewer, party: Party | None, *, shown: int, what: str, at: datetime
) -> RegisterRow | None:
    """Contacts of a party, or addresses in a list of parties."""
    is_own = party is not None and party.pk in {one.pk for one in viewer.parties}
    why = _OWN if is_own or not viewer.reaches_all("office:party:read") else _HANDLES
    return _consult("office:contact", viewer, party, what=what, shown=shown, why=why, at=at)


def _consult(
    noun: str, viewer: Viewer, party: Party | None, *, what: str, shown: int, why: str, at: datetime
) -> RegisterRow | None:
    if not shown:
        return None
    return register.consult(
        noun=noun,
        actor=viewer.name,
        at=at,
        why=why,
        subject=party.uid if party else None,
        what=what,
        shown=shown,
    )
