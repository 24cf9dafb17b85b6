"""The client and its examples against a node as it is run: `tocsin serve` and `tocsin worker`."""

import io
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.channels.receiver import Receiver, Said
from tests.house.source import REPOSITORY
from tests.node.api.conftest import DESK, NAME, OVERLAY, PROVIDER, SAMPLES, report, token_of
from tocsin.node.store import open_store
from tocsin.office.models import Party
from tocsin.office.parties import import_parties

CLIENT = REPOSITORY / "clients" / "python"
sys.path.append(str(CLIENT / "src"))

from tocsin_client import Client, Problem, Unreachable  # noqa: E402
from tocsin_client.connection import Connection  # noqa: E402


@dataclass(frozen=True)
class Node:
    """A node that runs, with two tokens."""

    url: str
    desk: str
    provider: str
    folder: Path
    env: dict[str, str]

    def client(self, token: str, **words: Any) -> Client:
        return Client(self.url, token=token, **words)

    def work(self) -> None:
        done = subprocess.run(
            [sys.executable, "-m", "tocsin.node", "worker", "--once"],
            env=self.env,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        assert done.returncode == 0, done.stderr

    @contextmanager
    def working(self) -> Iterator[None]:
        """With a worker that runs."""
        command = [sys.executable, "-m", "tocsin.node", "worker"]
        quiet = subprocess.DEVNULL
        worker = subprocess.Popen(command, env=self.env, stdout=quiet, stderr=quiet)
        try:
            yield
        finally:
            worker.terminate()
            worker.wait(30)

    def example(self, name: str, token: str, *words: object) -> str:
        path = self.folder / f"token-{name}"
        path.write_text(f"{token}\n")
        here = {
            "TOCSIN_URL": self.url,
            "TOCSIN_TOKEN_FILE": str(path),
            "PYTHONPATH": str(CLIENT / "src"),
        }
        done = subprocess.run(
            [sys.executable, "-W", "error", str(CLIENT / "examples" / name), *map(str, words)],
            env={**self.env, **here},
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout


@pytest.fixture
def node(
    own_database: None, loopback: None, tmp_path: Path, clean_env: dict[str, str]
) -> Iterator[Node]:
    store = open_store(tmp_path / "store")
    text = (SAMPLES / "parties.toml").read_text("utf-8")
    import_parties(text, by="test", at=datetime.now(UTC))
    Party.objects.filter(slug=DESK).update(runs_node=True)
    desk, provider = token_of(DESK, "response.handle"), token_of(PROVIDER, "response.answer")
    with closing(socket.create_server(("127.0.0.1", 0))) as free:
        port = free.getsockname()[1]
    env = {**clean_env, "TOCSIN_STORE": str(store.path), "TOCSIN_OVERLAY": str(OVERLAY)}
    command = [sys.executable, "-m", "tocsin.node", "serve", "--listen", f"127.0.0.1:{port}"]
    with (tmp_path / "serve.log").open("w") as log:
        server = subprocess.Popen(command, env=env, stdout=log, stderr=log, start_new_session=True)
    try:
        _await(port, server, tmp_path / "serve.log")
        yield Node(f"http://127.0.0.1:{port}", desk, provider, tmp_path, env)
    finally:
        server.send_signal(signal.SIGINT)
        try:
            server.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(server.pid, signal.SIGKILL)
            server.wait(10)


def _await(port: int, server: subprocess.Popen[bytes], log: Path) -> None:
    ends = time.monotonic() + 60
    while time.monotonic() < ends and server.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.2)
            continue
        return
    raise AssertionError(log.read_text())


def test_the_examples_report_fetch_and_answer(node: Node, tmp_path: Path) -> None:
    file = tmp_path / NAME
    file.write_bytes(report("192.0.2.7", "192.0.2.8"))
    inbox = tmp_path / "inbox"
    inbox.mkdir()
    client = node.client(node.provider)

    with node.working():
        said = node.example("report.py", node.desk, file)
    fetched = node.example("fetch.py", node.provider, inbox)
    twice = node.example("fetch.py", node.provider, inbox)
    listed = node.example("answer.py", node.provider)

    assert said.startswith(f"{NAME}: done")
    assert "  as network: 1 parties, 2 rows" in said
    assert (len(list(inbox.iterdir())), twice) == (1, "")
    assert b"192.0.2.7" in next(inbox.iterdir()).read_bytes()
    assert fetched.startswith(next(inbox.iterdir()).name)
    delivery = next(client.deliveries())
    assert [row.kind for row in client.delivery(delivery.id).receipts] == ["received"]
    case = next(client.cases(state="open"))
    assert case.id in listed
    assert "acknowledged (" in listed  # that it was received stands in the case too
    answered = node.example("answer.py", node.provider, case.id, "cure", "reinstalled")
    assert answered == f"{case.reference}: cured\n"


def test_a_large_file_goes_up_in_pieces_and_on_after_the_line_broke(
    node: Node, tmp_path: Path
) -> None:
    file = tmp_path / "2026-11-22-event4_sinkhole-large.csv"
    file.write_bytes(report(*(f"192.0.2.{n % 250}" for n in range(5000))))
    breaks = _Breaking(every=3)
    client = node.client(node.desk, piece=64 * 1024, sleep=lambda _: None)
    breaks.over(client.connection)

    added = client.add_report(file)

    assert (added.size, added.name) == (file.stat().st_size, file.name)
    assert breaks.broken > 0
    assert [one.id for one in client.reports()] == [added.id]


class _Breaking:
    """Breaks off every so many calls, half of them when the node has answered already."""

    def __init__(self, every: int) -> None:
        self.every, self.calls, self.broken = every, 0, 0

    def over(self, connection: Connection) -> None:
        once = connection._once

        def call(*words: Any) -> Any:
            self.calls += 1
            if self.calls % self.every:
                return once(*words)
            self.broken += 1
            if self.broken % 2:
                once(*words)
            raise ConnectionResetError("the line broke")

        connection._once = call  # type: ignore[method-assign]


def test_a_body_that_breaks_off_is_no_report_and_a_piece_stays(node: Node) -> None:
    client = node.client(node.desk)
    begun = client.connection.call("POST", "/uploads", query={"name": "x.csv"}).json()
    port = int(node.url.rpartition(":")[2])
    for path, method in (("/reports", "POST"), (f"/uploads/{begun['id']}", "PATCH")):
        head = (
            f"{method} /api/v1{path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n"
            f"Authorization: Bearer {node.desk}\r\nContent-Length: 5000\r\n"
            "Content-Type: application/partial-upload\r\nUpload-Offset: 0\r\n\r\n"
        )
        with socket.create_connection(("127.0.0.1", port)) as line:
            line.sendall(head.encode() + b"x" * 1000)

    _until(
        lambda: client.connection.call("HEAD", f"/uploads/{begun['id']}"), "upload-offset", "1000"
    )
    assert list(client.reports()) == []


def _until(call: Callable[[], Any], header: str, value: str) -> None:
    ends = time.monotonic() + 20
    while call().headers[header] != value:
        assert time.monotonic() < ends, call().headers
        time.sleep(0.1)


def test_what_the_node_refuses_is_its_own_sentence(node: Node) -> None:
    client = node.client(node.provider)

    with pytest.raises(Problem, match="there is no delivery") as fault:
        client.delivery("0" * 32)
    assert fault.value.status == 404
    with pytest.raises(Problem, match="needs the scope response:preview:read"):
        client.look_up("192.0.2.7")
    with pytest.raises(Problem, match="needs a token"):
        node.client("tocsin_wrong").party()
    assert client.party().party == PROVIDER
    told = node.client(node.desk).look_up("192.0.2.7")["told"]
    assert PROVIDER in {row["party"] for row in told}


def test_a_node_that_is_away_is_tried_again_later_and_later(loopback: None) -> None:
    slept: list[float] = []
    with closing(socket.create_server(("127.0.0.1", 0))) as free:
        port = free.getsockname()[1]
    client = Client(f"http://127.0.0.1:{port}", token="t", tries=5, sleep=slept.append)

    with pytest.raises(Unreachable, match="5 times"):
        client.party()

    assert [low <= wait <= high for wait, (low, high) in zip(slept, _SPANS, strict=True)] == [
        True
    ] * 4
    with pytest.raises(ValueError, match="without TLS"):
        Client("http://tocsin.example", token="t")


_SPANS = [(0.5, 1), (1, 2), (2, 4), (4, 8)]


def test_too_many_calls_are_tried_again_when_the_node_says(loopback: None) -> None:
    slept: list[float] = []
    busy = Receiver(None)
    who = b'{"party": "p", "name": "P", "role": "isp", "country": "BE", "scopes": [], "new": 1}'
    busy.answers = [Said(429, {"Retry-After": "7"}), Said(503), Said(body=who)]
    client = Client(f"http://127.0.0.1:{busy.port}", token="t", sleep=slept.append)

    try:
        assert client.party().party == "p"
    finally:
        busy.close()

    assert slept[0] == 7
    assert 1 <= slept[1] <= 2
    assert busy.requests[0].headers["authorization"] == "Bearer t"


def test_a_file_that_is_not_the_one_announced_is_refused(node: Node) -> None:
    client = node.client(node.desk)
    client.add_report(report("192.0.2.7"), name=NAME)
    node.work()
    delivery = next(client.deliveries())
    changed = type(delivery)(**{**delivery.__dict__, "sha256": "0" * 64})

    client.fetch(delivery, io.BytesIO(), why="case 7")
    with pytest.raises(Unreachable, match="not the one announced"):
        client.fetch(changed, io.BytesIO(), why="case 7")
    assert b"signature" in client.manifest(delivery.id)
    with pytest.raises(Problem, match="needs a reason"):
        client.fetch(delivery, io.BytesIO())
