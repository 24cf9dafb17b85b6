"""Webhooks as an operator sets them up: an address, a secret, a delivery, a receipt."""

import base64
import hashlib
import hmac
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.channels.receiver import LOOPBACK, Authority, Receiver, Said
from tests.node.conftest import OVERLAY, SINKHOLE, Run
from tocsin.office import register
from tocsin.office.models import Receipt

PARTY = """
[[party]]
id = "meadow-net"
name = "Meadow Net"
role = "isp"
country = "BE"
[party.delivery]
channel = "webhook"
format = "idf-csv"
address = "https://localhost:{port}/tocsin"
[[party.remit]]
relation = "network"
asn = [64496]
"""


@pytest.fixture
def receiver(loopback, tmp_path: Path, monkeypatch) -> Iterator[Receiver]:
    """A receiver that the node may reach, and the party file that names it."""
    authority = Authority(tmp_path)
    made = Receiver(authority.context())
    (tmp_path / "parties.toml").write_text(PARTY.format(port=made.port))
    monkeypatch.setenv("TOCSIN_WEBHOOK_ALLOW", LOOPBACK)
    monkeypatch.setenv("TOCSIN_WEBHOOK_PORTS", str(made.port))
    monkeypatch.setenv("TOCSIN_WEBHOOK_CA_FILE", str(authority.path))
    yield made
    made.close()


def secret_of(printed: str) -> bytes:
    return base64.b64decode(printed.strip().removeprefix("whsec_"))


def test_a_report_goes_out_signed_and_its_receipt_comes_back(
    tocsin: Run, receiver: Receiver
) -> None:
    receiver.answers = [Said(200, {}, b'{"received": true, "reference": "T-7"}')]
    assert tocsin("parties", "import", "parties.toml").code == 0
    secret = secret_of(tocsin("parties", "webhook-secret", "meadow-net").out)
    tocsin("route", SINKHOLE, "--overlay", OVERLAY, "--json")
    said = tocsin("deliver", "--json")

    assert (said.code, [row["to"] for row in said.json["delivered"]]) == (
        0,
        [f"https://localhost:{receiver.port}"],
    )
    (got,) = receiver.requests
    head = f"{got.headers['webhook-id']}.{got.headers['webhook-timestamp']}."
    code = hmac.new(secret, head.encode() + got.body, hashlib.sha256).digest()
    assert got.headers["webhook-signature"] == f"v1,{base64.b64encode(code).decode()}"
    assert b"192.0.2." in got.parts["file"][1]
    assert list(Receipt.objects.values_list("kind", "by", "detail")) == [
        ("received", "meadow-net", {"reference": "T-7"})
    ]


def test_without_a_secret_the_delivery_waits_and_says_which_command(
    tocsin: Run, receiver: Receiver
) -> None:
    tocsin("parties", "import", "parties.toml")
    tocsin("route", SINKHOLE, "--overlay", OVERLAY, "--json")
    said = tocsin("deliver", "--json")

    assert (said.code, receiver.requests) == (7, [])
    assert "tocsin parties webhook-secret meadow-net" in said.json["waiting"][0]["why"]


def test_a_secret_is_shown_once_renewed_and_retired(
    tocsin: Run, receiver: Receiver, tmp_path: Path
) -> None:
    tocsin("parties", "import", "parties.toml")
    file = tmp_path / "tocsin-store" / "keys" / "webhooks" / "meadow-net.secret"

    first = tocsin("parties", "webhook-secret", "meadow-net")
    again = tocsin("parties", "webhook-secret", "meadow-net")
    assert re.fullmatch(r"whsec_[A-Za-z0-9+/]{43}=\n", first.out)
    assert len(secret_of(first.out)) == 32
    assert (again.code, again.out) == (5, "")
    assert "Possible: --renew" in again.err
    assert (file.read_text(), file.stat().st_mode & 0o777) == (first.out, 0o600)

    second = tocsin("parties", "webhook-secret", "meadow-net", "--renew").out
    assert file.read_text() == second + first.out
    third = tocsin("parties", "webhook-secret", "meadow-net", "--renew").out
    assert file.read_text() == third + second
    retired = tocsin("parties", "webhook-secret", "meadow-net", "--retire")
    assert (retired.code, retired.out, file.read_text()) == (0, "", third)
    assert [path.name for path in file.parent.iterdir()] == [file.name]

    actions = [(row.action, row.facts) for row in register.rows() if "secret" in row.action]
    assert actions == [
        (f"office:webhook_secret:{verb}", {"party": "meadow-net"})
        for verb in ("make", "renew", "renew", "retire")
    ]


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("brook-telecom",), 4, "there is no party 'brook-telecom'"),
        (("../meadow-net",), 4, "there is no party '../meadow-net'"),
        (("meadow-net", "--retire"), 4, "meadow-net has no webhook secret"),
        (("meadow-net", "--retire", "--renew"), 2, "--renew and --retire at once"),
    ],
)
def test_what_cannot_be_is_said_and_leaves_no_row(
    words, code, said, tocsin: Run, receiver: Receiver
) -> None:
    tocsin("parties", "import", "parties.toml")
    ended = tocsin("parties", "webhook-secret", *words)

    assert (ended.code, ended.out) == (code, "")
    assert said in ended.err
    assert [row.action for row in register.rows()] == ["office:parties:import"]


def test_a_setting_that_cannot_work_stops_before_anything_is_sent(
    tocsin: Run, receiver: Receiver, monkeypatch
) -> None:
    tocsin("parties", "import", "parties.toml")
    monkeypatch.setenv("TOCSIN_WEBHOOK_ALLOW", "10.0.0.1/8")
    ended = tocsin("deliver")

    assert (ended.code, ended.out) == (2, "")
    assert "TOCSIN_WEBHOOK_…: '10.0.0.1/8' is no network" in ended.err


def test_a_party_file_takes_https_addresses_only(tocsin: Run, tmp_path: Path) -> None:
    text = PARTY.format(port=443).replace("https://", "http://")
    (tmp_path / "parties.toml").write_text(text)
    ended = tocsin("parties", "import", "parties.toml")

    assert ended.code == 2
    assert "only https is spoken. Possible: https://hooks.example/" in ended.err
