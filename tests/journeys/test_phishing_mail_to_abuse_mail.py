"""The thin path: a citizen forwards a phishing mail, and the networks it came from get a mail.

Nobody of them is a member: whom to write to stands in the registry's files. Both mails go through a
real mail server. One network reads its mail and answers; the other's mailbox is no more.
"""

import csv
import hashlib
import io
import re
import smtplib
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from email.message import EmailMessage
from pathlib import Path

import pytest

from tests.channels import exim
from tests.node.conftest import OVERLAY, SAMPLES, Said, spawn
from tocsin.office.keys import public_text, signing_key
from tocsin.office.manifest import read_signed

__all__ = ["spawn"]

CONTACTS = SAMPLES / "contacts"
CITIZEN = ("Otto Citizen", "otto@home.example", "555 0100", "otto.home.example")
# As an attachment: sent by a machine of Brook Telecom, leading to a page there.
ATTACHED = """\
Received: from smtp.home.example (smtp.home.example [203.0.113.9])
\tby mx.csirt.example with ESMTPS; Mon, 23 Nov 2026 12:00:00 +0000
From: Otto Citizen <otto@home.example>
To: report@csirt.example
Subject: Fwd: Konto gesperrt
Date: Mon, 23 Nov 2026 12:59:58 +0100
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary="tb"

--tb
Content-Type: text/plain; charset=UTF-8

Guten Tag, das kam heute. Meine Seite ist https://otto.home.example/
Otto Citizen, Tel. 555 0100

--tb
Content-Type: message/rfc822
Content-Disposition: attachment; filename="Konto gesperrt.eml"

Received: from bulk.brook.example (unknown [198.51.100.20])
\tby mx.home.example (Postfix) with ESMTPS id 77; Mon, 23 Nov 2026 10:00:00 +0000
From: Bank <sicherheit@bank.example>
To: otto@home.example
Subject: Konto gesperrt
Date: Mon, 23 Nov 2026 09:59:40 +0000
Message-ID: <k1@brook.example>
Content-Type: text/html; charset=iso-8859-1

<p>Ihr Konto ist gesperrt. <a href=http://198.51.100.21/de/konto>bank.example</a></p>
--tb--
"""
# Quoted in the text: a page on a line of Meadow Net, and one more at Brook Telecom.
INLINE = """\
From: Otto Citizen <otto@home.example>
To: report@csirt.example
Subject: Fwd: Your parcel
Date: Mon, 23 Nov 2026 14:00:00 +0000
MIME-Version: 1.0
Content-Type: text/plain; charset=utf-8

Looks wrong to me. My own page: https://otto.home.example/
Otto Citizen, Tel. 555 0100

---------- Forwarded message ---------
From: Parcels <info@parcels.example>
Date: Mon, 23 Nov 2026 at 13:05
Subject: Your parcel
To: <otto@home.example>


Pay 1 EUR: hxxp://192.0.2[.]21/pay or hxxp://198.51.100[.]22/pay
"""
MARK = re.compile(r"\[Tocsin ([0-9A-HJKMNP-TV-Z]{4}(?:-[0-9A-HJKMNP-TV-Z]{4}){2})\]")


@dataclass(frozen=True)
class World:
    """One node, spoken to by commands, and the mail server that it sends through."""

    run: Callable[..., Said]
    folder: Path
    smtp: exim.Exim
    env: dict[str, str]

    def __call__(self, *words: object) -> Said:
        settings = {f"TOCSIN_SMTP_{k.upper()}": v for k, v in self.smtp.settings.items()}
        done = self.run(*words, TOCSIN_NODE_NAME="CERT Example", **settings)
        assert (done.code, done.err) == (0, "")
        return done

    def send(self, message: EmailMessage) -> None:
        """Somebody else sends a mail by the same server."""
        with smtplib.SMTP("127.0.0.1", self.smtp.port, timeout=20) as smtp:
            smtp.send_message(message)


