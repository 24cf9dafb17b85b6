"""The one HTTP client: looks before it leaps, and nobody can hold or lead it."""

import contextlib
import logging
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from socket import SHUT_WR, socket

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.channels.receiver import (
    HOUR,
    LOOPBACK,
    Authority,
    Received,
    Receiver,
    Said,
    answering,
    hear,
    raw_server,
)
from tocsin.channels.outbound import LONGEST_BODY, Answer, Policy, Target, read_url, request
from tocsin.channels.public_addresses import read_networks
from tocsin.words.errors import Undelivered, Unusable

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


class Names:
    """A resolver: one list of addresses per question, the last for ever."""

    def __init__(self, *answers: list[str]) -> None:
        self.answers = list(answers)
        self.asked: list[tuple[str, int]] = []

    def __call__(self, host: str, port: int) -> list[str]:
        self.asked.append((host, port))
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


def policy(port: int, **words) -> Policy:
    standard = {
        "allow": read_networks(LOOPBACK),
        "ports": frozenset({port}),
        "total": timedelta(seconds=20),
    }
    return Policy(**{**standard, **words})


def plain(port: int, **words) -> Answer:
    """One request over http to this machine."""
    target = Target("http", "127.0.0.1", port, "/")
    headers = {"Content-Length": str(len(b"".join(words.get("body", ()))))}
    body = words.pop("body", ())
    return request(target, headers=headers, body=body, policy=policy(port, plain=True, **words))


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


@pytest.fixture
def receiver(loopback, authority: Authority) -> Iterator[Receiver]:
    made = Receiver(authority.context("hooks.example"))
    yield made
    made.close()


@pytest.fixture
def post(receiver: Receiver, authority: Authority):
    """One request to the receiver by the name hooks.example."""

    def run(path: str = "/in?x=1", names: Names | None = None, **words) -> Answer:
        return request(
            Target("https", "hooks.example", receiver.port, path),
            headers={"Content-Length": "2"},
            body=[b"hi"],
            policy=policy(receiver.port, **{"ca_file": str(authority.path), **words}),
            resolve=names or Names(["127.0.0.1"]),
        )

    return run


# ── which address ────────────────────────────────────────────────────────────────────────


def test_the_connection_goes_to_the_checked_address_under_the_name(post, receiver) -> None:
    receiver.answers = [Said(202, {"X-Ticket": "7"}, b"thanks")]
    answer = post()

    assert (answer.status, answer.headers["x-ticket"], answer.body) == (202, "7", b"thanks")
    assert [(got.path, got.headers["host"], got.body) for got in receiver.requests] == [
        ("/in?x=1", f"hooks.example:{receiver.port}", b"hi")
    ]


def test_a_name_is_asked_once_so_that_it_cannot_change_its_mind(post, receiver) -> None:
    names = Names(["127.0.0.1"], ["169.254.169.254"])
    post(names=names)

    assert names.asked == [("hooks.example", receiver.port)]
    assert len(receiver.requests) == 1


def test_a_name_that_answers_public_then_private_is_refused_the_second_time(post, receiver) -> None:
    names = Names(["127.0.0.1"], ["10.0.0.7"])
    post(names=names)
    with pytest.raises(Undelivered, match=r"leads to 10\.0\.0\.7.*private, RFC 1918"):
        post(names=names)

    assert len(receiver.requests) == 1


@pytest.mark.parametrize(
    "addresses",
    [
        ["127.0.0.1", "10.0.0.1"],
        ["8.8.8.8", "::1"],
        ["2606:4700::1111", "fd00::1"],
        ["8.8.8.8", "::ffff:169.254.169.254"],
        ["64:ff9b::7f00:1"],
        ["fe80::1%eth0"],
    ],
)
def test_one_refused_address_among_many_refuses_all(addresses, post, receiver) -> None:
    with pytest.raises(Undelivered, match="which is refused") as refusal:
        post(names=Names(addresses), allow=read_networks("127.0.0.1"))

    assert (refusal.value.lasting, receiver.requests) == (True, [])


