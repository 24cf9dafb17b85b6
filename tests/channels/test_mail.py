"""The mail channel: what goes over the wire, what comes of every answer, nothing in clear."""

import gzip
import hashlib
import logging
import shutil
import socket
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.channels import exim
from tests.channels.smtp_server import DROP, SILENT, SmtpServer, certificate, tls_of
from tocsin.channels import mail
from tocsin.channels.channel import Handed, Letter, NobodyThere, Parcel, Piece
from tocsin.words.errors import Undelivered, Unusable

AT = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
ROWS = b"source.ip,malware.name\n192.0.2.7,mirai\n"
MANIFEST = b'{"manifest": {}}\n'
MEADOW = "abuse@meadow-net.example"
LETTER = Letter(
    message="41fb7d7dc0aad6747b48e25ae84d1407",
    reference="7F3K-9QWZ-2M4H",
    subject="13 events for Meadow Net",
    text="What was seen: 13 bots.\n",
    name="Meadow Net",
    language="en",
    dated=AT,
)
SETTINGS = {"host": "127.0.0.1", "from": "Tocsin at CERT <tocsin@cert.example>"}

Parcels = Callable[..., Parcel]


@pytest.fixture
def parcel(tmp_path: Path) -> Parcels:
    """A parcel of rows and manifest for Meadow Net."""

    def make(rows: bytes = ROWS, **words) -> Parcel:
        pieces = []
        for name, data in (("rows.csv", rows), ("rows.manifest.json", MANIFEST)):
            (tmp_path / name).write_bytes(data)
            pieces.append(Piece(name, tmp_path / name, hashlib.sha256(data).hexdigest()))
        standard = {
            "delivery": "8d1c2a9e-0000-4000-8000-000000000001",
            "party": "meadow-net",
            "pieces": tuple(pieces),
            "address": MEADOW,
            "settings": SETTINGS,
            "at": AT,
            "letter": LETTER,
        }
        return Parcel(**{**standard, **words})

    return make


@pytest.fixture
def server(loopback: None) -> Iterator[SmtpServer]:
    with SmtpServer().running() as smtp:
        yield smtp


def composed(parcel: Parcel) -> bytes:
    return mail.compose(parcel, mail.server_of(parcel.settings))


def read(raw: bytes) -> EmailMessage:
    return message_from_bytes(raw, policy=default)


def refusal(parcel: Parcel) -> Undelivered:
    with pytest.raises(Undelivered) as failure:
        mail.send(parcel)
    return failure.value


# ── the message ──────────────────────────────────────────────────────────────────────────


def test_a_message_says_what_it_is_and_whom_to_answer(parcel: Parcels) -> None:
    message = read(composed(parcel()))
    del message["Content-Type"]

    assert dict(message.items()) == {
        "MIME-Version": "1.0",
        "From": "Tocsin at CERT <tocsin@cert.example>",
        "To": MEADOW,
        "Reply-To": "tocsin@cert.example",
        "Subject": "[Tocsin 7F3K-9QWZ-2M4H] 13 events for Meadow Net",
        "Date": "Mon, 23 Nov 2026 09:00:00 +0000",
        "Message-ID": "<tocsin.41fb7d7dc0aad6747b48e25ae84d1407@cert.example>",
        "Auto-Submitted": "auto-generated",
        "Precedence": "bulk",
        "X-Auto-Response-Suppress": "OOF, AutoReply",
        "X-Tocsin-Digest": f"sha-256={mail.digest_of(parcel().pieces)}",
    }


def test_text_files_and_manifests_are_in_it_unchanged(parcel: Parcels) -> None:
    message = read(composed(parcel()))
    text, *files = message.iter_parts()

    assert text.get_content().splitlines() == ["What was seen: 13 bots."]
    assert text["Content-Language"] == "en"
    assert [
        (f.get_filename(), f.get_content_type(), f.get_payload(decode=True)) for f in files
    ] == [
        ("rows.csv", "text/csv", ROWS),
        ("rows.manifest.json", "application/json", MANIFEST),
    ]


def test_the_same_parcel_is_the_same_message_to_the_byte(parcel: Parcels) -> None:
    later = parcel(at=AT + timedelta(hours=7))

    assert composed(later) == composed(parcel())


