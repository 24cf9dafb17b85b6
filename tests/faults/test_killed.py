"""Killed at any moment: the next run loses nothing, doubles nothing and leaves nothing half.

Each trial is a process of its own, forked from a server that has everything imported and has
opened nothing. It routes the demonstration's reports and hands over by folder, mail and webhook
at once. It says which phase begins; SIGKILL comes at a random moment of a phase that is chosen,
so that a known share of the kills falls into commit and hand-over.
"""

import logging
import multiprocessing
import runpy
import shutil
import signal
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import pairwise
from multiprocessing import forkserver
from pathlib import Path
from random import Random

import pytest

from tests.channels.receiver import LOOPBACK, Authority, Receiver
from tests.channels.smtp_server import SmtpServer
from tests.faults.traces import Post, Row, Told, asked, halves, made, stored, told

HERE = Path(__file__).parent
BEFORE = ("open", "keep", "read", "judge", "route")
# In one process, and in a pool, whose processes take longer to start than all the rest.
SHARES = {
    "in-process": {**dict.fromkeys(BEFORE, 10), "commit": 60, "hand-over": 80},
    "pool": {"read": 2, "judge": 2, "route": 2, "commit": 2, "hand-over": 2},
}
MOMENTS = 200
AT_ONCE = 3
SOONER = 0.7
ONE_BY_ONE = threading.Lock()
SLOW = 0.02  # seconds between a mail that was taken and the word that it was


class SlowServer(SmtpServer):
    """So that there is a moment in which a mail was taken and its sender does not know."""

    def _say(self, client, step, standard):
        if step == "END":
            time.sleep(SLOW)
        return super()._say(client, step, standard)


@dataclass
class Trials:
    """What all trials share: where they are forked from, whom they send to, a store to copy."""

    context: multiprocessing.context.ForkServerContext
    template: Path
    env: dict[str, str]
    smtp: SmtpServer
    receiver: Receiver
    kills: Counter[tuple[str, str]] = field(default_factory=Counter)
    repeats: Counter[str] = field(default_factory=Counter)

    @property
    def post(self) -> Post:
        return Post(self.smtp.taken, self.receiver.requests)

    def fresh(self, folder: Path) -> Path:
        """A copy of a store with parties and no report; one secret for all, so hashes agree."""
        shutil.copytree(self.template, folder)
        return folder

    def run(self, folder: Path, executor: str = "in-process") -> dict[str, float]:
        """A calm run to its end; how long each phase took."""
        process, said = self.start(folder, executor)
        begun = list(_phases(said))
        assert ended(process) == 0
        return {phase: later - at for (phase, at), (_, later) in pairwise(begun)}

    def start(self, folder: Path, executor: str):
        said, tell = self.context.Pipe(duplex=False)
        words = {"FOLDER": str(folder), "EXECUTOR": executor, "ENV": self.env, "TELL": tell}
        process = self.context.Process(
            target=runpy.run_path, args=(str(HERE / "route_once.py"), words)
        )
        with ONE_BY_ONE:
            process.start()
        tell.close()
        return process, said

    def killed(self, folder: Path, executor: str, phase: str, wait: float) -> str:
        """The phase in which SIGKILL came, so long after one began; "" where it came too late."""
        process, said = self.start(folder, executor)
        last = ""
        for last, _ in _phases(said):
            if last == phase:
                time.sleep(wait)
                break
        workers = children(process.pid)
        process.kill()
        last = next(reversed([last, *(name for name, _ in _phases(said))]))
        code = ended(process)
        assert code in (0, -signal.SIGKILL)
        assert outliving(workers) == []
        return last if code == -signal.SIGKILL else ""


def ended(process) -> int:
    """The exit code of one that hung up. Not while another starts: that collects codes too."""
    with ONE_BY_ONE:
        process.join()
        return process.exitcode


def _phases(said) -> Iterator[tuple[str, float]]:
    with suppress(EOFError):
        while True:
            yield said.recv()


def children(pid: int) -> list[int]:
    """Processes that a process started and that are there."""
    with suppress(OSError):
        text = Path(f"/proc/{pid}/task/{pid}/children").read_text()
        return [int(word) for word in text.split()]
    return []


def outliving(pids: list[int], within: float = 10.0) -> list[int]:
    """Those that are still at work after so many seconds."""
    ends = time.monotonic() + within
    while (left := [pid for pid in pids if is_at_work(pid)]) and time.monotonic() < ends:
        time.sleep(0.005)
    return left


