"""`tocsin worker`: hand over, run what recurs, remind; until it is told to stop."""

import signal
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import FrameType
from typing import Annotated, Any

import typer
from rich.markup import escape

from tocsin import __version__
from tocsin.node.commands.options import DEFAULT_STORE, Json, OutOption, StoreOption
from tocsin.node.commands.refusals import require_folder
from tocsin.node.console import INTERRUPTED, clean, err, out
from tocsin.node.store import Store, open_store
from tocsin.words.errors import Unusable
from tocsin.words.moments import iso

Once = Annotated[bool, typer.Option("--once", help="Do what is due now, and stop.")]
Lease = Annotated[
    int, typer.Option("--lease", help="Seconds after which a dead worker's work is taken over.")
]
SHORTEST_LEASE, LONGEST_LEASE = 5, 24 * 3600
NAP = 1.0  # seconds between looks at an idle database
LONGEST_NAP = 30.0  # while the database is away
BEAT = 30.0


def worker(
    once: Once = False,
    lease: Lease = 600,
    out_folder: OutOption = None,
    store: StoreOption = DEFAULT_STORE,
    as_json: Json = False,
) -> None:
    """Hand over, run what recurs, remind, until told to stop.

    Any number of workers may run, on one machine or several. SIGTERM or Ctrl-C end it after the
    deliveries that are under way, a second one at once; then, or killed, its work is taken over
    when the lease ends.

    With --json one line per thing done. Exit codes: 0 stopped, 2 a setting that cannot work.
    """
    if not SHORTEST_LEASE <= lease <= LONGEST_LEASE:
        raise Unusable(f"--lease {lease}: possible are {SHORTEST_LEASE} to {LONGEST_LEASE} seconds")
    opened = open_store(store)
    root = (out_folder or opened.path / "out").absolute()
    require_folder(root)
    root.mkdir(mode=0o700, parents=True, exist_ok=True)
    bench = _bench(opened, root=root, lease=timedelta(seconds=lease))
    loop = _Loop(bench, as_json=as_json)
    if once:
        loop.once()
        return
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, loop.stop)
    loop.run()


def _bench(opened: Store, *, root: Path, lease: timedelta) -> Any:
    from tocsin.channels.catalogue import CHANNELS
    from tocsin.node.channel_settings import channel_settings, idle_channels
    from tocsin.node.job_settings import job_settings
    from tocsin.node.jobs import recurring
    from tocsin.office.worker import Bench, make_owner

    settings = channel_settings(opened, root=root)
    idle = idle_channels(settings)
    for name, why in idle.items():
        err.print(f"[yellow]note[/] {name}: {why}; its deliveries wait", soft_wrap=True)
    return Bench(
        owner=make_owner(),
        channels=CHANNELS,
        over=tuple(name for name in CHANNELS if name not in idle),
        recurring=recurring(),
        store_folder=opened.path,
        settings={**settings, **job_settings()},
        lease=lease,
    )


