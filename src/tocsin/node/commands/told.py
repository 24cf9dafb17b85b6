"""What a run tells people on a terminal: reports, deliveries, what reached nobody."""

from pathlib import Path
from typing import Any

import typer
from rich.markup import escape

from tocsin.node.console import clean, counted, in_pieces, out, table
from tocsin.words.errors import Undelivered, Unreadable

QUEUED = "queued"
FINE = ("delivered", "preview", QUEUED)
SAID = {"ready": "waits", "parked": "parked", "withdrawn": "withdrawn"}
MOST_ROWS = 40
MANY = 10_000  # below this a rate says nothing but the start-up time


def show(facts: dict[str, Any]) -> None:
    """The summary as tables."""
    _show_reports(facts)
    _show_deliveries(facts)
    if facts["earlier"]:
        out.print(f"Of earlier runs, {facts['earlier']:,} deliveries that waited went out.\n")
    _show_unrouted(facts)
    rate = facts["events"] / facts["seconds"] if facts["seconds"] else 0
    speed = f", {rate:,.0f} events a second" if facts["events"] > MANY else ""
    out.print(
        f"[dim]{facts['seconds']:.1f} s, {facts['cpu_seconds']:.1f} s of CPU, "
        f"{facts['peak_mib']:,.0f} MiB at most{speed}[/]"
    )


def _show_reports(facts: dict[str, Any]) -> None:
    numbers = ("read", "quarantined", "repeats", "events")
    shown = table("Reports", "file", "format", *numbers, right=numbers)
    for report in facts["reports"][:MOST_ROWS]:
        shown.add_row(
            escape(in_pieces(clean(report["file"]), beside=50)),
            "[red]unreadable[/]" if report["unreadable"] else report["format"],
            f"{report['read']:,}",
            f"{report['quarantined']:,}",
            f"{report['duplicates']:,}",
            f"{report['events']:,}",
        )
    out.print(shown)
    _show_more(len(facts["reports"]) - MOST_ROWS)
    for report in facts["reports"]:
        notes = [*report["notes"], *([report["unreadable"]] if report["unreadable"] else [])]
        for note in notes[:6]:
            said = note.removeprefix(f"{report['file']}: ")
            out.print(f"  [yellow]note[/] {escape(clean(report['file']))}: {escape(clean(said))}")
        _show_more(len(notes) - 6, what="notes")
    hint = facts.get("quarantine_hint", "tocsin quarantine")
    if facts["quarantined"] and hint:
        out.print(f"  [yellow]note[/] what was set aside, and why: {escape(hint)}", soft_wrap=True)
    out.print()


def _show_deliveries(facts: dict[str, Any]) -> None:
    rows = facts["deliveries"]
    if not rows:
        out.print(f"[yellow]{_why_nothing(facts)}[/]\n")
        return
    shown = table("Deliveries", "party", "told as", "rows", "format", "state", right=("rows",))
    for row in sorted(rows, key=lambda row: (row["state"], -row["events"]))[:MOST_ROWS]:
        state = row["state"] if row["state"] in FINE else f"[red]{SAID.get(row['state'])}[/]"
        relation = row["relation"].replace("_", " ")
        name = escape(clean(row["name"]))
        shown.add_row(name, relation, f"{row['rows']:,}", row["format"], state)
    out.print(shown)
    _show_more(len(rows) - MOST_ROWS)
    _show_whereabouts(rows)
    out.print()


def _why_nothing(facts: dict[str, Any]) -> str:
    if facts["events"] > facts["held"]:
        return "No party on file is concerned; nothing was delivered."
    if facts["held"]:
        return "Nothing was delivered."
    if facts["duplicates"]:
        return "All that could be used was told before within 24 hours; nothing goes out again."
    return "No event came out of it; nothing was delivered."


def _show_whereabouts(rows: list[dict[str, Any]]) -> None:
    folders = sorted({str(Path(row["path"]).parent.parent) for row in rows if row["path"]})
    for folder in folders[:3]:
        out.print(f"  files and manifests: {escape(_short(folder))}/PARTY/", soft_wrap=True)
    if queued := sum(row["state"] == QUEUED for row in rows):
        out.print(f"  {queued:,} queued to be sent: tocsin deliver")
    failed = [row for row in rows if row["error"]]
    for row in failed[:6]:
        name = escape(clean(row["name"]))
        out.print(f"  [yellow]note[/] {name}: {escape(clean(row['error']))}", soft_wrap=True)
    _show_more(len(failed) - 6, what="notes")


def _short(path: str) -> str:
    try:
        return str(Path(path).relative_to(Path.cwd()))
    except ValueError:
        return path


def _show_unrouted(facts: dict[str, Any]) -> None:
    if facts["held"]:
        out.print(f"[yellow]{events(facts['held'])} marked TLP:RED: kept, sent to nobody.[/]\n")
    if not facts["unrouted"]:
        return
    shown = table("", "country", "network", "events", right=("events",))
    shown.title = None
    for row in facts["unrouted_by"][:10]:
        shown.add_row(row["country"] or "?", row["network"] or "?", f"{row['events']:,}")
    out.print(f"[bold]Unrouted[/]: {events(facts['unrouted'])} reached nobody who could act; kept")
    out.print(shown)
    _show_more(len(facts["unrouted_by"]) - 10)
    out.print()


def _show_more(count: int, *, what: str = "") -> None:
    """That a list was cut short, and by how much."""
    if count > 0:
        out.print(f"  … and {count:,} more{f' {what}' if what else ''}: --json shows all")


def events(count: int) -> str:
    """`1 event`, `2 events`."""
    return counted(count, "event")


def finish(facts: dict[str, Any]) -> None:
    """End with the exit code that the facts of a run ask for."""
    if any(report["unreadable"] for report in facts["reports"]):
        raise typer.Exit(Unreadable.exit_code)
    if any(row["state"] not in FINE for row in facts["deliveries"]):
        raise typer.Exit(Undelivered.exit_code)
