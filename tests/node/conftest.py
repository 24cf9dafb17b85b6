"""Two ways to run `tocsin`: in this process, quickly, and as people do, in one of its own."""

import json
import multiprocessing
import os
import runpy
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as django_settings

from tocsin.node.cli import main
from tocsin.node.samples import samples_folder

COMMAND = Path(__file__).parent / "run_command.py"
SAMPLES = samples_folder()
PARTIES, OVERLAY = SAMPLES / "parties.toml", SAMPLES / "networks.csv"
SINKHOLE = SAMPLES / "demo" / "2026-06-17-event4_sinkhole-demo.csv"
PHISH = SAMPLES / "demo" / "2026-06-17-phish_url-demo.csv"
WITH_PARTIES = ("--parties", PARTIES, "--overlay", OVERLAY)


@dataclass(frozen=True)
class Said:
    """What a command ended with and what it said."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Standard output as JSON."""
        return json.loads(self.out)

    @property
    def ended(self) -> tuple[int, str]:
        """Exit code and complaint."""
        return self.code, self.err


Run = Callable[..., Said]


@pytest.fixture
def tocsin(own_database: None, monkeypatch, capsys, tmp_path: Path) -> Run:
    """`tocsin("route", FILE, …)` in this process, with the test's folder as the current one."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("TOCSIN_TRACE", raising=False)

    def run(*words: object) -> Said:
        monkeypatch.setenv("TOCSIN_STORE", "")  # the run before set it, for its own processes
        monkeypatch.setattr(sys, "argv", ["tocsin", *map(str, words)])
        with pytest.raises(SystemExit) as end:
            main()
        return Said(int(end.value.code or 0), *capsys.readouterr())

    return run


@pytest.fixture
def spawn(tmp_path: Path, clean_env: dict[str, str], ready_database: Path) -> Run:
    """The same in a process of its own, with nothing set and warnings as errors.

    It comes out of a fork server that has everything imported and nothing opened; begins from
    nothing where something comes `before` it or is set.
    """

    def run(*words: object, before: tuple[str, ...] = (), **env: str) -> Said:
        if not before and not env:
            given = {"WORDS": [os.fspath(word) for word in words], "ENV": clean_env}
            return _forked({**given, "FOLDER": tmp_path, "READY": ready_database})
        done = subprocess.run(
            [*before, sys.executable, "-W", "error", "-m", "tocsin.node", *map(os.fspath, words)],
            cwd=tmp_path,
            env={**clean_env, "COLUMNS": "200", **env},
            capture_output=True,
            check=False,
        )
        return Said(done.returncode, done.stdout.decode(), done.stderr.decode())

    return run


def _forked(given: dict[str, Any]) -> Said:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.faults.imported"])
    with tempfile.TemporaryDirectory(prefix="tocsin-said-") as said:
        out, err = Path(said, "out"), Path(said, "err")
        process = context.Process(
            target=runpy.run_path, args=(str(COMMAND), {**given, "OUT": out, "ERR": err})
        )
        process.start()
        process.join()
        code = process.exitcode
        process.close()
        return Said(code, out.read_text("utf-8"), err.read_text("utf-8"))


def listing(folder: Path) -> dict[str, tuple[int, int]]:
    """Everything below a folder with size and moment of change."""
    return {
        str(path.relative_to(folder)): (path.stat().st_size, path.stat().st_mtime_ns)
        for path in sorted(folder.rglob("*"))
    }


@pytest.fixture
def pages(db: None, monkeypatch: pytest.MonkeyPatch, settings: Any) -> Any:
    """The pages of a node that people sign in to; passwords are hashed quickly."""
    monkeypatch.setattr(django_settings._wrapped, "SECRET_KEY", "x" * 60)  # a suite has no store
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    return settings
