"""Deliveries as somebody may see them: lists, one with its receipts and why."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID

from django.db.models import Count, QuerySet

from tocsin.desks.response.queries.listing import Slice, cut
from tocsin.office.models import Delivery, Receipt
from tocsin.office.people.viewer import Viewer
from tocsin.words.errors import NotFound, Refused, Unusable

_LEAVE = (Delivery.State.READY, Delivery.State.DELIVERED)
READ, READ_OWN = "response:delivery:read", "response:delivery:read_own"


def visible_deliveries(viewer: Viewer) -> QuerySet[Delivery]:
    """All for the desk, else those of one's own parties."""
    if viewer.may(READ):
        return Delivery.objects.all()
    return Delivery.objects.filter(party_id__in=viewer.parties_where(READ_OWN))


@dataclass(frozen=True)
class Wanted:
    """Which deliveries a list shows; "" is no filter. `run` is an id, `party` a short name."""

    state: str = ""
    party: str = ""
    relation: str = ""
    run: str = ""
    digest: str = ""

    def check(self) -> None:
        """Raise `Unusable` for words that no delivery can have."""
        if self.state and self.state not in Delivery.State.values:
            raise Unusable(f"{self.state!r} is no state of a delivery")
        if self.run:
            _uid(self.run, "run")


def deliveries_for(viewer: Viewer, wanted: Wanted, *, page: int = 1) -> Slice:
    """One page, the newest first; two queries."""
    return cut(_found(viewer, wanted).order_by("-created_at", "-pk"), page=page)


def delivery_counts(viewer: Viewer) -> dict[str, int]:
    """How many are in each state."""
    rows = visible_deliveries(viewer).order_by().values_list("state")
    return dict(rows.annotate(n=Count("pk")))


def every_delivery(viewer: Viewer, wanted: Wanted) -> QuerySet[Delivery]:
    """All that a list would show, for an export."""
    return _found(viewer, wanted).order_by("-created_at", "-pk")


def _found(viewer: Viewer, wanted: Wanted) -> QuerySet[Delivery]:
    wanted.check()
    # PostgreSQL takes no such text, and nobody is called so.
    if "\0" in wanted.party + wanted.relation + wanted.digest:
        return Delivery.objects.none()
    words = {
        "state": wanted.state,
        "party__slug": wanted.party,
        "relation": wanted.relation,
        "run__uid": wanted.run,
        "digest": wanted.digest,
    }
    rows = visible_deliveries(viewer).filter(**{name: word for name, word in words.items() if word})
    return rows.select_related("party")


@dataclass(frozen=True)
class DeliveryFile:
    """One delivery with what came back, and what its manifest says of every field.

    `rulings` are rows `kind, side, act, purpose, basis, fields`; without the manifest (its file
    went with retention) there are none.
    """

    delivery: Delivery
    receipts: list[Receipt]
    manifest: dict[str, Any] = field(default_factory=dict)
    has_file: bool = False

    @property
    def rulings(self) -> list[dict[str, Any]]:
        """Field by field what was given or withheld, and on what basis."""
        return [
            {"kind": kind, **row}
            for kind, rows in self.manifest.get("rulings", {}).items()
            for row in rows
        ]


def delivery_for(viewer: Viewer, uid: UUID | str, *, store_folder: Path) -> DeliveryFile:
    """One delivery that somebody may see; raises `NotFound`."""
    wanted = uid if isinstance(uid, UUID) else _uid(uid, "delivery")
    found = visible_deliveries(viewer).filter(uid=wanted).select_related("party", "run")
    delivery = found.first()
    if delivery is None:
        raise NotFound(f"there is no delivery {uid}")
    path = store_folder / delivery.path
    return DeliveryFile(
        delivery,
        list(delivery.receipts.order_by("at", "pk")[:200]),
        _manifest(store_folder / delivery.manifest_path),
        path.is_file(),
    )


def fetchable_for(viewer: Viewer, uid: UUID | str, *, store_folder: Path) -> DeliveryFile:
    """A delivery whose file somebody may have; raises `NotFound`, `Refused`.

    What was not released to leave the node (parked for want of a basis, withdrawn) does not leave
    it by another door: the node's own people alone may look at it.
    """
    file = delivery_for(viewer, uid, store_folder=store_folder)
    if file.delivery.state not in _LEAVE and not viewer.may(READ, file.delivery.party):
        raise Refused(
            f"this delivery is {file.delivery.state} and is not handed over. Possible: ask the "
            "node that made it"
        )
    if not file.has_file:
        raise NotFound("the file is no more: files go 90 days after they were delivered")
    return file


def _manifest(path: Path) -> dict[str, Any]:
    try:
        return dict(json.loads(path.read_bytes())["manifest"])
    except (OSError, ValueError, KeyError, TypeError):
        return {}


def _uid(text: str, noun: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise NotFound(f"there is no {noun} {text}") from None
