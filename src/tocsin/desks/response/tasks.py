"""What the response desk does on a schedule."""

from datetime import timedelta

from django.conf import settings

from tocsin.desks.response.actions.take_in import Bench, work_through
from tocsin.formats import xarf
from tocsin.office.jobs import Recurring, Slot


def work_intakes(slot: Slot) -> str | None:
    """Work what was brought in by upload and waits."""
    node = slot.settings["node"]
    sender = xarf.Sender(node["name"], node["contact"], node["domain"]) if node["contact"] else None
    bench = Bench(
        owner=slot.by,
        store_folder=slot.store_folder,
        node=node["name"],
        sender=sender,
        overlay=settings.OVERLAY,
        lease=slot.lease,
    )
    return "; ".join(work_through(bench, at=slot.at)) or None


def recurring() -> list[Recurring]:
    """Every job with its schedule."""
    return [Recurring("take-in", timedelta(seconds=2), work_intakes)]
