"""`tocsin bench`: measure this machine; the figures in docs/benchmarks.md come from here."""

import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from tocsin.node.commands.options import Executor, Json
from tocsin.node.console import out, say_json, table
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
    say_json(facts) if as_json else _show([facts])


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
    say_json(facts) if as_json else _show_log(facts)


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
    say_json(facts) if as_json else _show_cases([facts])


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
    say_json(facts) if as_json else _show_web(facts)


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
    say_json(facts) if as_json else _show_shield(facts)


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
    say_json(facts) if as_json else _show_subscribers(facts)


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
        _show(found[-1:])
    out.print("log, 1,000,000 leaves …")
    about_log = measure_log(1_000_000)
    _show_log(about_log)
    about_cases = [measure_cases(rows) for rows in (100_000, 1_000_000)]
    _show_cases(about_cases)
    out.print("web, 100,000 cases, 10,000,000 events …")
    about_web = measure_web(100_000, 10_000_000, 20)
    _show_web(about_web)
    out.print("shield, 1,000,000 names, 30,000 messages …")
    about_shield = measure_shield(1_000_000, 30_000)
    _show_shield(about_shield)
    out.print("subscribers, 10,000,000 events, 100,000,000 records …")
    about_lines = measure_subscribers(10_000_000, 100_000_000)
    _show_subscribers(about_lines)
    if DOCUMENT.parent.is_dir():
        write_subscribers(DOCUMENT, about_lines)
        write_document(DOCUMENT, found)
        write_shield(DOCUMENT, about_shield)
        write_log(DOCUMENT, about_log)
        write_cases(DOCUMENT, about_cases)
        write_web(DOCUMENT, about_web)
        out.print(f"written: {DOCUMENT}")


def _show(found: list[dict[str, Any]]) -> None:
    right = ("rows", "s", "CPU s", "µs CPU/row", "rows/s", "MiB", "deliveries")
    shown = table("route", "rows", "executor", *right[1:], right=right)
    for facts in found:
        shown.add_row(*_cells(facts))
    out.print(shown)


def _cells(facts: dict[str, Any]) -> list[str]:
    kind = facts["executor"] + (", window open" if facts["window"] else "")
    return [
        f"{facts['size']:,}",
        kind,
        f"{facts['seconds']:.1f}",
        f"{facts['cpu_seconds']:.1f}",
        f"{facts['cpu_us_per_item']:.1f}",
        f"{facts['rate_per_second']:,}",
        f"{facts['peak_mib']:,.0f}",
        f"{facts['deliveries']:,}",
    ]


BEGIN, END = "<!-- measured: begin -->", "<!-- measured: end -->"


def write_document(path: Path, found: list[dict[str, Any]]) -> None:
    """Replace the measured part of the document; the words around it stay."""
    _replace(path, BEGIN, END, measured(found))


def _replace(path: Path, begin: str, end: str, made: str) -> None:
    """Put `made` between two marks; a page without them gets them at its end."""
    text = path.read_text(encoding="utf-8") if path.exists() else "# Benchmarks\n"
    if begin not in text:
        text = f"{text}\n{begin}\n{end}\n"
    before, _, rest = text.partition(begin)
    after = rest.partition(end)[2]
    path.write_text(f"{before}{begin}\n{made}{end}{after}", encoding="utf-8")


def measured(found: list[dict[str, Any]]) -> str:
    """The table with machine and date, as Markdown."""
    head = "| rows | executor | s | CPU s | µs CPU a row | rows a second | peak MiB | deliveries |"
    rows = ["| " + " | ".join(_cells(facts)) + " |" for facts in found]
    when = datetime.now(UTC).date().isoformat()
    return "\n".join(
        [
            f"\n{_machine()}, {when}.\n",
            head,
            "|---:|---|---:|---:|---:|---:|---:|---:|",
            *rows,
            "",
            "",
        ]
    )


