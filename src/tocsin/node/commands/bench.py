"""`tocsin bench`: measure this machine; the figures in docs/benchmarks.md come from here."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Annotated, Any

import typer

from tocsin.node.commands.bench_page import (
    LOG,
    SHIELD,
    SUBSCRIBERS,
    WEB,
    show_cases,
    show_route,
    write_cases,
    write_document,
)
from tocsin.node.commands.options import Executor, Json
from tocsin.node.console import out, say_json
from tocsin.node.store import DATABASE_URL
from tocsin.words.errors import TocsinError, Unusable

app = typer.Typer(help="Measure this machine.", no_args_is_help=True)

Rows = Annotated[int, typer.Option(help="Rows to make.", min=1000)]
DOCUMENT = Path("docs/benchmarks.md")


@app.command()
def route(
    rows: Rows = 1_000_000,
    executor: Executor = "in-process",
    again: Annotated[
        bool,
        typer.Option(help="Measure a second report, the window of the first still open."),
    ] = False,
    as_json: Json = False,
    keep: Annotated[
        Path | None, typer.Option(help="Work in this folder and leave everything there.")
    ] = None,
) -> None:
    """Measure `tocsin route`.

    From CSV on disk to one file per recipient, with everything on that a real run has.
    """
    facts = measure_route(rows, executor, again=again, keep=keep)
    say_json(facts) if as_json else show_route([facts])


def measure_route(
    rows: int, executor: str, *, again: bool = False, keep: Path | None = None
) -> dict[str, Any]:
    """One object with `bench, size, seconds, cpu_seconds, peak_mib, rate_per_second, …`."""
    from tocsin.node.benchdata import write_parties, write_reports

    folder = keep or Path(tempfile.mkdtemp(prefix="tocsin-bench-"))
    folder.mkdir(parents=True, exist_ok=True)
    try:
        parties = folder / "parties.toml"
        write_parties(parties)
        facts: dict[str, Any] = {}
        for number in (1, 2) if again else (1,):
            reports = write_reports(folder, rows, seed=number)
            facts = _run(folder, reports, parties, executor)
            size = sum(path.stat().st_size for path in reports)
            for path in reports:
                path.unlink()
        return _figures(facts, rows, size, executor, again=again)
    finally:
        if keep is None:
            shutil.rmtree(folder, ignore_errors=True)


def _run(folder: Path, reports: list[Path], parties: Path, executor: str) -> dict[str, Any]:
    """`tocsin route` in a process of its own, so that nothing of the benchmark is counted."""
    command = [
        *(sys.executable, "-m", "tocsin.node", "route", *map(str, reports)),
        *("--parties", str(parties), "--store", str(folder / "store")),
        *("--out", str(folder / "out"), "--executor", executor, "--json"),
    ]
    return _said(command)


def _said(command: list[str]) -> dict[str, Any]:
    """The one object that a command prints."""
    # Never into the database of the node: what is measured has its own, in the store made here.
    env = {name: value for name, value in os.environ.items() if name != DATABASE_URL}
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)  # noqa: S603
    if done.returncode:
        raise TocsinError(f"the measured command failed: {done.stderr.strip()[-2000:]}")
    facts: dict[str, Any] = json.loads(done.stdout)
    return facts


def _figures(
    facts: dict[str, Any], rows: int, size: int, executor: str, *, again: bool
) -> dict[str, Any]:
    cpu, wall = facts["cpu_seconds"], facts["seconds"]
    return {
        "bench": "route",
        "size": rows,
        "executor": executor,
        "window": rows if again else 0,
        "seconds": wall,
        "cpu_seconds": cpu,
        "peak_mib": facts["peak_mib"],
        "rate_per_second": round(rows / wall),
        "cpu_us_per_item": round(cpu / rows * 1e6, 2),
        "bytes_per_item": round(size / rows),
        "events": facts["events"],
        "duplicates": facts["duplicates"],
        "unrouted": facts["unrouted"],
        "deliveries": len(facts["deliveries"]),
        "delivered_rows": sum(row["rows"] for row in facts["deliveries"]),
    }


ACTIONS = 5_000  # with their register rows, through the database


@app.command("log")
def log(
    rows: Rows = 1_000_000,
    as_json: Json = False,
    keep: Annotated[
        Path | None, typer.Option(help="Work in this folder and leave the log there.")
    ] = None,
) -> None:
    """Measure the public log.

    Durable appends in batches and one by one, publication, proofs with and without what is kept
    in memory, checking.
    """
    facts = measure_log(rows, keep=keep)
    say_json(facts) if as_json else LOG.show(facts)


def measure_log(rows: int, *, keep: Path | None = None) -> dict[str, Any]:
    """One object; what it holds stands in docs/reference/commands.md."""
    folder = keep or Path(tempfile.mkdtemp(prefix="tocsin-bench-"))
    if keep is not None and (keep / "leaves.bin").exists():
        raise Unusable(f"{keep} holds a log already. Possible: another folder")
    benches = [sys.executable, "-m"]
    try:
        facts = _said([*benches, "tocsin.node.benches.log", str(folder), str(rows)])
        actions = str(min(ACTIONS, rows))
        return facts | _said([*benches, "tocsin.node.benches.actions", str(folder), actions])
    finally:
        if keep is None:
            shutil.rmtree(folder, ignore_errors=True)


@app.command("cases")
def cases(rows: Rows = 100_000, as_json: Json = False) -> None:
    """Measure making cases of what a run told.

    Where every network is new, and where nearly all are seen again an hour later.
    """
    facts = measure_cases(rows)
    say_json(facts) if as_json else show_cases([facts])


def measure_cases(rows: int) -> dict[str, Any]:
    """One object; what it holds stands in docs/reference/commands.md."""
    with tempfile.TemporaryDirectory(prefix="tocsin-bench-") as folder:
        return _said([sys.executable, "-m", "tocsin.node.benches.cases", folder, str(rows)])


@app.command("web")
def web(
    rows: Annotated[int, typer.Option(help="Cases to make.", min=1000)] = 100_000,
    events: Annotated[int, typer.Option(help="Events in the store.", min=1000)] = 1_000_000,
    seconds: Annotated[
        int, typer.Option(help="How long each kind of page is asked for.", min=1, max=600)
    ] = 20,
    as_json: Json = False,
) -> None:
    """Measure the pages under load.

    Lists of cases, single cases, and the events of a case out of the store, at eight clients.
    """
    facts = measure_web(rows, events, seconds)
    say_json(facts) if as_json else WEB.show(facts)


def measure_web(rows: int, events: int, seconds: int) -> dict[str, Any]:
    """One object; what it holds stands in docs/reference/commands.md."""
    with tempfile.TemporaryDirectory(prefix="tocsin-bench-") as folder:
        words = [folder, str(rows), str(events), str(seconds)]
        return _said([sys.executable, "-m", "tocsin.node.benches.web", *words])


@app.command("shield")
def shield(
    rows: Annotated[int, typer.Option(help="Names to list.", min=1000)] = 1_000_000,
    messages: Annotated[int, typer.Option(help="Messages to take in.", min=0)] = 30_000,
    as_json: Json = False,
) -> None:
    """Measure the phishing shield.

    The zone, what changed, the way to a real resolver, forwarded messages to the queue.
    """
    facts = measure_shield(rows, messages)
    say_json(facts) if as_json else SHIELD.show(facts)


def measure_shield(rows: int, messages: int) -> dict[str, Any]:
    """One object; what it holds stands in docs/reference/commands.md."""
    with tempfile.TemporaryDirectory(prefix="tocsin-bench-") as folder:
        words = [folder, str(rows), str(messages)]
        return _said([sys.executable, "-m", "tocsin.node.benches.shield", *words])


@app.command("subscribers")
def subscribers(
    rows: Annotated[int, typer.Option(help="Events to find lines for.", min=1000)] = 1_000_000,
    records: Annotated[
        int, typer.Option(help="Records of leases and port blocks.", min=1000)
    ] = 10_000_000,
    as_json: Json = False,
) -> None:
    """Measure whose line it was.

    Import of leases and port blocks, a stream of events against them, single look-ups.
    """
    facts = measure_subscribers(rows, records)
    say_json(facts) if as_json else SUBSCRIBERS.show(facts)


def measure_subscribers(rows: int, records: int) -> dict[str, Any]:
    """One object; what it holds stands in docs/reference/commands.md."""
    with tempfile.TemporaryDirectory(prefix="tocsin-bench-") as folder:
        words = [folder, str(records), str(rows)]
        return _said([sys.executable, "-m", "tocsin.node.benches.subscribers", *words])


@app.command("all")
def everything() -> None:
    """Run every benchmark.

    Takes under 30 minutes and, in a checkout, writes docs/benchmarks.md.
    """
    plans = [
        *((rows, "in-process", False) for rows in (100_000, 1_000_000, 10_000_000)),
        *((rows, "pool", False) for rows in (1_000_000, 10_000_000)),
        (1_000_000, "in-process", True),
    ]
    found = []
    for rows, executor, again in plans:
        out.print(f"route, {rows:,} rows, {executor} …")
        found.append(measure_route(rows, executor, again=again))
        show_route(found[-1:])
    out.print("log, 1,000,000 leaves …")
    about_log = measure_log(1_000_000)
    LOG.show(about_log)
    about_cases = [measure_cases(rows) for rows in (100_000, 1_000_000)]
    show_cases(about_cases)
    out.print("web, 100,000 cases, 10,000,000 events …")
    about_web = measure_web(100_000, 10_000_000, 20)
    WEB.show(about_web)
    out.print("shield, 1,000,000 names, 30,000 messages …")
    about_shield = measure_shield(1_000_000, 30_000)
    SHIELD.show(about_shield)
    out.print("subscribers, 10,000,000 events, 100,000,000 records …")
    about_lines = measure_subscribers(10_000_000, 100_000_000)
    SUBSCRIBERS.show(about_lines)
    if DOCUMENT.parent.is_dir():
        SUBSCRIBERS.write(DOCUMENT, about_lines)
        write_document(DOCUMENT, found)
        SHIELD.write(DOCUMENT, about_shield)
        LOG.write(DOCUMENT, about_log)
        write_cases(DOCUMENT, about_cases)
        WEB.write(DOCUMENT, about_web)
        out.print(f"written: {DOCUMENT}")
