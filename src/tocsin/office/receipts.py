"""Receipts: what a party says of a delivery (received, acted, cured, not ours, false positive), and
bounces. Each is one row with its register row; the same again changes nothing.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.apps import apps
from django.db import transaction
from django.db.models import QuerySet
from django.utils.module_loading import import_string

from tocsin.office import register
from tocsin.office.models import Delivery, Receipt
from tocsin.words.errors import NotFound, Unusable
from tocsin.words.moments import as_utc

SHORTEST_ID = 6
# What a person may write down; a bounce is read out of the mailbox.
KINDS = tuple(kind.value for kind in Receipt.Kind if kind != Receipt.Kind.BOUNCED)


def receipts() -> QuerySet[Receipt]:
    """All receipts, the newest first, with delivery and party."""
    return Receipt.objects.select_related("delivery__party").order_by("-at", "-pk")


def find_delivery(uid: str) -> Delivery:
    """The delivery of this id, or of its beginning; raises `NotFound`, `Unusable`."""
    wanted = uid.replace("-", "").lower()
    if len(wanted) < SHORTEST_ID or not set(wanted) <= set("0123456789abcdef"):
        raise Unusable(
            f"{uid!r} is no delivery id. Possible: at least {SHORTEST_ID} of its digits, as "
            "tocsin deliver shows them"
        )
    low, high = (wanted.ljust(32, end) for end in "0f")
    found = list(Delivery.objects.filter(uid__range=(low, high)).select_related("party")[:2])
    if not found:
        raise NotFound(f"there is no delivery {uid}")
    if len(found) > 1:
        raise Unusable(f"more than one delivery begins with {uid}. Possible: more of its digits")
    return found[0]


def add_receipt(
    delivery: Delivery,
    *,
    kind: str,
    by: str,
    actor: str,
    at: datetime,
    detail: Mapping[str, Any] | None = None,
) -> Receipt | None:
    """Write down what came back; None where it was on record already.

    `by` says so (a party, a mail server), `actor` writes it down. Raises `Unusable` for a kind
    that there is not.
    """
    if kind not in Receipt.Kind.values:
        raise Unusable(f"{kind!r} is no receipt. Possible: {', '.join(KINDS)}")
    with transaction.atomic():
        receipt, is_new = Receipt.objects.get_or_create(
            delivery=delivery,
            kind=Receipt.Kind(kind),
            by=by,
            detail=dict(detail or {}),
            defaults={"at": as_utc(at)},
        )
        if not is_new:
            return None
        register.record(
            action="office:receipt:add",
            actor=actor,
            at=at,
            subject=delivery.uid,
            facts={"kind": kind, "by": by, "party": delivery.party.slug},
        )
        _tell_desks(receipt, actor=actor, at=at)
    return receipt


def _tell_desks(receipt: Receipt, *, actor: str, at: datetime) -> None:
    """`receipt_added` in a desk's `apps.py` names what moves its matters, in this transaction."""
    named = [getattr(config, "receipt_added", "") for config in apps.get_app_configs()]
    for name in filter(None, named):
        import_string(name)(receipt, by=actor, at=as_utc(at))
