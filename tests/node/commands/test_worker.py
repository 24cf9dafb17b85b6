"""`tocsin worker` in processes of its own, on both databases; what is told is seen on the wire."""

import json
import sqlite3
import subprocess
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests import postgres
from tests.channels.receiver import Said
from tests.faults.workers import Node, Worker, is_over, receivers
from tests.node.conftest import OVERLAY, PARTIES, PHISH, SINKHOLE

BOTH = pytest.mark.parametrize("database", ["sqlite", "postgres"])


@pytest.fixture
def nodes(tmp_path: Path, loopback: None, ready_database: Path) -> Iterator[Callable[[str], Node]]:
    """A node on a database, "" for SQLite; everything of it ends with the test."""
    with receivers(tmp_path) as ends:
        made: list[Node] = []

        def make(address: str) -> Node:
            made.append(Node(tmp_path, ends, address, ready_database))
            return made[-1]

        yield make
        for node in made:
            node.end()


@pytest.fixture
def node(request: pytest.FixtureRequest, nodes: Callable[[str], Node], database: str) -> Node:
    """A node on the database that the test names."""
    is_postgres = database == "postgres"
    return nodes(request.getfixturevalue("migrated_url") if is_postgres else "")


@pytest.fixture
def small(nodes: Callable[[str], Node]) -> Node:
    """A node on SQLite."""
    return nodes("")


def everyone(node: Node, *, parties: int, each: int) -> dict[str, tuple[str, str, int]]:
    """So many parties per channel, so many notices for each."""
    web = node.receivers.web_address
    return {
        **{f"web-{n}": ("webhook", web(f"web-{n}"), each) for n in range(parties)},
        **{f"mail-{n}": ("mail", f"mail-{n}@host.example", each) for n in range(parties)},
        **{f"folder-{n}": ("folder", "", each) for n in range(parties)},
    }


def wait_for(true: Callable[[], Any], *, within: float) -> None:
    """Until it is so."""
    ends = time.monotonic() + within
    while not true():
        assert time.monotonic() < ends
        time.sleep(0.02)


def wait_started(worker: Worker) -> None:
    """Until a worker has signed on."""
    wait_for(lambda: b"started" in worker.said.read_bytes(), within=30)


# ── several share ────────────────────────────────────────────────────────────────────────


@BOTH
@pytest.mark.parametrize("count", [2, 4])
def test_several_share_the_work_and_hand_nothing_over_twice(node: Node, count: int) -> None:
    ends = node.receivers
    node.queue({})
    ends.pause(0.1)
    for worker in [node.worker(lease=600) for _ in range(count)]:
        wait_started(worker)
    node.queue(everyone(node, parties=8, each=6))
    state = node.until(is_over, within=90)

    by_channel = Counter(one["channel"] for one in state["deliveries"])
    assert by_channel == {"webhook": 48, "mail": 48, "folder": 48}
    assert {(one["state"], one["attempt"]) for one in state["deliveries"]} == {("delivered", 1)}
    assert Counter(Counter(ends.ids).values()) == {1: 48}
    assert Counter(Counter(ends.message_ids).values()) == {1: 48}
    assert len(ends.files) == 2 * 48
    actors = {actor for action, _, actor in state["rows"] if action.endswith("hand_over")}
    assert len(actors) == count


