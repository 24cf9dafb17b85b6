"""`tocsin subscribers`: logs of leases in, whose line it was out."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape

from tocsin.node.commands import subscribers_effects, subscribers_measures, subscribers_warn
from tocsin.node.commands.options import DEFAULT_STORE, By, Json, StoreOption, who
from tocsin.node.console import clean, err, out, say_json, table
from tocsin.node.store import open_existing, open_store
from tocsin.words.errors import Unreadable, Unusable
from tocsin.words.moments import iso, read_moment

app = typer.Typer(
    help="Read logs of leases, say whose line, warn subscribers.", no_args_is_help=True
)
app.command("look-up")(subscribers_warn.look_up)
app.command("warn")(subscribers_warn.warn)
app.command("measures")(subscribers_measures.measures)
app.command("release")(subscribers_measures.release)
app.add_typer(subscribers_measures.adopt, name="adopt")
app.command("findings")(subscribers_warn.findings)
app.command("effects")(subscribers_effects.effects)
PROTOCOLS = {"any": 0, "tcp": 6, "udp": 17}


@app.command("import")
def import_(
    files: Annotated[list[Path], typer.Argument(help="Logs, oldest first.", show_default=False)],
    source: Annotated[
        str, typer.Option(help="Which log it is, such as dhcp-north.", show_default=False)
    ],
    log_format: Annotated[
        str, typer.Option("--format", help="Format of the log; without it, recognised.")
    ] = "",
    mapping: Annotated[
        str, typer.Option(help="Mapping of the lines of a log: a file, or conntrack, junos-pba.")
    ] = "",
    subscriber: Annotated[
        str, typer.Option(help="What names the line, such as User-Name or hwaddr.")
    ] = "",
    slack: Annotated[
        int | None, typer.Option(min=0, max=3600, help="Tolerance of its clock, seconds (30).")
    ] = None,
    quiet: Annotated[
        int | None,
        typer.Option(min=1, help="Seconds a session may say nothing where it sends messages."),
    ] = None,
    realm: Annotated[
        int | None,
        typer.Option(min=0, max=16383, help="Address space: 0 is the Internet."),
    ] = None,
    inside_realm: Annotated[
        int | None,
        typer.Option(min=0, max=16383, help="Address space of inside addresses it names."),
    ] = None,
    store: StoreOption = DEFAULT_STORE,
    by: By = None,
    as_json: Json = False,
) -> None:
    """Read logs of leases, sessions or translated ports.

    A file is read once; settings stay with the source.
    """
    opened = open_store(store)
    from tocsin.desks.subscribers.actions.importing import Reading, import_log

    reading = Reading(source, log_format, mapping, subscriber, slack, quiet, realm, inside_realm)
    done = [
        import_log(path, reading, by=who(by), at=datetime.now(UTC), store_folder=opened.path)
        for path in files
    ]
    facts = [_facts(path, one) for path, one in zip(files, done, strict=True)]
    say_json({"files": facts}) if as_json else _show(facts)
    if any(one.refused for one in done):
        err.print("tocsin: some records could not be used; see above", soft_wrap=True)
        raise typer.Exit(Unreadable.exit_code)


def _facts(path: Path, done: Any) -> dict[str, Any]:
    return {
        "file": path.name,
        "source": done.source,
        "format": done.log_format,
        "messages": done.messages,
        "spans": done.spans,
        "going": done.going,
        "refused": done.refused,
        "is_repeat": done.is_repeat,
        "reaches_to": iso(done.reaches_to) if done.reaches_to else None,
        "faults": [{"row": one.row, "reason": one.reason} for one in done.faults],
    }


def _show(facts: list[dict[str, Any]]) -> None:
    numbers = ("messages", "spans", "going", "refused")
    shown = table("Logs", "file", "format", *numbers, "reaches to", right=numbers)
    for one in facts:
        said = [f"{one[name]:,}" for name in numbers]
        reach = "read before" if one["is_repeat"] else (one["reaches_to"] or "")[:16]
        shown.add_row(escape(clean(one["file"])), one["format"], *said, reach)
    out.print(shown)
    for one in facts:
        for fault in one["faults"]:
            out.print(
                f"  [yellow]note[/] {escape(clean(one['file']))}, line {fault['row']}: "
                f"{escape(clean(fault['reason']))}",
                soft_wrap=True,
            )


@app.command("contacts")
def contacts(
    file: Annotated[
        Path,
        typer.Argument(
            help="CSV: subscriber, same_as, email, phone, language, segment, essential.",
            show_default=False,
        ),
    ],
    store: StoreOption = DEFAULT_STORE,
    by: By = None,
) -> None:
    """Replace the list of subscribers.

    The one place where a line has a name.
    """
    opened = open_store(store)
    from tocsin.desks.subscribers.actions.contacts import import_contacts

    count = import_contacts(file, by=who(by), at=datetime.now(UTC), store_folder=opened.path)
    out.print(f"{count:,} lines have a subscriber now; lists of before are gone.")


@app.command("whose")
def whose(
    address: Annotated[str, typer.Argument(help="IPv4 or IPv6 address.", show_default=False)],
    seen_at: Annotated[
        str, typer.Option("--at", help="When it was seen, with zone.", show_default=False)
    ],
    why: Annotated[str, typer.Option(help="Why; kept in the register.", show_default=False)],
    port: Annotated[int | None, typer.Option(min=0, max=65535, help="Source port.")] = None,
    protocol: Annotated[str, typer.Option(help="tcp, udp or any.")] = "any",
    slack: Annotated[
        int, typer.Option(min=0, max=86400, help="Tolerance of the reporter's clock, seconds.")
    ] = 0,
    name: Annotated[bool, typer.Option("--name", help="The subscriber's name as well.")] = False,
    store: StoreOption = DEFAULT_STORE,
    by: By = None,
    as_json: Json = False,
) -> None:
    """Say whose line an address was.

    Exactly one, ambiguous, none, or not attributable; each look-up stands in the register.
    """
    opened = open_existing(store)
    from tocsin.desks.subscribers.actions.looking import Sighting
    from tocsin.desks.subscribers.actions.looking import whose as ask

    if protocol not in PROTOCOLS:
        raise Unusable(f"no protocol {protocol[:20]!r}. Possible: {', '.join(PROTOCOLS)}")
    sighting = Sighting(
        address, read_moment(seen_at), port, PROTOCOLS[protocol], timedelta(seconds=slack)
    )
    answer = ask(
        sighting, why=why, by=who(by), at=datetime.now(UTC), store_folder=opened.path, named=name
    )
    lines = [f"{line:016x}" for line in answer.lines]
    facts = {
        "outcome": answer.outcome,
        "because": answer.because,
        "lines": lines,
        "name": answer.name,
        "since": iso(answer.since) if answer.since else None,
        "until": iso(answer.until) if answer.until else None,
        "source": answer.source,
    }
    if as_json:
        say_json(facts)
        return
    out.print(f"[bold]{answer.outcome}[/]: {escape(clean(answer.because))}", soft_wrap=True)
    for number, line in enumerate(lines):
        named = f", {escape(clean(answer.name))}" if answer.name and not number else ""
        out.print(f"  line {line}{named}")


@app.command("sources")
def sources(store: StoreOption = DEFAULT_STORE, as_json: Json = False) -> None:
    """List the logs that are read, and how far each reaches."""
    open_existing(store)
    from tocsin.desks.subscribers.models import Source

    facts = [
        {
            "name": row.name,
            "format": row.log_format,
            "subscriber": row.subscriber,
            "slack": row.slack,
            "quiet": row.quiet,
            "realm": row.realm,
            "inside_realm": row.inside_realm,
            "reaches_to": iso(row.reaches_to) if row.reaches_to else None,
        }
        for row in Source.objects.all()
    ]
    if as_json:
        say_json({"sources": facts})
        return
    if not facts:
        out.print("No log was read yet: tocsin subscribers import FILE --source NAME")
        return
    shown = table("Logs", "name", "format", "line named by", "tolerance", "reaches to")
    for one in facts:
        shown.add_row(
            escape(clean(str(one["name"]))),
            str(one["format"]),
            escape(clean(str(one["subscriber"] or "usual"))),
            f"{one['slack']} s",
            str(one["reaches_to"] or "")[:16],
        )
    out.print(shown)
