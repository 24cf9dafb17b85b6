"""`tocsin route`: a report in, one delivery per party out."""

import fcntl
from collections.abc import Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape

from tocsin.formats.packing import require_files
from tocsin.node.commands.refusals import check_node, check_options, text_of
from tocsin.node.console import clean, out, progress, say_json, table
from tocsin.node.meter import Meter
from tocsin.node.store import Store, open_store
from tocsin.words.errors import Undelivered, Unreadable
from tocsin.words.markings import Tlp, read_tlp

Files = Annotated[
    list[Path],
    typer.Argument(help="Reports: CSV or JSON, plain or in gzip or zip.", show_default=False),
]
Parties = Annotated[
    Path | None,
    typer.Option(help="Party file to import first; without it, the parties on file."),
]
StoreOption = Annotated[
    Path, typer.Option("--store", envvar="TOCSIN_STORE", help="Folder of the node's store.")
]
OutOption = Annotated[
    Path | None, typer.Option("--out", help="Folder for deliveries; without it, out/ in the store.")
]
Json = Annotated[bool, typer.Option("--json", help="JSON instead of a table.")]
Executor = Annotated[str, typer.Option(help="in-process, or pool (one process per core).")]
TlpOption = Annotated[
    str, typer.Option("--tlp", help="TLP marking of the reports; a row may be stricter.")
]
FormatOption = Annotated[
    str | None, typer.Option("--format", help="Format of the reports; without it, recognised.")
]
Mapping = Annotated[
    Path | None,
    typer.Option(help="Mapping file of a CSV with columns of its own (format generic-csv)."),
]
Class = Annotated[
    str | None,
    typer.Option("--class", help="RSIT type of rows that name none: phishing, spam, …"),
]
Overlay = Annotated[
    Path | None,
    typer.Option(help="CSV of your own that wins over the routing snapshot."),
]
Send = Annotated[
    bool,
    typer.Option("--send", help="Hand over by every channel, not only into folders."),
]
OWNER = "command line"
WITHOUT_SENDING = ("folder",)  # nothing leaves the machine unless it was said so
DEFAULT_STORE = Path("tocsin-store")


def route(
    files: Files,
    parties: Parties = None,
    out_folder: OutOption = None,
    store: StoreOption = DEFAULT_STORE,
    as_json: Json = False,
    executor: Executor = "in-process",
    tlp: TlpOption = "amber",
    format_name: FormatOption = None,
    mapping: Mapping = None,
    kind: Class = None,
    overlay: Overlay = None,
    send: Send = False,
) -> None:
    """Route reports to everyone concerned.

    Each party gets one delivery per relation, with a signed manifest.

    Deliveries into folders are handed over at once. What goes by mail or to a web server is
    queued until --send or tocsin deliver.

    Exit codes: 0 all read, 3 a file could not be read (the others were routed), 7 a delivery
    could not be handed over and waits; the rest are in docs/reference/exit-codes.md.
    """
    require_files(files)  # before a store is made for a name that was mistyped
    marking = read_tlp(tlp)
    over = None if send else WITHOUT_SENDING
    check_options(executor, format_name=format_name, mapping=mapping, kind=kind, overlay=overlay)
    with Meter() as meter:
        check_node(store, parties, out_folder, over)
        opened = open_store(store)
        if parties is not None:
            import_file(parties)
        with progress(shown=not as_json) as tell:
            outcome = run_route(
                files,
                opened,
                tell,
                executor,
                tlp=marking,
                format_name=format_name,
                mapping=mapping,
                kind=kind,
                overlay=overlay,
            )
        handed = hand_over(opened, out_folder, over=over)
    facts = summary(outcome, handed, meter)
    say_json(facts) if as_json else show(facts)
    finish(facts)


def finish(facts: dict[str, Any]) -> None:
    """End with the exit code that the facts of a run ask for."""
    if any(report["unreadable"] for report in facts["reports"]):
        raise typer.Exit(Unreadable.exit_code)
    if any(row["state"] not in FINE for row in facts["deliveries"]):
        raise typer.Exit(Undelivered.exit_code)


def import_file(path: Path) -> Any:
    """Bring a party file into the store."""
    from tocsin.office.parties import import_parties

    at = datetime.now(UTC)
    folder = path.absolute().parent
    return import_parties(text_of(path), by="command line", at=at, folder=folder)


def options_of(
    executor: str,
    *,
    tlp: Tlp,
    format_name: str | None = None,
    mapping: Path | None = None,
    kind: str | None = None,
    overlay: Path | None = None,
) -> Any:
    """The options of a run or a preview, with who this node is."""
    from tocsin.desks.response.actions import Options
    from tocsin.node.identity import UNNAMED, read_identity

    identity = read_identity()
    return Options(
        executor=executor,
        tlp=tlp,
        format=format_name,
        mapping=mapping,
        constants={} if kind is None else {"classification.type": kind},
        overlay=overlay,
        node=identity.name or UNNAMED,
        sender=identity.sender,
    )


def run_route(
    files: Sequence[Path],
    opened: Store,
    tell: Any,
    executor: str,
    *,
    tlp: Tlp = Tlp.AMBER,
    format_name: str | None = None,
    mapping: Path | None = None,
    kind: str | None = None,
    overlay: Path | None = None,
    at: datetime | None = None,
) -> Any:
    """One call to the action, with options that `refusals.check_options` let pass."""
    from tocsin.desks.response.actions import route_reports

    options = options_of(
        executor, tlp=tlp, format_name=format_name, mapping=mapping, kind=kind, overlay=overlay
    )
    return route_reports(
        files,
        store_folder=opened.path,
        options=options,
        by="command line",
        at=at or datetime.now(UTC),
        progress=tell,
    )