@BOTH
def test_a_run_and_workers_at_the_same_time_hand_everything_over_once(node: Node) -> None:
    parties = node.folder / "parties.toml"
    parties.write_text(PARTIES.read_text("utf-8"), "utf-8")
    assert node.tocsin("parties", "import", parties).returncode == 0
    node.queue(everyone(node, parties=4, each=10))
    for _ in range(2):
        wait_started(node.worker(lease=600))
    words = ("--overlay", OVERLAY, "--out", node.receivers.out, "--send", "--json")
    runs = [node.tocsin("route", report, *words) for report in (SINKHOLE, PHISH)]
    state = node.until(is_over, within=60)

    assert [(run.returncode, run.stderr) for run in runs] == [(0, ""), (0, "")]
    assert all(json.loads(run.stdout)["deliveries"] for run in runs)
    assert {(one["state"], one["attempt"]) for one in state["deliveries"]} == {("delivered", 1)}
    handed = Counter(subject for action, subject, _ in state["rows"] if "hand_over" in action)
    assert set(handed.values()) == {1}
    into_folders = [one for one in state["deliveries"] if one["channel"] == "folder"]
    assert len(node.receivers.files) == 2 * len(into_folders)


@BOTH
def test_one_of_twenty_thousand_that_are_due_is_found_by_the_index(node: Node) -> None:
    node.queue({"folder-0": ("folder", "", 1)})
    done = node.script("many_due.py")
    found = json.loads(done.stdout)

    assert "delivery_claim" in found["plan"], found["plan"]
    assert "delivery_held" in found["plan"], found["plan"]


# ── ends when it is told to ──────────────────────────────────────────────────────────────


@BOTH
def test_sigterm_ends_it_after_what_is_under_way_with_0_and_it_signs_off(node: Node) -> None:
    ends = node.receivers
    node.queue(everyone(node, parties=2, each=5))
    worker = node.worker(lease=600)
    arrived = threading.Event()
    ends.requests.then = lambda _: (arrived.set(), time.sleep(2))
    assert arrived.wait(30)
    code = worker.end()
    state = node.state()

    assert (code, worker.said.read_text().splitlines()[-1].endswith(": stopped")) == (0, True)
    assert list(state["workers"].values()) == [True]
    by_web = [one for one in state["deliveries"] if one["channel"] == "webhook"]
    handed = [one["uid"] for one in by_web if one["state"] == "delivered"]
    assert sorted(handed) == sorted(ends.ids)  # what the receiver had is written down
    assert len(handed) < len(by_web)  # and nothing more was begun


def test_a_second_signal_ends_it_at_once(small: Node) -> None:
    small.queue({"web-0": ("webhook", small.receivers.web_address("x"), 1)})
    worker = small.worker(lease=600)
    arrived, go_on = threading.Event(), threading.Event()
    small.receivers.requests.then = lambda _: (arrived.set(), go_on.wait(20))
    assert arrived.wait(30)
    worker.terminate()
    time.sleep(0.5)
    began = time.monotonic()
    code = worker.end(within=10)
    go_on.set()

    assert (code, time.monotonic() - began < 5) == (130, True)


def test_once_does_everything_that_is_due_and_stops(small: Node) -> None:
    small.queue(everyone(small, parties=1, each=30), clocks=[-5])
    done = small.tocsin("worker", "--once", "--json", "--out", small.receivers.out)

    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert (done.returncode, done.stderr) == (0, "")
    assert {row["state"] for row in lines} <= {"delivered", "done"}
    assert is_over(small.state())
    assert sum("delivery" in row for row in lines) == 91  # and the reminder


# ── the database goes and comes ──────────────────────────────────────────────────────────


class Coming:
    """A PostgreSQL server that goes and comes."""

    def __init__(self) -> None:
        self._programs = postgres.programs()
        if self._programs is None:
            pytest.skip(postgres.INSTALL)
        self.folder = Path(tempfile.mkdtemp(prefix="tocsin-pg-", dir="/tmp"))
        self._person = postgres._unprivileged(self.folder)
        postgres._initialise(self._programs, self.folder, self._person)
        self._running = ExitStack()
        self.come()

    def come(self) -> None:
        started = postgres._started(self._programs, self.folder, self._person)
        self._running.enter_context(started)

    def go(self) -> None:
        self._running.close()

    @property
    def address(self) -> str:
        return postgres._of(self.folder).url("postgres")


