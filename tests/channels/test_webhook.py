"""The webhook: signed as the standard says, judged by the answer, and nobody is led astray."""

import base64
import contextlib
import hashlib
import hmac
import logging
import re
import ssl
import threading
import tracemalloc
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from wsgiref.simple_server import WSGIRequestHandler, make_server

import pytest

from tests.channels.receiver import LOOPBACK, Authority, Received, Receiver, Said, hear, raw_server
from tests.house.source import REPOSITORY
from tocsin.channels import webhook
from tocsin.channels.channel import Handed, Parcel, Piece
from tocsin.channels.webhook import CHANNEL, check_address, read_policy
from tocsin.words.errors import Undelivered, Unusable

ROWS = b"192.0.2.7,infected-system\r\n\xff\x00\r--\n" * 1000
MANIFEST = b'{"rows": 1000}\n'
DELIVERY = "8d1c2a9e-0000-4000-8000-000000000001"
SECRET = bytes(range(32))

Parcels = Callable[..., Parcel]


def written(secret: bytes) -> str:
    return f"whsec_{base64.b64encode(secret).decode()}\n"


def piece_of(path: Path, data: bytes) -> Piece:
    path.write_bytes(data)
    return Piece(path.name, path, hashlib.sha256(data).hexdigest())


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


@pytest.fixture
def receiver(loopback, authority: Authority) -> Iterator[Receiver]:
    made = Receiver(authority.context())
    yield made
    made.close()


@pytest.fixture
def parcels(tmp_path: Path, authority: Authority, at) -> Parcels:
    """Parcels of rows and manifest for Meadow Net, to a port of this machine."""
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets" / "meadow-net.secret").write_text(written(SECRET))

    def make(port: int, **words) -> Parcel:
        rows, manifest = tmp_path / "rows.csv", tmp_path / "rows.manifest.json"
        settings = {
            "secrets": str(tmp_path / "secrets"),
            "allow": LOOPBACK,
            "ports": str(port),
            "ca_file": str(authority.path),
            "timeout": "20",
        }
        parcel = Parcel(
            DELIVERY,
            "meadow-net",
            (piece_of(rows, ROWS), piece_of(manifest, MANIFEST)),
            address=f"https://localhost:{port}/tocsin?key=1",
            settings={**settings, **words.pop("settings", {})},
            at=at,
        )
        return replace(parcel, **words)

    return make


@pytest.fixture
def send(receiver: Receiver, parcels: Parcels):
    """Sends a parcel to the receiver."""
    return lambda **words: CHANNEL.send(parcels(receiver.port, **words))


def is_signed(received: Received, secret: bytes) -> bool:
    """What a library for Standard Webhooks does, written down once more."""
    head = f"{received.headers['webhook-id']}.{received.headers['webhook-timestamp']}."
    code = hmac.new(secret, head.encode() + received.body, hashlib.sha256).digest()
    return f"v1,{base64.b64encode(code).decode()}" in received.headers["webhook-signature"].split()


# ── what is sent ─────────────────────────────────────────────────────────────────────────


def test_file_and_manifest_arrive_as_they_are(send, receiver) -> None:
    handed = send()

    assert handed == Handed(f"https://localhost:{receiver.port}")
    assert [got.parts for got in receiver.requests] == [
        {"file": ("rows.csv", ROWS), "manifest": ("rows.manifest.json", MANIFEST)}
    ]
    assert receiver.requests[0].path == "/tocsin?key=1"


def test_the_headers_name_the_delivery_and_sign_the_body(send, receiver, at) -> None:
    send()

    got = receiver.requests[0]
    digest = base64.b64encode(hashlib.sha256(got.body).digest()).decode()
    assert is_signed(got, SECRET)
    assert not is_signed(got, bytes(32))
    del got.headers["webhook-signature"], got.headers["content-type"]
    assert got.headers == {
        "host": f"localhost:{receiver.port}",
        "connection": "close",
        "user-agent": "Tocsin",
        "accept": "application/json",
        "content-length": str(len(got.body)),
        "content-digest": f"sha-256=:{digest}:",
        "idempotency-key": f'"{DELIVERY}"',
        "webhook-id": DELIVERY,
        "webhook-timestamp": str(int(at.timestamp())),
    }


