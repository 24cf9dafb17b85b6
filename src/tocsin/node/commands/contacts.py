"""`tocsin contacts`: mailboxes of networks that are no members, out of files of registries."""

import csv
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape

from tocsin.node.commands.options import DEFAULT_STORE, By, Json, Overlay, StoreOption, who
from tocsin.node.console import clean, out, progress, say_json, table
from tocsin.node.store import open_existing, open_store
from tocsin.words.errors import Unusable

app = typer.Typer(help="Mailboxes of networks that are no members.", no_args_is_help=True)
SHOWN = 20
Address = Annotated[str, typer.Argument(help="The mail address.")]


@app.command("import")
def import_(
    kind: Annotated[
        str, typer.Argument(help="ripe, apnic, afrinic, rdap, ti, csv or security.txt.")
    ],
    files: Annotated[list[Path], typer.Argument(help="All files of that source, plain or gzip.")],
    day: Annotated[
        str | None, typer.Option("--date", help="Day of the files, where they do not say it.")
    ] = None,
    domain: Annotated[
        str, typer.Option(help="Domain of a security.txt that has no Canonical.")
    ] = "",
    preview: Annotated[
        bool, typer.Option("--preview", help="Show what would change; change nothing.")
    ] = False,
    problems: Annotated[
        Path | None, typer.Option(help="Write entries that were left out to this CSV file.")
    ] = None,
    store: StoreOption = DEFAULT_STORE,
    as_json: Json = False,
    by: By = None,
) -> None:
    """Bring all files of one source into the store.

    What the source no longer names is retired."""
    on = _day(day)
    open_store(store)
    from tocsin.office.contacts import gather, import_contacts, preview_import

    at = datetime.now(UTC)
    with progress(shown=not as_json, unit="entries") as tell:
        gathered = gather(kind, files, at=at, on=on, domain=domain, progress=tell)
        change = (
            preview_import(gathered)
            if preview
            else import_contacts(gathered, by=who(by), at=at, progress=tell)
        )
    if problems is not None:
        _write_problems(change, problems)
    say_json({**change.facts(), "preview": preview}) if as_json else _show(change)
    if preview and not as_json:
        out.print("This was a preview: nothing was changed.")


def _day(text: str | None) -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        raise Unusable(f"--date {text!r}: write it as 2026-06-17") from None


def _write_problems(change: Any, path: Path) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(("file", "line", "what", "why"))
        rows.writerows((name, line, "", why) for name, line, why in change.flaws)
        rows.writerows(("", "", email, why) for email, why, _ in change.placeholders)


def _show(change: Any) -> None:
    out.print(f"[bold]Contacts of {change.source}, as of {change.as_of}[/]", soft_wrap=True)
    listed = table("", "", "")
    listed.title, listed.show_header = None, False
    for name in ("parties", "remits", "contacts"):
        counts = getattr(change, name)
        said = ", ".join(f"{count:,} {what}" for what, count in counts.items() if count)
        listed.add_row(name, said or "none")
    for name, count in (
        ("networks within one of the same mailbox", change.nested),
        ("found dead before, not used", change.dead),
        ("placeholders, no contacts", len(change.placeholders)),
        ("entries that cannot be used", change.flawed),
    ):
        if count:
            listed.add_row(name, f"{count:,}")
    out.print(listed)
    _list("placeholders", [f"{email}: {why}" for email, why, _ in change.placeholders])
    _list(
        "not used",
        [f"{file}, line {line}: {why}" for file, line, why in change.flaws],
        of=change.flawed,
    )


def _list(title: str, lines: list[str], *, of: int = 0) -> None:
    if not lines:
        return
    out.print(f"[bold]{title}[/]")
    for line in lines[:SHOWN]:
        out.print(f"  {escape(clean(line))}", soft_wrap=True)
    rest = max(of, len(lines)) - SHOWN
    if rest > 0:
        out.print(f"  … and {rest:,} more; --problems FILE writes them down")


