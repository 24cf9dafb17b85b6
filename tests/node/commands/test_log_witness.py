"""`tocsin log witness`: one process that watches, and logs that ask it."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.ledger.die_at import AT, leaves
from tests.ledger.keys import LOG
from tocsin.ledger.log import Log
from tocsin.words.errors import Unproven

ALLOW = ("--allow", "127.0.0.0/8")
KEY = LOG.verifier.vkey


@pytest.fixture
def log(tmp_path: Path) -> Log:
    return grown(tmp_path / "log", 9)


def grown(folder: Path, count: int, first: int = 0) -> Log:
    log = Log(folder)
    log.append(leaves(first, count), start=0)
    log.publish(signers=[LOG], at=AT)
    return log


@contextmanager
def serving(folder: Path) -> Iterator[tuple[str, list[str]]]:
    """`tocsin log witness serve` in a process of its own; its address, and later what it ended
    with: the code, what it said on standard error."""
    child = subprocess.Popen(
        [sys.executable, "-m", "tocsin.node", "log", "witness", "serve", folder, "--port", "0"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "COLUMNS": "200"},
    )
    ended: list[str] = []
    try:
        line = child.stdout.readline()
        yield line.partition(" at ")[2].partition(",")[0], ended
    finally:
        child.send_signal(signal.SIGINT)
        _, said = child.communicate(timeout=20)
        ended += [str(child.returncode), said]


def test_a_witness_is_made_once_and_watches(tocsin, tmp_path) -> None:
    first = tocsin("log", "witness", "add", "w", KEY, "--name", "witness.example/one")
    again = tocsin("log", "witness", "add", "w", KEY)

    assert (first.ended, again.ended) == ((0, ""), (0, ""))
    said = f"log.example/tocsin (Ed25519, key {LOG.verifier.key_id.hex()}): watched"
    assert first.out.splitlines()[0] == f"{said} from now on"
    assert again.out.splitlines()[0] == f"{said} already"
    assert first.out.splitlines()[1:] == again.out.splitlines()[1:]
    assert all(line.startswith("witness.example/one+") for line in first.out.splitlines()[1:])
    assert "PRIVATE" not in first.out
    assert tocsin("log", "witness", "alarms", "w").ended == (0, "")
    assert tocsin("log", "witness", "add", "w", "--name", "other.example").code == 2


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["add", "w"], 4, "--name witness.example/log"),
        (["add", "w", "x", "--name", "w"], 3, "no key"),
        (["add", "w", "--name", "a b"], 2, "names no log or witness"),
        (["serve", "w"], 4, "is no witness"),
        (["alarms", "w"], 4, "is no witness"),
        (["ask", "nothing", "https://w.example/"], 4, "shows no checkpoint"),
        (["ask", "log", "https://w.example/"], 2, "whose cosignature"),
        (["ask", "log", "--witness", "KEY"], 2, "which witness"),
        (["ask", "log", "http://192.0.2.1/", "--witness", "KEY"], 7, "only https is spoken here"),
        (["ask", "log", "ftp://w.example/", "--witness", "KEY"], 2, "no https address"),
        (["ask", "log", "https://w.example/?x", "--witness", "KEY"], 2, "no query"),
        (["ask", "log", "https://w.example/", "--witness", "KEY", "--allow", "x"], 2, "x"),
    ],
)
def test_what_cannot_be_done_is_said(tocsin, log, words, code, said) -> None:
    done = tocsin("log", "witness", *[KEY if word == "KEY" else word for word in words])

    assert (done.code, done.out) == (code, "")
    assert said in done.err


def test_a_log_is_cosigned_and_then_convinces_by_policy(tocsin, log, loopback, tmp_path) -> None:
    made = tocsin("log", "witness", "add", "w", KEY, "--name", "witness.example/one")
    keys = made.out.splitlines()[1:]
    with serving(tmp_path / "w") as (url, ended):
        witnesses = [f"witness w{n} {key} {url}" for n, key in enumerate(keys)]
        lines = [f"log {KEY}", *witnesses, "quorum w0"]
        (tmp_path / "policy").write_text("\n".join(lines))
        assert tocsin("log", "verify", "log", "--policy", "policy").code == 9
        done = tocsin("log", "witness", "ask", "log", "--policy", "policy", *ALLOW)

    assert (done.ended, done.out) == ((0, ""), "witness.example/one cosigned 9 leaves\n")
    assert ended == ["0", ""]
    verified = tocsin("log", "verify", "log", "--policy", "policy")
    assert verified.ended == (0, "")
    assert verified.out.count("Seen by witness.example/one") == len(keys)


def test_another_history_is_shouted_about_on_both_sides(tocsin, log, loopback, tmp_path) -> None:
    made = tocsin("log", "witness", "add", "w", KEY, "--name", "witness.example/one")
    key = made.out.splitlines()[1]
    grown(tmp_path / "forged", 9, first=50)
    with serving(tmp_path / "w") as (url, ended):
        words = (url, "--witness", key, *ALLOW)
        assert tocsin("log", "witness", "ask", "log", *words).code == 0
        done = tocsin("log", "witness", "ask", "forged", *words)

    assert done.code == Unproven.exit_code == 9
    assert "size 9 with another root than this one of size 9: two histories" in done.err
    assert ended[0] == "9"
    assert ended[1].startswith("ALARM log.example/tocsin: two histories, one size")
    listed = tocsin("log", "witness", "alarms", "w")
    assert listed.code == 9
    assert "two histories, one size: the log signed both, which proves it" in listed.out
    (alarm,) = tocsin("log", "witness", "alarms", "w", "--json").json
    assert alarm["kind"] == "split"
    assert (tmp_path / "w" / "alarms" / f"{alarm['name']}.json").is_file()
    assert alarm["kept"] == (tmp_path / "log/public/checkpoint").read_text().rsplit("— w", 1)[0]


def test_a_witness_that_is_away_leaves_the_log_as_it_is(tocsin, log, loopback) -> None:
    before = (log.public / "checkpoint").read_bytes()
    done = tocsin("log", "witness", "ask", "log", "http://127.0.0.1:1/", "--witness", KEY, *ALLOW)

    assert done.code == 7
    assert "nobody takes connections there" in done.err
    assert (log.public / "checkpoint").read_bytes() == before
