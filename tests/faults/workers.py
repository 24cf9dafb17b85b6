"""Real workers on a real database, and receivers that write down what was on the wire."""

import json
import os
import runpy
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.channels.receiver import LOOPBACK, Authority, Received, Receiver
from tests.channels.smtp_server import SmtpServer
from tests.faults.outbox_state import outbox_state
from tests.ready import lay_into

HERE = Path(__file__).parent


class Heard(list[Any]):
    """What a receiver took down; `then` happens after that and before it answers."""

    then: Callable[[Any], None] | None = None

    def append(self, thing: Any) -> None:
        super().append(thing)
        if self.then is not None:
            self.then(thing)


@dataclass
class Receivers:
    """A web server and a mail server of this machine, and what lies in the folders."""

    web: Receiver
    mail: SmtpServer
    out: Path
    environment: dict[str, str]
    requests: Heard = field(default_factory=Heard)
    messages: Heard = field(default_factory=Heard)

    def pause(self, seconds: float) -> None:
        """Answer so late from now on."""
        self.requests.then = self.messages.then = lambda _: time.sleep(seconds)

    def web_address(self, path: str) -> str:
        """Where a party's webhook is."""
        return f"https://localhost:{self.web.port}/{path}"

    @property
    def whole(self) -> list[Received]:
        """Every webhook that came in to its end, doubles too."""
        came = list(self.requests)
        return [one for one in came if len(one.body) == int(one.headers["content-length"])]

    @property
    def ids(self) -> list[str]:
        """Their ids."""
        return [one.headers["webhook-id"] for one in self.whole]

    @property
    def whole_messages(self) -> list[bytes]:
        """Every mail that came in to its end, doubles too."""
        return [raw for raw in list(self.messages) if raw.rstrip().endswith(b"--")]

    @property
    def message_ids(self) -> list[str]:
        """Their Message-IDs."""
        return [_header(raw, b"message-id") for raw in self.whole_messages]

    @property
    def files(self) -> dict[str, bytes]:
        """Every file in the folders, by its path there; hidden ones too."""
        found = (path for path in self.out.rglob("*") if path.is_file())
        return {str(path.relative_to(self.out)): path.read_bytes() for path in found}


def _header(raw: bytes, name: bytes) -> str:
    lines = (line for line in raw.splitlines() if line.lower().startswith(name + b":"))
    return next(lines).partition(b":")[2].strip().decode()


@contextmanager
def receivers(folder: Path) -> Iterator[Receivers]:
    """Both servers until the block ends; needs the fixture `loopback`."""
    authority = Authority(folder)
    web = Receiver(authority.context())
    out = folder / "out"
    out.mkdir()
    with SmtpServer().running() as mail:
        environment = {
            **{f"TOCSIN_SMTP_{name.upper()}": value for name, value in mail.settings.items()},
            "TOCSIN_WEBHOOK_ALLOW": LOOPBACK,
            "TOCSIN_WEBHOOK_PORTS": str(web.port),
            "TOCSIN_WEBHOOK_CA_FILE": str(authority.path),
        }
        made = Receivers(web, mail, out, environment)
        web.requests, mail.taken = made.requests, made.messages
        try:
            yield made
        finally:
            made.requests.then = made.messages.then = None
            web.close()


class Worker(subprocess.Popen[bytes]):
    """A `tocsin worker` in a process of its own; what it says goes into a file."""

    said: Path

    def end(self, how: int = signal.SIGTERM, within: float = 30) -> int:
        """Send a signal; the exit code."""
        self.send_signal(how)
        return self.wait(within)


class Forked:
    """The same out of a fork server."""

    def __init__(self, process: Any, said: Path) -> None:
        self._process, self.said = process, said
        process.start()

    def poll(self) -> int | None:
        """The exit code, if it has ended."""
        code: int | None = self._process.exitcode
        return code

    def kill(self) -> None:
        """SIGKILL."""
        self._process.kill()

    def wait(self) -> int | None:
        """The exit code, once it has ended."""
        self._process.join()
        return self.poll()