def is_at_work(pid: int) -> bool:
    """Neither gone nor waiting to be buried."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


@pytest.fixture
def trials(loopback, tmp_path) -> Iterator[Trials]:
    authority = Authority(tmp_path)
    receiver = Receiver(authority.context())
    context = multiprocessing.get_context("forkserver")
    forkserver._forkserver._stop()  # there is one for the whole test run: of ours, begin anew
    context.set_forkserver_preload(["tests.faults.warm"])
    with SlowServer().running() as smtp:
        env = {f"TOCSIN_SMTP_{key.upper()}": value for key, value in smtp.settings.items()}
        env |= {
            "TOCSIN_WEBHOOK_ALLOW": LOOPBACK,
            "TOCSIN_WEBHOOK_PORTS": str(receiver.port),
            "TOCSIN_WEBHOOK_CA_FILE": str(authority.path),
        }
        template = tmp_path / "template"
        words = {"FOLDER": str(template), "PORT": receiver.port}
        made = context.Process(target=runpy.run_path, args=(str(HERE / "open_store.py"), words))
        made.start()
        made.join()
        assert made.exitcode == 0
        yield Trials(context, template, env, smtp, receiver)
    receiver.close()
    forkserver._forkserver._stop()


@dataclass(frozen=True)
class Plan:
    """Which trial: its number, where its run goes, in which phase it is killed, at the latest."""

    number: int
    executor: str
    phase: str
    longest: float


def planned(spans: dict[str, dict[str, float]]) -> list[Plan]:
    """Every trial of the shares, in an order of chance."""
    drawn = [
        (executor, phase)
        for executor, shares in SHARES.items()
        for phase, count in shares.items()
        for _ in range(count)
    ]
    Random(20261123).shuffle(drawn)
    return [Plan(n, *one, spans[one[0]][one[1]]) for n, one in enumerate(drawn)]


@dataclass(frozen=True)
class Came:
    """What came of a run in the end."""

    half: list[str]
    told: Counter[Row]
    stored: Counter[tuple[str, int]]
    deliveries: list[tuple[object, ...]]
    runs: list[tuple[object, ...]]

    def unlike(self, other: "Came") -> dict[str, object]:
        """What is here and not there, and the other way round, by the name of the field."""
        found: dict[str, object] = {}
        for name, mine in vars(self).items():
            theirs = vars(other)[name]
            if mine != theirs and isinstance(mine, Counter):
                found[name] = {"more": mine - theirs, "less": theirs - mine}
            elif mine != theirs:
                found[name] = mine
        return found


def came_of(folder: Path, found: Told, half: list[str]) -> Came:
    return Came(
        half,
        found.rows,
        stored(folder),
        asked(folder, "SELECT DISTINCT state FROM office_delivery"),
        asked(folder, "SELECT DISTINCT state, error FROM office_run"),
    )


def trial(trials: Trials, plan: Plan, folder: Path) -> Came:
    """Killed, looked at, run again; one that was killed in a later phase is begun anew.

    A phase lasts as long as the machine has time for it: what is drawn gets less each time.
    """
    random = Random(plan.number)
    last, longest = "", plan.longest
    while last != plan.phase:
        shutil.rmtree(folder, ignore_errors=True)
        trials.fresh(folder)
        last = trials.killed(folder, plan.executor, plan.phase, random.uniform(0.0, longest))
        longest *= SOONER
    trials.kills[plan.executor, last] += 1
    half = halves(folder, settled=False)
    trials.run(folder)
    found = told(folder, trials.post)
    trials.repeats.update(found.repeats)
    came = came_of(folder, found, [*half, *halves(folder, settled=True)])
    shutil.rmtree(folder)
    return came


def test_killed_at_two_hundred_moments_nothing_is_lost_doubled_or_half(trials, tmp_path) -> None:
    whole, pooled = trials.fresh(tmp_path / "whole"), trials.fresh(tmp_path / "pooled")
    spans = {"in-process": trials.run(whole), "pool": trials.run(pooled, "pool")}
    expected = came_of(whole, told(whole, trials.post), [])
    ways = made(whole)
    assert {channel for channel, _, _ in ways} == {"folder", "mail", "webhook"}
    assert {way[1:] for way in ways} == {line[:2] for line in expected.told}
    assert told(pooled, trials.post).rows == expected.told
    assert (expected.deliveries, expected.runs) == ([("delivered",)], [("done", "")])
    with ThreadPoolExecutor(AT_ONCE) as pool:
        under_way = {
            plan: pool.submit(trial, trials, plan, tmp_path / f"trial-{plan.number}")
            for plan in planned(spans)
        }
        wrong = [
            (plan, done.result().unlike(expected))
            for plan, done in under_way.items()
            if done.result() != expected
        ]
    kills = Counter[str]()
    for (_, phase), count in trials.kills.items():
        kills[phase] += count
    logging.getLogger(__name__).info("kills %s, repeats %s", trials.kills, trials.repeats)

    assert wrong == []
    assert kills.total() >= MOMENTS
    assert min(kills["commit"], kills["hand-over"]) >= MOMENTS // 5
    assert min(trials.repeats["mail"], trials.repeats["webhook"]) > 0
    assert expected.told.total() > 100
