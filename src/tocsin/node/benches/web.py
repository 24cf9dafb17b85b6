"""The pages under load: `python -m … FOLDER CASES EVENTS SECONDS`.

A store in which so many events were routed, and so many cases stand (those of the run, and copies
of them under other names until there are enough). `tocsin serve` runs on it in processes of its
own; eight clients in this one keep asking for pages as somebody of the desk, each as fast as it is
answered. Then the events of cases are read back out of the store, as their page does. CPU is that
of the server's processes. Prints one JSON object.
"""

import http.client
import json
import os
import random
import secrets
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

from tocsin.node.benchdata import write_parties, write_reports
from tocsin.node.meter import tree_pss_mib
from tocsin.node.store import DATABASE_URL, Store, open_store

CLIENTS, ON_A_PAGE = 8, 50
AT = datetime(2026, 6, 18, 9, tzinfo=UTC)
DESK = "bench-desk"


def measure(folder: Path, cases: int, events: int, seconds: float) -> dict[str, Any]:
    """Pages per CPU-second, and how long they take at eight clients; counts and event lists."""
    store = open_store(folder / "store")
    fill(store, folder, cases, events)
    key = sign_in()
    uids = _some_cases()
    lists = [f"/response/cases/?page={n}" for n in range(1, cases // ON_A_PAGE + 1)]
    ones = [f"/response/cases/{uid}" for uid in uids]
    with serving(folder, store) as server:
        of_lists = server.ask(lists, key, seconds)
        of_cases = server.ask(ones, key, seconds)
        peak = tree_pss_mib(server.process.pid)
    return {
        "bench": "web",
        "size": cases,
        "seconds": round(of_lists.seconds + of_cases.seconds, 2),
        "cpu_seconds": round(of_lists.cpu_seconds + of_cases.cpu_seconds, 2),
        "peak_mib": round(peak, 1),
        "rate_per_second": round(of_lists.rate, 1),
        "cpu_us_per_item": round(of_lists.cpu_seconds / of_lists.pages * 1e6),
        "clients": CLIENTS,
        "processes": _processes(),
        **of_lists.figures("list"),
        **of_cases.figures("case"),
        "count_ms": counting(),
        **event_lists(store, uids, events),
        "load_average": round(os.getloadavg()[0], 1),
    }


# ── filling ──────────────────────────────────────────────────────────────────────────────


def fill(store: Store, folder: Path, cases: int, events: int) -> None:
    """Route, then copy cases until there are enough."""
    from tocsin.desks.response.actions import Options, route_reports
    from tocsin.office.parties import import_parties

    parties = folder / "parties.toml"
    write_parties(parties)
    import_parties(parties.read_text("utf-8"), by="bench", at=AT)
    reports = write_reports(folder, events)
    route_reports(reports, store_folder=store.path, options=Options(), by="bench", at=AT)
    for path in reports:
        path.unlink()
    _copy_cases(cases)


def _copy_cases(wanted: int) -> None:
    from tocsin.desks.response.models import Case, Entry

    made = list(Case.objects.order_by("pk")[:wanted])
    copies = (
        _copy(made[n % len(made)], AT + timedelta(seconds=n)) for n in range(wanted - len(made))
    )
    while some := list(islice(copies, 1000)):
        Case.objects.bulk_create(some)
    pks = list(Case.objects.values_list("pk", flat=True))
    entries = (
        Entry(case_id=pk, kind="comment", at=AT, by="bench", text="We are looking into it.")
        for pk in pks
        for _ in range(2)
    )
    while written := list(islice(entries, 2000)):
        Entry.objects.bulk_create(written)


def _copy(case: Any, at: datetime) -> Any:
    from tocsin.desks.response.models import Case

    same = {
        field.attname: getattr(case, field.attname)
        for field in Case._meta.concrete_fields  # noqa: SLF001  Django's own way to the fields
        if not field.primary_key
    }
    letters = secrets.token_hex(6).upper()
    named = "-".join(letters[n : n + 4] for n in (0, 4, 8))
    new = {"uid": uuid4(), "reference": named, "key": secrets.token_hex(16), "changed_at": at}
    return Case(**{**same, **new})


def sign_in() -> str:
    """The session of somebody of the desk who showed a second factor."""
    from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret
    from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
    from django.contrib.sessions.backends.db import SessionStore

    from tocsin.office.models import Party
    from tocsin.office.people import actions

    now = datetime.now(UTC)
    party = Party.objects.create(
        slug=DESK, name="Desk", role="csirt", channel="folder", format="idf-csv",
        created_at=now, updated_at=now,
    )  # fmt: skip
    actions.run_node(party, by="bench", at=now)
    person = actions.add_person(
        email="bench@desk.example", name="Bench", language="en", by="bench", at=now
    )
    actions.grant(
        person, party, competences=["response.handle"], by="bench", at=now - timedelta(hours=1)
    )
    TOTP.activate(person, generate_totp_secret())
    session, seconds = SessionStore(), time.time()
    session.update({
        SESSION_KEY: str(person.pk),
        BACKEND_SESSION_KEY: "allauth.account.auth_backends.AuthenticationBackend",
        HASH_SESSION_KEY: person.get_session_auth_hash(),
        "account_authentication_methods_user": str(person.pk),
        "account_authentication_methods": [
            {"method": "password", "at": seconds}, {"method": "mfa", "at": seconds, "type": "totp"}
        ],
    })  # fmt: skip
    session.save()
    return str(session.session_key)


def _some_cases() -> list[UUID]:
    """Of the run itself: those whose events can be read back."""
    from tocsin.desks.response.models import Case

    return list(Case.objects.order_by("pk").values_list("uid", flat=True)[:500])


# ── asking ───────────────────────────────────────────────────────────────────────────────


class Asked:
    """What so many pages cost."""

    def __init__(self, took: list[float], seconds: float, cpu_seconds: float) -> None:
        self.took, self.seconds, self.cpu_seconds = sorted(took), seconds, cpu_seconds

    @property
    def pages(self) -> int:
        """How many were answered."""
        return len(self.took)

    @property
    def rate(self) -> float:
        """Pages a second of the clock."""
        return self.pages / self.seconds

    def figures(self, name: str) -> dict[str, float]:
        """As they stand in the object that is printed."""
        return {
            f"{name}_pages": self.pages,
            f"{name}_pages_per_cpu_second": round(self.pages / self.cpu_seconds, 1),
            f"{name}_pages_per_second": round(self.rate, 1),
            f"{name}_p50_ms": round(self.took[self.pages // 2] * 1000, 1),
            f"{name}_p95_ms": round(self.took[self.pages * 95 // 100] * 1000, 1),
        }


class Server:
    """`tocsin serve` with where it listens."""

    def __init__(self, process: subprocess.Popen[bytes], port: int) -> None:
        self.process, self.port = process, port

    def ask(self, paths: list[str], key: str, seconds: float) -> Asked:
        """Ask for these pages in any order, with all clients at once."""
        self._each(paths, key, until=time.perf_counter() + seconds / 5)  # warm
        cpu, began = tree_cpu(self.process.pid), time.perf_counter()
        took = self._each(paths, key, until=began + seconds)
        return Asked(took, time.perf_counter() - began, tree_cpu(self.process.pid) - cpu)

    def _each(self, paths: list[str], key: str, *, until: float) -> list[float]:
        took: list[list[float]] = [[] for _ in range(CLIENTS)]
        errors: list[str] = []

        def one(number: int) -> None:
            chosen = random.Random(number)  # noqa: S311  which page comes next is no secret
            line = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
            while time.perf_counter() < until and not errors:
                path = chosen.choice(paths)
                before = time.perf_counter()
                line.request("GET", path, headers={"Cookie": f"sessionid={key}"})
                answer = line.getresponse()
                answer.read()
                took[number].append(time.perf_counter() - before)
                if answer.status != 200:
                    errors.append(f"{path}: {answer.status}")
            line.close()

        threads = [threading.Thread(target=one, args=(n,)) for n in range(CLIENTS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if errors:
            raise SystemExit(errors[0])
        return [seconds for some in took for seconds in some]


def _processes() -> int:
    """One for each core, as the documentation says; a few are enough to measure."""
    return min(os.cpu_count() or 1, 4)


@contextmanager
def serving(folder: Path, store: Store) -> Iterator[Server]:
    """The server as `tocsin serve` starts it, ended by its own process id."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    env = {name: value for name, value in os.environ.items() if name != DATABASE_URL}
    env |= {"TOCSIN_STORE": str(store.path)}
    words = [sys.executable, "-m", "tocsin.node", "serve", "--listen", f"127.0.0.1:{port}"]
    words += ["--processes", str(_processes())]
    with (folder / "serve.log").open("wb") as log:
        process = subprocess.Popen(words, env=env, stdout=log, stderr=log)  # noqa: S603
        try:
            _await(port, process)
            yield Server(process, port)
        finally:
            process.terminate()
            process.wait(60)


def _await(port: int, process: subprocess.Popen[bytes]) -> None:
    for _ in range(240):
        if process.poll() is not None:
            raise SystemExit("tocsin serve ended by itself")
        try:
            line = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
            line.request("GET", "/healthz")
            if line.getresponse().status == 200:
                return
        except OSError:
            time.sleep(0.25)
    raise SystemExit("tocsin serve did not answer")


def tree_cpu(root: int) -> float:
    """User and system seconds of a process and of all that it started and that still runs."""
    tick, total = os.sysconf("SC_CLK_TCK"), 0
    found = [root]
    for pid in found:
        try:
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            total += int(fields[11]) + int(fields[12])
            for task in Path(f"/proc/{pid}/task").iterdir():
                found += [int(child) for child in (task / "children").read_text().split()]
        except OSError:
            continue
    return total / tick


# ── counts and events ────────────────────────────────────────────────────────────────────


def counting() -> float:
    """Milliseconds to count the list anew, as after every change."""
    from django.db import transaction

    from tocsin.desks.response.queries import facets_for

    viewer = _viewer()
    took = []
    for _ in range(5):
        with transaction.atomic():  # where nothing is kept
            before = time.perf_counter()
            facets_for(viewer)
            took.append(time.perf_counter() - before)
    return round(sorted(took)[2] * 1000, 1)


def _viewer() -> Any:
    from tocsin.office.people.models import Person
    from tocsin.office.people.viewer import viewer_of

    return viewer_of(Person.objects.get(email="bench@desk.example"), at=datetime.now(UTC))


def event_lists(store: Store, uids: list[UUID], events: int) -> dict[str, Any]:
    """How long the events of a case take out of the store: its page, without the page."""
    from tocsin.desks.response.actions.consulting import consult_case

    viewer = _viewer()

    def look(uid: UUID) -> Any:
        return consult_case(viewer, uid, why="bench", at=AT, store_folder=store.path)

    costs = [_timed(look, uid) for uid in uids[:: max(1, len(uids) // 20)]]
    first, took = costs[0][0], sorted(seconds for seconds, _ in costs)
    cpu = sorted(seconds for _, seconds in costs)
    return {
        "events": events,
        "event_list_cpu_p50_ms": round(cpu[len(cpu) // 2] * 1000, 1),
        "event_list_cpu_worst_ms": round(cpu[-1] * 1000, 1),
        "event_list_first_ms": round(first * 1000, 1),
        "event_list_p50_ms": round(took[len(took) // 2] * 1000, 1),
        "event_list_worst_ms": round(took[-1] * 1000, 1),
    }


def _timed(act: Callable[[UUID], Any], uid: UUID) -> tuple[float, float]:
    """Seconds of the clock, and of CPU."""
    before, worked = time.perf_counter(), time.process_time()
    found = act(uid)
    took = time.perf_counter() - before, time.process_time() - worked
    if found.total != found.case.events:
        raise SystemExit(f"case {uid} counts {found.case.events} events and lists {found.total}")
    return took


if __name__ == "__main__":
    folder, cases, events, seconds = sys.argv[1:]
    made = measure(Path(folder), int(cases), int(events), float(seconds))
    sys.stdout.write(json.dumps(made) + "\n")
