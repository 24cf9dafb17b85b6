"""XARF and ARF as messages to the shield: phishing is taken, all else is told where it belongs."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.desks.conftest import SAMPLES
from tocsin.desks.shield.actions.consulting import consult_message
from tocsin.desks.shield.models import Group, Message, Sighting
from tocsin.node.store import Store
from tocsin.office.models import Evidence
from tocsin.office.people.viewer import Viewer
from tocsin.words.errors import Refused, Unreadable

Send = Callable[..., Message]
SENDER = {"org": "Reports", "contact": "abuse@reports.example", "domain": "reports.example"}
URL = "https://mybank-login.example/pay?id=7"
ENCLOSED = b"""From: arf@tidings.example
Subject: Report
MIME-Version: 1.0
Content-Type: multipart/report; report-type="feedback-report"; boundary=xyz

--xyz
Content-Type: text/plain

One message was reported: https://tidings.example/help
--xyz
Content-Type: message/feedback-report

Feedback-Type: fraud
User-Agent: Tidings-ARF/0.9
Version: 1
Source-IP: 2001:db8:3::25

--xyz
Content-Type: message/rfc822

From: "Your bank" <service@bank.example>
To: jan@tidings.example
Subject: Account locked for Jan

Pay now: https://mybank-login.example/pay?id=7&to=jan@tidings.example
--xyz--
"""


def xarf(**more: Any) -> dict[str, Any]:
    return {
        "xarf_version": "4.2.0",
        "report_id": "00000000-0000-4000-8000-000000000031",
        "timestamp": "2026-11-23T09:00:00Z",
        "reporter": SENDER,
        "sender": SENDER,
        "source_identifier": "mybank-login.example",
        "category": "content",
        "type": "phishing",
        "url": URL,
        **more,
    }


def written(*reports: dict[str, Any]) -> bytes:
    return "\n".join(json.dumps(one) for one in reports).encode()


def places() -> list[str]:
    return sorted(Sighting.objects.values_list("url", flat=True))


def test_a_xarf_report_of_phishing_is_a_message(send: Send):
    message = send("", data=written(xarf(), xarf(url="https://other.example/a")))

    assert places() == [URL, "https://other.example/a"]
    assert message.evidence is not None
    assert message.evidence.evidence_class == "citizen-message"
    assert Group.objects.filter(key="mybank-login.example").exists()


def test_an_abuse_report_of_fraud_tells_of_its_addresses_and_of_those_in_the_message(send: Send):
    send("", data=(SAMPLES / "arf" / "fraud-v6-headers-only.eml").read_bytes())
    assert places() == ["https://login.lantern-cloud.example/bank/"]
    send("", data=ENCLOSED)

    # the mail address is blanked, and the reporter's own help page is no lure
    assert places() == [
        "https://login.lantern-cloud.example/bank/",
        "https://mybank-login.example/pay?id=7&to=redacted",
    ]


@pytest.mark.parametrize(
    ("data", "fault", "said"),
    [
        (written(xarf(type="malware")), Refused, "malware-distribution is not for"),
        (
            written(xarf(), xarf(type="fraud", fraud_type="investment")),
            Refused,
            "masquerade is not for the shield",
        ),
        ((SAMPLES / "arf" / "abuse.eml").read_bytes(), Refused, "spam is not for the shield"),
        (written(xarf(url=None)), Unreadable, "a report that cannot be read: url"),
        (written(xarf())[:-9], Unreadable, "a report that cannot be read"),
        (written(xarf(xarf_version="3")), Unreadable, "a report that cannot be read"),
        (written(xarf(type="csam", media_type="x")), Unreadable, "prohibited material"),
        (
            written(*(xarf(url=f"https://h{n}.example/") for n in range(21))),
            Refused,
            "at most 20, several reports",
        ),
    ],
)
def test_what_is_not_for_the_shield_is_refused_and_nothing_of_it_is_kept(
    send: Send, store: Store, data: bytes, fault: type[Exception], said: str
):
    with pytest.raises(fault, match=said):
        send("", data=data)
    assert Message.objects.count() == Evidence.objects.count() == 0
    assert not list((store.path / "evidence").rglob("*.aes"))


def test_a_reviewer_sees_what_a_report_says_as_plain_text(
    send: Send, people: Callable[[str], Viewer], store: Store, at: Any
):
    report = xarf(description="asks for codes", target_brand="My Bank")
    message = send("", data=written(report))
    _, shown = consult_message(people("rita"), message.uid, at=at, store_folder=Path(store.path))

    assert shown.parts == (
        ("report", "hxxps://mybank-login[.]example/pay?id=7: My Bank: asks for codes"),
    )