class _Loop:
    """A thread per lane, pass after pass, with a nap where there is nothing to do.

    The database may go and come. This thread says every half minute that the worker is there.
    """

    def __init__(self, bench: Any, *, as_json: bool) -> None:
        self._bench = bench
        self._as_json = as_json
        self._stopped = threading.Event()
        self._speaking = threading.Lock()
        self._fault: BaseException | None = None
        self._is_clock_right = True

    def stop(self, _number: int, _frame: FrameType | None) -> None:
        """A signal came: end after what is under way; a second one ends it at once."""
        if self._stopped.is_set():
            raise SystemExit(INTERRUPTED)
        self._stopped.set()

    def run(self) -> None:
        """Work until a signal comes; raises `Unusable` where the clock is wrong."""
        from tocsin.office import worker

        owner = self._bench.owner
        while not self._stopped.is_set() and not self._try(self._begin):
            self._stopped.wait(NAP)
        err.print(f"tocsin worker {owner}: started", soft_wrap=True)
        lanes = [
            # Daemons, so that a second signal does not wait for a receiver that hangs.
            threading.Thread(target=self._work, args=(lane,), name=name, daemon=True)
            for name, lane in self._bench.lanes().items()
        ]
        for lane in lanes:
            lane.start()
        while not self._stopped.wait(BEAT):
            self._try(self._beat)
        while any(lane.is_alive() for lane in lanes):
            lanes = [lane for lane in lanes if lane.is_alive()]
            lanes[0].join(BEAT)
            self._try(self._beat)
        self._try(lambda: worker.sign_off(owner, at=datetime.now(UTC)))
        if self._fault is not None:
            raise self._fault
        err.print(f"tocsin worker {owner}: stopped", soft_wrap=True)

    def _begin(self) -> bool:
        """Sign on; raises `Unusable` where the clock is wrong."""
        from tocsin.office import jobs, worker

        if wrong := self._wrong_clock():
            raise Unusable(wrong)
        at = datetime.now(UTC)
        worker.sign_on(self._bench.owner, version=__version__, at=at)
        jobs.enlist(self._bench.recurring.values(), at=at)
        return True

    def once(self) -> None:
        """What is due now, lane after lane, until nothing is."""
        from tocsin.office import jobs

        if wrong := self._wrong_clock():
            raise Unusable(wrong)
        jobs.enlist(self._bench.recurring.values(), at=datetime.now(UTC))
        for lane in self._bench.lanes().values():
            while not self._one_pass(lane).is_idle:
                pass

    def _work(self, lane: Any) -> None:
        nap = NAP
        try:
            while not self._stopped.is_set():
                done = self._try(lambda: self._one_pass(lane)) if self._is_clock_right else None
                nap = min(LONGEST_NAP, nap * 2) if done is None else NAP
                if done is None or done.is_idle:
                    self._stopped.wait(nap)
        except BaseException as fault:
            self._fault = fault
            self._stopped.set()
        finally:
            from django.db import connection

            connection.close()

    def _try(self, work: Callable[[], Any]) -> Any:
        """Do it; None where the database was away, which ends no worker."""
        from django.db import InterfaceError, OperationalError, connection

        try:
            return work()
        except (OperationalError, InterfaceError) as fault:
            self._say_away(clean(str(fault).strip().split("\n")[0]))
            connection.close()
            return None

    def _one_pass(self, lane: Any) -> Any:
        """What is due now; what came of it is told."""
        at = datetime.now(UTC)
        done = lane(at)
        for facts in _facts(done, at):
            self._tell(facts)
        return done

    def _beat(self) -> None:
        from tocsin.office import worker

        worker.beat(self._bench.owner, at=datetime.now(UTC))
        wrong = self._wrong_clock()
        self._is_clock_right = not wrong
        if wrong:
            err.print(f"[red]{escape(wrong)}[/]", soft_wrap=True)

    def _wrong_clock(self) -> str:
        """A sentence where this machine's clock would take leases of others for over."""
        from tocsin.office import worker

        most = max(timedelta(seconds=1), self._bench.lease / 20)
        ahead = worker.clock_ahead(datetime.now(UTC))
        if abs(ahead) <= most:
            return ""
        seconds, which = (
            abs(ahead.total_seconds()),
            "ahead of" if ahead > timedelta(0) else "behind",
        )
        return (
            f"this machine's clock is {seconds:,.0f} s {which} the database's, and nothing is "
            "handed over by a wrong clock. Possible: let a time service set the clocks of both"
        )

    def _say_away(self, why: str) -> None:
        with self._speaking:
            err.print(f"[red]the database is away[/]: {escape(why)}", soft_wrap=True)

    def _tell(self, facts: dict[str, Any]) -> None:
        with self._speaking:
            if self._as_json:
                say_json_line(facts)
                return
            colour = "red" if facts["error"] else "green"
            what = facts.get("job") or f"{facts['party']} {facts['delivery'][:8]}"
            said = facts["error"] or facts["said"]
            text = f"{facts['at']} [{colour}]{facts['state']}[/] {escape(clean(what))}"
            out.print(f"{text} {escape(clean(said))}".rstrip(), soft_wrap=True)


def say_json_line(facts: dict[str, Any]) -> None:
    """One JSON object on one line, at once: whoever reads it may wait for it."""
    import json
    import sys

    sys.stdout.write(json.dumps(facts, sort_keys=True) + "\n")
    sys.stdout.flush()


def _facts(done: Any, at: datetime) -> list[dict[str, Any]]:
    """What one pass did, a line each. Jobs that had nothing to do are silent."""
    told = [
        {
            "at": iso(at),
            "delivery": one.delivery,
            "party": one.party,
            "state": "waits" if one.state == "ready" else one.state,
            "said": one.delivered_to,
            "error": "" if one.state == "delivered" else one.error,
        }
        for one in done.outcomes
    ]
    told += [
        {
            "at": iso(at),
            "job": one.name,
            "state": "failed" if one.error else "done",
            "said": one.said,
            "error": one.error,
        }
        for one in done.ran
        if one.said or one.error
    ]
    return told
