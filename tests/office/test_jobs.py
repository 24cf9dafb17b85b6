"""Recurring jobs: each slot once, whoever works; failures wait, and keep nobody else waiting."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tocsin.office import jobs, leases
from tocsin.office.jobs import Ran, Recurring
from tocsin.office.models import Job
from tocsin.words.errors import Unproven

pytestmark = pytest.mark.django_db(transaction=True)

HOUR = timedelta(hours=1)
STORE = Path("unused")


class Bell:
    """A job that notes when it ran, and fails while it is told to."""

    def __init__(self, fault: Exception | None = None) -> None:
        self.rang: list[datetime] = []
        self.fault = fault

    def __call__(self, slot: jobs.Slot) -> str:
        self.rang.append(slot.at)
        if self.fault:
            raise self.fault
        return "rang"


def run(*recurring: Recurring, at: datetime, owner: str = "w1") -> list[Ran]:
    jobs.enlist(recurring, at=at)
    named = {job.name: job for job in recurring}
    return jobs.run_due(named, owner=owner, at=at, store_folder=STORE, settings={})


def test_a_job_runs_once_in_each_slot_of_its_schedule() -> None:
    bell = Bell()
    job = Recurring("bell", HOUR, bell)
    noon = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
    moments = [noon + timedelta(minutes=20 * step) for step in range(8)]
    for at in moments:
        run(job, at=at)
        run(job, at=at, owner="w2")

    assert bell.rang == [noon, noon + HOUR, noon + 2 * HOUR]


@pytest.mark.parametrize(
    ("every", "at", "after"),
    [
        (timedelta(minutes=5), "2026-11-23T09:00:00", "2026-11-23T09:05:00"),
        (timedelta(minutes=5), "2026-11-23T09:04:59.999999", "2026-11-23T09:05:00"),
        (timedelta(days=1), "2026-03-29T01:30:00", "2026-03-30T00:00:00"),
    ],
)
def test_slots_are_aligned_to_the_clock_and_not_to_the_first_run(every, at, after) -> None:
    def utc(text: str) -> datetime:
        return datetime.fromisoformat(text).replace(tzinfo=UTC)

    assert Recurring("x", every, Bell()).after(utc(at)) == utc(after)


def test_a_job_that_fails_is_tried_again_sooner_and_says_why(at) -> None:
    bell = Bell(Unproven("the witness shouts"))
    job = Recurring("bell", HOUR, bell)
    (ran,) = run(job, at=at)

    assert ran.error == "the witness shouts"
    assert at + timedelta(seconds=30) <= ran.next_attempt_at <= at + timedelta(minutes=1)
    assert Job.objects.get().last_error == "the witness shouts"
    bell.fault = None
    assert run(job, at=ran.next_attempt_at) == [Ran("bell", said="rang", next_attempt_at=at + HOUR)]
    assert (Job.objects.get().last_error, Job.objects.get().attempt) == ("", 0)


def test_a_job_that_fails_for_ever_waits_no_longer_than_its_schedule(at) -> None:
    job = Recurring("bell", timedelta(minutes=5), Bell(ZeroDivisionError("slip")))
    moment = at
    for _ in range(10):
        (ran,) = run(job, at=moment)
        assert ran.error == "ZeroDivisionError: slip"
        assert moment < ran.next_attempt_at <= moment + timedelta(minutes=5)
        moment = ran.next_attempt_at


def test_a_slip_in_one_job_keeps_no_other_from_its_turn(at) -> None:
    good = Bell()
    ran = run(Recurring("a", HOUR, Bell(ValueError("x"))), Recurring("b", HOUR, good), at=at)

    assert [one.name for one in ran] == ["a", "b"]
    assert good.rang == [at]


def test_the_job_of_a_dead_worker_is_taken_over_when_the_lease_ends(at) -> None:
    job = Recurring("bell", HOUR, Bell())
    jobs.enlist([job], at=at)
    leases.take(Job.objects.all(), owner="dead", at=at)

    assert run(job, at=at + timedelta(minutes=9)) == []
    assert [one.said for one in run(job, at=at + timedelta(minutes=10))] == ["rang"]


def test_who_comes_back_after_the_lease_no_longer_counts(at) -> None:
    jobs.enlist([Recurring("bell", HOUR, Bell())], at=at)
    (mine,) = leases.take(Job.objects.all(), owner="slow", at=at)
    later = at + timedelta(minutes=10)
    (theirs,) = leases.take(Job.objects.all(), owner="quick", at=later)

    assert leases.settle(mine, {"last_error": "mine"}) is False
    assert leases.settle(theirs, {"last_error": "theirs"}) is True
    assert Job.objects.get().last_error == "theirs"
    assert leases.settle(theirs, {"last_error": "again"}) is False


def test_a_job_that_came_with_a_newer_version_starts_at_once(at) -> None:
    run(Recurring("old", HOUR, Bell()), at=at)
    new = Bell()
    run(Recurring("old", HOUR, Bell()), replace(Recurring("new", HOUR, new)), at=at)

    assert new.rang == [at]
