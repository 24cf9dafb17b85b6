"""The office's own recurring jobs: closed months, the public log, what is owed."""

from datetime import timedelta

from tocsin.office import deadlines, register
from tocsin.office.jobs import Recurring, Slot
from tocsin.office.register.periods import open_months
from tocsin.rules.acts import DEADLINES


def close_periods(slot: Slot) -> str | None:
    """Close every month that is over, oldest first."""
    months = open_months(slot.at)
    for month in months:
        register.close_period(month, at=slot.at, by=slot.by)
    return f"closed {', '.join(months)}" if months else None


def remind(slot: Slot) -> str | None:
    """Ring the clocks whose reminders or escalations are due."""
    rang = deadlines.remind(
        DEADLINES,
        owner=slot.by,
        at=slot.at,
        store_folder=slot.store_folder,
        node=slot.settings["node"]["name"],
    )
    return "; ".join(rang) or None


def recurring() -> list[Recurring]:
    """Every job with its schedule."""
    return [
        Recurring("close-periods", timedelta(hours=1), close_periods),
        Recurring("remind", timedelta(minutes=1), remind),
    ]