LOG_BEGIN, LOG_END = "<!-- measured log: begin -->", "<!-- measured log: end -->"
# What is shown, with the goal where there is one.
_LOG_ROWS = (
    ("rate_per_second", "durable appends a second, {batch:,} at once", 50_000),
    ("cpu_us_per_item", "µs CPU of one of these", None),
    ("single_per_second", "durable appends a second, one at a time", 2_000),
    ("bare_flushes_per_second", "bare flushes of this disk a second, at the same time", None),
    ("inclusion_cold_per_second", "inclusion proofs a second, nothing in memory", 1_000),
    ("inclusion_cold_cpu_us", "µs CPU of one of these", None),
    ("inclusion_warm_per_second", "inclusion proofs a second, tiles in memory", 20_000),
    ("inclusion_warm_cpu_us", "µs CPU of one of these", None),
    ("check_per_second", "inclusion proofs checked a second", 30_000),
    ("check_cpu_us", "µs CPU of one of these", None),
    ("consistency_per_second", "consistency proofs a second", None),
    ("publish_all_seconds", "seconds to publish all leaves at once", None),
    ("publish_slot_seconds", "seconds to publish 64 leaves and those appended singly", None),
    ("verify_copy_seconds", "seconds to check the whole copy", None),
    ("actions_per_second", "actions with register row a second, each a commit", None),
    ("actions_cpu_us", "µs CPU of one of these", None),
    ("actions_together_per_second", "the same, {actions_together:,} in one commit", None),
    ("actions_together_cpu_us", "µs CPU of one of these", None),
    ("sequencing_cpu_us", "µs CPU to give one row its place in the log", None),
    ("peak_mib", "peak MiB, without the actions", None),
)


def _log_rows(facts: dict[str, Any]) -> list[tuple[str, str, str]]:
    """Name, figure and goal."""
    return [
        (name.format(**facts), f"{facts[key]:,}", f"{goal:,}" if goal else "")
        for key, name, goal in _LOG_ROWS
    ]


def _show_log(facts: dict[str, Any]) -> None:
    shown = table(
        f"log, {facts['size']:,} leaves", "", "measured", "goal", right=("measured", "goal")
    )
    for row in _log_rows(facts):
        shown.add_row(*row)
    out.print(shown)


def write_log(path: Path, facts: dict[str, Any]) -> None:
    """Replace the measured part about the log."""
    when = datetime.now(UTC).date().isoformat()
    lines = [
        f"\n{_machine()}, {when}; {facts['size']:,} leaves.\n",
        "| | measured | goal |",
        "|---|---:|---:|",
        *("| " + " | ".join(row) + " |" for row in _log_rows(facts)),
        "",
        "",
    ]
    _replace(path, LOG_BEGIN, LOG_END, "\n".join(lines))


CASES_BEGIN, CASES_END = "<!-- measured cases: begin -->", "<!-- measured cases: end -->"
_CASES = ("rows", "µs CPU/row, all new", "new cases", "µs CPU/row, seen again", "joined", "opened")


def _cases_row(facts: dict[str, Any]) -> tuple[str, ...]:
    return (
        f"{facts['size']:,}",
        f"{facts['cpu_us_per_item']:.2f}",
        f"{facts['opened']:,}",
        f"{facts['again_cpu_us_per_item']:.2f}",
        f"{facts['again_joined']:,}",
        f"{facts['again_opened']:,}",
    )


def _show_cases(found: list[dict[str, Any]]) -> None:
    shown = table("cases", *_CASES, right=_CASES)
    for facts in found:
        shown.add_row(*_cases_row(facts))
    out.print(shown)


def write_cases(path: Path, found: list[dict[str, Any]]) -> None:
    """Replace the measured part about cases."""
    lines = [
        f"\n{_machine()}, {datetime.now(UTC).date().isoformat()}.\n",
        "| " + " | ".join(_CASES) + " |",
        "|" + "---:|" * len(_CASES),
        *("| " + " | ".join(_cases_row(facts)) + " |" for facts in found),
        "",
        "",
    ]
    _replace(path, CASES_BEGIN, CASES_END, "\n".join(lines))


WEB_BEGIN, WEB_END = "<!-- measured web: begin -->", "<!-- measured web: end -->"
LINES_BEGIN, LINES_END = (
    "<!-- measured subscribers: begin -->",
    "<!-- measured subscribers: end -->",
)
_WEB_ROWS = (
    ("list_pages_per_cpu_second", "lists of 50 cases per CPU-second", "at least 50"),
    ("list_pages_per_second", "lists a second", ""),
    ("list_p50_ms", "ms of a list, half of them", ""),
    ("list_p95_ms", "ms of a list, 95 of 100", "under 150"),
    ("count_ms", "ms more for the first list after a change", ""),
    ("case_pages_per_cpu_second", "cases per CPU-second", "at least 120"),
    ("case_pages_per_second", "cases a second", ""),
    ("case_p50_ms", "ms of a case, half of them", ""),
    ("case_p95_ms", "ms of a case, 95 of 100", "under 150"),
    ("event_list_first_ms", "ms of the first list of events, nothing in memory", "under 1,000"),
    ("event_list_p50_ms", "ms of a list of events, half of them", ""),
    ("event_list_worst_ms", "ms of a list of events, the slowest", "under 1,000"),
    ("event_list_cpu_p50_ms", "ms of CPU of a list of events, half of them", ""),
    ("event_list_cpu_worst_ms", "ms of CPU of a list of events, the costliest", ""),
    ("peak_mib", "MiB of the server's processes at the end", ""),
    ("load_average", "load average at the end", ""),
)


