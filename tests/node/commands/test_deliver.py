"""`tocsin route --send`, `deliver`, `receipts`: from a report to a mailbox and back."""

import mailbox
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from email import message_from_bytes
from email.message import EmailMessage
from pathlib import Path

import pytest

from tests.channels import exim
from tests.channels.smtp_server import SILENT, SmtpServer
from tests.node.conftest import OVERLAY, PARTIES, PHISH, SINKHOLE, Run, Said

REPORTS = (SINKHOLE, PHISH, "--overlay", OVERLAY)


@pytest.fixture
def parties(tmp_path: Path) -> Path:
    """The sample parties with contacts, all of them written to by mail."""
    whole = PARTIES.read_text("utf-8").split("[[party]]\n")
    reached = [part for part in whole if "abuse@" in part]
    file = tmp_path / "parties.toml"
    file.write_text(
        "".join(f"[[party]]\n{part}" for part in reached).replace('"folder"', '"mail"'), "utf-8"
    )
    return file


@pytest.fixture
def server(loopback: None) -> Iterator[SmtpServer]:
    with SmtpServer().running() as smtp:
        yield smtp


def environment(settings: dict[str, str]) -> dict[str, str]:
    """Settings of the mail channel as an operator gives them."""
    return {f"TOCSIN_SMTP_{name.upper()}": value for name, value in settings.items()}


@pytest.fixture
def tocsin_with(tocsin: Run, monkeypatch: pytest.MonkeyPatch) -> Run:
    """`tocsin_with(words…, NAME=value…)`: in this process, with these settings."""

    def run(*words: object, **env: str) -> Said:
        for name, value in env.items():
            monkeypatch.setenv(name, value)
        return tocsin(*words)

    return run


def subjects(messages: list[EmailMessage]) -> list[str]:
    """Of our own messages, without the ticket."""
    found = (message["Subject"].partition("] ") for message in messages)
    return sorted(rest for ticket, _, rest in found if ticket.startswith("[Tocsin "))


def told(facts) -> list[str]:
    """The subjects that the deliveries of a run make, one per party, in its language."""
    events = Counter()
    for row in facts["deliveries"]:
        events[row["name"]] += row["events"]
    french = {"Brook Telecom": ("événement", "pour")}
    words = {name: french.get(name, ("event", "for")) for name in events}
    return sorted(
        f"{n:,} {words[name][0]}{'s' * (n != 1)} {words[name][1]} {name}"
        for name, n in events.items()
    )


def test_without_send_nothing_leaves_the_machine_and_with_it_everything_does(
    tocsin_with: Run, server: SmtpServer, parties: Path
) -> None:
    env = environment(server.settings)
    routed = tocsin_with("route", *REPORTS, "--parties", parties, "--json", **env)
    before = len(server.taken)
    sent = tocsin_with("deliver", **env)
    again = tocsin_with("deliver", **env)

    assert routed.code == 0
    assert {row["state"] for row in routed.json["deliveries"]} == {"queued"}
    assert (before, sent.code, again.code) == (0, 0, 0)
    assert subjects(server.messages) == told(routed.json)
    assert again.out == "0 deliveries handed over.\n"


def test_route_may_send_at_once(tocsin_with: Run, server: SmtpServer, parties: Path) -> None:
    env = environment(server.settings)
    done = tocsin_with("route", *REPORTS, "--parties", parties, "--send", "--json", **env)

    assert done.code == 0
    assert {row["state"] for row in done.json["deliveries"]} == {"delivered"}
    assert len(server.taken) == len(done.json["deliveries"])


def test_without_a_mail_server_mail_waits_and_no_attempt_is_counted(
    tocsin_with: Run, parties: Path
) -> None:
    tocsin_with("route", *REPORTS, "--parties", parties)
    facts = tocsin_with("deliver", "--json")

    assert facts.code == 7
    assert {(row["attempt"], row["why"]) for row in facts.json["waiting"]} == {
        (0, "no mail server is set. Possible: TOCSIN_SMTP_HOST and TOCSIN_SMTP_FROM")
    }


