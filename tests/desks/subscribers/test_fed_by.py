"""What feeds the provider's desk beside lists: abuse reports and XARF, as they come by mail."""

import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest

from tests.channels import dovecot
from tests.channels.receiver import Authority
from tests.desks.conftest import OVERLAY, SAMPLES
from tests.desks.pages import work
from tests.desks.subscribers.conftest import NOON
from tocsin.channels import imap
from tocsin.desks.response.actions.read_mailbox import read_mailbox
from tocsin.desks.response.actions.take_in import Brought
from tocsin.desks.response.models import Intake
from tocsin.desks.subscribers.actions.attributing import look_up_runs
from tocsin.desks.subscribers.actions.warning import Terms, warn_due
from tocsin.desks.subscribers.actions.ways import NO_CONTACT
from tocsin.desks.subscribers.models import Contact, Finding
from tocsin.desks.subscribers.queries.wordings import House
from tocsin.node.store import Store
from tocsin.office.people import letters
from tocsin.office.people.models import Letter

pytestmark = pytest.mark.django_db
Fed = Callable[[bytes], list[tuple[str, str, str]]]
# The one who held the address at ten past nine; from ten o'clock on it was another.
COMPLAINT = (SAMPLES / "arf" / "abuse.eml").read_bytes().replace(b"198.51.100.7", b"192.0.2.30")


@pytest.fixture
def mailbox(loopback: None, tmp_path: Path) -> Iterator[dovecot.Mailbox]:
    (tmp_path / "tls").mkdir()
    with dovecot.running(Authority(tmp_path / "tls")) as running:
        yield running


@pytest.fixture
def fed(mailbox: dovecot.Mailbox, provider: Store) -> Fed:
    """`fed(message)`: it comes into the mailbox, is read, routed and looked up; what was found."""

    def feed(message: bytes) -> list[tuple[str, str, str]]:
        mailbox.put(message, name="1.message")
        words: dict[str, Any] = {"by": "worker", "at": NOON, "store_folder": provider.path}
        place = imap.place_of(mailbox.settings())
        assert place is not None
        assert read_mailbox(place, brought=Brought(), party=None, **words) == {"report": 1}
        work(provider.path, OVERLAY, at=NOON)
        assert [(row.state, row.error) for row in Intake.objects.all()] == [("done", "")]
        look_up_runs(patience=timedelta(), **words)
        rows = Finding.objects.order_by("first_at", "pk")
        return [(_name(row.line), row.fate, row.kind) for row in rows]

    return feed


def _name(line: int) -> str:
    row = Contact.objects.filter(line=line).first()
    return row.name if row else ""


def warned(store: Store) -> list[tuple[str, str]]:
    terms = Terms(House("Meadow Net"))
    done = warn_due(terms=terms, by="test", at=NOON, store_folder=store.path)
    return [(_name(one.finding.line), one.held) for one in done]


def sent() -> list[dict[str, str]]:
    return [letters.read(row) for row in Letter.objects.order_by("pk")]


def xarf(address: str, **more: object) -> dict[str, object]:
    """A report of a robot at an address, an hour before noon."""
    who = {"org": "Reports", "contact": "abuse@reports.example", "domain": "reports.example"}
    return {
        "xarf_version": "4.2.0",
        "report_id": "00000000-0000-4000-8000-000000000031",
        "timestamp": "2026-11-23T11:00:00Z",
        "reporter": who,
        "sender": who,
        "source_identifier": address,
        "category": "infrastructure",
        "type": "botnet",
        "malware_family": "quillworm",
        "compromise_evidence": "connected to a sinkhole",
        **more,
    }


def carrying(*files: tuple[str, bytes]) -> bytes:
    """A message of a program with these files."""
    message = EmailMessage()
    message["From"], message["To"] = "abuse@reports.example", "abuse@meadow-net.example"
    message["Message-ID"], message["Auto-Submitted"] = "<31@reports.example>", "auto-generated"
    message.set_content("Attached.\n")
    for name, data in files:
        message.add_attachment(data, "application", "octet-stream", filename=name)
    return message.as_bytes()


def test_who_held_the_address_of_an_abuse_report_is_warned_and_nobody_else(
    fed: Fed, provider: Store
) -> None:
    assert fed(COMPLAINT) == [("anna", "one line", "spam")]
    assert warned(provider) == [("anna", "")]
    (letter,) = sent()
    assert letter["to"] == "anna@home.example"
    assert not [word for word in ("192.0.2", "lea@", "post.example") if word in letter["text"]]
    assert Finding.objects.get().family == ""  # `abuse` is the type of the report, and no name


def test_what_the_reported_message_carries_is_no_report(fed: Fed) -> None:
    spam = carrying(("invoice.zip", b"PK no archive"), ("list.csv", b"source.ip\n192.0.2.31\n"))
    head, edge, _ = COMPLAINT.partition(b"Content-Disposition: inline\n\n")
    end = b"\n--part1_13d.2e68ed54_boundary--\n"

    assert fed(head + edge + spam + end) == [("anna", "one line", "spam")]


def test_the_port_of_an_abuse_report_tells_lines_behind_one_address_apart(
    fed: Fed, provider: Store
) -> None:
    shared = COMPLAINT.replace(b"192.0.2.30", b"192.0.2.40").replace(b"51423", b"1500")

    assert fed(shared) == [("dora", "one line", "spam")]


def test_xarf_by_mail_finds_its_lines_and_warns_them(fed: Fed, provider: Store) -> None:
    reports = [xarf("192.0.2.30"), xarf("192.0.2.40", source_port=3000), xarf("192.0.2.200")]
    message = carrying(("xarf.json", json.dumps(reports).encode()))

    assert sorted(fed(message)) == [
        ("", "one line", "infected-system"),  # emil, of whom the list of subscribers has nothing
        ("bruno", "one line", "infected-system"),
    ]
    assert sorted(warned(provider)) == [("", NO_CONTACT), ("bruno", "")]
    (letter,) = sent()
    assert letter["to"] == "bruno@home.example"
    assert "Known as: quillworm" in letter["text"]


def test_what_another_node_sends_as_xarf_is_read_and_its_manifest_is_no_report(fed: Fed) -> None:
    report = json.dumps(xarf("192.0.2.31")).encode() + b"\n"
    manifest = ("infected.manifest.json", b'{"rows": 1}')

    found = fed(carrying(("infected.ndjson", report), manifest))

    assert found == [("carla", "one line", "infected-system")]