def test_the_next_address_is_tried_where_one_takes_no_connections(post, receiver) -> None:
    assert post(names=Names(["::1", "127.0.0.1"])).status == 200


@pytest.mark.parametrize(
    "url",
    ["https://127.0.0.1/", "https://[::1]/", "https://[::ffff:127.0.0.1]/", "https://[::]/"],
)
def test_an_address_in_place_of_a_name_is_judged_too(url, loopback) -> None:
    with pytest.raises(Undelivered, match="which is refused") as refusal:
        request(read_url(url), headers={}, policy=Policy(), resolve=Names([]))

    assert refusal.value.lasting


def test_a_certificate_may_be_for_an_address(loopback, authority) -> None:
    receiver = Receiver(authority.context("127.0.0.1"))
    target = read_url(f"https://127.0.0.1:{receiver.port}/")
    allowed = policy(receiver.port, ca_file=str(authority.path))
    with contextlib.closing(receiver):
        answer = request(target, headers={"Content-Length": "0"}, policy=allowed)

    assert answer.status == 200


def test_a_name_without_address_may_get_one(loopback) -> None:
    with pytest.raises(Undelivered, match="the name has no address") as failure:
        request(read_url("https://nobody.example/"), headers={}, policy=Policy(), resolve=Names([]))

    assert not failure.value.lasting


@pytest.mark.parametrize("port", [22, 25, 8443])
def test_a_port_that_is_not_open_is_refused(port: int, loopback) -> None:
    with pytest.raises(Undelivered, match=f"port {port} is not open here") as refusal:
        request(read_url(f"https://hooks.example:{port}/"), headers={}, policy=Policy())

    assert refusal.value.lasting


def test_http_is_not_spoken_unless_allowed(loopback) -> None:
    allowed = Policy(ports=frozenset({80, 443}))
    with pytest.raises(Undelivered, match="only https is spoken here"):
        request(read_url("http://hooks.example/"), headers={}, policy=allowed)


def test_proxies_of_the_environment_are_not_asked(post, receiver, monkeypatch) -> None:
    for name in ("https_proxy", "HTTPS_PROXY", "ALL_PROXY", "http_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9/")

    assert post().status == 200


def test_a_redirect_is_an_answer_and_nothing_else_is_asked(post, receiver) -> None:
    receiver.answers = [Said(307, {"Location": "http://169.254.169.254/latest/meta-data/"})]
    names = Names(["127.0.0.1"])

    assert post(names=names).status == 307
    assert (len(receiver.requests), len(names.asked)) == (1, 1)


# ── the URL ──────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("url", "target"),
    [
        ("https://hooks.example", Target("https", "hooks.example", 443, "/")),
        ("HTTPS://Hooks.Example.:443/a?b=c", Target("https", "hooks.example", 443, "/a?b=c")),
        ("https://bücher.example/", Target("https", "xn--bcher-kva.example", 443, "/")),
        ("https://straße.example/", Target("https", "xn--strae-oqa.example", 443, "/")),
        ("https://[2001:DB8::1]:8443/x", Target("https", "2001:db8::1", 8443, "/x")),
        ("http://hooks.example?x", Target("http", "hooks.example", 80, "/?x")),
        ("https://localhost/%0d%0aX", Target("https", "localhost", 443, "/%0d%0aX")),
    ],
)
def test_a_url_is_read(url: str, target: Target) -> None:
    assert read_url(url) == target


def test_the_host_header_names_a_port_only_where_it_is_unusual() -> None:
    authorities = [
        read_url(url).authority
        for url in ("https://a.example:443/", "https://a.example:80/", "https://[2001:db8::1]:1/")
    ]

    assert authorities == ["a.example", "a.example:80", "[2001:db8::1]:1"]


