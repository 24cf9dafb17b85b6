"""Long commands say on a terminal that they go on, and to nobody else."""

import os
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path

import pytest

from tests.node.commands.test_preview import small_packages
from tests.node.conftest import SAMPLES, SINKHOLE, WITH_PARTIES, Said
from tocsin.desks.response.queries import quarantined
from tocsin.flow.progress import counted
from tocsin.formats.ip_ranges import write_snapshot

RIPE = sorted((SAMPLES / "contacts").glob("ripe.db.*"))
STEPS = {
    ("contacts", "import", "ripe", *RIPE): ["reading", "comparing with what is on file", "writing"],
    ("networks", "update", "--from", "packages"): ["reading the packages", "writing"],
    ("erase", "address", "192.0.2.7", "--why", "17/26", "--yes"): [
        "searching the event store",
        "searching evidence",
        "opening every file again",
    ],
    ("retain",): ["delivery files", "runs that were cut off", "leftovers"],
    ("quarantine", "--why", "17/26"): ["reading the quarantine"],
}
COMMANDS = pytest.mark.parametrize("words", STEPS, ids=lambda words: words[0])


@pytest.fixture(scope="module")
def store(tmp_path_factory) -> Path:
    """A folder whose store has one report routed; small packages lie beside it."""
    folder = tmp_path_factory.mktemp("progress")
    small_packages(folder / "packages")
    assert on_terminal(folder, "route", SINKHOLE, *WITH_PARTIES).code == 0
    return folder


def on_terminal(folder: Path, *words: object) -> Said:
    """A command whose standard error is a pseudo-terminal; its output goes down a pipe."""
    mine, its = os.openpty()
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("TOCSIN", "DJANGO", "NO_"))}
    paths = os.pathsep.join(path for path in sys.path if path)
    heard: list[bytes] = []

    def listen() -> None:
        with suppress(OSError):  # EIO: nobody has the other end any more
            while block := os.read(mine, 65536):
                heard.append(block)

    listener = threading.Thread(target=listen)
    listener.start()
    done = subprocess.run(
        [sys.executable, "-W", "error", "-m", "tocsin.node", *map(str, words)],
        cwd=folder,
        env={**clean, "PYTHONPATH": paths, "COLUMNS": "120", "TERM": "xterm-256color"},
        stdout=subprocess.PIPE,
        stderr=its,
        check=False,
    )
    os.close(its)
    listener.join(timeout=30)
    os.close(mine)
    return Said(done.returncode, done.stdout.decode(), b"".join(heard).decode())


@COMMANDS
def test_on_a_terminal_every_step_has_a_line_with_json_none_and_the_output_never(
    store, words
) -> None:
    said = on_terminal(store, *words)

    assert said.code == 0
    assert [step for step in STEPS[words] if step not in said.err] == []
    assert "\x1b" in said.err  # the lines are drawn, and taken away in the end
    assert "\x1b" not in said.out
    if words[0] != "networks":  # it has no --json
        assert on_terminal(store, *words, "--json").err == ""


def test_an_action_says_its_steps_to_whoever_asks(tmp_path: Path) -> None:
    told: list[tuple[str, int]] = []
    folder = small_packages(tmp_path / "packages")
    write_snapshot(folder, tmp_path / "networks", progress=lambda *word: told.append(word))

    assert told[0] == ("reading the packages", 0)
    sums = {name: sum(count for step, count in told if step == name) for name, _ in told}
    assert sums == {"reading the packages": 4, "narrower before wider": 4, "writing": 5}


@pytest.mark.parametrize("number", [0, 1, 999, 1000, 2500])
def test_counting_passes_everything_on_and_tells_of_every_item(number: int) -> None:
    told: list[tuple[str, int]] = []
    passed = list(counted(range(number), lambda *word: told.append(word), "reading"))

    assert passed == list(range(number))
    assert (told[0], sum(count for _, count in told)) == (("reading", 0), number)
    assert len(told) == 2 + number // 1000


def test_nobody_need_listen(tmp_path: Path) -> None:
    assert quarantined(tmp_path).height == 0