@app.command("preview")
def preview_(
    target: Annotated[str, typer.Argument(help="An address, a network, AS64496 or a domain.")],
    store: StoreOption = DEFAULT_STORE,
    overlay: Overlay = None,
    as_json: Json = False,
) -> None:
    """Say whom we would mail for a target.

    Says from which source, and who is passed over and why.
    """
    opened = open_existing(store)
    from tocsin.flow.networks import load_networks, snapshot_in
    from tocsin.office.contacts import who_is_mailed

    networks = load_networks(snapshot_in(opened.networks), overlay)
    found = who_is_mailed(target, networks=networks, at=datetime.now(UTC))
    if as_json:
        say_json({"target": target, "parties": [vars(one) for one in found]})
        return
    out.print(f"[bold]{escape(clean(target))}[/]", soft_wrap=True)
    for one in found:
        _show_candidate(one)
    if not any(one.told for one in found):
        out.print("[yellow]Nobody on file is told.[/]")


def _show_candidate(one: Any) -> None:
    told = "[green]told[/]" if one.told else "[dim]not told[/]"
    relation = one.relation.value.replace("_", " ")
    known = f"{one.source}, {one.as_of.isoformat()}" if one.as_of else one.source
    name, address = escape(clean(one.name)), escape(clean(one.address or one.party))
    out.print(f"{told} as {relation}: [bold]{name}[/] ({escape(known)})", soft_wrap=True)
    out.print(f"  over {escape(one.channel)} at {address}", soft_wrap=True)
    out.print(f"  because {escape(clean(one.because or one.why_not))}", soft_wrap=True)


@app.command("list")
def list_(
    dead: Annotated[bool, typer.Option("--dead", help="Only those that bounced.")] = False,
    store: StoreOption = DEFAULT_STORE,
    as_json: Json = False,
) -> None:
    """List the mail contacts on file, with source and day."""
    open_existing(store)
    from tocsin.office.contacts import contact_rows

    rows = contact_rows(dead=dead)
    if as_json:
        say_json([_contact(row) for row in rows.iterator()])
        return
    total = rows.count()
    if not total:
        out.print("No contact was found dead." if dead else "No mail contact is on file.")
        return
    columns = ("address", "party", "source", "day") + (("dead since", "why") if dead else ())
    listed = table(f"Mail contacts on file: {total:,}", *columns)
    for row in rows[:SHOWN]:
        facts = _contact(row)
        names = ("value", "party", "source", "as_of") + (("dead_at", "why") if dead else ())
        listed.add_row(*(escape(clean(str(facts[name] or ""))) for name in names))
    out.print(listed)
    if total > SHOWN:
        out.print(f"… and {total - SHOWN:,} more; --json lists all")


def _contact(row: Any) -> dict[str, Any]:
    return {
        "value": row.value,
        "party": row.party.slug,
        "name": row.party.name,
        "source": row.source,
        "as_of": row.as_of.isoformat() if row.as_of else None,
        "dead_at": row.dead_at.date().isoformat() if row.dead_at else None,
        "why": row.dead_reason,
    }


@app.command("dead")
def dead_(
    address: Address,
    why: Annotated[str, typer.Option(help="What the bounce says.")],
    store: StoreOption = DEFAULT_STORE,
    by: By = None,
) -> None:
    """Mark a mailbox dead.

    It bounced, and is not written to any more.
    """
    open_existing(store)
    from tocsin.office.contacts import mark_dead

    count = mark_dead(address, at=datetime.now(UTC), why=why, by=who(by))
    out.print(f"marked dead: {count}" if count else "It was marked dead before.")


@app.command("alive")
def alive_(
    address: Address,
    why: Annotated[str, typer.Option(help="How you know that somebody reads it.")],
    store: StoreOption = DEFAULT_STORE,
    by: By = None,
) -> None:
    """Take a dead mark back."""
    open_existing(store)
    from tocsin.office.contacts import mark_alive

    count = mark_alive(address, at=datetime.now(UTC), why=why, by=who(by))
    out.print(f"used again: {count}")