def test_a_message_hangs_on_the_first_one_of_its_ticket(parcel: Parcels) -> None:
    message = read(composed(parcel(letter=replace(LETTER, after="0a1b"))))

    first = "<tocsin.0a1b@cert.example>"
    assert (message["In-Reply-To"], message["References"]) == (first, first)


@pytest.mark.parametrize("where", ["subject", "name", "reference"])
def test_a_line_break_in_a_name_makes_no_header(where: str, parcel: Parcels) -> None:
    forged = replace(LETTER, **{where: "Meadow\r\nBcc: spy@evil.example\r\n\r\nbody"})
    message = read(composed(parcel(letter=forged)))

    assert (message["Bcc"], message["To"]) == (None, MEADOW)
    assert "\r\nBcc" not in composed(parcel(letter=forged)).decode()


@given(text=st.text())
def test_whatever_a_party_is_called_the_header_stays_whole(text: str) -> None:
    letter = replace(LETTER, subject=text, name=text)
    message = read(composed(Parcel("8d1c", "p", (), MEADOW, SETTINGS, AT, letter)))

    assert [name for name in message if name not in HEADERS] == []
    assert message["To"] == MEADOW


HEADERS = {
    *("MIME-Version", "Content-Type", "Content-Transfer-Encoding", "Content-Language", "From"),
    *("To", "Reply-To", "Subject", "Date", "Message-ID", "Auto-Submitted", "Precedence"),
    *("X-Auto-Response-Suppress", "X-Tocsin-Digest"),
}


@pytest.mark.parametrize(
    "address",
    [
        "abuse",
        "@x.example",
        "a@b",
        "a b@x.example",
        "a@x.example\r\nRCPT TO:<b@x.example>",
        "<a@x.example>",
        "a@x.example,",
        "ä@x.example",
        "a@ä.example",
        '"a b"@x.example',
        "a@[192.0.2.1]",
        "a@-x.example",
        f"{'a' * 65}@x.example",
    ],
)
def test_what_is_no_mailbox_is_refused(address: str, parcel: Parcels) -> None:
    with pytest.raises(Unusable, match="cannot be used"):
        mail.check_address(address)
    assert refusal(parcel(address=address)).lasting


def test_a_large_file_is_packed(parcel: Parcels) -> None:
    rows = ROWS * 40_000
    message = read(composed(parcel(rows=rows)))
    file = next(message.iter_attachments())

    assert (file.get_filename(), file.get_content_type()) == ("rows.csv.gz", "application/gzip")
    assert gzip.decompress(file.get_content()) == rows


def test_a_message_over_the_limit_is_parked_with_a_sentence(parcel: Parcels) -> None:
    rows = b"".join(hashlib.sha256(b"%d" % n).hexdigest().encode() for n in range(12_000))
    failure = refusal(parcel(rows=rows, settings={**SETTINGS, "size_limit": "900000"}))

    assert failure.lasting
    assert "larger than 1 MiB. Possible: raise TOCSIN_SMTP_SIZE_LIMIT" in str(failure)


def test_files_that_changed_or_are_gone_are_not_sent(parcel: Parcels, tmp_path: Path) -> None:
    sent = parcel()
    (tmp_path / "rows.csv").write_bytes(ROWS + b"forged\n")
    changed = refusal(sent)
    (tmp_path / "rows.csv").unlink()
    gone = refusal(sent)

    assert (changed.lasting, gone.lasting) == (True, True)
    assert "its bytes are not those of the register" in str(changed)
    assert "is gone. Possible: route the report again" in str(gone)


