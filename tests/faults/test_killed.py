"""Killed at any moment: the next run loses nothing and doubles nothing.

Each trial is a process of its own, forked from a server that has everything imported but has
opened nothing, so that two hundred of them take about as long as a coffee.
"""

import hashlib
import json
import multiprocessing
import runpy
import shutil
import signal
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from random import Random

import polars as pl
import pytest

MOMENTS = 200


HERE = Path(__file__).parent
IMPORTED = [
    "django.db.migrations.executor",
    "tocsin.flow.gather",
    "tocsin.formats.catalogue",
    "tocsin.node.commands.route",
]


@pytest.fixture(scope="module")
def forks():
    """A fork server with the imports done."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(IMPORTED)
    return context


def run(
    forks, folder: Path, *, kill_after: float | None = None, script: str = "route_once.py"
) -> float:
    """One run; killed after so many seconds, or let through to its end."""
    process = forks.Process(
        target=runpy.run_path, args=(str(HERE / script), {"FOLDER": str(folder)})
    )
    began = time.monotonic()
    process.start()
    process.join(kill_after)
    if kill_after is not None and process.is_alive():
        process.kill()
    process.join()
    fine = (0, -signal.SIGKILL) if kill_after is not None else (0,)
    assert process.exitcode in fine
    return time.monotonic() - began


def fresh(folder: Path, template: Path) -> Path:
    """A copy of a store with parties and no report; all have the same secret, so hashes agree."""
    shutil.copytree(template, folder)
    return folder


def delivered(folder: Path) -> Counter[tuple[str, str, str]]:
    """(party, relation, line of the file without what names the run) over all deliveries."""
    rows: Counter[tuple[str, str, str]] = Counter()
    for path in (folder / "out").rglob("*.manifest.json"):
        manifest = json.loads(path.read_text())["manifest"]
        data = (path.parent / manifest["file"]["name"]).read_bytes()
        assert hashlib.sha256(data).hexdigest() == manifest["file"]["sha256"]
        lines = data.decode().splitlines()
        skip = 0 if manifest["file"]["format"] == "intelmq-json" else 1
        text = "\n".join(lines[skip:])
        for report in manifest["reports"]:
            text = text.replace(report, "REPORT")
        party, relation = manifest["to"]["party"], manifest["to"]["relation"]
        rows.update((party, relation, line) for line in text.splitlines())
    return rows


def stored(folder: Path) -> Counter[tuple[str, int]]:
    """(key, line) of every event in the store."""
    events = pl.scan_delta(str(folder / "store" / "events")).select("event_hash", "row").collect()
    return Counter(events.rows())


@pytest.fixture(scope="module")
def template(forks, tmp_path_factory):
    """A store as it is before any report came in."""
    folder = tmp_path_factory.mktemp("template")
    run(forks, folder, script="open_store.py")
    return folder


def trial(forks, template: Path, folder: Path, moment: float) -> tuple[Counter, Counter]:
    """Killed at the moment, then run again: what was delivered, what is stored."""
    fresh(folder, template)
    run(forks, folder, kill_after=moment)
    delivered(folder)  # every manifest that is visible already fits its file
    run(forks, folder)
    result = delivered(folder), stored(folder)
    shutil.rmtree(folder)
    return result


def test_killed_at_two_hundred_moments_nothing_is_lost_and_nothing_doubled(
    forks, template, tmp_path
):
    whole = fresh(tmp_path / "whole", template)
    took = run(forks, whole)
    expected = delivered(whole), stored(whole)
    random = Random(20261123)
    # Two at a time; a trial on a busy machine takes longer, so some moments lie beyond `took`.
    moments = [random.uniform(0.0, 1.5 * took) for _ in range(MOMENTS)]
    with ThreadPoolExecutor(2) as pool:
        trials = [
            pool.submit(trial, forks, template, tmp_path / f"trial-{number}", moment)
            for number, moment in enumerate(moments)
        ]
        wrong = [moments[n] for n, done in enumerate(trials) if done.result() != expected]
    assert wrong == []
    assert sum(expected[0].values()) > 100
