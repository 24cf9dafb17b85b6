"""`/.well-known/security.txt` (RFC 9116), and what the doctor says of it."""

import io
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from django.test import Client

from tocsin.formats.security_txt import read_security_txt as read_as_others_do
from tocsin.node.doctor import security
from tocsin.node.doctor.finding import Case, State
from tocsin.node.security_txt import read_security_txt
from tocsin.node.store import Store
from tocsin.words.errors import Unusable

AT = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
ADDRESS = "/.well-known/security.txt"
SET = {
    "CONTACT": "security@cert.example, https://cert.example/flaws, tel:+32-2-555-0100",
    "EXPIRES": "2027-06-30",
    "POLICY": "https://cert.example/policy",
    "LANGUAGES": "fr, nl-BE, en",
    "CANONICAL": "https://tocsin.cert.example/.well-known/security.txt",
}


@pytest.fixture(autouse=True)
def unset(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in SET:
        monkeypatch.delenv(f"TOCSIN_SECURITY_{name}", raising=False)


def put(monkeypatch: pytest.MonkeyPatch, **words: str) -> None:
    for name, value in words.items():
        monkeypatch.setenv(f"TOCSIN_SECURITY_{name}", value)


@pytest.mark.django_db
def test_the_file_says_what_the_operator_set_in_the_words_of_the_rfc(monkeypatch) -> None:
    put(monkeypatch, **SET)
    got = Client().get(ADDRESS)

    assert (got.status_code, got["Content-Type"]) == (200, "text/plain; charset=utf-8")
    assert got.content.decode() == (
        "Contact: mailto:security@cert.example\n"
        "Contact: https://cert.example/flaws\n"
        "Contact: tel:+32-2-555-0100\n"
        "Expires: 2027-06-30T23:59:59Z\n"
        "Preferred-Languages: fr, nl-BE, en\n"
        "Canonical: https://tocsin.cert.example/.well-known/security.txt\n"
        "Policy: https://cert.example/policy\n"
    )
    assert not got.cookies
    claims = [*read_as_others_do(io.BytesIO(got.content), "security.txt", at=AT)]
    assert [claim.value for claim in claims] == ["tocsin.cert.example"]


@pytest.mark.django_db
@pytest.mark.parametrize(
    "words", [{}, {"EXPIRES": "2027-06-30"}, {"CONTACT": "mailto:x@y.example"}]
)
def test_without_contact_or_day_there_is_none(words, monkeypatch) -> None:
    put(monkeypatch, **words)

    assert Client().get(ADDRESS).status_code == 404


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("CONTACT", "ring the bell"),
        ("CONTACT", "http://cert.example/"),
        ("CONTACT", "https://ada:secret@cert.example/"),
        ("CONTACT", "https://cert.example/\r\nPolicy: https://nowhere.example/"),
        ("CONTACT", "mailto:x@y.example\x00"),
        ("CONTACT", "https://[/"),
        ("CONTACT", f"https://cert.example/{'x' * 3000}"),
        ("EXPIRES", ""),
        ("EXPIRES", "next year"),
        ("EXPIRES", "2027-02-30"),
        ("EXPIRES", "2027-06-30T12:00:00"),
        ("EXPIRES", "0001-01-01T00:00:00+14:00"),
        ("POLICY", "http://cert.example/policy"),
        ("CANONICAL", "javascript:alert()"),
        ("LANGUAGES", "English"),
        ("LANGUAGES", "en\nContact: x"),
    ],
)
def test_a_setting_that_cannot_work_is_named(name, value, monkeypatch) -> None:
    put(monkeypatch, **SET)
    monkeypatch.setattr("os.environ", {**SET_IN_FULL, f"TOCSIN_SECURITY_{name}": value})

    with pytest.raises(Unusable, match=rf"TOCSIN_SECURITY_{name}.* Possible: "):
        read_security_txt()


SET_IN_FULL = {f"TOCSIN_SECURITY_{name}": value for name, value in SET.items()}


@pytest.mark.parametrize(
    ("days", "state", "what"),
    [
        (-1, State.WRONG, "expired on"),
        (29, State.NOTE, "expires on"),
        (90, State.OK, "mailto:security@cert.example"),
        (800, State.NOTE, "more than a year"),
    ],
)
def test_the_doctor_says_when_it_runs_out(days, state, what, monkeypatch) -> None:
    day = (AT + timedelta(days=days)).date().isoformat()
    put(monkeypatch, **{**SET, "EXPIRES": day})
    (found,) = security.look(Case(Store(Path("none")), AT))

    assert (found.state, what in found.what) == (state, True)


def test_the_doctor_notes_that_nobody_is_named_and_says_what_cannot_work(monkeypatch) -> None:
    (none,) = security.look(Case(Store(Path("none")), AT))
    put(monkeypatch, **{**SET, "POLICY": "ftp://cert.example"})
    (bad,) = security.look(Case(Store(Path("none")), AT))

    assert (none.state, none.mend[:24]) == (State.NOTE, "TOCSIN_SECURITY_CONTACT ")
    assert (bad.state, bad.what[:22]) == (State.WRONG, "TOCSIN_SECURITY_POLICY")
