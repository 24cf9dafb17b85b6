"""What programs send to the shield."""

from typing import Any

import pytest

from tests.desks.conftest import SAMPLES
from tests.node.api.conftest import token_of
from tests.security.bodies import XARF
from tocsin.desks.shield.models import Message, Sighting


@pytest.fixture
def partner(caller: Any) -> Any:
    return caller(token_of("meadow-net", "shield.propose"))


def test_a_partner_sends_xarf_and_arf_and_gets_a_reference(partner: Any, desk: Any):
    arf = (SAMPLES / "arf" / "fraud-v6-headers-only.eml").read_bytes()
    answers = [
        partner("POST", "/shield/reports", XARF),
        partner("POST", "/shield/reports", arf, content_type="message/rfc822"),
        desk("POST", "/shield/reports", XARF),
        partner("POST", "/shield/reports", {**XARF, "type": "malware"}),
        partner("POST", "/shield/reports", b"https://x.example/"),
        partner("POST", "/shield/reports", b" " * (5 * 1024 * 1024 + 1)),
    ]

    assert [one.status_code for one in answers] == [201, 201, 403, 403, 400, 400]
    assert answers[0].json() == {
        "reference": Message.objects.order_by("pk")[0].reference,
        "state": "received",
    }
    assert "response desk" in answers[3].json()["detail"]
    assert "neither XARF 4 nor ARF" in answers[4].json()["detail"]
    assert sorted(Sighting.objects.values_list("url", flat=True)) == [
        "https://login.lantern-cloud.example/bank/",
        "https://x.example/",
    ]
    assert {one.party.slug for one in Message.objects.all()} == {"meadow-net"}
