"""The outbox: nothing lost, nothing doubled, given up out loud."""

import hashlib
import os
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta
from uuid import uuid4

import pytest
from django.db import connection

from tests.postgres import Server
from tocsin.channels.channel import Channel, Handed, Parcel
from tocsin.channels.folder import CHANNEL as FOLDER
from tocsin.office import outbox, register
from tocsin.office.models import Delivery, Party, Receipt, Run
from tocsin.office.outbox import Outcome
from tocsin.words.errors import NotFound, Refused, Undelivered

pytestmark = pytest.mark.django_db(transaction=True)

MINUTE = timedelta(minutes=1)
LEASE = timedelta(minutes=10)
ROWS, MANIFEST = b"192.0.2.7\n", b"{}\n"


class Pigeon:
    """A channel that does as it is told, the only fake here."""

    def __init__(self, *answers: Handed | Exception) -> None:
        self.answers = list(answers)
        self.sent: list[Parcel] = []
        self.channel = Channel(name="pigeon", check_address=lambda _: None, send=self.send)

    def send(self, parcel: Parcel) -> Handed:
        self.sent.append(parcel)
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


@pytest.fixture
def party(at) -> Party:
    return Party.objects.create(
        slug="meadow-net",
        name="Meadow Net",
        role="isp",
        channel="pigeon",
        channel_address="loft 3",
        format="idf-csv",
        created_at=at,
        updated_at=at,
    )


@pytest.fixture
def queued(party, store, at):
    """Queues a delivery whose files are there."""
    run = Run.objects.create(kind="route", at=at, started_at=at)

    def queue(key: str = "one", **words) -> Delivery:
        for name, data in ((f"{key}.csv", ROWS), (f"{key}.json", MANIFEST)):
            (store.deliveries / name).write_bytes(data)
        return outbox.queue(
            run=run,
            party=party,
            idempotency_key=key,
            relation="network",
            path=f"deliveries/{key}.csv",
            digest=hashlib.sha256(ROWS).hexdigest(),
            size=len(ROWS),
            rows=1,
            manifest_path=f"deliveries/{key}.json",
            manifest_digest=hashlib.sha256(MANIFEST).hexdigest(),
            tlp="TLP:AMBER",
            at=at,
            **words,
        )

    return queue


@pytest.fixture
def deliver(store, at):
    """Runs the outbox once with this channel."""

    def run(pigeon: Pigeon, at: datetime = at, owner: str = "worker-1") -> list[Outcome]:
        return outbox.deliver_due(
            owner=owner,
            at=at,
            channels={"pigeon": pigeon.channel},
            store_folder=store.path,
            settings={"pigeon": {"loft": "north"}},
            lease=LEASE,
        )

    return run


def passing(text: str = "no wind") -> Undelivered:
    return Undelivered(text, lasting=False)


def test_what_is_handed_over_is_delivered_and_says_where(queued, deliver, at) -> None:
    uid = str(queued().uid)
    outcomes = deliver(Pigeon(Handed("loft 3, box 7")))

    assert outcomes == [
        Outcome(uid, "meadow-net", "delivered", attempt=1, delivered_to="loft 3, box 7")
    ]
    row = Delivery.objects.get()
    assert (row.state, row.delivered_at, row.lease_until) == ("delivered", at, None)
    assert not Receipt.objects.exists()


def test_the_channel_gets_the_file_then_the_manifest_and_its_settings(
    queued, deliver, store
) -> None:
    uid = str(queued().uid)
    pigeon = Pigeon(Handed("there"))
    deliver(pigeon)

    sent = pigeon.sent[0]
    assert (sent.delivery, sent.party, sent.address) == (uid, "meadow-net", "loft 3")
    assert [piece.path for piece in sent.pieces] == [
        store.deliveries / "one.csv",
        store.deliveries / "one.json",
    ]
    assert sent.settings == {"loft": "north"}


def test_only_what_the_party_confirmed_is_a_receipt(queued, deliver, at) -> None:
    queued()
    deliver(Pigeon(Handed("there", confirmed=True, detail={"ticket": "7"})))

    assert list(Receipt.objects.values_list("kind", "by", "at", "detail")) == [
        ("received", "meadow-net", at, {"ticket": "7"})
    ]


def test_a_receipt_that_comes_twice_counts_once(queued, at) -> None:
    delivery = queued()
    for _ in range(2):
        outbox.note_receipt(delivery, kind="cured", by="meadow-net", at=at, detail={"lines": 3})

    assert Receipt.objects.count() == 1


def test_handing_over_is_in_the_register(queued, deliver, at) -> None:
    delivery = queued()
    deliver(Pigeon(Handed("there")))

    assert [(r.action, r.actor, r.at, r.subject, r.facts) for r in register.rows()] == [
        (
            "office:delivery:hand_over",
            "worker-1",
            at,
            delivery.uid,
            {
                "party": "meadow-net",
                "relation": "network",
                "rows": 1,
                "digest": hashlib.sha256(ROWS).hexdigest(),
                "attempt": 1,
                "where": "there",
            },
        )
    ]