def _web_rows(facts: dict[str, Any]) -> list[tuple[str, str, str]]:
    return [(name, f"{facts[key]:,}", goal) for key, name, goal in _WEB_ROWS]


def _web_size(facts: dict[str, Any]) -> str:
    return f"{facts['size']:,} cases, {facts['events']:,} events, {facts['clients']} clients"


def _show_web(facts: dict[str, Any]) -> None:
    shown = table(f"web, {_web_size(facts)}", "", "measured", "goal", right=("measured", "goal"))
    for row in _web_rows(facts):
        shown.add_row(*row)
    out.print(shown)


def write_web(path: Path, facts: dict[str, Any]) -> None:
    """Replace the measured part about the pages."""
    lines = [
        f"\n{_machine()}, {datetime.now(UTC).date().isoformat()}; {_web_size(facts)}.\n",
        "| | measured | goal |",
        "|---|---:|---:|",
        *("| " + " | ".join(row) + " |" for row in _web_rows(facts)),
        "",
        "",
    ]
    _replace(path, WEB_BEGIN, WEB_END, "\n".join(lines))


SHIELD_BEGIN, SHIELD_END = "<!-- measured shield: begin -->", "<!-- measured shield: end -->"
_SHIELD_ROWS = (
    ("seconds", "s to write the zone out of its table", "under 5"),
    ("cpu_seconds", "s of CPU of this", ""),
    ("peak_mib", "peak MiB of this", "under 1,024"),
    ("zone_out_of_database_seconds", "s from the database to the zone's bytes", ""),
    ("zone_out_of_database_peak_mib", "peak MiB of this", ""),
    ("delta_ms", "ms for what 100 changes are", "under 200"),
    ("approval_to_answer_seconds", "s from second approval to another answer, slowest", "under 10"),
    ("approval_to_answer_best_seconds", "the quickest", ""),
    ("messages", "messages taken in and put in order", ""),
    ("messages_seconds", "s for these", "under 600"),
    ("messages_cpu_seconds", "s of CPU for these", ""),
    ("load_average", "load average at the end", ""),
)


def _shield_rows(facts: dict[str, Any]) -> list[tuple[str, str, str]]:
    return [
        (name, "not installed" if facts[key] is None else f"{facts[key]:,}", goal)
        for key, name, goal in _SHIELD_ROWS
    ]


def _show_shield(facts: dict[str, Any]) -> None:
    name = f"shield, {facts['size']:,} names"
    shown = table(name, "", "measured", "goal", right=("measured", "goal"))
    for row in _shield_rows(facts):
        shown.add_row(*row)
    out.print(shown)


def write_shield(path: Path, facts: dict[str, Any]) -> None:
    """Replace the measured part about the shield."""
    lines = [
        f"\n{_machine()}, {datetime.now(UTC).date().isoformat()}; {facts['size']:,} names.\n",
        "| | measured | goal |",
        "|---|---:|---:|",
        *("| " + " | ".join(row) + " |" for row in _shield_rows(facts)),
        "",
        "",
    ]
    _replace(path, SHIELD_BEGIN, SHIELD_END, "\n".join(lines))


def _subscriber_rows(facts: dict[str, Any]) -> list[tuple[str, str, str]]:
    from tocsin.node.benches.subscribers import GOALS

    return [(name, f"{facts[key]:,}", goal) for key, name, goal in GOALS]


def _subscriber_size(facts: dict[str, Any]) -> str:
    return f"{facts['size']:,} events, {facts['records']:,} records"


def _show_subscribers(facts: dict[str, Any]) -> None:
    title = f"subscribers, {_subscriber_size(facts)}"
    shown = table(title, "", "measured", "goal", right=("measured", "goal"))
    for row in _subscriber_rows(facts):
        shown.add_row(*row)
    out.print(shown)


def write_subscribers(path: Path, facts: dict[str, Any]) -> None:
    """Replace the measured part about whose line it was."""
    lines = [
        f"\n{_machine()}, {datetime.now(UTC).date().isoformat()}; {_subscriber_size(facts)}.\n",
        "| | measured | goal |",
        "|---|---:|---:|",
        *("| " + " | ".join(row) + " |" for row in _subscriber_rows(facts)),
        "",
        "",
    ]
    _replace(path, LINES_BEGIN, LINES_END, "\n".join(lines))


def _machine() -> str:
    model = platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        names = [line for line in info.read_text().splitlines() if line.startswith("model name")]
        model = names[0].partition(":")[2].strip() if names else model
    return f"{os.cpu_count()} cores ({model}), Python {platform.python_version()}"