@pytest.fixture
def server() -> Iterator[Coming]:
    made = Coming()
    yield made
    made.go()
    subprocess.run(["rm", "-r", str(made.folder)], check=True)


def test_a_server_that_stops_and_starts_again_ends_no_worker_and_doubles_no_mail(
    nodes: Callable[[str], Node], server: Coming
) -> None:
    node = nodes(server.address)
    ends = node.receivers
    node.queue(everyone(node, parties=2, each=20))
    ends.pause(0.2)
    workers = [node.worker(lease=600) for _ in range(2)]
    wait_for(lambda: len(ends.message_ids) > 5, within=30)
    for _ in range(2):
        server.go()
        time.sleep(3)
        server.come()
        time.sleep(3)
    state = node.until(is_over, within=90)

    assert [worker.poll() for worker in workers] == [None, None], node.said()
    assert "the database is away" in node.said()
    assert "Traceback" not in node.said()
    assert {one["state"] for one in state["deliveries"]} == {"delivered"}
    assert Counter(Counter(ends.message_ids).values()) == {1: 40}
    assert Counter(Counter(ends.ids).values()) == {1: 40}
    assert [worker.end() for worker in workers] == [0, 0]


def test_sqlite_that_is_locked_longer_than_anybody_waits_ends_no_worker_and_doubles_no_mail(
    small: Node,
) -> None:
    ends = small.receivers
    small.queue(everyone(small, parties=1, each=3))
    worker = small.worker(lease=600)
    wait_started(worker)
    with closing(sqlite3.connect(small.store / "tocsin.sqlite3", timeout=60)) as held:
        held.execute("BEGIN IMMEDIATE")
        wait_for(lambda: "the database is away" in small.said(), within=60)
        held.rollback()
    state = small.until(is_over, within=90)

    assert "database is locked" in small.said()
    assert {one["state"] for one in state["deliveries"]} == {"delivered"}
    assert Counter(Counter(ends.message_ids).values()) == {1: 3}
    assert worker.end() == 0


def test_what_was_handed_over_is_written_down_when_the_lock_is_gone(small: Node) -> None:
    """The lock falls between the receiver's answer and the row: a repeat would be a double."""
    ends = small.receivers
    small.queue({"mail-0": ("mail", "mail-0@host.example", 1)})
    locked = threading.Event()

    def lock(_: Any) -> None:
        held = sqlite3.connect(small.store / "tocsin.sqlite3", timeout=60, check_same_thread=False)
        held.execute("BEGIN IMMEDIATE")
        locked.set()
        threading.Timer(35, lambda: (held.rollback(), held.close())).start()

    ends.messages.then = lock
    worker = small.worker(lease=600)
    assert locked.wait(30)
    state = small.until(is_over, within=90)

    (row,) = state["deliveries"]
    assert (row["state"], row["attempt"], len(ends.message_ids)) == ("delivered", 1, 1)
    assert worker.end() == 0


# ── leases ───────────────────────────────────────────────────────────────────────────────


@BOTH
def test_a_lease_that_runs_out_lets_another_take_over_and_the_late_one_no_longer_counts(
    node: Node,
) -> None:
    ends = node.receivers
    node.queue({"web-0": ("webhook", ends.web_address("x"), 1)})
    ends.web.answers = [Said(200), Said(410)]  # to the repeat, and late to the first
    held = threading.Event()

    def hold_first(_: Any) -> None:
        if not held.is_set():
            held.set()
            time.sleep(9)

    ends.requests.then = hold_first
    workers = [node.worker(lease=5) for _ in range(2)]
    state = node.until(is_over, within=40)
    wait_for(lambda: not ends.web.answers, within=20)  # the late one has heard that it is gone
    time.sleep(1)
    after = node.state()

    (row,) = state["deliveries"]
    assert (row["state"], row["attempt"], len(ends.ids)) == ("delivered", 2, 2)
    assert after["deliveries"] == state["deliveries"]
    assert [action for action, *_ in after["rows"]] == ["office:delivery:hand_over"]
    assert [worker.end() for worker in workers] == [0, 0]


