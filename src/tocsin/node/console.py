"""How commands speak: tables and progress for people, one JSON object for machines."""

import json
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bars
from rich.table import Table

from tocsin.flow.progress import Progress, unseen
from tocsin.words.errors import TocsinError

out = Console(highlight=False)
err = Console(stderr=True, highlight=False)

INTERRUPTED = 130  # 128 and SIGINT, as shells say it


def say_json(facts: Any) -> None:
    """One JSON value on standard output; what could steer a terminal is written as `\\u…`."""
    text = json.dumps(facts, indent=2, ensure_ascii=False, default=str)
    sys.stdout.write(_NOT_PLAIN.sub(_written, text) + "\n")


_NOT_PLAIN = re.compile(r"[^\n -~]")


def _written(found: re.Match[str]) -> str:
    return found[0] if found[0].isprintable() else json.dumps(found[0])[1:-1]


def complain(fault: TocsinError) -> None:
    """An expected error, as its text is."""
    lines = "\n".join(clean(line) for line in str(fault).split("\n"))
    err.print(f"[bold red]tocsin:[/] {escape(lines)}", soft_wrap=True)


def clean(text: str) -> str:
    """Text out of a report without characters that could steer a terminal."""
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


def counted(count: int, noun: str) -> str:
    """`1 record`, `2 records`, `1,000 records`."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def in_pieces(name: str, *, beside: int) -> str:
    """A long name on several lines, broken behind `-`, `_`, `/`, or of an action behind `:`.

    `beside` is the width of the other columns: a table that is too wide for its terminal would
    break the name anywhere.
    """
    most, pieces, line = max(20, out.width - beside), [], ""
    ends = ":" if ":" in name else "-_/"
    for part in re.findall(rf"[^{ends}]*[{ends}]+|[^{ends}]+", name):
        if line and len(line) + len(part) > most:
            pieces.append(line)
            line = ""
        line += part
    return "\n".join([*pieces, line])


def table(title: str, *columns: str, right: tuple[str, ...] = ()) -> Table:
    """An empty table in the house style."""
    made = Table(
        title=title, title_justify="left", title_style="bold", header_style="dim", box=None
    )
    made.pad_edge = False
    for name in columns:
        made.add_column(name, justify="right" if name in right else "left", overflow="fold")
    return made


STEPS = {
    "read": "reading and validating",
    "judge": "telling repeats apart",
    "route": "finding the concerned",
}


@contextmanager
def progress(*, shown: bool, unit: str = "rows") -> Iterator[Progress]:
    """A callback `(step, count)`; shows a line per step on a terminal, nothing elsewhere."""
    if not (shown and err.is_terminal):
        yield unseen
        return
    bars = Bars(
        SpinnerColumn(),
        TextColumn("{task.description:<24}"),
        BarColumn(bar_width=20),
        TextColumn(f"{{task.completed:>13,.0f}} {unit}"),
        TimeElapsedColumn(),
        console=err,
        transient=True,
    )
    tasks: dict[str, TaskID] = {}

    def advance(step: str, count: int) -> None:
        if step not in tasks:
            # Of a run the first step tells how much there is for the others.
            total = bars.tasks[0].completed if tasks and step in STEPS else None
            tasks[step] = bars.add_task(STEPS.get(step, step), total=total)
        bars.advance(tasks[step], count)

    with bars:
        yield advance
