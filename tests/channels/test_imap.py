"""A mailbox over IMAP: a real server, and one that misbehaves."""

import base64
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from socket import create_server

import pytest

from tests.channels import dovecot
from tests.channels.receiver import Authority
from tocsin.channels import imap
from tocsin.words.errors import Undelivered, Unusable

MAIL = b"From: ada@reporter.example\r\nMessage-ID: <%s@reporter.example>\r\n\r\nHello\r\n"


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


@pytest.fixture
def mailbox(loopback: None, authority: Authority) -> Iterator[dovecot.Mailbox]:
    with dovecot.running(authority) as running:
        yield running


def place(mailbox: dovecot.Mailbox, **more: str) -> imap.Place:
    found = imap.place_of(mailbox.settings(**more))
    assert found is not None
    return found


def read(where: imap.Place, after: int = 0) -> list[tuple[int, bytes | None]]:
    with imap.opened(where) as box:
        return [(found.uid, found.raw) for found in box.new(after)]


def test_what_is_new_is_read_in_order_and_not_marked(mailbox) -> None:
    for name in (b"one", b"two", b"three"):
        mailbox.put(MAIL % name, name=f"{len(mailbox.messages())}.{name.decode()}")

    first = read(place(mailbox))

    assert [uid for uid, _ in first] == [1, 2, 3]
    assert {raw for _, raw in first} == {MAIL % name for name in (b"one", b"two", b"three")}
    assert read(place(mailbox), after=2) == first[2:]
    assert read(place(mailbox), after=3) == []  # `4:*` names the last message all the same
    assert not any(name.endswith("S") for name in mailbox.messages())


def test_starttls_serves_as_well(mailbox) -> None:
    mailbox.put(MAIL % b"one", name="1.one")

    there = place(mailbox, tls="starttls", port=str(mailbox.starttls))

    assert read(there) == [(1, MAIL % b"one")]


def test_what_was_taken_in_is_marked_or_moved(mailbox) -> None:
    mailbox.put(MAIL % b"one", name="1.one")
    with imap.opened(place(mailbox)) as box:
        box.settle(1)
        box.settle(1)
    assert [name.rpartition(",")[2] for name in mailbox.messages()] == ["S"]

    with imap.opened(place(mailbox, folder="INBOX", done="Done & ärchive")) as box:
        box._client.create('"Done &- &AOQ-rchive"')
        box.settle(1)

    assert mailbox.messages() == {}
    assert list(mailbox.messages("Done &- &AOQ-rchive").values()) == [MAIL % b"one"]


def test_a_message_that_is_too_large_is_not_fetched(mailbox, monkeypatch) -> None:
    monkeypatch.setattr(imap, "LARGEST", 100)
    mailbox.put(MAIL % b"one" + b"x" * 200, name="1.one")

    assert read(place(mailbox)) == [(1, None)]


def test_a_wrong_password_a_wrong_folder_and_a_stranger_say_so(mailbox, tmp_path) -> None:
    wrong = tmp_path / "wrong"
    wrong.write_text("wrong\n")
    other = tmp_path / "other"
    other.mkdir()
    stranger = Authority(other).path
    for more, said in (
        ({"password_file": str(wrong)}, "it refused"),
        ({"password_file": "/no/such/file"}, "holds no password"),
        ({"folder": "No Such"}, "it refused"),
        ({"ca_file": str(stranger)}, "certificate is not trusted"),
        ({"port": "1"}, "nobody takes connections"),
    ):
        with pytest.raises(Undelivered, match=said) as fault:
            read(place(mailbox, **more))
        assert dovecot.PASSWORD not in str(fault.value)


# ── a server of our own, for what the real one does not do ────────────────────────────────


@contextmanager
def scripted(
    authority: Authority, *lines: bytes, asked: list[bytes] | None = None
) -> Iterator[int]:
    """Answers each line that comes with the next of its own; `%t` is the tag."""
    context = authority.context("localhost")
    with create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            with suppress(OSError, ssl.SSLError):
                connection = context.wrap_socket(server.accept()[0], server_side=True)
                with connection, connection.makefile("rwb") as stream:
                    stream.write(b"* OK [CAPABILITY IMAP4rev1 AUTH=XOAUTH2] ready\r\n")
                    stream.flush()
                    tag = b""
                    for line in lines:
                        said = stream.readline()
                        tag = said.split(b" ")[0] if b" " in said else tag
                        if asked is not None:
                            asked.append(said)
                        stream.write(line.replace(b"%t", tag))
                        stream.flush()

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield server.getsockname()[1]
        finally:
            server.close()
            thread.join(10)


