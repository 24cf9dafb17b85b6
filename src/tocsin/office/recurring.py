"""The office's own recurring jobs: closed months, the public log, what is owed."""

from datetime import timedelta

from tocsin.office import deadlines, publiclog, register, witnessing
from tocsin.office.jobs import Recurring, Slot
from tocsin.office.register.periods import open_months
from tocsin.rules.acts import DEADLINES


def close_periods(slot: Slot) -> str | None:
    """Close every month that is over, oldest first."""
    months = open_months(slot.at)
    for month in months:
        register.close_period(month, at=slot.at, by=slot.by)
    return f"closed {', '.join(months)}" if months else None


def publish_log(slot: Slot) -> str | None:
    """Publish the batch of this slot of the log's schedule; what a slot missed comes with it."""
    words = slot.settings["log"]
    made = publiclog.publish_due(
        store_folder=slot.store_folder,
        schedule=publiclog.schedule_of(words),
        origin=words["origin"],
        by=slot.by,
        at=slot.at,
    )
    return f"published {made.size:,} leaves" if made else None


def ask_witnesses(slot: Slot) -> str | None:
    """Have the witnesses of the policy cosign what is published."""
    return witnessing.ask_witnesses(
        store_folder=slot.store_folder, settings=slot.settings, by=slot.by, at=slot.at
    )


def stamp_log(slot: Slot) -> str | None:
    """Have the published checkpoint stamped by a time-stamping authority."""
    return witnessing.stamp_log(store_folder=slot.store_folder, settings=slot.settings)


def remind(slot: Slot) -> str | None:
    """Ring the clocks whose reminders or escalations are due."""
    rang = deadlines.remind(
        DEADLINES,
        owner=slot.by,
        at=slot.at,
        store_folder=slot.store_folder,
        node=slot.settings["node"]["name"],
        lease=slot.lease,
    )
    return "; ".join(rang) or None


def recurring() -> list[Recurring]:
    """Every job with its schedule."""
    return [
        Recurring("close-periods", timedelta(hours=1), close_periods),
        Recurring("publish-log", timedelta(minutes=1), publish_log),
        Recurring("ask-witnesses", timedelta(minutes=1), ask_witnesses, lane="witnesses"),
        Recurring("stamp-log", timedelta(hours=1), stamp_log, lane="time-stamps"),
        Recurring("remind", timedelta(minutes=1), remind),
    ]