# ── settings ─────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"host": ""}, "no mail server is set"),
        ({"from": "nobody"}, "TOCSIN_SMTP_FROM must be a mail address"),
        ({"from": "a@x.example\r\nBcc: b@x.example"}, "TOCSIN_SMTP_FROM must be"),
        ({"reply_to": "x"}, "TOCSIN_SMTP_REPLY_TO must be"),
        ({"starttls": "maybe"}, "Possible: require, off, implicit"),
        ({"port": "smtp"}, "TOCSIN_SMTP_PORT='smtp' must be a number"),
        ({"size_limit": "-1"}, "TOCSIN_SMTP_SIZE_LIMIT='-1' must be a number"),
        ({"user": "u", "starttls": "off"}, "a password never goes without TLS"),
        ({"user": "u", "password_file": "/nonexistent/p"}, "PASSWORD_FILE cannot be read"),
    ],
)
def test_a_setting_that_cannot_work_waits_to_be_mended(settings, said, parcel: Parcels) -> None:
    failure = refusal(parcel(settings={**SETTINGS, **settings}))

    assert (failure.lasting, said in str(failure)) == (False, True), str(failure)


def test_a_password_is_never_shown(tmp_path: Path) -> None:
    (tmp_path / "p").write_text("hunter2\n")
    server = mail.server_of({**SETTINGS, "user": "u", "password_file": str(tmp_path / "p")})

    assert (server.password, "hunter2" in repr(server)) == ("hunter2", False)


# ── what comes of every answer ───────────────────────────────────────────────────────────


def test_it_is_handed_over_and_says_to_whom(server: SmtpServer, parcel: Parcels) -> None:
    handed = mail.send(parcel(settings=server.settings))

    assert handed == Handed(where=MEADOW)
    assert server.taken == [composed(parcel(settings=server.settings))]
    assert server.commands[1] == f"mail FROM:<tocsin@cert.example> SIZE={len(server.taken[0])}"


PASSING = ["421 closing", "450 busy", "451 error in processing", "452 full"]
LASTING = ["550 no such user", "552 too large", "553 name not allowed", "554 no"]


@pytest.mark.parametrize("step", ["CONNECT", "MAIL", "RCPT", "DATA", "END"])
@pytest.mark.parametrize("answer", [*PASSING, *LASTING])
def test_4xx_may_pass_and_5xx_will_not(
    step: str, answer: str, server: SmtpServer, parcel: Parcels
) -> None:
    server.answers[step] = answer
    failure = refusal(parcel(settings=server.settings))

    assert failure.lasting == (answer in LASTING)
    assert answer in str(failure)
    assert server.taken == []


@pytest.mark.parametrize("step", ["CONNECT", "EHLO", "MAIL", "RCPT", "DATA"])
def test_a_server_that_hangs_up_may_come_back(
    step: str, server: SmtpServer, parcel: Parcels
) -> None:
    server.answers[step] = DROP
    failure = refusal(parcel(settings=server.settings))

    assert (failure.lasting, server.taken) == (False, [])


def test_a_drop_after_the_data_says_that_it_may_have_arrived_and_the_repeat_is_the_same(
    server: SmtpServer, parcel: Parcels
) -> None:
    server.answers["END"] = DROP
    failure = refusal(parcel(settings=server.settings))
    server.answers.clear()
    mail.send(parcel(settings=server.settings, at=AT + timedelta(minutes=2)))

    assert not failure.lasting
    assert "it may have arrived, and its repeat has the same Message-ID" in str(failure)
    assert server.seen[0] == server.seen[1]


@pytest.mark.parametrize("step", ["CONNECT", "MAIL", "END"])
def test_a_slow_server_is_not_waited_for_for_ever(
    step: str, server: SmtpServer, parcel: Parcels, monkeypatch
) -> None:
    monkeypatch.setattr(mail, "COMMAND_SECONDS", 0.3)
    monkeypatch.setattr(mail, "DATA_SECONDS", 0.3)
    server.answers[step] = SILENT

    assert not refusal(parcel(settings=server.settings)).lasting


def test_a_server_that_is_not_there_may_come_back(loopback: None, parcel: Parcels) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    failure = refusal(parcel(settings={**SETTINGS, "starttls": "off", "port": str(port)}))

    assert (failure.lasting, "refused" in str(failure)) == (False, True)


def test_some_mailboxes_refused_is_delivered_to_the_others(
    server: SmtpServer, parcel: Parcels
) -> None:
    server.refuses["old@meadow-net.example"] = "550 no such user"
    both = f"{MEADOW}, old@meadow-net.example"
    handed = mail.send(parcel(settings=server.settings, address=both))

    assert handed.where == (
        "abuse@meadow-net.example; old@meadow-net.example was refused (550 no such user)"
    )
    assert handed.gone == {"old@meadow-net.example": "550 no such user"}
    assert [message["To"] for message in server.messages] == [both]


