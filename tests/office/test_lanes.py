"""Lanes of a worker: what takes long keeps nothing else waiting."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from django.db import connection

from tocsin.channels.catalogue import CHANNELS
from tocsin.node.jobs import recurring
from tocsin.office import jobs, publiclog
from tocsin.office.jobs import Recurring, Slot
from tocsin.office.models import Job
from tocsin.office.worker import Bench, Lane
from tocsin.words.errors import Unproven

pytestmark = pytest.mark.django_db(transaction=True)
SETTINGS = {
    "node": {"name": "Test CERT", "contact": "", "domain": ""},
    "log": {"origin": "cert.example/tocsin", "interval": "300", "policy": "", "quantum": "8"},
}


class LargeReport:
    """A job that is at it until the test lets it end."""

    def __init__(self) -> None:
        self.begun, self.ended = threading.Event(), threading.Event()

    def __call__(self, _slot: Slot) -> str:
        self.begun.set()
        if not self.ended.wait(30):
            raise Unproven("nobody ended it")
        return "routed"


def bench(store_folder: Path, work: LargeReport) -> Bench:
    """This node's jobs, of which the one that routes is at a large report."""
    real = recurring()
    take_in = real["take-in"]
    mine = {**real, "take-in": Recurring("take-in", take_in.every, work, lane=take_in.lane)}
    return Bench(
        owner="w1",
        channels=CHANNELS,
        over=(),
        recurring=mine,
        store_folder=store_folder,
        settings=SETTINGS,
    )


@contextmanager
def at_work(lane: Lane, at: datetime) -> Iterator[list[str]]:
    """A lane in a thread of its own, as the worker has it; what it did, when it is over."""
    said: list[str] = []

    def work() -> None:
        try:
            said.extend(ran.said or ran.error for ran in lane(at).ran)
        finally:
            connection.close()

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield said
    finally:
        thread.join()


def test_the_log_is_published_on_time_while_a_large_report_is_routed(store, at):
    report = LargeReport()
    made = bench(store.path, report)
    lanes = made.lanes()
    jobs.enlist(made.recurring.values(), at=at)

    with at_work(lanes["reports"], at) as routed:
        try:
            assert report.begun.wait(10)
            ran = {one.name: one.said or one.error for one in lanes["jobs"](at).ran}
            later = {one.name: one.said for one in lanes["jobs"](at + timedelta(minutes=5)).ran}
            size = publiclog.health(
                store_folder=store.path, schedule=publiclog.schedule_of(SETTINGS["log"]), at=at
            )
        finally:
            report.ended.set()

    assert ran["publish-log"] == "published 8 leaves"
    assert later["publish-log"] == "published 16 leaves"
    assert size.problems == ()
    assert "remind" in later
    assert routed == ["routed"]


def test_whoever_is_at_a_report_does_not_let_another_worker_begin_it(store, at):
    report = LargeReport()
    made = bench(store.path, report)
    jobs.enlist(made.recurring.values(), at=at)

    with at_work(made.lanes()["reports"], at):
        try:
            assert report.begun.wait(10)
            assert made.lanes()["reports"](at).is_idle
        finally:
            report.ended.set()

    assert Job.objects.get(name="take-in").done_at == at


def test_what_reads_or_asks_others_has_a_lane_of_its_own_and_the_rest_shares_one():
    lanes: dict[str, set[str]] = {}
    for job in recurring().values():
        lanes.setdefault(job.lane, set()).add(job.name)

    assert lanes.pop("jobs") >= {"publish-log", "remind", "close-periods", "tell-cases"}
    assert lanes == {
        "folder-in": {"watch-folder"},
        "gateways": {"send-warnings"},
        "lines": {"look-up-lines"},
        "mailbox": {"read-mailbox"},
        "measures": {"limit-lines"},
        "reports": {"take-in"},
        "shadowserver": {"fetch-shadowserver"},
        "shield-letters": {"read-letters"},
        "shield-mail": {"read-shield-mail"},
        "shield-notices": {"tell-of-listings"},
        "shield-queue": {"order-queue"},
        "shield-zone": {"publish-zone"},
        "time-stamps": {"stamp-log"},
        "upstream": {"tell-upstream"},
        "warnings": {"follow-lines", "warn-subscribers"},
        "witnesses": {"ask-witnesses"},
    }


def test_every_job_and_every_channel_is_in_one_lane():
    report = LargeReport()
    made = bench(Path("unused"), report)
    whole = Bench(**{**vars(made), "over": tuple(CHANNELS)})

    assert set(whole.lanes()) == {job.lane for job in made.recurring.values()} | {
        f"over {name}" for name in CHANNELS
    }
