"""The worker: lanes that hand over what is due, run what recurs and remind of what is owed.

Each channel has a lane, so has each job that may be slow, and the quick ones share one: neither a
web server that hangs nor a report of a million rows makes a mail or the public log late. Any number
of workers may run, on one machine or several; the database is all they share.
"""

import os
import secrets
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from django.db import connection

from tocsin.channels.channel import Channel
from tocsin.office import jobs, outbox
from tocsin.office.leases import LEASE
from tocsin.office.models import Worker as Row
from tocsin.words.moments import as_utc

FORGOTTEN = timedelta(days=7)
AT_ONCE = 20  # deliveries a worker takes at a time, into folders


@dataclass(frozen=True)
class Done:
    """What one pass did."""

    outcomes: list[outbox.Outcome] = field(default_factory=list)
    ran: list[jobs.Ran] = field(default_factory=list)

    @property
    def is_idle(self) -> bool:
        """Whether there was nothing to do."""
        return not self.outcomes and not self.ran


Lane = Callable[[datetime], Done]


@dataclass(frozen=True)
class Bench:
    """What a worker works with: its name, the channels, this node's settings and jobs."""

    owner: str
    channels: Mapping[str, Channel]
    over: tuple[str, ...]
    recurring: Mapping[str, jobs.Recurring]
    store_folder: Path
    settings: Mapping[str, Mapping[str, str]]
    lease: timedelta = LEASE

    def lanes(self) -> dict[str, Lane]:
        """What can be done side by side, by name; each does what is due at a moment, once."""

        def over(channel: str) -> Lane:
            return lambda at: self._hand_over(channel, at)

        def jobs_of(lane: str) -> Lane:
            mine = {name: job for name, job in self.recurring.items() if job.lane == lane}
            return lambda at: self._run_jobs(mine, at)

        named = sorted({job.lane for job in self.recurring.values()})
        return {
            **{lane: jobs_of(lane) for lane in named},
            **{f"over {channel}": over(channel) for channel in self.over},
        }

    def _run_jobs(self, mine: Mapping[str, jobs.Recurring], at: datetime) -> Done:
        ran = jobs.run_due(
            mine,
            owner=self.owner,
            at=at,
            store_folder=self.store_folder,
            settings=self.settings,
            lease=self.lease,
        )
        return Done(ran=ran)

    def _hand_over(self, channel: str, at: datetime) -> Done:
        """Where it may be slow one at a time: the rest is left to other workers."""
        one = self.channels[channel]
        outcomes = outbox.deliver_due(
            owner=self.owner,
            at=at,
            channels=self.channels,
            store_folder=self.store_folder,
            settings=self.settings,
            lease=self.lease,
            limit=AT_ONCE if one.repeatable and not one.in_turn else 1,
            over=(channel,),
        )
        return Done(outcomes)


def make_owner() -> str:
    """A name that no other worker has, at any time: host, process, chance."""
    return f"{socket.gethostname()[:60]}:{os.getpid()}:{secrets.token_hex(4)}"


def sign_on(owner: str, *, version: str, at: datetime) -> None:
    """Say that a worker is there, and forget those that were not seen for a week."""
    at = as_utc(at)
    Row.objects.filter(seen_at__lt=at - FORGOTTEN).delete()
    words = {"version": version, "started_at": at, "seen_at": at}
    Row.objects.update_or_create(owner=owner, defaults=words)


def beat(owner: str, *, at: datetime) -> None:
    """Say that a worker is still there."""
    Row.objects.filter(owner=owner).update(seen_at=as_utc(at))


def sign_off(owner: str, *, at: datetime) -> None:
    """Say that a worker stopped of itself."""
    Row.objects.filter(owner=owner).update(stopped_at=as_utc(at), seen_at=as_utc(at))


def clock_ahead(at: datetime) -> timedelta:
    """How far a moment of this machine's clock is ahead of the database's; negative where behind.

    Leases are counted by the clocks of those who take them. SQLite has no clock but ours.
    """
    if connection.vendor != "postgresql":
        return timedelta(0)
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        (theirs,) = cursor.fetchone()
    return as_utc(at) - as_utc(theirs)
