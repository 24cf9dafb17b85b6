"""How fast infections go away, as somebody may see it: the desk every network, others their own."""

from dataclasses import dataclass
from typing import Any

from django.db.models import QuerySet
from django.utils.translation import gettext as _

from tocsin.desks.response.models import CleanUp
from tocsin.desks.response.queries.cases import READ_OWN, is_desk
from tocsin.flow.cleaning import SHOWN
from tocsin.office.documents import Chart, shares
from tocsin.office.people.viewer import Viewer

MOST_ROWS = 50


@dataclass(frozen=True)
class Cleaning:
    """The networks with most spells first, and the curve of one of them against its peers."""

    rows: list[CleanUp]
    shown: CleanUp | None
    chart: Chart | None
    has_peers: bool = False


def clean_up_for(viewer: Viewer, *, of: str = "") -> Cleaning:
    """The network with the short name `of`, else the first one; nothing for whoever has none.

    Peers have no names, and are shown to whoever has a network of their own and to the desk.
    """
    rows = list(_visible(viewer).select_related("party")[:MOST_ROWS])
    shown = next((row for row in rows if row.party and row.party.slug == of), None)
    shown = shown or next(iter(rows), None)
    peers = CleanUp.objects.filter(party=None).first() if shown else None
    return Cleaning(rows, shown, _chart(shown, peers) if shown else None, peers is not None)


def _visible(viewer: Viewer) -> QuerySet[CleanUp]:
    rows = CleanUp.objects.exclude(party=None)
    return rows if is_desk(viewer) else rows.filter(party__in=viewer.parties_where(READ_OWN))


def _chart(row: CleanUp, peers: CleanUp | None) -> Chart:
    heads = (_("Day"), _("Still seen"), _("95 % interval"), _("Middle half of all networks"))
    title = _("%(network)s: share still seen, by days since the first sighting") % {
        "network": row.party.name if row.party else ""
    }
    return shares(title, _tuples(row.still), _tuples(peers.still if peers else []),
                  days=SHOWN, heads=heads)  # fmt: skip


def _tuples(rows: list[list[Any]]) -> list[tuple[int, float, float, float]]:
    return [(int(day), float(share), float(low), float(high)) for day, share, low, high in rows]