def test_the_signature_is_that_of_the_published_example() -> None:
    """The example that libraries for Standard Webhooks are tested against."""
    secret = base64.b64decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    body = [b'{"test": ', b"2432232314}"]
    name = "msg_p5jXN8AQM9LWM0D4loKWxJek"
    signed = webhook.sign(body, [secret], delivery=name, timestamp=1614265330)

    expected = base64.b64decode("g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=")
    assert (signed.signatures, signed.length) == ((expected,), 20)


def test_a_repeat_is_the_same_body_under_a_later_signature(send, receiver, at) -> None:
    send()
    send(at=at + timedelta(hours=1))

    first, second = receiver.requests
    assert first.body == second.body
    assert first.headers["webhook-id"] == second.headers["webhook-id"]
    assert first.headers["webhook-signature"] != second.headers["webhook-signature"]


def test_while_a_secret_is_renewed_both_sign(send, receiver, tmp_path) -> None:
    new = bytes(32)
    file = tmp_path / "secrets" / "meadow-net.secret"
    file.write_text(written(new) + written(SECRET))
    send()

    assert [is_signed(receiver.requests[0], secret) for secret in (new, SECRET)] == [True, True]


def test_a_large_file_is_never_in_memory(loopback, parcels, authority, tmp_path) -> None:
    size = 32 << 20
    large = piece_of(tmp_path / "large.csv", bytes(size))
    heard = 0

    def talk(connection) -> None:
        nonlocal heard
        with authority.context().wrap_socket(connection, server_side=True) as sealed:
            head = hear(sealed)
            length = int(re.search(rb"Content-Length: (\d+)", head)[1])
            heard = len(head.split(b"\r\n\r\n", 1)[1])
            while heard < length and (block := sealed.recv(65536)):
                heard += len(block)
            sealed.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")

    with raw_server(talk) as port:
        parcel = parcels(port, pieces=(large,))
        tracemalloc.start()
        try:
            CHANNEL.send(parcel)
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    assert heard > size
    assert peak < 8 << 20


def test_a_body_that_changes_between_signing_and_sending_is_not_completed(
    loopback, parcels, authority, tmp_path
) -> None:
    large = piece_of(tmp_path / "large.csv", bytes(8 << 20))
    heard = b""

    def talk(connection) -> None:
        nonlocal heard
        with authority.context().wrap_socket(connection, server_side=True) as sealed:
            hear(sealed)
            (tmp_path / "large.csv").write_bytes(b"forged!!" * (1 << 20))
            while block := sealed.recv(65536):
                heard = (heard + block)[-100:]

    with raw_server(talk) as port, pytest.raises(Undelivered, match="not those of the register"):
        CHANNEL.send(parcels(port, pieces=(large,)))

    assert b"--\r\n" not in heard


# ── what came back ───────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
def test_any_2xx_is_handed_over_but_no_receipt(status: int, send, receiver) -> None:
    receiver.answers = [Said(status)]

    assert send() == Handed(f"https://localhost:{receiver.port}")


def test_received_true_is_a_receipt_with_the_partys_reference(send, receiver) -> None:
    receiver.answers = [Said(200, {}, b'{"received": true, "reference": "T-7", "x": [1]}')]

    assert send() == Handed(
        f"https://localhost:{receiver.port}", confirmed=True, detail={"reference": "T-7"}
    )


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"true",
        b"[]",
        b'{"received": 1}',
        b'{"received": "true"}',
        b'{"received": false}',
        b'{"received": true',
        b"[" * 60_000,
        b"\xff\xfe",
        b'{"received": true}' + b" " * 70_000 + b"x",
    ],
)
def test_only_received_true_is_a_receipt(body: bytes, send, receiver) -> None:
    receiver.answers = [Said(200, {}, body)]

    assert send().confirmed is (len(body) > 70_000)  # what lies beyond 64 KiB is not read


