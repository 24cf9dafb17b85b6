"""What the provider's desk does on a schedule."""

from datetime import timedelta

from django.conf import settings

from tocsin.desks.subscribers.actions.attributing import look_up_runs
from tocsin.desks.subscribers.actions.measures import release_due, tell_network
from tocsin.desks.subscribers.actions.reporting import report_outcomes, tell_upstream
from tocsin.desks.subscribers.actions.staggering import Stagger
from tocsin.desks.subscribers.actions.warning import Terms, end_unseen, warn_due
from tocsin.desks.subscribers.actions.ways import send_outgoing
from tocsin.desks.subscribers.queries.wordings import House
from tocsin.office.jobs import Recurring, Slot


def terms() -> Terms:
    """What the operator lets out, by this node's settings."""
    words = settings.SUBSCRIBERS
    check = f"{settings.NODE_URL}/subscribers/check" if settings.NODE_URL else ""
    house = House(settings.NODE_NAME, check.partition("://")[2])
    return Terms(
        house,
        words["most"],
        words["quiet"],
        words["zone"],
        words["exits"],
        Stagger(words["stagger"]),
        words["measures"],
    )


def look_up(slot: Slot) -> str | None:
    """Each event of this network that came in to the line it was."""
    done = look_up_runs(by=slot.by, at=slot.at, store_folder=slot.store_folder)
    events = sum(row.events for row in done)
    return f"{events:,} events looked up" if events else None


def warn(slot: Slot) -> str | None:
    """Subscribers are warned, where the operator switched that on."""
    if not settings.SUBSCRIBERS["send"]:
        return None
    planned = warn_due(terms=terms(), by=slot.by, at=slot.at, store_folder=slot.store_folder)
    sent = sum(not one.held for one in planned)
    return f"{sent:,} subscribers warned" if sent else None


def send(slot: Slot) -> str | None:
    """What does not go by mail is handed over, out of quiet hours."""
    held_to = terms()
    if held_to.is_quiet(slot.at):
        return None
    sent, failed = send_outgoing(exits=held_to.exits, by=slot.by, at=slot.at)
    said = [f"{sent:,} warnings handed over"] if sent else []
    said += [f"{failed:,} not yet"] if failed else []
    return "; ".join(said) or None


def limit(slot: Slot) -> str | None:
    """Lines are limited as their warnings say; what is over is lifted, switched on or not."""
    measures = settings.SUBSCRIBERS["measures"]
    if measures is None:
        return None
    release_due(by=slot.by, at=slot.at)
    counts = tell_network(measures=measures, by=slot.by, at=slot.at)
    words = ("limited", "lifted", "not yet")
    said = [f"{count:,} lines {word}" for word, count in zip(words, counts, strict=True) if count]
    return "; ".join(said) or None


def follow(slot: Slot) -> str | None:
    """What is not seen again is over; how it went is said to whoever the report is from."""
    ended = end_unseen(by=slot.by, at=slot.at)
    said = [f"{ended:,} findings not seen again"] if ended else []
    return "; ".join([*said, *report_outcomes(by=slot.by, at=slot.at)]) or None


def tell_up(slot: Slot) -> str | None:
    """The node above hears what its deliveries came to, where one is set."""
    above = settings.SUBSCRIBERS["upstream"]
    told = tell_upstream(above, by=slot.by, at=slot.at) if above else 0
    return f"{told:,} deliveries answered to the node above" if told else None


def recurring() -> list[Recurring]:
    """Every job with its schedule. A look-up reads whole runs and has a lane of its own."""
    return [
        Recurring("look-up-lines", timedelta(seconds=30), look_up, lane="lines"),
        Recurring("warn-subscribers", timedelta(minutes=5), warn, lane="warnings"),
        Recurring("send-warnings", timedelta(minutes=1), send, lane="gateways"),
        Recurring("limit-lines", timedelta(seconds=30), limit, lane="measures"),
        Recurring("follow-lines", timedelta(minutes=5), follow, lane="warnings"),
        Recurring("tell-upstream", timedelta(minutes=5), tell_up, lane="upstream"),
    ]
