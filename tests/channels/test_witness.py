"""A log and a witness that talk over HTTP: cosigned, refused, and shouted about on both sides."""

import http.client
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from socket import create_connection

import pytest

from tests.channels.receiver import LOOPBACK, answering, raw_server
from tests.ledger.die_at import AT, leaves
from tests.ledger.keys import LOG, QUANTUM, WITNESS, signer
from tocsin.channels import witness_server
from tocsin.channels.outbound import Policy, Target
from tocsin.channels.public_addresses import read_networks
from tocsin.channels.witness import ask, read_prefix
from tocsin.channels.witness_server import Server, application
from tocsin.ledger.log import Log
from tocsin.ledger.policy import read_policy
from tocsin.ledger.trust import Trust, convince
from tocsin.ledger.verify import verify_copy
from tocsin.ledger.witness import Alarm, Witness
from tocsin.words.errors import Undelivered, Unproven, Unusable

pytestmark = pytest.mark.usefixtures("loopback")
KEYS = (WITNESS.verifier, QUANTUM.verifier)
POLICY = f"""
log {LOG.verifier.vkey}
witness one {WITNESS.verifier.vkey}
witness quantum {QUANTUM.verifier.vkey}
group both all one quantum
quorum both
""".encode()


@contextmanager
def serving(witness: Witness, alarms: list[Alarm]) -> Iterator[Server]:
    with running(Server(0, application(witness, clock=lambda: AT, shout=alarms.append))) as server:
        yield server


@contextmanager
def running(server: Server) -> Iterator[Server]:
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def alarms() -> list[Alarm]:
    return []


@pytest.fixture
def server(tmp_path: Path, alarms) -> Iterator[Server]:
    witness = Witness(tmp_path / "witness")
    witness.make([WITNESS, QUANTUM])
    witness.watch(LOG.verifier)
    with serving(witness, alarms) as made:
        yield made


@pytest.fixture
def log(tmp_path: Path) -> Log:
    return Log(tmp_path / "log")


def grow(log: Log, count: int, first: int | None = None) -> None:
    start = log.size
    log.append(leaves(start if first is None else first, count), start=start)
    log.publish(signers=[LOG], at=AT)


def policy(port: int) -> Policy:
    return Policy(
        allow=read_networks(LOOPBACK),
        ports=frozenset({port}),
        plain=True,
        total=timedelta(seconds=20),
    )


def submit(server: Server, log: Log, keys=KEYS):
    target = read_prefix(server.url)
    return ask(
        target, log.note(), consistency=log.consistency, witnesses=keys, policy=policy(target.port)
    )


def test_a_cosigned_log_convinces_by_policy_on_another_machine(server, log, alarms):
    for count in (5, 300, 1):
        grow(log, count)
        assert log.cosign(log.note().text, submit(server, log))
    trust = Trust(policy=read_policy(POLICY))

    found = verify_copy(log.public, trust)
    assert {row.verifier for row in found.seen.witnesses} == set(KEYS)
    assert {row.at for row in found.seen.witnesses} == {AT}
    assert alarms == []
    grow(log, 1)
    with pytest.raises(Unproven, match="was seen by no witness, and the policy asks for both"):
        convince(log.note().data, trust)


def test_a_log_that_was_rolled_back_hears_both_sizes(server, log, alarms, tmp_path):
    grow(log, 9)
    submit(server, log)
    restored = Log(tmp_path / "restored")
    grow(restored, 4)

    with pytest.raises(Unproven, match="cosigned it at size 9, and here it has 4"):
        submit(server, restored)
    assert [row.kind for row in alarms] == ["rolled-back"]


def test_another_history_hears_both_sizes(server, log, alarms, tmp_path):
    grow(log, 4)
    submit(server, log)
    same, larger = Log(tmp_path / "same"), Log(tmp_path / "larger")
    grow(same, 4, first=100)
    grow(larger, 9, first=100)

    with pytest.raises(Unproven, match="size 4 with another root than this one of size 4"):
        submit(server, same)
    with pytest.raises(Unproven, match="cosigned it at size 4, and the log of size 9 here does"):
        submit(server, larger)
    assert [row.kind for row in alarms] == ["split", "unproven"]