def test_what_waits_and_what_was_given_up_is_shown_with_the_reason_and_can_be_resumed(
    tocsin_with: Run, server: SmtpServer, parties: Path
) -> None:
    env = environment(server.settings)
    tocsin_with("route", *REPORTS, "--parties", parties, **env)
    server.refuses |= {
        "abuse@meadow-net.example": "550 5.7.1 not from there",
        "abuse@brook-telecom.example": "450 come back later",
    }
    first = tocsin_with("deliver", "--json", **env)
    shown = tocsin_with("deliver", **env)
    server.refuses.clear()
    [parked] = first.json["parked"]
    resumed = tocsin_with("deliver", "--resume", parked["delivery"][:8], "--json", **env)

    assert (first.code, shown.code) == (7, 7)
    assert [(row["party"], row["why"]) for row in first.json["waiting"]] == [
        (
            "brook-telecom",
            "mail: nobody was accepted: abuse@brook-telecom.example: 450 come back later",
        )
    ]
    assert "550 5.7.1 not from there" in parked["why"]
    assert f"{parked['delivery'][:8]}  meadow-net" in shown.out
    assert "take one up again: tocsin deliver --resume DELIVERY" in shown.out
    assert [row["party"] for row in resumed.json["delivered"]] == ["meadow-net"]
    assert (resumed.json["parked"], resumed.code) == ([], 7)


def test_a_mailbox_that_is_no_more_is_marked_dead_when_it_is_refused(
    tocsin_with: Run, server: SmtpServer, parties: Path
) -> None:
    env = environment(server.settings)
    server.refuses["abuse@meadow-net.example"] = "550 no such user"
    routed = tocsin_with("route", *REPORTS, "--parties", parties, "--send", "--json", **env)
    dead = tocsin_with("contacts", "list", "--dead", "--json").json
    came_back = tocsin_with("receipts", "--json").json["receipts"]
    server.refuses.clear()
    [parked] = tocsin_with("deliver", "--json", **env).json["parked"]
    early = tocsin_with("deliver", "--resume", parked["delivery"], "--json", **env)
    tocsin_with("contacts", "alive", "abuse@meadow-net.example", "--why", "they mended it")
    late = tocsin_with("deliver", "--resume", parked["delivery"], "--json", **env)

    [row] = [row for row in routed.json["deliveries"] if row["party"] == "meadow-net"]
    assert (routed.code, row["state"]) == (7, "parked")
    assert row["error"] == (
        "mail: nobody was accepted: abuse@meadow-net.example: 550 no such user; "
        "marked dead: abuse@meadow-net.example"
    )
    assert [(one["value"], one["why"]) for one in dead] == [
        ("abuse@meadow-net.example", "the mail server answered 550 no such user")
    ]
    assert [(one["party"], one["kind"]) for one in came_back] == [("meadow-net", "bounced")]
    assert "found dead: abuse@meadow-net.example" in early.json["parked"][0]["why"]
    assert [row["party"] for row in late.json["delivered"]] == ["meadow-net"]


def test_a_day_that_is_not_over_is_held_and_is_no_failure(
    tocsin_with: Run, server: SmtpServer, parties: Path
) -> None:
    parties.write_text(
        parties.read_text("utf-8").replace('"mail"', '"mail"\ninterval = "daily"'), "utf-8"
    )
    env = environment(server.settings)
    routed = tocsin_with("route", *REPORTS, "--parties", parties, "--send", "--json", **env)
    held = tocsin_with("deliver", "--json", **env)

    assert (routed.code, held.code, server.taken) == (0, 0, [])
    assert len(held.json["held"]) == len(routed.json["deliveries"])
    assert held.json["held"][0]["next_attempt_at"].endswith("T00:00:00Z")


def test_until_empty_stays_until_the_last_one_is_taken(
    spawn: Run, server: SmtpServer, parties: Path, tmp_path: Path, clean_env: dict[str, str]
) -> None:
    env = environment(server.settings)
    spawn("route", *REPORTS, "--parties", parties, **env)
    server.answers["CONNECT"] = "421 closing"
    waiting = spawn("deliver", "--json", **env)
    server.answers.clear()
    # The waits of the outbox, a thousand times as fast.
    hurry = (
        "from datetime import timedelta; from tocsin.office import outbox;"
        "outbox.FIRST_WAIT = timedelta(seconds=0.05)"
    )
    program = f"""
import tocsin.node.store as store
opened = store.open_existing
def hurried(*words):
    made = opened(*words)
    {hurry}
    from tocsin.office.models import Delivery
    from django.db.models import F
    Delivery.objects.update(next_attempt_at=F("created_at"))
    return made
import tocsin.node.commands.deliver as deliver
deliver.open_existing = hurried
import sys; sys.argv = ["tocsin", "deliver", "--until-empty"]
from tocsin.node.cli import main
main()
"""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program],
        cwd=tmp_path,
        env={**clean_env, **env},
        capture_output=True,
        timeout=60,
        check=False,
    )

    assert (waiting.code, done.returncode, done.stderr) == (7, 0, b"")
    assert len(server.taken) == len(waiting.json["waiting"])