@pytest.fixture
def world(
    spawn: Callable[..., Said], tmp_path: Path, clean_env: dict[str, str], loopback: None
) -> Iterator[World]:
    (tmp_path / "attached.eml").write_text(ATTACHED)
    (tmp_path / "inline.eml").write_text(INLINE)
    with exim.running() as smtp:
        yield World(spawn, tmp_path, smtp, clean_env)


def registry(folder: Path) -> list[Path]:
    """The registry's files, in which the mailbox of Meadow Net is one that is no more."""
    files = []
    for file in sorted(CONTACTS.glob("ripe.db.*")):
        text = file.read_text("utf-8").replace("abuse@meadow-net", "gone@meadow-net")
        files.append(folder / file.name)
        files[-1].write_text(text, "utf-8")
    return files


def imported(world: World) -> None:
    world("contacts", "import", "ripe", *registry(world.folder))


def told(world: World) -> dict:
    """Routed on one day and sent on the next: who is no member gets one mail a day."""
    words = ("attached.eml", "inline.eml", "--overlay", OVERLAY, "--send", "--json")
    facts = world("route", *words).json
    assert [
        (row["name"], row["relation"], row["rows"], row["state"]) for row in facts["deliveries"]
    ] == [
        ("Brook Telecom & Sons", "network", 3, "queued"),
        ("Meadow Net", "network", 1, "queued"),
    ]
    assert len(world("deliver", "--json").json["held"]) == 2
    a_day_passes(world)
    assert len(world("deliver", "--json").json["delivered"]) == 2
    return facts


OPENED = """
from pathlib import Path
from tocsin.node.store import open_store
open_store(Path("tocsin-store"))
"""
A_DAY = """
from datetime import timedelta
from tocsin.office.models import Delivery
for row in Delivery.objects.all():
    row.created_at -= timedelta(days=1)
    row.next_attempt_at -= timedelta(days=1)
    row.save()
"""
EVERY_ROW = """
import sys
from tocsin.office.backup import rows
for table in rows.tables():
    sys.stdout.buffer.writelines(rows.lines(table, using="default"))
"""


def in_store(world: World, program: str) -> bytes:
    """What a program says that works on the node's database, wherever that is."""
    command = [sys.executable, "-c", OPENED + program]
    return subprocess.run(
        command, cwd=world.folder, env=world.env, check=True, capture_output=True
    ).stdout


def a_day_passes(world: World) -> None:
    """No clock is turned: what waits was made a day earlier."""
    in_store(world, A_DAY)


def rows_of(message: EmailMessage) -> list[dict[str, str]]:
    file, _ = message.iter_attachments()
    return list(csv.DictReader(io.StringIO(file.get_content())))


def test_a_citizens_mail_becomes_an_abuse_mail_to_whom_the_registry_names(world: World) -> None:
    imported(world)
    facts = told(world)
    first, second = world.smtp.messages(2)
    bounce, message = sorted((first, second), key=lambda one: "[Tocsin" in str(one["Subject"]))

    # The right recipient, the ticket in the subject, a Message-ID of ours.
    assert (message["To"], message["Envelope-to"]) == ("abuse@brook-telecom.example",) * 2
    assert (message["From"], message["Return-path"]) == (
        "Tocsin at CERT <tocsin@cert.example>",
        "<tocsin@cert.example>",
    )
    assert MARK.sub("TICKET", message["Subject"]) == "TICKET 3 events for Brook Telecom & Sons"
    assert re.fullmatch(r"<tocsin\.[0-9a-f]{32}@cert\.example>", message["Message-ID"])
    said = " ".join(message.get_body().get_content().split())
    assert said.startswith("CERT Example has security reports that concern Brook Telecom & Sons.")
    assert MARK.search(message["Subject"])[0] in said

    # The attachment is what the register says, and says what the citizen's mail held.
    file, manifest = message.iter_attachments()
    brook = facts["deliveries"][0]
    assert hashlib.sha256(file.get_payload(decode=True)).hexdigest() == brook["digest"]
    assert sorted(
        (row["classification.type"], row["source.ip"], row["source.url"])
        for row in rows_of(message)
    ) == [
        ("phishing", "198.51.100.21", "http://198.51.100.21/de/konto"),
        ("phishing", "198.51.100.22", "http://198.51.100.22/pay"),
        ("spam", "198.51.100.20", ""),
    ]
    keys = world.folder / "tocsin-store" / "keys"
    proof = read_signed(
        manifest.get_payload(decode=True), public_key=public_text(signing_key(keys))
    )
    assert (proof["from"], proof["file"]["sha256"]) == ("CERT Example", brook["digest"])
    assert proof["to"]["name"] == "Brook Telecom & Sons"

    # Nothing of the citizen is in it, nor in what came back.
    for one in (message, bounce):
        parts = [part.get_payload(decode=True) or b"" for part in one.walk()]
        sent = one.as_bytes() + b"".join(parts)
        assert [word for word in CITIZEN if word.encode() in sent] == []
    assert str(bounce["To"]) == "tocsin@cert.example"