@pytest.mark.parametrize("reference", ['"\\u001b[2J"', '"a\\nb"', '""', '"' + "x" * 201 + '"', "7"])
def test_a_reference_that_is_no_short_line_is_not_kept(reference: str, send, receiver) -> None:
    receiver.answers = [Said(200, {}, f'{{"received": true, "reference": {reference}}}'.encode())]
    handed = send()

    assert (handed.confirmed, dict(handed.detail)) == (True, {})


@pytest.mark.parametrize("status", [408, 409, 425, 429, 500, 502, 503, 504, 599])
def test_what_may_pass_is_tried_again(status: int, send, receiver) -> None:
    receiver.answers = [Said(status)]
    with pytest.raises(Undelivered, match=f"it answered {status}.*tried again") as failure:
        send()

    assert (failure.value.lasting, failure.value.after) == (False, None)


@pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 410, 413, 415, 422, 451])
def test_what_will_not_pass_is_given_up_with_what_is_possible(status, send, receiver) -> None:
    receiver.answers = [Said(status)]
    with pytest.raises(Undelivered, match=f"it answered {status} .*Possible: ") as failure:
        send()

    assert failure.value.lasting


@pytest.mark.parametrize("status", [300, 301, 302, 303, 307, 308])
def test_a_redirect_into_the_house_is_given_up_and_not_followed(status, send, receiver) -> None:
    receiver.answers = [Said(status, {"Location": "http://169.254.169.254/latest/meta-data/"})]
    with pytest.raises(Undelivered, match="redirects are not followed") as failure:
        send()

    assert (failure.value.lasting, len(receiver.requests)) == (True, 1)


@pytest.mark.parametrize(
    "said",
    [
        Said(409, {"Webhook-Id": DELIVERY}),
        Said(409, {}, f'{{"delivery": "{DELIVERY}"}}'.encode()),
    ],
)
def test_a_conflict_that_names_this_delivery_says_it_is_there(said, send, receiver) -> None:
    receiver.answers = [said]

    assert send() == Handed(f"https://localhost:{receiver.port}")


def test_a_conflict_over_another_delivery_is_tried_again(send, receiver) -> None:
    receiver.answers = [Said(409, {"Webhook-Id": "another"}, b'{"delivery": null}')]
    with pytest.raises(Undelivered) as failure:
        send()

    assert not failure.value.lasting


AT = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "after"),
    [
        ("120", timedelta(minutes=2)),
        ("0", timedelta(0)),
        ("99999999", timedelta(seconds=99999999)),
        (format_datetime(AT + timedelta(minutes=5), usegmt=True), timedelta(minutes=5)),
        (format_datetime(AT - timedelta(minutes=5), usegmt=True), timedelta(0)),
        ("Mon, 23 Nov 2026 09:01:00 -0000", timedelta(minutes=1)),
        ("-5", None),
        ("1e9", None),
        ("9" * 30, None),
        ("soon", None),
        ("Mon, 99 Nov 2026 09:01:00 GMT", None),
    ],
)
def test_who_says_when_to_come_back_is_heard(value, after, send, receiver) -> None:
    receiver.answers = [Said(503, {"Retry-After": value})]
    with pytest.raises(Undelivered) as failure:
        send()

    assert failure.value.after == after


def test_a_delivery_is_retried_until_it_arrives(send, receiver) -> None:
    receiver.answers = [Said(500), Said(503), Said(200)]
    outcomes = []
    for _ in range(3):
        with contextlib.suppress(Undelivered):
            outcomes.append(send())

    assert [got.headers["webhook-id"] for got in receiver.requests] == [DELIVERY] * 3
    assert outcomes == [Handed(f"https://localhost:{receiver.port}")]