@pytest.mark.parametrize(
    "url",
    [
        "",
        "hooks.example",
        "//hooks.example/",
        "https:///x",
        "https:hooks.example",
        "ftp://hooks.example/",
        "file:///etc/passwd",
        "https://user@hooks.example/",
        "https://user:pw@hooks.example/",
        "https://@hooks.example/",
        "https://hooks.example@10.0.0.1/",
        "https://hooks.example/#x",
        "https://hooks.example#@10.0.0.1/",
        "https://hooks.example\\@10.0.0.1/",
        "https://hooks.example/a b",
        " https://hooks.example/",
        "https://hooks.example/\r\nX: y",
        "https://hooks.\nexample/",
        "https://hooks.example/\t",
        "https://hooks.example/\u00a0",
        "https://hooks.example/ü",
        "https://hooks.example:port/",
        "https://hooks.example:99999/",
        "https://hooks.example:-1/",
        "https://[::1/",
        "https://[fe80::1%25eth0]/",
        "https://[fe80::1%eth0]/",
        "https://127.1/",
        "https://2130706433/",
        "https://0x7f.1/",
        "https://0177.0.0.1/",
        "https://0x7f000001/",
        "https://127.0.0.1.256/",
        "https://①②⑦.0.0.1/",
        "https://a..example/",
        "https://-a.example/",
        "https://a_b.example/",
        "https://a%2e.example/",
        f"https://{'a' * 64}.example/",
        f"https://hooks.example/{'a' * 2000}",
    ],
)
def test_what_is_no_plain_url_is_refused(url: str) -> None:
    with pytest.raises(Unusable, match="Possible: "):
        read_url(url)


def test_dots_of_other_scripts_make_the_same_address() -> None:
    with pytest.raises(Unusable, match="neither a name nor an address"):
        read_url("https://127。0。0。1/")


@given(
    st.text() | st.text().map("https://{}".format) | st.text().map("https://a.example/{}".format)
)
def test_any_text_is_a_target_or_unusable(text: str) -> None:
    with contextlib.suppress(Unusable):
        target = read_url(text)
        assert target.host.isascii()
        assert target.path.isascii()
        assert target.path.isprintable()


# ── TLS ──────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("name", "valid", "why"),
    [
        ("other.example", (-HOUR, HOUR), "Hostname mismatch"),
        ("hooks.example", (-HOUR, -HOUR / 2), "certificate has expired"),
        ("hooks.example", (HOUR / 2, HOUR), "certificate is not yet valid"),
        ("127.0.0.1", (-HOUR, HOUR), "Hostname mismatch"),
    ],
)
def test_a_certificate_that_does_not_fit_is_not_trusted(
    name, valid, why, loopback, authority
) -> None:
    receiver = Receiver(authority.context(name, since=valid[0], until=valid[1]))
    target = Target("https", "hooks.example", receiver.port, "/")
    allowed = policy(receiver.port, ca_file=str(authority.path))
    with (
        contextlib.closing(receiver),
        pytest.raises(Undelivered, match=f"not trusted .*{why}") as failure,
    ):
        request(target, headers={}, policy=allowed, resolve=Names(["127.0.0.1"]))

    assert (failure.value.lasting, receiver.requests) == (False, [])


def test_an_authority_nobody_knows_is_not_trusted(post, receiver) -> None:
    with pytest.raises(Undelivered, match="not trusted"):
        post(ca_file="")

    assert receiver.requests == []


def test_authorities_that_cannot_be_read_are_named(post, tmp_path) -> None:
    for path in (tmp_path / "gone.pem", tmp_path):
        with pytest.raises(Undelivered, match=f"authorities in {path} cannot be read") as failure:
            post(ca_file=str(path))
        assert not failure.value.lasting


def test_a_server_without_tls_is_said(loopback, authority) -> None:
    refusal = b"HTTP/1.1 400 Bad Request\r\n\r\n"
    with raw_server(lambda connection: connection.sendall(refusal)) as port:
        target = Target("https", "127.0.0.1", port, "/")
        allowed = policy(port, ca_file=str(authority.path))
        with pytest.raises(Undelivered, match=r"does not speak TLS|hung up") as failure:
            request(target, headers={}, policy=allowed)

    assert not failure.value.lasting


# ── servers that misbehave ───────────────────────────────────────────────────────────────