@dataclass(frozen=True)
class HandedOver:
    """What came of an attempt, by delivery id, and channels that could not be worked, and why."""

    done: dict[str, Any]
    idle: dict[str, str]


def hand_over(
    opened: Store, out_folder: Path | None, *, over: Collection[str] | None = WITHOUT_SENDING
) -> HandedOver:
    """Hand over what is due, by these channels (None: all)."""
    from tocsin.channels.catalogue import CHANNELS
    from tocsin.node.channel_settings import channel_settings, idle_channels
    from tocsin.office.outbox import deliver_due, free

    root = (out_folder or opened.path / "out").absolute()
    with suppress(OSError):  # the channel says what is wrong with it, and the delivery waits
        root.mkdir(parents=True, exist_ok=True)
    settings = channel_settings(opened, root=root, over=over)
    idle = idle_channels(settings)
    worked = [name for name in (CHANNELS if over is None else over) if name not in idle]
    done: dict[str, Any] = {}
    with (opened.path / ".deliver.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # a lease of ours that is still held is a dead one's
        free(owner=OWNER)
        while batch := deliver_due(
            owner=OWNER,
            at=datetime.now(UTC),
            channels=CHANNELS,
            store_folder=opened.path,
            settings=settings,
            limit=100,
            over=worked,
        ):
            done |= {row.delivery.replace("-", ""): row for row in batch}
    return HandedOver(done, idle)


def summary(outcome: Any, handed: HandedOver, meter: Meter) -> dict[str, Any]:
    """The facts of one run, as `--json` prints them."""
    totals = outcome.totals
    return {
        "run": outcome.run,
        "read": sum(report.rows + report.quarantined for report in outcome.reports),
        "quarantined": sum(report.quarantined for report in outcome.reports),
        "duplicates": sum(report.duplicates for report in outcome.reports),
        "events": totals.events,
        "unrouted": totals.unrouted,
        "held": totals.held,
        "classes": dict(sorted(totals.classes.items())),
        "unrouted_by": [
            {"country": cc, "network": asn, "events": count}
            for (cc, asn), count in sorted(totals.nobody.items(), key=lambda item: -item[1])[:20]
        ],
        "reports": [_report(report) for report in outcome.reports],
        "deliveries": [
            _delivery(row, sum(gathered.classes.values()), handed)
            for row, gathered in zip(outcome.deliveries, totals.deliveries, strict=True)
        ],
        "earlier": _earlier(outcome, handed),
        **cost(meter),
    }


def cost(meter: Meter) -> dict[str, float]:
    """What a command cost, once its meter has stopped."""
    return {
        "seconds": round(meter.seconds, 3),
        "cpu_seconds": round(meter.cpu_seconds, 3),
        "peak_mib": round(meter.peak_mib, 1),
    }


def _earlier(outcome: Any, handed: HandedOver) -> int:
    """Deliveries of earlier runs that had waited and were handed over now."""
    own = {row.uid.hex for row in outcome.deliveries}
    return sum(done.state == "delivered" for uid, done in handed.done.items() if uid not in own)


def _report(report: Any) -> dict[str, Any]:
    return {
        "file": report.name,
        "format": report.format,
        "sha256": report.digest,
        "read": report.rows + report.quarantined,
        "rows": report.rows,
        "quarantined": report.quarantined,
        "duplicates": report.duplicates,
        "events": report.events,
        "notes": report.sentences(),
        "unreadable": report.unreadable,
    }


def _delivery(row: Any, told: int, handed: HandedOver) -> dict[str, Any]:
    done = handed.done.get(row.uid.hex)
    state = done.state if done else row.state
    where = done.delivered_to if done else ""
    error = (done.error if done else row.last_error) or handed.idle.get(row.channel, "")
    if state == "ready" and not error:
        state = QUEUED
    return {
        "party": row.party.slug,
        "name": row.party.name,
        "relation": row.relation,
        "events": told,
        "rows": row.rows,
        "format": row.format,
        "tlp": row.tlp,
        "path": str(Path(where) / Path(row.path).name) if where and row.channel == "folder" else "",
        "digest": row.digest,
        "state": state,
        "error": error,
    }


# --- for people -------------------------------------------------------------------------------

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
            escape(clean(report["file"])),
            "[red]unreadable[/]" if report["unreadable"] else report["format"],
            f"{report['read']:,}",
            f"{report['quarantined']:,}",
            f"{report['duplicates']:,}",
            f"{report['events']:,}",
        )
    out.print(shown)
    for report in facts["reports"]:
        notes = [*report["notes"], *([report["unreadable"]] if report["unreadable"] else [])]
        for note in notes[:6]:
            said = note.removeprefix(f"{report['file']}: ")
            out.print(f"  [yellow]note[/] {escape(clean(report['file']))}: {escape(clean(said))}")
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
    if len(rows) > MOST_ROWS:
        out.print(f"  … and {len(rows) - MOST_ROWS:,} more")
    _show_whereabouts(rows)
    out.print()


QUEUED = "queued"
FINE = ("delivered", "preview", QUEUED)
SAID = {"ready": "waits", "parked": "parked", "withdrawn": "withdrawn"}


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
    for row in [row for row in rows if row["error"]][:6]:
        name = escape(clean(row["name"]))
        out.print(f"  [yellow]note[/] {name}: {escape(clean(row['error']))}", soft_wrap=True)


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
    out.print()


def events(count: int) -> str:
    """`1 event`, `2 events`."""
    return f"{count:,} event{'' if count == 1 else 's'}"
