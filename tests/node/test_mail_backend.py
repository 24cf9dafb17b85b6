"""Letters to people go out over the node's own mail server, under its rules, or wait."""

from datetime import UTC, datetime, timedelta

import pytest
from django.core.mail import EmailMessage

from tests.channels.smtp_server import SmtpServer
from tocsin.node.channel_settings import MAIL
from tocsin.node.mail_backend import NodeMail
from tocsin.office.people import letters
from tocsin.office.people.models import Letter
from tocsin.words.errors import Undelivered

MESSAGE = {"subject": "Köln calls", "body": "Grüße\n", "to": ["ada@meadow-net.example"]}


@pytest.fixture
def over(monkeypatch):
    """`over(settings)`: as the environment would say them."""

    def set_(words):
        for name in MAIL.values():
            monkeypatch.delenv(name, raising=False)
        for name, value in words.items():
            monkeypatch.setenv(MAIL[name], value)

    return set_


def test_a_letter_is_handed_to_the_nodes_mail_server(loopback, over):
    server = SmtpServer()
    with server.running():
        over(server.settings)
        assert NodeMail().send_messages([EmailMessage(**MESSAGE)]) == 1

    (taken,) = server.messages
    said = {name: taken[name] for name in ("From", "To", "Subject", "Auto-Submitted")}
    assert said == {
        "From": "Tocsin at CERT <tocsin@cert.example>",
        "To": "ada@meadow-net.example",
        "Subject": "Köln calls",
        "Auto-Submitted": "auto-generated",
    }
    assert taken.get_content() == "Grüße\r\n"
    assert taken["Message-ID"].endswith("@cert.example>")


def test_an_answer_that_wrote_itself_says_so_and_no_bounce_comes_back(
    loopback, over, db, monkeypatch
):
    from django.conf import settings as real

    monkeypatch.setattr(real._wrapped, "SECRET_KEY", "x" * 60)
    monkeypatch.setattr(real._wrapped, "EMAIL_BACKEND", "tocsin.node.mail_backend.NodeMail")
    server, at = SmtpServer(), datetime.now(UTC)
    letters.queue("ada@meadow-net.example", subject="s", text="t", at=at, answers="<7@x.example>")
    with server.running():
        over(server.settings)
        letters.send_due(owner="test", at=at)

    (taken,) = server.messages
    names = ("Auto-Submitted", "In-Reply-To", "References")
    assert [taken.get_all(name) for name in names] == [
        ["auto-replied"], ["<7@x.example>"], ["<7@x.example>"],
    ]  # fmt: skip
    assert any(word.lower().startswith("mail from:<>") for word in server.commands)


def test_nothing_goes_to_a_server_that_has_no_tls_where_it_is_required(loopback, over):
    server = SmtpServer()
    with server.running():
        over({**server.settings, "starttls": "require"})
        with pytest.raises(Undelivered, match="does not offer STARTTLS"):
            NodeMail().send_messages([EmailMessage(**MESSAGE)])

    assert server.taken == []


def test_without_a_server_it_is_printed_on_this_machine_and_waits_elsewhere(over, settings, capsys):
    over({})
    assert NodeMail().send_messages([EmailMessage(**MESSAGE)]) == 1
    assert "ada@meadow-net.example" in capsys.readouterr().out

    settings.IS_LOCAL = False
    with pytest.raises(Undelivered, match="no mail server is set"):
        NodeMail().send_messages([EmailMessage(**MESSAGE)])
    assert capsys.readouterr().out == ""


# ── letters ──────────────────────────────────────────────────────────────────────────────

AT = datetime(2026, 11, 23, 9, tzinfo=UTC)


@pytest.fixture
def broken(pages, settings):
    """A node whose mail server is never there."""
    settings.EMAIL_BACKEND = "tests.node.test_mail_backend.Broken"


class Broken(NodeMail):
    """Refuses."""

    def send_messages(self, email_messages):
        """Never."""
        raise Undelivered("mail: not now", lasting=False)


def queued():
    """One letter."""
    return letters.queue("ada@meadow-net.example", subject="s", text="t", at=AT)


def test_a_letter_that_failed_is_tried_again_later(broken):
    queued()
    first = letters.send_due(owner="w", at=AT)
    at_once = letters.send_due(owner="w", at=AT + timedelta(seconds=30))
    later = letters.send_due(owner="w", at=AT + timedelta(minutes=3))

    assert (first, at_once, later) == ((0, 1), (0, 0), (0, 1))
    assert Letter.objects.get().last_error == "Undelivered: mail: not now"


def test_a_letter_is_given_up_after_three_days(broken):
    queued()
    letters.send_due(owner="w", at=AT + timedelta(hours=73))

    assert Letter.objects.count() == 0


def test_two_who_send_at_once_send_once(pages):
    queued()
    from tocsin.office import leases

    taken = leases.take(Letter.objects.all(), owner="one", at=AT)

    assert len(taken) == 1
    assert letters.send_due(owner="two", at=AT) == (0, 0)


def test_a_letter_sealed_under_another_key_is_kept_and_said(pages):
    queued()
    pages.SECRET_KEY = "y" * 60
    letters.send_due(owner="w", at=AT)

    assert "restore keys/django-secret" in Letter.objects.get().last_error
