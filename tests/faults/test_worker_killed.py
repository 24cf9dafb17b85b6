"""Workers killed in the middle of a job, again and again: nothing lost, nothing doubled.

What a receiver may see twice is counted on the wire: a webhook with the same id, a mail with the
same Message-ID and the same bytes; never more than one of each per kill.
"""

import hashlib
import multiprocessing
import random
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.faults.workers import Node, is_over, receivers

KILLS = 40
WORKERS = 3
PARTIES = {
    **{f"web-{n}": ("webhook", 16) for n in range(16)},
    **{f"mail-{n}": ("mail", 30) for n in range(8)},
    **{f"folder-{n}": ("folder", 40) for n in range(4)},
}
CLOCKS = [-30.0, -20.0, -10.0, *range(3, 33, 3)]


@pytest.fixture(scope="module")
def forks() -> Any:
    """A fork server with everything imported and nothing opened: a worker is there at once."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.faults.imported"])
    return context


@pytest.fixture(params=["sqlite", "postgres"])
def node(request, tmp_path: Path, loopback, ready_database) -> Iterator[Node]:
    """A node on either database."""
    is_postgres = request.param == "postgres"
    database = request.getfixturevalue("migrated_url") if is_postgres else ""
    with receivers(tmp_path) as ends:
        made = Node(tmp_path, ends, database, ready_database)
        yield made
        made.end()


def test_forty_kills_lose_nothing_and_double_nothing_at_the_receiver(
    node: Node, forks: Any
) -> None:
    ends = node.receivers
    addresses = {"webhook": ends.web_address("{}"), "mail": "{}@host.example", "folder": "{}"}
    plan = {
        slug: (channel, addresses[channel].format(slug), count)
        for slug, (channel, count) in PARTIES.items()
    }
    node.queue(plan, clocks=CLOCKS)
    began = time.monotonic()
    kill_again_and_again(node, forks)
    killing = time.monotonic() - began
    left = sum(one["state"] == "ready" for one in node.state()["deliveries"])
    ends.pause(0)
    state = node.until(lambda now: is_over(now) and has_rung(now), within=90)

    by_channel = {
        channel: [one for one in state["deliveries"] if one["channel"] == channel]
        for channel in addresses
    }
    assert Counter(one["state"] for one in state["deliveries"]) == {
        "delivered": len(state["deliveries"])
    }
    assert set(ends.ids) == {one["uid"] for one in by_channel["webhook"]}
    same = {(one.headers["webhook-id"], hashlib.sha256(one.body).digest()) for one in ends.whole}
    assert len(same) == len(by_channel["webhook"])
    assert len(set(ends.message_ids)) == len(by_channel["mail"])
    assert len(set(ends.whole_messages)) == len(by_channel["mail"])
    assert {
        (name.rpartition("/")[2], hashlib.sha256(data).hexdigest())
        for name, data in ends.files.items()
        if name.endswith(".txt")
    } == {(one["name"], one["digest"]) for one in by_channel["folder"]}
    assert len(ends.files) == 2 * len(by_channel["folder"])  # no half file of a killed worker

    handed = Counter(
        subject for action, subject, _ in state["rows"] if action.endswith("hand_over")
    )
    assert handed == {one["uid"]: 1 for one in state["deliveries"]}
    rang = Counter(subject for action, subject, _ in state["rows"] if action.endswith(":remind"))
    assert rang == {matter: 1 for matter, _ in state["clocks"]}
    assert len(rang) == len(CLOCKS)

    # Nothing fails here but workers, so every further attempt is one that a kill cut off.
    cut = {name: sum(one["attempt"] - 1 for one in rows) for name, rows in by_channel.items()}
    doubles = {
        "webhook": len(ends.ids) - len(set(ends.ids)),
        "mail": len(ends.message_ids) - len(set(ends.message_ids)),
    }
    sys.stderr.write(
        f"\n{KILLS} kills in {killing:.0f} s with {left} deliveries left, all done after "
        f"{time.monotonic() - began:.0f} s; cut off {cut}; doubles on the wire {doubles}\n"
    )
    assert min(cut["webhook"], cut["mail"]) > KILLS // 4
    assert doubles["webhook"] <= cut["webhook"]
    assert doubles["mail"] <= cut["mail"]


def kill_again_and_again(node: Node, forks: Any) -> None:
    """Keep a few workers at work and kill one after the other, while receivers take their time."""
    chance = random.Random(20261123)
    node.receivers.pause(0.25)
    workers = [node.fork(forks) for _ in range(WORKERS)]
    for _ in range(KILLS):
        victim = workers.pop(0)
        wait_for(lambda: b"delivered" in victim.said.read_bytes(), within=30)  # noqa: B023
        time.sleep(chance.uniform(0, 0.5))
        victim.kill()
        assert victim.wait() == -signal.SIGKILL, node.said()
        workers.append(node.fork(forks))


def has_rung(state: dict[str, Any]) -> bool:
    return all(told for _, told in state["clocks"])


def wait_for(true: Callable[[], bool], *, within: float) -> None:
    """Until it is so."""
    end = time.monotonic() + within
    while not true():
        assert time.monotonic() < end
        time.sleep(0.05)
