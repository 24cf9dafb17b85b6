"""The name that stands on what a node sends."""

import pytest

from tocsin.formats.xarf import Sender
from tocsin.node.identity import Identity, read_identity
from tocsin.words.errors import Unusable

NAME, CONTACT, DOMAIN = "TOCSIN_NODE_NAME", "TOCSIN_NODE_CONTACT", "TOCSIN_NODE_DOMAIN"


@pytest.fixture(autouse=True)
def nothing_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (NAME, CONTACT, DOMAIN):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize(
    ("settings", "identity", "sender"),
    [
        ({}, Identity(), None),
        ({NAME: "CERT Köln"}, Identity("CERT Köln"), None),
        ({CONTACT: "a@cert.example"}, Identity("", "a@cert.example", "cert.example"), None),
        (
            {NAME: " CERT ", CONTACT: "Abuse@Cert.Example"},
            Identity("CERT", "Abuse@Cert.Example", "cert.example"),
            Sender("CERT", "Abuse@Cert.Example", "cert.example"),
        ),
        (
            {NAME: "CERT", CONTACT: "a@mail.example", DOMAIN: "Cert.Example"},
            Identity("CERT", "a@mail.example", "cert.example"),
            Sender("CERT", "a@mail.example", "cert.example"),
        ),
    ],
)
def test_name_and_mailbox_make_a_sender(
    monkeypatch: pytest.MonkeyPatch,
    settings: dict[str, str],
    identity: Identity,
    sender: Sender | None,
) -> None:
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    found = read_identity()

    assert (found, found.sender) == (identity, sender)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        (NAME, "two\nlines"),
        (NAME, "x" * 201),
        (NAME, "right\u202eleft"),
        (CONTACT, "nobody"),
        (CONTACT, "a@cert.example, b@cert.example"),
        (CONTACT, "a@cert.example\r\nBcc: b@cert.example"),
        (CONTACT, "a@-cert.example"),
        (DOMAIN, "cert"),
        (DOMAIN, "https://cert.example/"),
        (DOMAIN, "cert_.example"),
        (DOMAIN, "cert.example."),
    ],
)
def test_what_cannot_be_a_name_is_refused_by_the_name_of_its_setting(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(Unusable, match=name):
        read_identity()