class Node:
    """A store with its database, whoever works on it."""

    def __init__(self, folder: Path, receivers: Receivers, database: str, ready: Path) -> None:
        self.folder, self.receivers, self.database = folder, receivers, database
        self.store = folder / "store"
        if not database and not self.store.exists():
            lay_into(ready, self.store)
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("TOCSIN", "DJANGO"))}
        self.environment = {
            **kept,
            "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
            "COLUMNS": "200",
            **receivers.environment,
            **({"TOCSIN_DATABASE_URL": database} if database else {}),
        }
        self._workers: list[Worker | Forked] = []

    def tocsin(self, *words: object, **env: str) -> subprocess.CompletedProcess[str]:
        """A command on this node."""
        return self._python("-m", "tocsin.node", *words, "--store", self.store, **env)

    def worker(self, *words: object, lease: int = 5, **env: str) -> Worker:
        """One more worker."""
        said = self.folder / f"worker-{len(self._workers)}"
        with said.open("wb") as file:
            made = Worker(
                [
                    *(sys.executable, "-W", "error", "-m", "tocsin.node", "worker"),
                    *("--store", str(self.store), "--out", str(self.receivers.out)),
                    *("--lease", str(lease), *map(str, words)),
                ],
                cwd=self.folder,
                env={**self.environment, **env},
                stdout=file,
                stderr=file,
            )
        made.said = said
        self._workers.append(made)
        return made

    def fork(self, forks: Any, lease: int = 5) -> "Forked":
        """One more worker, out of a fork server: there at once."""
        said = self.folder / f"worker-{len(self._workers)}"
        said.touch()
        words = ["--store", self.store, "--out", self.receivers.out, "--lease", lease]
        given = {
            "SETTINGS": {k: v for k, v in self.environment.items() if k.startswith("TOCSIN")},
            "SAID": str(said),
            "WORDS": [str(word) for word in words],
        }
        made = Forked(
            forks.Process(target=runpy.run_path, args=(str(HERE / "run_worker.py"), given)), said
        )
        self._workers.append(made)
        return made

    def queue(self, parties: dict[str, tuple[str, str, int]], **plan: Any) -> None:
        """Make parties (channel, address) and queue so many notices for each."""
        done = self._python(
            HERE / "queue_notices.py", self.store, stdin=json.dumps({"parties": parties, **plan})
        )
        assert (done.returncode, done.stderr) == (0, "")

    def state(self) -> dict[str, Any]:
        """What the database says."""
        return outbox_state(self.store / "tocsin.sqlite3", self.database)

    def script(self, name: str) -> subprocess.CompletedProcess[str]:
        """A script of this folder, on the store."""
        done = self._python(HERE / name, self.store)
        assert (done.returncode, done.stderr) == (0, "")
        return done

    def until(self, true: Callable[[dict[str, Any]], bool], *, within: float) -> dict[str, Any]:
        """The state as soon as it is so; fails where it never is."""
        ends = time.monotonic() + within
        while not true(state := self.state()):
            assert time.monotonic() < ends, self.said()
            time.sleep(0.1)
        return state

    def said(self) -> str:
        """What all workers said."""
        return "\n".join(worker.said.read_text("utf-8") for worker in self._workers)

    def end(self) -> None:
        """End every worker that lives."""
        for worker in self._workers:
            if worker.poll() is None:
                worker.kill()
                worker.wait()

    def _python(
        self, *words: object, stdin: str = "", **env: str
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-W", "error", *map(str, words)],
            cwd=self.folder,
            env={**self.environment, **env},
            input=stdin,
            capture_output=True,
            text=True,
            check=False,
        )


def is_over(state: dict[str, Any]) -> bool:
    """Whether nothing waits any more."""
    return all(one["state"] != "ready" for one in state["deliveries"])