def test_the_same_key_queues_one_delivery(queued) -> None:
    assert queued().uid == queued().uid
    assert Delivery.objects.count() == 1


def test_a_passing_failure_is_tried_again_later_and_not_before(queued, deliver, at) -> None:
    uid = queued().uid
    first = deliver(Pigeon(passing()))[0]
    again = at + outbox.wait_before(str(uid), 1)

    assert first == Outcome(
        str(uid), "meadow-net", "ready", attempt=1, error="no wind", next_attempt_at=again
    )
    assert deliver(Pigeon(), at=again - timedelta(seconds=1)) == []
    assert deliver(Pigeon(Handed("there")), at=again)[0].state == "delivered"


def test_waits_double_from_one_minute_to_six_hours_and_differ_between_deliveries() -> None:
    waits = [[outbox.wait_before(str(uuid4()), n) for _ in range(50)] for n in range(1, 12)]

    assert min(waits[0]) >= MINUTE
    assert all(max(row) <= MINUTE * min(360, 2**n) for n, row in enumerate(waits, start=1))
    assert all(min(row) >= MINUTE * min(360, 2**n) / 2 for n, row in enumerate(waits, start=1))
    assert {len(set(row)) for row in waits} == {50}
    assert outbox.wait_before("a", 3) == outbox.wait_before("a", 3)


@pytest.mark.parametrize(
    ("asked", "waited"),
    [(timedelta(hours=2), timedelta(hours=2)), (timedelta(days=9), timedelta(hours=6))],
)
def test_who_asks_for_time_gets_it_up_to_the_longest_wait(
    queued, deliver, at, asked, waited
) -> None:
    queued()
    outcomes = deliver(Pigeon(Undelivered("busy", lasting=False, after=asked)))

    assert outcomes[0].next_attempt_at == at + waited


def test_who_asks_for_less_time_than_we_wait_anyway_changes_nothing(queued, deliver, at) -> None:
    uid = str(queued().uid)
    outcomes = deliver(Pigeon(Undelivered("busy", lasting=False, after=timedelta(0))))

    assert outcomes[0].next_attempt_at == at + outbox.wait_before(uid, 1)


def test_a_parcel_says_when_it_is_sent_and_not_when_the_batch_began(queued, deliver, at) -> None:
    queued("one")
    queued("two")
    pigeon = Pigeon(Handed("there"), Handed("there"))
    deliver(pigeon)

    first, second = (parcel.at for parcel in pigeon.sent)
    assert at <= first < second < at + MINUTE


def test_a_lasting_failure_is_parked_with_its_reason(queued, deliver) -> None:
    uid = str(queued().uid)
    outcomes = deliver(Pigeon(Undelivered("no such loft", lasting=True)))

    assert outcomes == [Outcome(uid, "meadow-net", "parked", attempt=1, error="no such loft")]
    assert [(row.party.slug, row.last_error) for row in outbox.parked()] == [
        ("meadow-net", "no such loft")
    ]
    assert [row.action for row in register.rows()] == ["office:delivery:park"]


def test_after_twelve_attempts_it_is_parked(queued, deliver, at) -> None:
    queued()
    states = []
    for day in range(14):
        states += [o.state for o in deliver(Pigeon(passing()), at=at + timedelta(days=day))]

    assert states == ["ready"] * 11 + ["parked"]


def test_an_unknown_channel_is_parked_with_what_there_is(queued, deliver) -> None:
    queued(channel="smoke")

    assert deliver(Pigeon())[0].error == "there is no channel 'smoke'. Possible: pigeon"


def test_a_slip_in_a_channel_does_not_keep_the_others(queued, deliver) -> None:
    queued("one")
    queued("two")
    outcomes = deliver(Pigeon(KeyError("wing"), Handed("there")))

    assert [(o.state, o.error) for o in outcomes] == [
        ("ready", "channel pigeon failed: KeyError: 'wing'"),
        ("delivered", ""),
    ]


def test_a_parked_delivery_can_be_resumed(queued, deliver, at) -> None:
    delivery = queued()
    deliver(Pigeon(Undelivered("no such loft", lasting=True)))
    outbox.resume(delivery.uid, by="ada", at=at)

    assert deliver(Pigeon(Handed("there")))[0].state == "delivered"
    with pytest.raises(Refused, match="is delivered, not parked"):
        outbox.resume(delivery.uid, by="ada", at=at)
    with pytest.raises(NotFound):
        outbox.resume(uuid4(), by="ada", at=at)


# ── leases ───────────────────────────────────────────────────────────────────────────────


def test_what_one_worker_holds_no_other_gets_until_the_lease_ends(queued, at) -> None:
    queued()
    first = outbox.claim(owner="one", at=at, lease=LEASE)
    during = outbox.claim(owner="two", at=at + LEASE - MINUTE, lease=LEASE)
    after = outbox.claim(owner="two", at=at + LEASE, lease=LEASE)

    assert [len(first), len(during), len(after)] == [1, 0, 1]
    assert [row.attempt for row in after] == [2]


