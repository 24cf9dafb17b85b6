"""`tocsin route --send` where the mail does not go: what is said, how it ends, what stays."""

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.channels.smtp_server import DROP, SILENT, SmtpServer
from tests.node.conftest import OVERLAY, PARTIES, SINKHOLE, Run, Said
from tocsin.channels import mail

UNSET = "no mail server is set. Possible: TOCSIN_SMTP_HOST and TOCSIN_SMTP_FROM"
NOBODY = "mail: nobody was accepted: abuse@meadow-net.example: "


@pytest.fixture
def parties(tmp_path: Path) -> Path:
    """Meadow Net by mail, Brook Telecom in a folder."""
    whole = PARTIES.read_text("utf-8").split("[[party]]\n")
    meadow, brook = (next(p for p in whole if f'id = "{n}' in p) for n in ("meadow", "brook"))
    file = tmp_path / "two.toml"
    meadow = meadow.replace('"folder"', '"mail"')
    file.write_text(f"[[party]]\n{meadow}[[party]]\n{brook}", "utf-8")
    return file


@pytest.fixture
def server(loopback: None) -> Iterator[SmtpServer]:
    with SmtpServer().running() as smtp:
        yield smtp


@pytest.fixture
def send(tocsin: Run, parties: Path, monkeypatch: pytest.MonkeyPatch):
    """`send(settings)`: the demo report to the two parties, over every channel."""

    def run(settings: dict[str, str], *more: str) -> Said:
        for name, value in settings.items():
            monkeypatch.setenv(f"TOCSIN_SMTP_{name.upper()}", value)
        words = ("--parties", parties, "--overlay", OVERLAY)
        return tocsin("route", SINKHOLE, *words, "--send", *more)

    return run


def states(done: Said) -> dict[str, tuple[str, str]]:
    return {row["party"]: (row["state"], row["error"]) for row in done.json["deliveries"]}


def kept(store: Path) -> list[str]:
    """Files of deliveries that are not handed over yet, as they lie in the store."""
    from tocsin.office.models import Delivery

    unsent = Delivery.objects.exclude(state="delivered").order_by("pk")
    return [one.party.slug for one in unsent if (store / one.path).is_file()]


def test_without_a_mail_server_what_goes_by_mail_waits_with_the_reason(
    send, tocsin: Run, tmp_path: Path
) -> None:
    done = send({}, "--json")
    waiting = tocsin("deliver", "--json")

    assert (done.code, done.err) == (7, "")
    assert states(done) == {"meadow-net": ("ready", UNSET), "brook-telecom": ("delivered", "")}
    assert kept(tmp_path / "tocsin-store") == ["meadow-net"]
    assert (waiting.code, [row["why"] for row in waiting.json["waiting"]]) == (7, [UNSET])


def test_people_read_the_reason_and_not_that_it_is_queued(send) -> None:
    done = send({})

    assert done.code == 7
    assert f"note Meadow Net: {UNSET}" in done.out
    assert "queued" not in done.out
    assert "waits" in done.out


def test_a_day_that_is_not_over_does_not_hide_that_there_is_no_server(send, parties: Path) -> None:
    text = parties.read_text("utf-8")
    parties.write_text(text.replace('"mail"', '"mail"\ninterval = "daily"'), "utf-8")
    done = send({}, "--json")

    assert (done.code, states(done)["meadow-net"]) == (7, ("ready", UNSET))


def test_without_send_the_same_is_queued_and_no_failure(tocsin: Run, parties: Path) -> None:
    done = tocsin("route", SINKHOLE, "--parties", parties, "--overlay", OVERLAY, "--json")

    assert (done.code, states(done)["meadow-net"]) == (0, ("queued", ""))


def test_a_mail_server_that_is_down(send, loopback: None, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    settings = SmtpServer(port=port).settings
    done = send(settings, "--json")

    state, why = states(done)["meadow-net"]
    assert (done.code, done.err, state) == (7, "", "ready")
    assert why.startswith("mail server 127.0.0.1: ")
    assert "refused" in why.lower()
    assert kept(tmp_path / "tocsin-store") == ["meadow-net"]


@pytest.mark.parametrize(
    "case",
    [
        ("CONNECT", "421 closing", "ready", "mail server 127.0.0.1: it answered 421 closing"),
        ("RCPT", "450 come back later", "ready", f"{NOBODY}450 come back later"),
        ("RCPT", "554 5.7.1 blocked", "parked", f"{NOBODY}554 5.7.1 blocked"),
        ("END", "451 busy", "ready", "mail server 127.0.0.1: it answered 451 busy"),
        ("END", "552 too big", "parked", "mail server 127.0.0.1: it answered 552 too big"),
        ("CONNECT", SILENT, "ready", "mail server 127.0.0.1: it did not answer in time"),
        ("END", SILENT, "ready", "mail: the connection broke before the server had confirmed"),
        ("END", DROP, "ready", "mail: the connection broke before the server had confirmed"),
    ],
)
def test_a_mail_server_that_refuses_or_is_slow(
    send, server: SmtpServer, tmp_path: Path, monkeypatch, case
) -> None:
    step, answer, state, why = case
    monkeypatch.setattr(mail, "COMMAND_SECONDS", 0.4)
    monkeypatch.setattr(mail, "DATA_SECONDS", 0.4)
    server.answers[step] = server.refuses["abuse@meadow-net.example"] = answer
    if step != "RCPT":
        server.refuses.clear()
    done = send(server.settings, "--json")
    said, reason = states(done)["meadow-net"]

    assert (done.code, done.err, said, reason.startswith(why)) == (7, "", state, True), reason
    assert states(done)["brook-telecom"] == ("delivered", "")
    assert (server.taken, kept(tmp_path / "tocsin-store")) == ([], ["meadow-net"])


def test_once_the_server_is_there_the_same_delivery_goes_out(send, server: SmtpServer) -> None:
    first = send({}, "--json")
    again = send(server.settings, "--json")

    assert first.code == 7
    assert (again.code, again.json["earlier"], len(server.taken)) == (0, 1, 1)
