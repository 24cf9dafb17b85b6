"""Mail that comes back: bounces as real servers write them, answers, and programs that answer."""

import mailbox
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.channels import exim
from tocsin.channels import mail
from tocsin.channels.channel import Letter, Parcel
from tocsin.channels.mailbox import (
    Failure,
    Kind,
    Returned,
    is_gone,
    read_maildir,
    read_mbox,
    read_message,
)
from tocsin.words.errors import NotFound, Unreadable

OURS = "41fb7d7dc0aad6747b48e25ae84d1407"
ID = f"<tocsin.{OURS}@cert.example>"
AT = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)

# As Postfix writes it (the text part shortened).
BOUNCE = f"""Return-Path: <>
From: MAILER-DAEMON@mx.example (Mail Delivery System)
To: tocsin@cert.example
Subject: Undelivered Mail Returned to Sender
Auto-Submitted: auto-replied
Date: Mon, 23 Nov 2026 10:00:00 +0100 (CET)
Message-Id: <4Sh1Z2@mx.example>
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="b"

--b
Content-Type: text/plain

I'm sorry to have to inform you that your message could not be delivered.
--b
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example
Arrival-Date: Mon, 23 Nov 2026 09:59:59 +0100 (CET)

Final-Recipient: rfc822; Abuse@meadow-net.example
Original-Recipient: rfc822;abuse@meadow-net.example
Action: failed
Status: 5.1.1
Remote-MTA: dns; mail.meadow-net.example
Diagnostic-Code: smtp; 550 5.1.1 <abuse@meadow-net.example>: user unknown

--b
Content-Type: text/rfc822-headers

Message-ID: {ID}
Subject: [Tocsin 7F3K-9QWZ-2M4H] 13 events for Meadow Net

--b--
"""

ANSWER = f"""From: "Jo Doe" <jo@meadow-net.example>
To: tocsin@cert.example
Subject: Re: [Tocsin 7f3k-9qwz-2m4h] 13 events for Meadow Net
Message-ID: <77@meadow-net.example>
In-Reply-To: {ID}
References: <other@x.example> {ID}
Date: Mon, 23 Nov 2026 09:30:00 +0000

We cleaned 192.0.2.7, thank you.
"""


def read(text: str) -> Returned:
    return read_message(text.encode())


def test_a_bounce_names_message_mailbox_and_reason() -> None:
    assert read(BOUNCE) == Returned(
        kind=Kind.BOUNCE,
        message_id="<4Sh1Z2@mx.example>",
        sender="mailer-daemon@mx.example",
        sent_at=AT,
        messages=(OURS,),
        ticket="7F3K-9QWZ-2M4H",
        failures=(Failure("abuse@meadow-net.example", "5.1.1", dead=True),),
    )


@pytest.mark.parametrize(
    ("status", "diagnosis", "failure"),
    [
        ("5.1.1", "550 5.1.1 user unknown", ("5.1.1", True)),
        ("5.2.2", "552 5.2.2 mailbox full", ("5.2.2", False)),
        ("5.7.1", "550 5.7.1 looks like spam", ("5.7.1", False)),
        ("4.4.7", "too many hours", ("4.4.7", False)),
        ("5.0.0", "550 5.7.1 looks like spam", ("5.7.1", False)),
        ("5.0.0", "550 no such mailbox", ("5.0.0", True)),
        ("5.0.0", "550 I do not like you", ("5.0.0", False)),
        ("5.0.0", "", ("5.0.0", True)),
        ("5.1.1", "421 4.7.0 greylisted at first", ("4.7.0", False)),
    ],
)
def test_only_a_mailbox_that_is_no_more_is_dead(status, diagnosis, failure) -> None:
    said = BOUNCE.replace("Status: 5.1.1", f"Status: {status}").replace(
        "550 5.1.1 <abuse@meadow-net.example>: user unknown", diagnosis
    )

    assert [(f.status, f.dead) for f in read(said).failures] == [failure]


def test_a_bounce_may_name_the_message_by_its_envelope_alone() -> None:
    cut = BOUNCE.partition("--b\nContent-Type: text/rfc822-headers")[0] + "--b--\n"
    named = cut.replace("Arrival-Date:", f"Original-Envelope-Id: {OURS}\nArrival-Date:")

    assert (read(cut).messages, read(named).messages) == ((), (OURS,))


def test_an_answer_names_message_and_ticket_and_its_text_is_not_kept() -> None:
    assert read(ANSWER) == Returned(
        kind=Kind.ANSWER,
        message_id="<77@meadow-net.example>",
        sender="jo@meadow-net.example",
        sent_at=datetime(2026, 11, 23, 9, 30, tzinfo=UTC),
        messages=(OURS,),
        ticket="7F3K-9QWZ-2M4H",
    )
    assert "192.0.2.7" not in repr(read(ANSWER))


def test_a_ticket_is_found_in_an_encoded_subject() -> None:
    encoded = "=?utf-8?q?Antw=3A_=5BTocsin_7F3K-9QWZ-2M4H=5D_pour_Prairie_r=C3=A9seau?="
    said = ANSWER.replace("Re: [Tocsin 7f3k-9qwz-2m4h] 13 events for Meadow Net", encoded)

    assert read(said).ticket == "7F3K-9QWZ-2M4H"