def test_a_log_that_is_not_watched_is_told_so(server, tmp_path):
    other = Log(tmp_path / "other")
    other.publish(signers=[signer("other.example")], at=AT)

    with pytest.raises(Undelivered, match="404: it does not watch this log") as fault:
        submit(server, other)
    assert fault.value.lasting


def test_a_witness_with_another_key_is_not_believed(server, log):
    grow(log, 4)
    stranger = signer("witness.example/two", WITNESS.kind)

    with pytest.raises(Unproven, match="no signature by a key that is trusted here"):
        submit(server, log, keys=[stranger.verifier])


def post(server: Server, body: bytes, *, method="POST", path="/add-checkpoint", **headers):
    """One request; keyword names are headers, with _ for -."""
    connection = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=5)
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    connection.request(method, path, body, named)
    response = connection.getresponse()
    found = response.status, response.headers["Content-Type"], response.read()
    connection.close()
    return found


@pytest.mark.parametrize(
    ("words", "status"),
    [
        ({"method": "GET"}, 405),
        ({"path": "/"}, 404),
        ({"path": "/add-checkpoint/x"}, 404),
        ({"Content_Length": "-1"}, 411),
        ({"Content_Length": "٣".encode().decode("latin-1")}, 411),
        ({"Content_Length": "99999999999999999999"}, 413),
        ({"Content_Length": "300000"}, 413),
        ({}, 400),
    ],
)
def test_what_is_no_request_of_a_log_is_refused(server, words, status):
    assert post(server, b"hello", **words)[0] == status


def test_a_client_that_stops_talking_holds_nobody_up(server, log, monkeypatch):
    monkeypatch.setattr(witness_server._Handler, "timeout", 0.2)
    grow(log, 4)
    with create_connection(("127.0.0.1", server.server_port), timeout=5) as line:
        line.sendall(b"POST /add-checkpoint HTTP/1.1\r\nContent-Length: 50\r\n\r\nold")
        assert len(submit(server, log)) == 2
        assert b" 408 " in line.recv(1000)


def test_a_witness_that_cannot_write_answers_500_and_signs_nothing(server, log, tmp_path):
    grow(log, 4)
    (tmp_path / "witness" / "seen").write_text("in the way")

    with pytest.raises(Undelivered, match="answered 500") as fault:
        submit(server, log)
    assert not fault.value.lasting


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", "are no signatures"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n\xff", "are no signatures"),
        (
            b"HTTP/1.1 409 C\r\nContent-Type: text/x.tlog.size\r\nContent-Length: 3\r\n\r\n-1\n",
            "named no size",
        ),
        (b"HTTP/1.1 302 F\r\nLocation: http://x/\r\nContent-Length: 0\r\n\r\n", "answered 302"),
    ],
)
def test_whatever_answers_is_no_witness_and_that_is_said(log, answer, said):
    grow(log, 4)
    with raw_server(answering(answer)) as port:
        target = Target("http", "127.0.0.1", port, "/add-checkpoint")
        with pytest.raises(Undelivered, match=said):
            ask(
                target,
                log.note(),
                consistency=log.consistency,
                witnesses=KEYS,
                policy=policy(port),
            )


def test_the_prefix_of_a_witness_may_have_a_path_and_no_query():
    assert read_prefix("https://witness.example/a/").path == "/a/add-checkpoint"
    assert read_prefix("https://witness.example").path == "/add-checkpoint"
    with pytest.raises(Unusable, match="no query"):
        read_prefix("https://witness.example/?a=1")


def test_a_witness_that_names_another_size_each_time_is_left_alone(log):
    grow(log, 4)
    asked: list[str] = []

    def app(environ, start_response):
        asked.append(environ["wsgi.input"].read(6).decode())
        start_response("409 Conflict", [("Content-Type", "text/x.tlog.size")])
        return [f"{1 + len(asked) % 3}\n".encode()]

    with running(Server(0, app)) as server, pytest.raises(Undelivered, match="another size each"):
        submit(server, log)
    assert asked == ["old 0\n", "old 2\n", "old 3\n", "old 1\n"]
