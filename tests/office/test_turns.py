"""Turns: who is slow waits for itself; a clock whose rule is gone silences no other."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4
from zoneinfo import ZoneInfo

import pytest
from django.db import OperationalError

from tocsin.office import deadlines, leases, notices, outbox, turns
from tocsin.office.models import Deadline, Delivery, Party
from tocsin.rules import acts
from tocsin.rules.calendar import PublicHolidays
from tocsin.rules.deadline import in_force
from tocsin.words.errors import TocsinError

pytestmark = pytest.mark.django_db(transaction=True)

SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)


@pytest.fixture
def queued(store, at):
    """Queues so many notices for a party over a channel."""

    def queue(slug: str, count: int, channel: str = "webhook") -> list[Delivery]:
        words = {"role": "isp", "country": "BE", "format": "text", "channel": channel}
        fresh = {**words, "name": slug.title(), "created_at": at, "updated_at": at}
        party, _ = Party.objects.get_or_create(slug=slug, defaults=fresh)
        return [
            notices.queue_notice(
                party=party,
                about=uuid4().hex,
                subject="Notice",
                text="text",
                facts={},
                at=at,
                store_folder=store.path,
                node="cert",
            )
            for _ in range(count)
        ]

    return queue


def claim(at: datetime, owner: str, **words) -> list[str]:
    """Whose deliveries one claim takes."""
    taken = outbox.claim(owner=owner, at=at, limit=1, in_turn=["webhook"], **words)
    return [one.party.slug for one in taken]


def test_a_party_that_somebody_serves_is_passed_over_until_the_lease_ends(queued, at) -> None:
    queued("hung", 3)
    queued("quick", 2)

    assert claim(at, "w1") == ["hung"]
    assert claim(at, "w2") == ["quick"]
    assert claim(at, "w3") == []
    assert claim(at + leases.LEASE, "w3") == ["hung"]


def test_over_a_channel_of_ours_nobody_is_passed_over(queued, at) -> None:
    queued("one", 2, channel="folder")

    assert [claim(at, "w1"), claim(at, "w2")] == [["one"], ["one"]]


@pytest.mark.parametrize(
    ("took", "is_handed", "waits"),
    [
        (4 * SECOND, False, timedelta(0)),
        (30 * SECOND, True, 30 * SECOND),
        (30 * SECOND, False, 300 * SECOND),
        (240 * SECOND, False, 10 * MINUTE),
    ],
)
def test_after_a_slow_attempt_the_rest_of_the_party_steps_back(
    queued, at, took, is_handed, waits
) -> None:
    first, *rest = queued("slow", 4)
    others = queued("quick", 2)
    turns.step_back(first, took=took, is_handed=is_handed, at=at)
    for row in (first, *rest, *others):
        row.refresh_from_db()

    assert {row.next_attempt_at for row in rest} == {at + waits}
    assert {row.next_attempt_at for row in (first, *others)} == {at}
    assert {row.attempt for row in rest} == {0}


def test_what_somebody_holds_or_failed_before_keeps_its_moment(queued, at) -> None:
    first, held, failed = queued("slow", 3)
    Delivery.objects.filter(pk=held.pk).update(lease_until=at + MINUTE)
    Delivery.objects.filter(pk=failed.pk).update(next_attempt_at=at + timedelta(hours=3))

    assert turns.step_back(first, took=MINUTE, is_handed=False, at=at) == 0


def test_what_came_of_it_is_written_as_soon_as_the_database_is_back() -> None:
    tries = []

    def write() -> str:
        tries.append(1)
        if len(tries) < 3:
            raise OperationalError("the server is away")
        return "written"

    assert leases.patiently(write, left=MINUTE) == "written"
    tries.clear()
    with pytest.raises(OperationalError):
        leases.patiently(write, left=timedelta(0))


def test_a_clock_whose_rule_is_gone_is_said_and_silences_no_other(queued, store) -> None:
    started = datetime(2026, 10, 24, 20, 0, tzinfo=UTC)
    rule = in_force(acts.DEADLINES, "nis2:notify", on=started.date())
    queued("meadow-net", 0)
    for matter in (uuid4(), uuid4()):
        deadlines.start(
            rule,
            matter=matter,
            party=Party.objects.get(),
            started_at=started,
            zone=ZoneInfo("Europe/Brussels"),
            holidays=PublicHolidays("BE"),
            by="ada",
            at=started,
        )
    gone, kept = Deadline.objects.order_by("pk")
    Deadline.objects.filter(pk=gone.pk).update(rule="nis2:abolished")
    moment = kept.next_attempt_at + MINUTE

    def remind(at: datetime) -> list[str]:
        words = {"owner": "w1", "store_folder": store.path, "node": "cert"}
        return deadlines.remind(acts.DEADLINES, at=at, **words)

    with pytest.raises(TocsinError, match="1 of 2 clocks: nis2:abolished of matter"):
        remind(moment)
    told = dict(Deadline.objects.values_list("rule", "told"))
    assert told == {"nis2:abolished": 0, "nis2:notify": 1}
    assert remind(moment) == []  # it is tried again, and not at once
