"""What benchmarks say on a terminal and on the page of the documentation."""

import os
import platform
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tocsin.node.console import out, table

Facts = dict[str, Any]


@dataclass(frozen=True)
class Figures:
    """One benchmark's figures beside their goals; `rows` are (key of the facts, what, goal)."""

    name: str
    size: Callable[[Facts], str]
    rows: tuple[tuple[str, str, str], ...]

    @property
    def begin(self) -> str:
        """The mark that its part of the page begins with."""
        return f"<!-- measured {self.name}: begin -->"

    @property
    def end(self) -> str:
        """The mark that its part ends with."""
        return f"<!-- measured {self.name}: end -->"

    def cells(self, facts: Facts) -> list[tuple[str, str, str]]:
        """What, the figure, and the goal."""
        return [(what.format(**facts), _figure(facts[key]), goal) for key, what, goal in self.rows]

    def show(self, facts: Facts) -> None:
        """As a table on the terminal."""
        title = f"{self.name}, {self.size(facts)}"
        shown = table(title, "", "measured", "goal", right=("measured", "goal"))
        for row in self.cells(facts):
            shown.add_row(*row)
        out.print(shown)

    def write(self, path: Path, facts: Facts) -> None:
        """Replace its part of the page; the words around it stay."""
        lines = [
            f"\n{machine()}, {datetime.now(UTC).date().isoformat()}; {self.size(facts)}.\n",
            "| | measured | goal |",
            "|---|---:|---:|",
            *("| " + " | ".join(row) + " |" for row in self.cells(facts)),
            "",
            "",
        ]
        _replace(path, self.begin, self.end, "\n".join(lines))


def _figure(value: float | None) -> str:
    return "not installed" if value is None else f"{value:,}"


# ── figures with goals ───────────────────────────────────────────────────────────────────

_LOG_ROWS = (
    ("rate_per_second", "durable appends a second, {batch:,} at once", "50,000"),
    ("cpu_us_per_item", "µs CPU of one of these", ""),
    ("single_per_second", "durable appends a second, one at a time", "2,000"),
    ("bare_flushes_per_second", "bare flushes of this disk a second, at the same time", ""),
    ("inclusion_cold_per_second", "inclusion proofs a second, nothing in memory", "1,000"),
    ("inclusion_cold_cpu_us", "µs CPU of one of these", ""),
    ("inclusion_warm_per_second", "inclusion proofs a second, tiles in memory", "20,000"),
    ("inclusion_warm_cpu_us", "µs CPU of one of these", ""),
    ("check_per_second", "inclusion proofs checked a second", "30,000"),
    ("check_cpu_us", "µs CPU of one of these", ""),
    ("consistency_per_second", "consistency proofs a second", ""),
    ("publish_all_seconds", "seconds to publish all leaves at once", ""),
    ("publish_slot_seconds", "seconds to publish 64 leaves and those appended singly", ""),
    ("verify_copy_seconds", "seconds to check the whole copy", ""),
    ("actions_per_second", "actions with register row a second, each a commit", ""),
    ("actions_cpu_us", "µs CPU of one of these", ""),
    ("actions_together_per_second", "the same, {actions_together:,} in one commit", ""),
    ("actions_together_cpu_us", "µs CPU of one of these", ""),
    ("sequencing_cpu_us", "µs CPU to give one row its place in the log", ""),
    ("peak_mib", "peak MiB, without the actions", ""),
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
    ("messages_seconds", "s for these", "under 600 for 30,000"),
    ("messages_cpu_seconds", "s of CPU for these", ""),
    ("load_average", "load average at the end", ""),
)
_SUBSCRIBER_ROWS = (
    ("seconds", "s to find the lines of all events", "under 120"),
    ("rate_per_second", "events a second", ""),
    ("cpu_us_per_item", "µs of CPU an event", ""),
    ("peak_mib", "MiB at most while they are found", "under 6,144"),
    ("import_cpu_us_per_record", "µs of CPU to import a record from Parquet", "at most 3"),
    ("import_peak_mib", "MiB at most while records are imported", ""),
    ("merge_cpu_us_per_record", "µs of CPU to merge a record", ""),
    ("store_mib", "MiB of files of bindings", ""),
    ("single_p50_ms", "ms of one look-up, warm, half of them", ""),
    ("single_p95_ms", "ms of one look-up, warm, 95 of 100", "under 20"),
    ("single_cpu_ms", "ms of CPU of one look-up", ""),
)
LOG = Figures("log", lambda facts: f"{facts['size']:,} leaves", _LOG_ROWS)
WEB = Figures(
    "web",
    lambda facts: (
        f"{facts['size']:,} cases, {facts['events']:,} events, {facts['clients']} clients"
    ),
    _WEB_ROWS,
)
SHIELD = Figures("shield", lambda facts: f"{facts['size']:,} names", _SHIELD_ROWS)
SUBSCRIBERS = Figures(
    "subscribers",
    lambda facts: f"{facts['size']:,} events, {facts['records']:,} records",
    _SUBSCRIBER_ROWS,
)