# ── what cannot be handed over ───────────────────────────────────────────────────────────


@BOTH
def test_what_fails_for_the_last_time_is_parked_and_shown(node: Node) -> None:
    node.queue({"web-0": ("webhook", node.receivers.web_address("x"), 1)}, attempt=11)
    node.receivers.web.answers = [Said(503)]
    worker = node.worker(lease=600)
    state = node.until(is_over, within=40)
    assert worker.end() == 0
    shown = node.tocsin("deliver", "--json")
    doctor = node.tocsin("doctor", "--quick", "--json")

    (row,) = state["deliveries"]
    assert (row["state"], row["attempt"]) == ("parked", 12)
    assert shown.returncode == 7
    assert "it answered 503" in json.loads(shown.stdout)["parked"][0]["why"]
    said = [one for one in json.loads(doctor.stdout)["findings"] if one["area"] == "deliveries"]
    assert doctor.returncode == 10
    assert said[0]["what"].startswith("1 was given up: web-0 (https://localhost:")
    assert said[0]["mend"].endswith(f"tocsin deliver --resume {row['uid'][:8]}")


def test_a_receiver_that_hangs_makes_nothing_else_late(small: Node) -> None:
    """One worker; twenty deliveries for a party whose web server never answers."""
    ends = small.receivers
    others = everyone(small, parties=3, each=5)
    small.queue({"hung": ("webhook", ends.web_address("hung"), 20)})  # due before all others
    small.queue(others, clocks=[-5])
    go_on = threading.Event()
    ends.requests.then = lambda one: go_on.wait(60) if one.path == "/hung" else None
    worker = small.worker(lease=600, TOCSIN_WEBHOOK_TIMEOUT="8")
    began = time.monotonic()
    state = small.until(lambda now: not waits_for_others(now), within=60)
    took = time.monotonic() - began
    go_on.set()

    hung = [one for one in state["deliveries"] if one["party"] == "hung"]
    assert {one["state"] for one in hung} == {"ready"}
    assert sum(one["attempt"] for one in hung) == 1  # one attempt spoke for all twenty
    assert [told for _, told in state["clocks"]] == [1]
    assert "done publish-log" in worker.said.read_text()
    assert took < 30  # one attempt of 8 seconds, and what takes its time on a busy machine
    assert worker.end() == 0


def waits_for_others(state: dict[str, Any]) -> list[Any]:
    return [
        one for one in state["deliveries"] if one["state"] == "ready" and one["party"] != "hung"
    ]


# ── clocks ───────────────────────────────────────────────────────────────────────────────


def test_a_worker_whose_clock_is_not_the_databases_takes_nothing(nodes, postgres_url) -> None:
    """The database's clock is set an hour back: a function of that name stands before its own."""
    node = nodes(postgres_url)
    node.queue({"folder-0": ("folder", "", 1)})
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute("CREATE SCHEMA wrong")
        connection.execute(
            "CREATE FUNCTION wrong.clock_timestamp() RETURNS timestamptz LANGUAGE sql "
            "AS $$ SELECT pg_catalog.clock_timestamp() - interval '1 hour' $$"
        )
        name = psycopg.conninfo.conninfo_to_dict(postgres_url)["dbname"]
        path = "wrong, pg_catalog, public"
        connection.execute(f'ALTER DATABASE "{name}" SET search_path TO {path}')
    worker = node.worker(lease=600)
    code = worker.wait(30)
    doctor = node.tocsin("doctor", "--quick")

    assert code == 2
    assert "this machine's clock is 3,600 s ahead of the database's" in worker.said.read_text()
    assert [one["attempt"] for one in node.state()["deliveries"]] == [0]
    assert "it is 3,600 s ahead of the database's" in " ".join(doctor.stdout.split())
