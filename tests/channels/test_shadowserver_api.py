"""The reports API, spoken to as it is documented, on this machine."""

import hashlib
import hmac
import io
import json
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from tests.channels.receiver import LOOPBACK, Authority, Receiver, Said, answering, raw_server
from tocsin.channels.outbound import Policy, Sink, read_url, request
from tocsin.channels.public_addresses import read_networks
from tocsin.channels.shadowserver_api import (
    Account,
    Listed,
    account_of,
    download,
    list_reports,
)
from tocsin.words.errors import Undelivered, Unusable

KEY, SECRET = "the-api-key", "the-secret"
SINCE, UNTIL = date(2026, 11, 20), date(2026, 11, 23)
ENTRY = {
    "id": "abcdefgh12345678",
    "file": "2026-11-22-event4_sinkhole-example.csv",
    "type": "event4_sinkhole",
    "report": "example",
    "timestamp": "2026-11-22",
}


@pytest.fixture
def service(loopback: None, tmp_path: Path) -> Iterator[Receiver]:
    authority = Authority(tmp_path)
    receiver = Receiver(authority.context("localhost"))
    yield receiver
    receiver.close()


@pytest.fixture
def account(service: Receiver, tmp_path: Path) -> Callable[..., Account]:
    (tmp_path / "key").write_text(f"{KEY}\n{SECRET}\n")
    base = f"https://localhost:{service.port}/"

    def account(**more: str) -> Account:
        found = account_of(
            {
                "key_file": str(tmp_path / "key"),
                "calls": f"{base}api2/",
                "files": f"{base}files/",
                "allow": LOOPBACK,
                "ports": str(service.port),
                "ca_file": str(tmp_path / "authority.pem"),
                **more,
            }
        )
        assert found is not None
        return found

    return account


def says(value: Any, status: int = 200) -> Said:
    return Said(status, body=json.dumps(value).encode())


def test_a_list_is_asked_for_with_the_key_and_signed_with_the_secret(service, account) -> None:
    service.otherwise = says([ENTRY])

    listed = list_reports(account(reports="example, other"), since=SINCE, until=UNTIL)

    assert listed == [Listed(ENTRY["id"], ENTRY["file"], "2026-11-22")]
    asked = service.requests[0]
    assert asked.path == "/api2/reports/list"
    assert json.loads(asked.body) == {
        "apikey": KEY,
        "date": "2026-11-20:2026-11-23",
        "reports": ["example", "other"],
    }
    assert (
        asked.headers["hmac2"] == hmac.new(SECRET.encode(), asked.body, hashlib.sha256).hexdigest()
    )
    assert SECRET.encode() not in asked.body


def test_a_file_is_fetched_by_its_id_and_whole(service, account) -> None:
    data = b"timestamp,ip\n" * 100_000
    service.otherwise = Said(body=data)
    into = io.BytesIO()

    download(account(), Listed(ENTRY["id"], ENTRY["file"], ""), into)

    assert into.getvalue() == data
    assert service.requests[0].path == f"/files/{ENTRY['id']}"


def test_ids_and_names_that_lead_elsewhere_are_left_out(service, account) -> None:
    odd: list[Any] = [
        {**ENTRY, "id": "../../etc/passwd"},
        {**ENTRY, "id": "x"},
        {**ENTRY, "file": "../a.csv"},
        {**ENTRY, "file": ".hidden.csv"},
        {**ENTRY, "file": "a\nb.csv"},
        {**ENTRY, "id": 7},
        {"id": ENTRY["id"]},
        "text",
        None,
    ]
    service.otherwise = says([*odd, ENTRY])

    assert [one.id for one in list_reports(account(), since=SINCE, until=UNTIL)] == [ENTRY["id"]]


@pytest.mark.parametrize(
    ("said", "sentence"),
    [
        (says({"error": "bad key"}), "it refused"),
        (says({"reports": []}), "no list of reports"),
        (Said(body=b"<html>"), "no list of reports"),
        (Said(body=b"[" * 100_000), "no list of reports"),
        (Said(401), "the key or the secret is wrong"),
        (Said(500), "it answered 500"),
        (Said(302, {"Location": "https://127.0.0.1/"}), "it answered 302"),
    ],
)
def test_what_goes_wrong_is_a_sentence_without_key_or_secret(
    service, account, said, sentence
) -> None:
    service.otherwise = said

    with pytest.raises(Undelivered, match=sentence) as fault:
        list_reports(account(), since=SINCE, until=UNTIL)

    assert KEY not in str(fault.value)
    assert SECRET not in str(fault.value)
    assert len(service.requests) == 1


def test_a_file_that_breaks_off_is_not_taken_for_whole(loopback) -> None:
    cut = b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n0123456789"
    chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\na\r\n0123456789\r\n"
    for said in (cut, chunked):
        with raw_server(answering(said)) as port:
            policy = Policy(read_networks(LOOPBACK), frozenset({port}), plain=True)
            target = read_url(f"http://127.0.0.1:{port}/")
            with pytest.raises(Undelivered, match=r"hung up|no HTTP answer"):
                request(target, headers={}, policy=policy, method="GET", into=_sink())


def _sink() -> Sink:
    return Sink(io.BytesIO(), 1000)


def test_a_file_that_is_too_large_is_refused(service, account, monkeypatch) -> None:
    monkeypatch.setattr("tocsin.channels.shadowserver_api.LARGEST", 10)
    service.otherwise = Said(body=b"x" * 11)

    with pytest.raises(Undelivered, match="larger than 10 bytes") as fault:
        download(account(), Listed(ENTRY["id"], ENTRY["file"], ""), io.BytesIO())

    assert ENTRY["id"] not in str(fault.value)  # the id opens the file


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        ({"key_file": "/no/such/file"}, "does not hold the API key"),
        ({"calls": "http://transform.example/"}, "https address"),
        ({"files": "https://dl.example"}, "https address"),
        ({"reports": "a/b"}, "no list of reports"),
    ],
)
def test_settings_that_cannot_be_are_refused(more, sentence, tmp_path) -> None:
    (tmp_path / "key").write_text(f"{KEY}\n{SECRET}\n")

    with pytest.raises(Unusable, match=sentence):
        account_of({"key_file": str(tmp_path / "key"), **more})
    assert account_of({}) is None