# ── what is refused before anything is sent ──────────────────────────────────────────────


@pytest.mark.parametrize(
    ("words", "text"),
    [
        ({"party": "meadow\r\nX-Admin: 1"}, "cannot be named in a header"),
        ({"party": "../meadow-net"}, "cannot be named in a header"),
        ({"party": ""}, "cannot be named in a header"),
        ({"delivery": "8d1c\r\nX: 1"}, "cannot be named in a header"),
        ({"delivery": "8d1c.1"}, "cannot be named in a header"),
        ({"address": ""}, "meadow-net has no address"),
        ({"address": "https://user:pw@localhost/"}, "a name or a password before @"),
        ({"address": "http://localhost/"}, "only https is spoken"),
        ({"address": "https://localhost:22/"}, "port 22 is not open here"),
        ({"at": None}, "needs the moment of the attempt"),
    ],
)
def test_what_can_never_be_sent_is_given_up(words, text, send, receiver) -> None:
    with pytest.raises(Undelivered, match=re.escape(text)) as failure:
        send(**words)

    assert (failure.value.lasting, receiver.requests) == (True, [])


@pytest.mark.parametrize(
    "name", ['rows"; filename="x', "rows\r\nX: 1", "../rows.csv", "", "röws.csv", ".hidden"]
)
def test_a_file_name_cannot_break_out_of_its_part(name: str, send, receiver, tmp_path) -> None:
    piece = Piece(name, tmp_path / "rows.csv", hashlib.sha256(ROWS).hexdigest())
    with pytest.raises(Undelivered, match="cannot be a file name") as failure:
        send(pieces=(piece,))

    assert (failure.value.lasting, receiver.requests) == (True, [])


def test_without_a_secret_nothing_is_sent_and_the_command_is_named(send, receiver) -> None:
    with pytest.raises(Undelivered, match="Possible: tocsin parties webhook-secret dune-isp"):
        send(party="dune-isp")

    assert receiver.requests == []


@pytest.mark.parametrize("text", ["whsec_!!!!", "whsec_ä", "whsec_", "whsec_YWJj"])
def test_a_secret_that_cannot_be_read_is_not_repeated(text, send, receiver, tmp_path) -> None:
    (tmp_path / "secrets" / "meadow-net.secret").write_text(text)
    with pytest.raises(Undelivered, match="cannot be read") as failure:
        send()

    assert "whsec" not in str(failure.value)
    assert (failure.value.lasting, receiver.requests) == (False, [])


@pytest.mark.parametrize(
    "settings",
    [
        {"allow": "everything"},
        {"ports": "https"},
        {"ports": "0"},
        {"ports": "65536"},
        {"timeout": "0"},
        {"timeout": "291"},
        {"timeout": "1.5"},
    ],
)
def test_a_setting_that_cannot_work_is_said_and_tried_again(settings, send, receiver) -> None:
    with pytest.raises(Unusable, match="Possible: "):
        read_policy(settings)
    with pytest.raises(Undelivered) as failure:
        send(settings=settings)

    assert (failure.value.lasting, receiver.requests) == (False, [])


def test_settings_left_out_are_the_strict_ones() -> None:
    policy = read_policy({"allow": "", "ports": "", "timeout": ""})

    assert (policy.allow, policy.ports, policy.plain) == ((), frozenset({443}), False)


def test_this_machine_is_refused_unless_allowed(send, receiver) -> None:
    with pytest.raises(Undelivered, match="which is refused") as failure:
        send(settings={"allow": ""})

    assert (failure.value.lasting, receiver.requests) == (True, [])


@pytest.mark.parametrize("address", ["https://hooks.example/tocsin", "https://bücher.example", ""])
def test_an_https_url_is_an_address(address: str) -> None:
    check_address(address)