@pytest.mark.parametrize(("second", "lasting"), [("550 no", True), ("450 later", False)])
def test_all_mailboxes_refused_is_lasting_only_if_all_refusals_are(
    second, lasting, server: SmtpServer, parcel: Parcels
) -> None:
    server.refuses |= {MEADOW: "550 no", "b@meadow-net.example": second}
    address = f"{MEADOW},b@meadow-net.example"

    assert refusal(parcel(settings=server.settings, address=address)).lasting == lasting


def test_a_refusal_names_the_mailboxes_that_are_no_more(
    server: SmtpServer, parcel: Parcels
) -> None:
    other = "b@meadow-net.example"
    server.refuses |= {MEADOW: "550 5.1.1 user unknown", other: "550 5.7.1 user unknown to us"}
    fault = refusal(parcel(settings=server.settings, address=f"{MEADOW},{other}"))

    assert isinstance(fault, NobodyThere)
    assert (fault.lasting, fault.gone) == (True, {MEADOW: "550 5.1.1 user unknown"})


@pytest.mark.parametrize("step", ["MAIL", "END"])
def test_a_refusal_of_sender_or_content_says_nothing_of_mailboxes(
    step, server: SmtpServer, parcel: Parcels
) -> None:
    server.answers[step] = "550 5.1.1 no such user"

    assert not hasattr(refusal(parcel(settings=server.settings)), "gone")


def test_an_answer_cannot_steer_a_terminal(server: SmtpServer, parcel: Parcels) -> None:
    server.answers["MAIL"] = "550 \x1b[31mred\x07 " + "x" * 400

    said = str(refusal(parcel(settings=server.settings)))
    assert said.isprintable()
    assert len(said) < 300


def test_no_body_is_logged_whatever_happens(
    server: SmtpServer, parcel: Parcels, caplog, capfd
) -> None:
    with caplog.at_level(logging.DEBUG):
        mail.send(parcel(settings=server.settings))
        for step in ("DATA", "END"):
            server.answers[step] = "554 no"
            refusal(parcel(settings=server.settings))

    said = caplog.text + "".join(capfd.readouterr())
    assert [secret for secret in ("192.0.2.7", "13 bots", "MTkyLjAu") if secret in said] == []


# ── TLS ──────────────────────────────────────────────────────────────────────────────────


def test_without_starttls_nothing_is_sent(server: SmtpServer, parcel: Parcels) -> None:
    failure = refusal(parcel(settings={**server.settings, "starttls": "require"}))

    assert not failure.lasting
    assert "it does not offer STARTTLS; nothing was sent" in str(failure)
    assert [command.split()[0].upper() for command in server.commands] == ["EHLO"]


def test_with_starttls_everything_after_it_is_secured(
    loopback: None, parcel: Parcels, tmp_path: Path
) -> None:
    file = certificate(tmp_path)
    with SmtpServer(tls=tls_of(file)).running() as server:
        mail.send(parcel(settings={**server.settings, "ca_file": str(file)}))

        verbs = [command.split()[0].upper() for command in server.commands]
        assert verbs == ["EHLO", "STARTTLS", "EHLO", "MAIL", "RCPT", "DATA", "QUIT"]


@pytest.mark.parametrize(
    ("made", "trusted"),
    [
        ({"name": "127.0.0.1"}, False),
        ({"name": "127.0.0.1", "days": -1}, True),
        ({"name": "mail.example"}, True),
    ],
    ids=["unknown", "run out", "of another host"],
)
def test_a_certificate_that_does_not_hold_stops_it(
    made, trusted, loopback, parcel: Parcels, tmp_path: Path
) -> None:
    file = certificate(tmp_path, **made)
    with SmtpServer(tls=tls_of(file)).running() as server:
        ca_file = {"ca_file": str(file)} if trusted else {}
        failure = refusal(parcel(settings={**server.settings, **ca_file}))

        assert not failure.lasting
        assert "no secure connection" in str(failure)
        assert (server.seen, server.commands[-1].upper()) == ([], "STARTTLS")