def test_a_mailbox_that_is_no_more_comes_back_and_is_not_written_to_again(world: World) -> None:
    imported(world)
    told(world)
    world.smtp.messages(2)
    read = world("receipts", "--maildir", world.smtp.maildir, "--json").json
    dead = world("contacts", "list", "--dead", "--json").json
    later = INLINE.replace("192.0.2[.]21/pay", "192.0.2[.]22/pay")
    (world.folder / "later.eml").write_text(later)
    again = world("route", "later.eml", "--overlay", OVERLAY, "--send", "--json").json

    # The abuse mail lies in the same box; it is a machine's and counts for nothing.
    assert {name: count for name, count in read["read"].items() if count} == {
        "bounce": 1,
        "dead": 1,
        "automatic": 1,
    }
    assert [(row["kind"], row["by"], row["detail"]["mailbox"]) for row in read["receipts"]] == [
        ("bounced", "mail server", "gone@meadow-net.example")
    ]
    assert [(row["name"], row["value"], row["source"]) for row in dead] == [
        ("Meadow Net", "gone@meadow-net.example", "ripe")
    ]
    assert dead[0]["why"] == "mail came back with 5.0.0"  # Exim's; its words say the rest
    assert (again["deliveries"], again["unrouted"]) == ([], 1)


def test_an_answer_with_the_ticket_finds_its_delivery(world: World) -> None:
    imported(world)
    facts = told(world)
    (message,) = [m for m in world.smtp.messages(2) if "[Tocsin" in str(m["Subject"])]
    answer = EmailMessage()
    answer["From"], answer["To"] = "jo@brook-telecom.example", "tocsin@cert.example"
    answer["Subject"] = f"AW: {message['Subject']}"  # and no In-Reply-To: a ticket system's answer
    answer["Message-ID"] = "<4711@brook-telecom.example>"
    answer.set_content("The page is gone; the customer at 198.51.100.20 was told.")
    world.send(answer)
    world.smtp.messages(3)
    read = world("receipts", "--maildir", world.smtp.maildir, "--json").json
    again = world("receipts", "--maildir", world.smtp.maildir, "--json").json

    (receipt,) = [row for row in read["receipts"] if row["kind"] == "received"]
    assert receipt["ticket"] == MARK.search(message["Subject"])[1]
    assert receipt["party"] == facts["deliveries"][0]["party"]
    assert receipt["detail"]["message_id"] == "<4711@brook-telecom.example>"
    assert (read["read"]["answer"], again["read"]["answer"]) == (1, 0)
    assert again["receipts"] == read["receipts"]
    # The text of the answer stays in the mailbox.
    database = in_store(world, EVERY_ROW)
    assert b"<4711@brook-telecom.example>" in database
    assert b"customer at 198.51.100.20" not in database