# ── figures by size ──────────────────────────────────────────────────────────────────────


def show_route(found: list[Facts]) -> None:
    """As a table on the terminal."""
    right = ("rows", "s", "CPU s", "µs CPU/row", "rows/s", "MiB", "deliveries")
    shown = table("route", "rows", "executor", *right[1:], right=right)
    for facts in found:
        shown.add_row(*_cells(facts))
    out.print(shown)


def _cells(facts: Facts) -> list[str]:
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


def write_document(path: Path, found: list[Facts]) -> None:
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


def measured(found: list[Facts]) -> str:
    """The table with machine and date, as Markdown."""
    head = "| rows | executor | s | CPU s | µs CPU a row | rows a second | peak MiB | deliveries |"
    rows = ["| " + " | ".join(_cells(facts)) + " |" for facts in found]
    when = datetime.now(UTC).date().isoformat()
    return "\n".join(
        [
            f"\n{machine()}, {when}.\n",
            head,
            "|---:|---|---:|---:|---:|---:|---:|---:|",
            *rows,
            "",
            "",
        ]
    )


CASES_BEGIN, CASES_END = "<!-- measured cases: begin -->", "<!-- measured cases: end -->"
_CASES = ("rows", "µs CPU/row, all new", "new cases", "µs CPU/row, seen again", "joined", "opened")


def _cases_row(facts: Facts) -> tuple[str, ...]:
    return (
        f"{facts['size']:,}",
        f"{facts['cpu_us_per_item']:.2f}",
        f"{facts['opened']:,}",
        f"{facts['again_cpu_us_per_item']:.2f}",
        f"{facts['again_joined']:,}",
        f"{facts['again_opened']:,}",
    )


def show_cases(found: list[Facts]) -> None:
    """As a table on the terminal."""
    shown = table("cases", *_CASES, right=_CASES)
    for facts in found:
        shown.add_row(*_cases_row(facts))
    out.print(shown)


def write_cases(path: Path, found: list[Facts]) -> None:
    """Replace the measured part about cases."""
    lines = [
        f"\n{machine()}, {datetime.now(UTC).date().isoformat()}.\n",
        "| " + " | ".join(_CASES) + " |",
        "|" + "---:|" * len(_CASES),
        *("| " + " | ".join(_cases_row(facts)) + " |" for facts in found),
        "",
        "",
    ]
    _replace(path, CASES_BEGIN, CASES_END, "\n".join(lines))


def machine() -> str:
    """Cores, processor and Python, as the page says them."""
    model = platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        names = [line for line in info.read_text().splitlines() if line.startswith("model name")]
        model = names[0].partition(":")[2].strip() if names else model
    return f"{os.cpu_count()} cores ({model}), Python {platform.python_version()}"