def test_killed_after_the_data_the_repeat_is_the_same_message(
    spawn: Run, server: SmtpServer, parties: Path, tmp_path: Path, clean_env: dict[str, str]
) -> None:
    env = environment(server.settings)
    only = parties.read_text("utf-8").split("[[party]]\n")
    parties.write_text("[[party]]\n" + next(part for part in only if "meadow-net" in part), "utf-8")
    spawn("route", *REPORTS, "--parties", parties, **env)
    server.answers["END"] = SILENT
    child = subprocess.Popen(
        [sys.executable, "-m", "tocsin.node", "deliver"],
        cwd=tmp_path,
        env={**clean_env, **env},
    )
    for _ in range(600):
        if server.seen:
            break
        time.sleep(0.05)
    child.send_signal(signal.SIGKILL)
    child.wait(timeout=30)
    server.answers.clear()
    rest = spawn("deliver", "--json", **env)

    assert rest.code == 0
    assert len(server.seen) == 2
    assert server.seen[0] == server.seen[1] == server.taken[0]
    first, second = (message_from_bytes(raw) for raw in server.seen)
    for header in ("Message-ID", "X-Tocsin-Digest"):
        assert first[header] == second[header] is not None


def test_receipts_come_out_of_a_mailbox_and_by_hand(
    tocsin_with: Run, server: SmtpServer, parties: Path, tmp_path: Path
) -> None:
    env = environment(server.settings)
    done = tocsin_with("route", *REPORTS, "--parties", parties, "--send", "--json", **env)
    sent = {message["To"]: message for message in server.messages}["abuse@meadow-net.example"]
    answer = EmailMessage()
    answer["From"], answer["Message-ID"] = "jo@meadow-net.example", "<77@meadow-net.example>"
    answer["Subject"], answer["In-Reply-To"] = f"Re: {sent['Subject']}", sent["Message-ID"]
    answer.set_content("We cleaned it.")
    box = mailbox.mbox(tmp_path / "in.mbox")
    box.add(answer)
    box.close()
    read = tocsin_with("receipts", "--mbox", "in.mbox", "--json").json
    delivery = read["receipts"][0]["delivery"]
    added = tocsin_with("receipts", "add", delivery[:8], "cured", "--note", "ticket 7")
    listed = tocsin_with("receipts")

    assert done.code == 0
    assert read["read"]["answer"] == 1
    assert [(r["party"], r["kind"]) for r in read["receipts"]] == [("meadow-net", "received")]
    assert added.out == "Meadow Net, cured: written down.\n"
    assert [word in listed.out for word in ("cured", "received", delivery[:8])] == [True] * 3
    assert tocsin_with("receipts", "add", delivery[:8], "bounced").code == 2
    assert tocsin_with("receipts", "add", "00000000", "cured").code == 4
    assert tocsin_with("receipts", "--mbox", "nowhere").code == 4


def test_a_setting_that_cannot_work_is_said_before_anything_is_routed_or_sent(
    tocsin_with: Run, parties: Path
) -> None:
    env = environment({"host": "127.0.0.1", "port": "smtp", "from": "tocsin@cert.example"})
    sending = tocsin_with("route", *REPORTS, "--parties", parties, "--send", **env)
    kept = tocsin_with("route", *REPORTS, "--parties", parties, "--json")
    done = tocsin_with("deliver")

    assert (sending.code, kept.code, done.code) == (2, 0, 2)
    assert "TOCSIN_SMTP_PORT='smtp' must be a number" in sending.err == done.err
    assert kept.json["events"] > 0


def test_from_a_report_to_a_real_mailbox_and_its_bounce_back(
    spawn: Run, loopback: None, parties: Path
) -> None:
    text = parties.read_text("utf-8").replace("abuse@meadow-net.example", "gone@meadow-net.example")
    parties.write_text(text, "utf-8")
    with exim.running() as server:
        env = environment(server.settings)
        done = spawn("route", *REPORTS, "--parties", parties, "--send", "--json", **env)
        count = len(done.json["deliveries"])
        arrived = server.messages(count)
        read = spawn("receipts", "--maildir", server.maildir, "--json").json

    assert done.code == 0
    undelivered = [line for line in told(done.json) if "Meadow Net" in line]
    assert sorted(subjects(arrived) + undelivered) == told(done.json)
    assert read["read"] == {
        "answer": 0,
        "bounce": 1,
        "dead": 1,
        "automatic": count - 1,
        "repeat": 0,
        "stranger": 0,
    }
    assert [(r["party"], r["kind"]) for r in read["receipts"]] == [("meadow-net", "bounced")]
