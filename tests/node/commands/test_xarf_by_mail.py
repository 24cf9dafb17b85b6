"""A party that wants XARF by mail gets it: valid, under the node's name, and read back whole."""

import json
from collections.abc import Callable, Iterator
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest

from tests.channels import exim
from tests.channels.smtp_server import SmtpServer
from tests.formats.reading import read
from tests.node.conftest import OVERLAY, PARTIES, PHISH, SINKHOLE, Run
from tocsin.flow.normalise import normalise
from tocsin.formats import xarf

NODE = {"TOCSIN_NODE_NAME": "CERT Example", "TOCSIN_NODE_CONTACT": "abuse@cert.example"}
SENDER = {"org": "CERT Example", "contact": "abuse@cert.example", "domain": "cert.example"}


@pytest.fixture
def parties(tmp_path: Path) -> Path:
    """Meadow Net alone, by mail, in XARF."""
    whole = PARTIES.read_text("utf-8").split("[[party]]\n")
    meadow = next(part for part in whole if 'id = "meadow' in part)
    text = meadow.replace('"folder"', '"mail"').replace('"idf-csv"', '"xarf"')
    (tmp_path / "meadow.toml").write_text(f"[[party]]\n{text}", "utf-8")
    return tmp_path / "meadow.toml"


Server = tuple[dict[str, str], Callable[[], EmailMessage]]


@pytest.fixture(params=["exim", "our own"])
def server(request: pytest.FixtureRequest, loopback: None) -> Iterator[Server]:
    """Settings that lead to a mail server, and the one message that it took."""
    if request.param == "exim":
        with exim.running() as real:
            yield real.settings, lambda: real.messages(1)[0]
    else:
        with SmtpServer().running() as smtp:
            yield smtp.settings, lambda: smtp.messages[0]


@pytest.fixture
def oracle() -> Any:
    for package in ("rfc3339_validator", "fqdn"):
        pytest.importorskip(package, reason="the oracle; make test installs it")
    return pytest.importorskip("xarf.schema_validator").SchemaValidator()


def test_xarf_goes_by_mail_and_comes_back_whole(
    tocsin: Run, server: Server, parties: Path, oracle: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings, message = server
    named = {f"TOCSIN_SMTP_{name.upper()}": value for name, value in settings.items()}
    for name, value in (named | NODE).items():
        monkeypatch.setenv(name, value)
    words = ("--parties", parties, "--overlay", OVERLAY, "--send", "--json")
    done = tocsin("route", SINKHOLE, PHISH, *words)
    (delivery,) = done.json["deliveries"]
    file, manifest = message().iter_attachments()
    data = file.get_payload(decode=True)
    found = read(xarf.FORMAT, data)
    reports = [json.loads(line) for line in data.splitlines()]
    again = normalise(found.parsed[0])

    assert (done.code, delivery["state"], delivery["format"]) == (0, "delivered", "xarf")
    assert (file.get_content_type(), file.get_filename()[-7:]) == (
        "application/x-ndjson",
        ".ndjson",
    )
    assert manifest.get_filename().endswith(".manifest.json")
    assert len(reports) == delivery["rows"] > 5
    assert [error for report in reports for error in oracle.validate(report)] == []
    assert {str(report["reporter"]) for report in reports} == {str(SENDER)}
    assert {str(report["sender"]) for report in reports} == {str(SENDER)}
    # Our own reader gets back what was released: all of it usable, each source with its moment.
    assert (found.faults, again.faults, again.invalid) == ([], [], {})
    assert [(_source(row), row["time.source"]) for row in found.rows] == [
        (_source(report["idf"]), report["timestamp"]) for report in reports
    ]
    assert {row["feed.provider"] for row in found.rows} == {"CERT Example"}


def _source(row: dict[str, Any]) -> tuple[str, str]:
    """Address or network, and port, as text."""
    where = row.get("source.ip") or row.get("source.network")
    return str(where), str(row.get("source.port"))