@pytest.mark.parametrize(
    "address", ["http://hooks.example/", "hooks.example", "https://", "https://a.example/#x"]
)
def test_anything_else_is_none(address: str) -> None:
    with pytest.raises(Unusable, match="Possible: "):
        check_address(address)


def test_neither_body_nor_signature_nor_secret_is_ever_said(send, receiver, caplog, capfd) -> None:
    echo = b"your token key=1 was refused: 192.0.2.7,infected-system"
    receiver.answers = [Said(200), Said(400, {"X-Echo": "192.0.2.7"}, echo)]
    with caplog.at_level(logging.DEBUG):
        send()
        with pytest.raises(Undelivered) as failure:
            send()

    said = f"{failure.value} {caplog.text} {capfd.readouterr()}"
    signature = receiver.requests[0].headers["webhook-signature"]
    for secret in ("192.0.2.7", "key=1", signature, written(SECRET).strip()):
        assert secret not in said


# ── the receiver of the documentation ────────────────────────────────────────────────────


class Quiet(WSGIRequestHandler):
    def log_message(self, *words) -> None:
        """Nothing on the terminal of a test."""


@pytest.fixture
def documented(tmp_path, loopback, authority, monkeypatch) -> Iterator[int]:
    """The port of the receiver in docs/how-to/receive-webhooks.md, as it is printed there."""
    page = (REPOSITORY / "docs" / "how-to" / "receive-webhooks.md").read_text("utf-8")
    source = re.search(r"^```python\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)[1]
    monkeypatch.chdir(tmp_path)
    (tmp_path / "tocsin.secret").write_text(written(SECRET))
    receiver: dict = {}
    exec(compile(source, "receiver.py", "exec"), receiver)
    server = make_server("127.0.0.1", 0, receiver["application"], handler_class=Quiet)
    context: ssl.SSLContext = authority.context()
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield server.server_port
    server.shutdown()
    thread.join()
    server.server_close()


def inbox(tmp_path: Path) -> dict[str, bytes]:
    root = tmp_path / "inbox"
    return {str(p.relative_to(root)): p.read_bytes() for p in root.rglob("*") if p.is_file()}


def test_the_documented_receiver_keeps_a_delivery_once_and_confirms_it(
    documented, parcels, tmp_path
) -> None:
    parcel = parcels(documented, at=datetime.now(UTC))
    handed = [CHANNEL.send(parcel), CHANNEL.send(parcel)]

    receipt = Handed(
        f"https://localhost:{documented}", confirmed=True, detail={"reference": DELIVERY}
    )
    assert handed == [receipt, receipt]
    assert inbox(tmp_path) == {
        f"{DELIVERY}/rows.csv": ROWS,
        f"{DELIVERY}/rows.manifest.json": MANIFEST,
    }


@pytest.mark.parametrize("late", [timedelta(minutes=6), -timedelta(minutes=6)])
def test_the_documented_receiver_refuses_another_time(late, documented, parcels, tmp_path) -> None:
    with pytest.raises(Undelivered, match="it answered 401"):
        CHANNEL.send(parcels(documented, at=datetime.now(UTC) + late))

    assert inbox(tmp_path) == {}


def test_the_documented_receiver_refuses_another_secret(documented, parcels, tmp_path) -> None:
    (tmp_path / "secrets" / "meadow-net.secret").write_text(written(bytes(32)))
    with pytest.raises(Undelivered, match="it answered 401"):
        CHANNEL.send(parcels(documented, at=datetime.now(UTC)))

    assert inbox(tmp_path) == {}


def test_the_documented_receiver_takes_either_of_two_signatures(
    documented, parcels, tmp_path
) -> None:
    file = tmp_path / "secrets" / "meadow-net.secret"
    file.write_text(written(bytes(32)) + written(SECRET))

    assert CHANNEL.send(parcels(documented, at=datetime.now(UTC))).confirmed