@pytest.mark.parametrize(
    "header",
    [
        "Auto-Submitted: auto-replied",
        "Auto-Submitted: auto-generated (rejected)",
        "Precedence: bulk",
        "Precedence: auto_reply",
        "X-Autoreply: yes",
        "List-Id: <abuse.list.example>",
        "Return-Path: <>",
        "Content-Type: multipart/report; report-type=disposition-notification; boundary=x",
    ],
)
def test_what_a_program_answered_is_automatic(header: str) -> None:
    assert read(f"{header}\n{ANSWER}").kind == Kind.AUTOMATIC


def test_a_person_may_say_that_it_was_no_program() -> None:
    assert read(f"Auto-Submitted: no\n{ANSWER}").kind == Kind.ANSWER


@pytest.mark.parametrize("action", ["delayed", "delivered", "relayed", "expanded", "odd"])
def test_a_delay_and_a_success_are_no_bounce(action: str) -> None:
    said = read(BOUNCE.replace("Action: failed", f"Action: {action}"))

    assert (said.kind, said.failures) == (Kind.AUTOMATIC, ())


@given(st.binary(max_size=400))
def test_whatever_comes_is_read(noise: bytes) -> None:
    head, _, rest = BOUNCE.encode().partition(b"\n")
    for raw in (noise, head + b"\n" + noise + rest, BOUNCE.encode()[: len(noise) * 3] + noise):
        assert isinstance(read_message(raw), Returned)


@given(st.text(max_size=80), st.sampled_from(["Subject", "From", "Date", "Message-ID", "Status"]))
def test_whatever_stands_in_a_header_is_read(text: str, name: str) -> None:
    raw = f"{name}: {text}\n{BOUNCE}".encode("utf-8", "surrogatepass")

    assert isinstance(read_message(raw), Returned)


def test_an_mbox_and_a_maildir_give_their_messages_and_stay_as_they_are(tmp_path: Path) -> None:
    mbox = mailbox.mbox(tmp_path / "in.mbox")
    maildir = mailbox.Maildir(tmp_path / "in")
    for text in (BOUNCE, ANSWER):
        mbox.add(text.encode())
        maildir.add(text.encode())
    mbox.close()
    maildir.close()
    before = {p: p.stat().st_mtime_ns for p in tmp_path.rglob("*") if p.is_file()}
    kinds = [
        sorted(read_message(raw).kind for raw in place)
        for place in (read_mbox(tmp_path / "in.mbox"), read_maildir(tmp_path / "in"))
    ]

    assert kinds == [["answer", "bounce"]] * 2
    assert {p: p.stat().st_mtime_ns for p in tmp_path.rglob("*") if p.is_file()} == before


def test_a_place_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="no such mbox file"):
        list(read_mbox(tmp_path / "in.mbox"))
    with pytest.raises(NotFound, match="no Maildir there"):
        list(read_maildir(tmp_path / "in"))
    assert list(tmp_path.iterdir()) == []


def test_a_bounce_of_exim_is_brought_to_the_message_it_is_about(loopback: None) -> None:
    letter = Letter(OURS, "7F3K-9QWZ-2M4H", "13 events", "Text.\n", "Meadow Net", "en", AT)
    with exim.running() as server:
        mail.send(Parcel("8d1c", "m", (), "gone@meadow-net.example", server.settings, AT, letter))
        server.messages(1)
        [returned] = [read_message(raw) for raw in read_maildir(server.maildir)]

    assert (returned.kind, returned.messages) == (Kind.BOUNCE, (OURS,))
    assert returned.failures == (Failure("gone@meadow-net.example", "5.0.0", dead=True),)


GONE = (
    (550, "550 no such user"),
    (550, "550 5.1.1 <a@x.example>: Recipient address rejected: User unknown"),
    (550, "550 5.1.10 RESOLVER.ADR.RecipientNotFound; not found"),
    (556, "556 5.1.10 the domain takes no mail"),
    (550, "550 5.2.1 mailbox disabled"),
    (511, "511 sorry, no mailbox here by that name (#5.1.1)"),
    (550, "550 5.0.0 unknown user"),
    (553, "553 invalid recipient"),
)
NOT_GONE = (
    (550, "550 mailbox unavailable"),
    (550, "550 5.7.1 <a@x.example>: user unknown or access denied"),
    (554, "554 5.7.1 blocked by a list"),
    (550, "550 relay not permitted"),
    (550, "550 no such user may relay here"),
    (550, "550 5.2.2 mailbox full"),
    (552, "552 no such user has room"),
    (550, "550"),
    (450, "450 4.1.1 user unknown in virtual table"),
    (450, "450 no such user"),
    (421, "421 5.1.1 going"),
)


def test_which_refusals_say_that_the_mailbox_is_no_more() -> None:
    assert [said for code, said in GONE if not is_gone(code, said)] == []
    assert [said for code, said in NOT_GONE if is_gone(code, said)] == []


@pytest.mark.parametrize("data", [b"PK\x03\x04", b"Subject: x\n\nFrom here", b"\n", b"time,ip\n"])
def test_a_file_that_is_no_mbox_is_not_taken_for_an_empty_one(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "in").write_bytes(data)

    with pytest.raises(Unreadable, match="is no mbox file: it does not begin with 'From '"):
        list(read_mbox(tmp_path / "in"))


def test_an_empty_mbox_has_no_message(tmp_path: Path) -> None:
    (tmp_path / "in").touch()

    assert list(read_mbox(tmp_path / "in")) == []