def drip(connection: socket, data: bytes, forever: bytes = b"x") -> None:
    hear(connection)
    connection.sendall(data)
    while True:
        connection.sendall(forever)
        time.sleep(0.02)


def test_a_server_that_drips_its_head_meets_the_total(loopback) -> None:
    started = time.monotonic()
    with (
        raw_server(lambda connection: drip(connection, b"HTTP/1.1 200 OK\r\nX-Slow: ")) as port,
        pytest.raises(Undelivered, match=r"no answer in time \(at most 0\.4 seconds") as failure,
    ):
        plain(port, total=timedelta(seconds=0.4))

    assert not failure.value.lasting
    assert 0.4 <= time.monotonic() - started < 5


def test_a_body_that_drips_costs_no_more_than_the_total_and_the_status_counts(loopback) -> None:
    head = b"HTTP/1.1 200 OK\r\n\r\n"
    with raw_server(lambda connection: drip(connection, head)) as port:
        answer = plain(port, total=timedelta(seconds=0.4))

    assert answer.status == 200


def test_a_server_that_says_nothing_meets_the_idle_limit(loopback) -> None:
    with (
        raw_server(lambda connection: time.sleep(0.6)) as port,
        pytest.raises(Undelivered, match="no answer in time"),
    ):
        plain(port, idle=timedelta(seconds=0.2))


def test_a_server_that_does_not_read_meets_the_idle_limit(loopback) -> None:
    with (
        raw_server(lambda connection: time.sleep(0.6)) as port,
        pytest.raises(Undelivered, match="no answer in time"),
    ):
        plain(port, idle=timedelta(seconds=0.2), body=[bytes(1 << 20)] * 64)


def test_of_a_huge_body_only_the_beginning_is_read(loopback) -> None:
    size = 1 << 30
    head = f"HTTP/1.1 200 OK\r\nContent-Length: {size}\r\n\r\n".encode()

    def flood(connection: socket) -> None:
        drip(connection, head, forever=bytes(1 << 20))

    with raw_server(flood) as port:
        answer = plain(port)

    assert answer.body == bytes(LONGEST_BODY)


@pytest.mark.parametrize(
    "line",
    [b"X-Many: 1\r\n", b"HTTP/1.1 100 Continue\r\n\r\n", b"x" * 1000],
)
def test_an_answer_without_end_is_no_answer(line: bytes, loopback) -> None:
    def flood(connection: socket) -> None:
        hear(connection)
        connection.sendall(b"" if b"100" in line else b"HTTP/1.1 200 OK\r\n")
        while True:
            connection.sendall(line * 1000)

    with (
        raw_server(flood) as port,
        pytest.raises(Undelivered, match=r"no HTTP answer|hung up") as failure,
    ):
        plain(port)

    assert not failure.value.lasting


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\r\n",
        b"hello\r\n\r\n",
        b"HTTP/1.1\r\n\r\n",
        b"HTTP/1.1 abc OK\r\n\r\n",
        b"HTTP/1.1 99 Low\r\n\r\n",
        b"HTTP/1.1 1000 High\r\n\r\n",
        b"\x00\xff\xfe",
        b"220 mail.example ESMTP\r\n",
    ],
)
def test_rubbish_is_no_answer(data: bytes, loopback) -> None:
    with (
        raw_server(answering(data)) as port,
        pytest.raises(Undelivered, match=r"no HTTP answer|hung up") as failure,
    ):
        plain(port)

    assert not failure.value.lasting


@pytest.mark.parametrize(
    ("data", "status", "body"),
    [
        (OK + OK, 200, b"ok"),  # a second answer nobody asked for
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n", 200, b"ok"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", 200, b""),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok", 200, b"ok"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nok", 200, b"ok"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: -9\r\n\r\nok", 200, b"ok"),
        (b"HTTP/1.1 200 OK\r\n\r\nok", 200, b"ok"),
        (b"HTTP/1.0 200\r\nConnection: keep-alive\r\n\r\nok", 200, b"ok"),
        (b"HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\nhello", 204, b""),
        (b"HTTP/1.1 100 Continue\r\n\r\n" + OK, 200, b"ok"),
        (b"HTTP/1.1 103 Early Hints\r\n\r\n" + OK, 103, b""),
    ],
)
def test_an_odd_answer_is_read_as_far_as_it_goes(data, status, body, loopback) -> None:
    with raw_server(answering(data)) as port:
        answer = plain(port)

    assert (answer.status, answer.body) == (status, body)