# ── OpenPGP ──────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def pgp():
    """Sequoia, where the extra is installed."""
    return pytest.importorskip("pysequoia", reason="needs the extra: pip install tocsin[openpgp]")


def keyed(cert) -> Letter:
    return replace(LETTER, key=str(cert))


def test_a_party_with_a_key_gets_everything_encrypted(
    pgp, server: SmtpServer, parcel: Parcels
) -> None:
    secret = pgp.Tsk.generate("Meadow Net <abuse@meadow-net.example>")
    letter = keyed(secret.extract_certificate())
    mail.send(parcel(settings=server.settings, letter=letter))

    message = server.messages[0]
    version, sealed = message.iter_parts()
    assert message["Subject"] == "[Tocsin 7F3K-9QWZ-2M4H] Delivery for Meadow Net"
    assert message.get_content_type() == "multipart/encrypted"
    assert message.get_param("protocol") == "application/pgp-encrypted"
    assert version.get_payload(decode=True).strip() == b"Version: 1"
    assert [leak for leak in (b"13 ", b"rows.csv", b"192.0.2") if leak in server.taken[0]] == []
    inner = read(pgp.decrypt(sealed.get_payload(decode=True), secret.decryptor()).bytes)
    text, rows, manifest = inner.iter_parts()
    assert text.get_content().splitlines() == ["What was seen: 13 bots."]
    assert (rows.get_payload(decode=True), manifest.get_payload(decode=True)) == (ROWS, MANIFEST)


def test_a_node_with_a_key_signs_what_it_encrypts(
    pgp, server: SmtpServer, parcel: Parcels, tmp_path: Path
) -> None:
    party, node = pgp.Tsk.generate("Meadow Net"), pgp.Tsk.generate("Tocsin")
    (tmp_path / "openpgp.asc").write_text(str(node))
    settings = {**server.settings, "openpgp_key": str(tmp_path / "openpgp.asc")}
    mail.send(parcel(settings=settings, letter=keyed(party.extract_certificate())))

    sealed = list(server.messages[0].iter_parts())[1].get_payload(decode=True)
    found = pgp.decrypt(sealed, party.decryptor(), lambda _: [node.extract_certificate()])
    assert [sig.certificate for sig in found.valid_sigs] == [node.extract_certificate().fingerprint]


def test_a_key_that_ran_out_or_was_revoked_parks_it_and_nothing_goes_in_clear(
    pgp, server: SmtpServer, parcel: Parcels
) -> None:
    secret = pgp.Tsk.generate("Meadow Net", validity_seconds=3600)
    cert = secret.extract_certificate()
    whole = pgp.Cert.from_bytes(bytes(cert) + bytes(cert.revoke(secret.certifier())))
    late = refusal(
        parcel(settings=server.settings, letter=keyed(cert), at=datetime(2099, 1, 1, tzinfo=UTC))
    )
    gone = refusal(parcel(settings=server.settings, letter=keyed(whole)))

    assert (late.lasting, gone.lasting, server.commands) == (True, True, [])
    assert f"the party's key {cert.fingerprint} ran out on " in str(late)
    assert f"the party's key {cert.fingerprint} was revoked; nothing was sent" in str(gone)


def test_a_key_that_cannot_be_read_parks_it(pgp, server: SmtpServer, parcel: Parcels) -> None:
    failure = refusal(parcel(settings=server.settings, letter=replace(LETTER, key="no key")))

    assert (failure.lasting, server.commands) == (True, [])


def test_without_the_extra_a_party_with_a_key_is_not_written_to(
    server: SmtpServer, parcel: Parcels, monkeypatch
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "pysequoia", None)
    failure = refusal(parcel(settings=server.settings, letter=replace(LETTER, key="a key")))

    assert (failure.lasting, server.commands) == (True, [])
    assert "Possible: pip install 'tocsin[openpgp]'" in str(failure)


# ── a real server ────────────────────────────────────────────────────────────────────────


@pytest.fixture(scope="module")
def real() -> Iterator[exim.Exim]:
    """Exim, once for this file."""
    with exim.sockets_open(), exim.running() as server:
        yield server