def test_the_longest_due_goes_first_and_no_more_than_the_limit(queued, at) -> None:
    for key in ("one", "two", "three"):
        queued(key)
    Delivery.objects.filter(idempotency_key="three").update(next_attempt_at=at - MINUTE)

    claimed = outbox.claim(owner="one", at=at, lease=LEASE, limit=2)
    assert [row.idempotency_key for row in claimed] == ["three", "one"]
    assert [row.idempotency_key for row in outbox.waiting(at)] == ["two"]


def test_a_worker_that_comes_back_late_does_not_speak_for_the_one_that_took_over(
    queued, deliver, store, at
) -> None:
    uid = str(queued().uid)
    late = at + LEASE

    class Slow(Pigeon):
        def send(self, parcel: Parcel) -> Handed:
            deliver(Pigeon(Handed("by the other")), at=late, owner="worker-2")
            raise passing("the slow one failed")

    outcome = deliver(Slow())[0]

    assert outcome == Outcome(uid, "meadow-net", "delivered", 2, delivered_to="by the other")
    assert [row.actor for row in register.rows()] == ["worker-2"]


def test_workers_that_die_every_time_do_not_try_for_ever(queued, at) -> None:
    queued()
    claimed = [outbox.claim(owner="w", at=at + LEASE * n, lease=LEASE) for n in range(14)]

    assert [len(rows) for rows in claimed] == [1] * 12 + [0, 0]
    assert [row.last_error for row in outbox.parked()] == ["its worker did not come back 12 times"]


def test_workers_side_by_side_share_the_work_and_take_nothing_twice(queued, at) -> None:
    for number in range(40):
        queued(f"key-{number}")
    taken: list[str] = []

    def work(owner: str) -> None:
        try:
            while rows := outbox.claim(owner=owner, at=at, lease=LEASE, limit=3):
                taken.extend(row.idempotency_key for row in rows)
        finally:
            connection.close()

    workers = [threading.Thread(target=work, args=(f"worker-{n}",)) for n in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(timeout=60)

    assert Counter(taken) == Counter(f"key-{number}" for number in range(40))


KILLED = """
import os, sys
from datetime import datetime, UTC
from pathlib import Path
from tocsin.node.store import open_store
store = open_store(Path(sys.argv[1]))
from tocsin.channels.channel import Channel
from tocsin.channels.folder import CHANNEL
from tocsin.office import outbox

def send(parcel):
    handed = CHANNEL.send(parcel) if sys.argv[3] == "after" else None
    os.kill(os.getpid(), 9)
    return handed

outbox.deliver_due(
    owner="killed", at=datetime.fromisoformat(sys.argv[2]), store_folder=store.path,
    channels={"pigeon": Channel("pigeon", lambda address: None, send)},
    settings={"pigeon": {"root": sys.argv[4]}},
)
"""


@pytest.fixture
def child_env(clean_env, store) -> Callable[[], dict[str, str]]:
    """For a process that works on what this test has written so far."""

    def env() -> dict[str, str]:
        if connection.vendor == "sqlite":
            with connection.cursor() as cursor:
                cursor.execute("VACUUM INTO %s", [str(store.path / "tocsin.sqlite3")])
            return clean_env
        here = Server(os.environ["TOCSIN_DATABASE_URL"]).url(connection.settings_dict["NAME"])
        return clean_env | {"TOCSIN_DATABASE_URL": here}

    return env


@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_worker_killed_before_or_after_the_hand_over_loses_and_doubles_nothing(
    moment, queued, store, at, child_env
) -> None:
    root = store.path.with_name("root")
    root.mkdir()
    Party.objects.update(channel_address="")
    queued()
    env = child_env()

    def worker(program: str, at: datetime, moment: str) -> int:
        return subprocess.run(
            [sys.executable, "-c", program, str(store.path), at.isoformat(), moment, str(root)],
            env=env,
            check=False,
        ).returncode

    survivor = KILLED.replace("os.kill(os.getpid(), 9)", "")
    assert worker(KILLED, at, moment) == -9
    assert worker(survivor, at + LEASE, "after") == 0
    arrived = {p.name: p.read_bytes() for p in (root / "meadow-net").iterdir()}
    assert arrived == {"one.csv": ROWS, "one.json": MANIFEST}


def test_the_folder_channel_and_the_outbox_fit_together(queued, store, at, tmp_path) -> None:
    root = tmp_path / "root"
    root.mkdir()
    Party.objects.update(channel_address="be/meadow")
    queued(channel="folder")
    outcomes = outbox.deliver_due(
        owner="worker-1",
        at=at,
        channels={"folder": FOLDER},
        store_folder=store.path,
        settings={"folder": {"root": str(root)}},
    )

    assert [o.delivered_to for o in outcomes] == [str(root / "be" / "meadow")]
    assert {p.name for p in (root / "be" / "meadow").iterdir()} == {"one.csv", "one.json"}