@pytest.mark.parametrize("length", [b"", b"Content-Length: 9\r\n"])
def test_a_connection_left_open_does_not_hold_us(length: bytes, loopback) -> None:
    def stay(connection: socket) -> None:
        hear(connection)
        connection.sendall(b"HTTP/1.1 200 OK\r\nConnection: keep-alive\r\n" + length + b"\r\nok")
        connection.recv(1)

    with raw_server(stay) as port:
        answer = plain(port, idle=timedelta(seconds=0.2))

    assert (answer.status, answer.body) == (200, b"ok")


@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(st.binary(max_size=200), st.integers(0, len(OK)))
def test_whatever_comes_back_is_an_answer_or_undelivered(loopback, noise, at) -> None:
    with raw_server(answering(OK[:at] + noise + OK[at:])) as port, contextlib.suppress(Undelivered):
        plain(port, idle=timedelta(seconds=2))


def early(answer: bytes):
    """Says something after the head, then hangs up on whoever is still sending."""

    def talk(connection: socket) -> None:
        hear(connection)
        connection.sendall(answer)
        connection.shutdown(SHUT_WR)
        time.sleep(0.1)

    return talk


def test_who_refuses_before_the_end_is_heard(loopback) -> None:
    with raw_server(early(b"HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n")) as port:
        try:
            answered = plain(port, body=[bytes(1 << 20)] * 64).status
        except Undelivered as failure:  # the reset may overtake the answer
            answered = 0 if "hung up" in str(failure) else -1

    assert answered in (413, 0)


def test_who_thanks_before_the_end_has_not_got_it(loopback) -> None:
    with raw_server(early(OK)) as port, pytest.raises(Undelivered, match="hung up") as failure:
        plain(port, body=[bytes(1 << 20)] * 64)

    assert not failure.value.lasting


def test_nobody_there_is_a_passing_failure(loopback) -> None:
    with raw_server(answering(OK)) as port:
        pass
    with pytest.raises(Undelivered, match="nobody takes connections there") as failure:
        plain(port)

    assert not failure.value.lasting


# ── what is never said ───────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "headers",
    [
        {"X-Party": "meadow\r\nX-Admin: 1"},
        {"X-Party": "meadow\nX-Admin: 1"},
        {"X-Party\r\nX-Admin": "1"},
        {"X-Party": "\x00"},
        {"X-Party": ""},
        {"X Party": "a"},
        {"X-Party": "Bäcker"},
    ],
)
def test_a_header_cannot_begin_another(headers, loopback) -> None:
    with pytest.raises(Undelivered, match="cannot be a header") as refusal:
        request(read_url("https://hooks.example/"), headers=headers, policy=Policy())

    assert refusal.value.lasting


def test_nothing_is_logged_and_no_error_repeats_the_path(post, receiver, caplog, capfd) -> None:
    receiver.close()
    with caplog.at_level(logging.DEBUG), pytest.raises(Undelivered) as failure:
        post(path="/hook/path-secret?token=query-secret")

    assert "secret" not in str(failure.value)
    assert (caplog.text, capfd.readouterr()) == ("", ("", ""))


def test_a_get_asks_without_a_body(receiver, authority) -> None:
    answer = request(
        Target("https", "hooks.example", receiver.port, "/feed"),
        headers={"Content-Length": "0"},
        method="GET",
        policy=policy(receiver.port, ca_file=str(authority.path)),
        resolve=Names(["127.0.0.1"]),
    )

    assert answer.status == 200
    assert [(got.path, got.body) for got in receiver.requests] == [("/feed", b"")]
    assert isinstance(receiver.requests[0], Received)