def test_exim_takes_it_over_tls_with_login_and_delivers_it_whole(
    real: exim.Exim, loopback: None, parcel: Parcels
) -> None:
    before = len(real.messages(0))
    mail.send(parcel(settings=real.settings))

    message = real.messages(before + 1)[-1]
    assert message["Return-path"] == "<tocsin@cert.example>"
    assert "with esmtpsa" in message["Received"]
    assert message["X-Tocsin-Digest"] == f"sha-256={mail.digest_of(parcel().pieces)}"
    assert [f.get_payload(decode=True) for f in message.iter_attachments()] == [ROWS, MANIFEST]


@pytest.mark.parametrize(
    ("mailbox", "answer"),
    [
        ("refused@meadow-net.example", (True, "550 no such mailbox")),
        ("busy@meadow-net.example", (False, "451 greylisted")),
    ],
)
def test_exim_refuses_for_good_or_for_now(
    mailbox, answer, real: exim.Exim, loopback, parcel: Parcels
) -> None:
    failure = refusal(parcel(settings=real.settings, address=mailbox))

    said = str(failure).removeprefix(f"mail: nobody was accepted: {mailbox}: ")
    assert (failure.lasting, said) == answer


def test_exim_refuses_a_wrong_password_and_the_work_waits(
    real: exim.Exim, loopback: None, parcel: Parcels, tmp_path: Path
) -> None:
    (tmp_path / "wrong").write_text("wrong\n")
    failure = refusal(parcel(settings={**real.settings, "password_file": str(tmp_path / "wrong")}))

    assert not failure.lasting
    assert "it refused user or password: 535" in str(failure)
    assert "wrong" not in str(failure).replace("Incorrect", "")


def test_exim_names_its_own_limit(real: exim.Exim, loopback: None, parcel: Parcels) -> None:
    rows = b"".join(hashlib.sha256(b"%d" % n).digest() for n in range(190_000))
    failure = refusal(parcel(settings=real.settings, rows=rows))

    assert failure.lasting
    assert "552" in str(failure)


def test_gnupg_reads_what_is_sent_to_a_key_of_its_own(pgp, parcel: Parcels, tmp_path: Path) -> None:
    if shutil.which("gpg") is None:
        pytest.skip("needs GnuPG: apt-get install gnupg")
    home = tmp_path / "gnupg"
    home.mkdir(mode=0o700)

    def gpg(*words: str, data: bytes = b"") -> bytes:
        words = ("gpg", "--homedir", str(home), "--batch", "--passphrase", "", *words)
        return subprocess.run(words, input=data, check=True, capture_output=True).stdout

    try:
        gpg("--quick-generate-key", MEADOW, "future-default", "default", "never")
        letter = replace(LETTER, key=gpg("--armor", "--export", MEADOW).decode())
        sealed = list(read(composed(parcel(letter=letter))).iter_parts())[1]
        inner = read(gpg("--decrypt", data=sealed.get_payload(decode=True)))
    finally:
        subprocess.run(["gpgconf", "--homedir", str(home), "--kill", "all"], check=False)

    assert [f.get_payload(decode=True) for f in inner.iter_attachments()] == [ROWS, MANIFEST]


def test_a_server_that_is_not_there_is_told_of_in_words(loopback, parcel: Parcels) -> None:
    with SmtpServer().running() as server:
        settings = dict(server.settings)
    failure = refusal(parcel(settings=settings))

    assert str(failure) == "mail server 127.0.0.1: Connection refused"


@pytest.mark.parametrize(
    ("made", "said"),
    [({"name": "127.0.0.1"}, "self-signed certificate"), ({"name": "mail.example"}, "mismatch")],
)
def test_a_certificate_is_refused_without_a_line_of_source(
    made, said, loopback, parcel: Parcels, tmp_path: Path
) -> None:
    file = certificate(tmp_path, **made)
    with SmtpServer(tls=tls_of(file)).running() as server:
        ca_file = {"ca_file": str(file)} if "mail" in made["name"] else {}
        failure = str(refusal(parcel(settings={**server.settings, **ca_file})))

    assert said in failure
    assert "_ssl.c" not in failure
    assert "CERTIFICATE_VERIFY_FAILED" not in failure