OK = b"%t OK done\r\n"
CAPABLE = b"* CAPABILITY IMAP4rev1 AUTH=XOAUTH2\r\n" + OK


def settings(authority: Authority, port: int, token: Path) -> dict[str, str]:
    return {
        "host": "localhost",
        "port": str(port),
        "user": "reports@cert.example",
        "token_file": str(token),
        "ca_file": str(authority.path),
    }


def test_an_access_token_is_said_as_xoauth2_and_read_anew_each_time(
    loopback, authority, tmp_path
) -> None:
    token = tmp_path / "token"
    for text in ("ya29.first", "ya29.second"):
        token.write_text(f"{text}\n")
        asked: list[bytes] = []
        lines = (CAPABLE, b"+ \r\n", OK, CAPABLE, b"%t NO no\r\n")
        with scripted(authority, *lines, asked=asked) as port:
            where = imap.place_of(settings(authority, port, token))
            assert where is not None
            with pytest.raises(Undelivered):
                read(where)
        assert asked[1].split()[1:] == [b"AUTHENTICATE", b"XOAUTH2"]
        assert base64.b64decode(asked[2]).decode() == (
            f"user=reports@cert.example\x01auth=Bearer {text}\x01\x01"
        )


def test_a_token_that_is_refused_is_answered_with_nothing_and_never_repeated(
    loopback, authority, tmp_path
) -> None:
    token = tmp_path / "token"
    token.write_text("ya29.old\n")
    asked: list[bytes] = []
    lines = (CAPABLE, b"+ \r\n", b"+ eyJzdGF0dXMiOiI0MDEifQ==\r\n", b"%t NO expired\r\n")
    with scripted(authority, *lines, asked=asked) as port:
        where = imap.place_of(settings(authority, port, token))
        assert where is not None
        with pytest.raises(Undelivered, match="it refused") as fault:
            read(where)
    assert asked[3].strip() == b""
    assert "ya29.old" not in str(fault.value)


@pytest.mark.parametrize(
    "lines",
    [
        (b"garbage\r\n",),
        (CAPABLE, b"\x00\xff\r\n"),
        (CAPABLE, b"+ \r\n", OK, b"%t BAD\r\n"),
        (CAPABLE, b"+ \r\n", OK, CAPABLE, b"* 1 EXISTS\r\n" + OK),
        (CAPABLE, b"+ \r\n", OK, CAPABLE, b"* OK [UIDVALIDITY x] y\r\n" + OK),
        (
            CAPABLE,
            b"+ \r\n",
            OK,
            CAPABLE,
            b"* OK [UIDVALIDITY 7] y\r\n" + OK,
            b"* SEARCH one two\r\n" + OK,
        ),
        (b"",),
    ],
)
def test_a_server_that_speaks_no_imap_is_a_sentence(loopback, authority, tmp_path, lines) -> None:
    token = tmp_path / "token"
    token.write_text("t\n")
    with scripted(authority, *lines) as port:
        where = imap.place_of(settings(authority, port, token))
        assert where is not None
        with pytest.raises(Undelivered, match=r"mailbox reports@cert\.example at localhost"):
            read(where)


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"tls": "off"}, "no way to TLS"),
        ({"port": "0"}, "no port"),
        ({"user": ""}, "a mailbox has a user"),
        ({"token_file": "/t"}, "a mailbox has a user"),
        ({"folder": "a\nb"}, "no folder"),
        ({"done": "INBOX"}, "another folder"),
    ],
)
def test_settings_that_cannot_be_are_refused(more, said) -> None:
    known = {"host": "imap.example", "user": "u", "password_file": "/p"}

    with pytest.raises(Unusable, match=said):
        imap.place_of({**known, **more})
    assert imap.place_of({}) is None
