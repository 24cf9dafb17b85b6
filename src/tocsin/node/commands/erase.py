"""`tocsin erase`: a person, an account or a report out of every place, with proof."""

import sys
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape

from tocsin.node.commands.options import DEFAULT_STORE, By, Json, StoreOption, who
from tocsin.node.console import clean, err, out, progress, say_json, table
from tocsin.node.store import open_existing
from tocsin.words.errors import Refused, TocsinError, Unreadable

app = typer.Typer(
    help="Erase a person, an account or a report from every place.", no_args_is_help=True
)
Why = Annotated[
    str, typer.Option("--why", help="Reference of the request; names nobody.", show_default=False)
]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask for confirmation.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Look everywhere, change nothing.")]


@app.command("address")
def address(
    values: Annotated[list[str], typer.Argument(help="IPv4 or IPv6 addresses, or CIDRs.")],
    why: Why,
    store: StoreOption = DEFAULT_STORE,
    by: By = None,
    yes: Yes = False,
    dry_run: DryRun = False,
    as_json: Json = False,
) -> None:
    """Erase addresses or networks, however they are written."""
    from tocsin.flow.subject import addresses

    _erase(addresses(values), why, store, by, yes, dry_run, as_json)


@app.command("account")
def account(
    values: Annotated[list[str], typer.Argument(help="Names of accounts, mail addresses too.")],
    why: Why,
    store: StoreOption = DEFAULT_STORE,
    by: By = None,
    yes: Yes = False,
    dry_run: DryRun = False,
    as_json: Json = False,
) -> None:
    """Erase accounts, wherever their whole name stands."""
    from tocsin.flow.subject import accounts

    _erase(accounts(values), why, store, by, yes, dry_run, as_json)


@app.command("report")
def report(
    values: Annotated[list[str], typer.Argument(help="Ids of reports (32 digits).")],
    why: Why,
    store: StoreOption = DEFAULT_STORE,
    by: By = None,
    yes: Yes = False,
    dry_run: DryRun = False,
    as_json: Json = False,
) -> None:
    """Erase reports and everything that came of them."""
    from tocsin.flow.subject import ids

    _erase(ids("report", values), why, store, by, yes, dry_run, as_json)


def _erase(
    subject: Any, why: str, store: Path, by: str | None, yes: bool, dry_run: bool, as_json: bool
) -> None:
    opened = open_existing(store)
    from tocsin.office.erasure import Order, erase

    order = Order(subject, why, who(by), datetime.now(UTC), opened.path, dry_run=dry_run)
    if not (yes or dry_run):
        _confirm(order, as_json)
    with progress(shown=not as_json, unit="files") as tell:
        done = erase(replace(order, at=datetime.now(UTC), progress=tell))
    if as_json:
        say_json({**asdict(done), "found": done.found, "is_complete": done.is_complete})
    else:
        show(done)
    _finish(done)


def _confirm(order: Any, as_json: bool) -> None:
    """Show what would go, then ask; without a terminal nobody can be asked."""
    from tocsin.office.erasure import erase

    if as_json or not sys.stdin.isatty():
        raise Refused(
            "an erasure cannot be undone and there is nobody to ask. Possible: --dry-run to "
            "look, --yes to erase"
        )
    with progress(shown=True, unit="files") as tell:
        looked = erase(replace(order, dry_run=True, progress=tell))
    show(looked)
    typer.confirm("Erase all of this? It cannot be undone.", abort=True)


def show(done: Any) -> None:
    """Place by place, then what is left to a person."""
    title = "What would be erased" if done.dry_run else "Erased"
    listed = table(
        title, "place", "found", "what", "done", "files opened", "left",
        right=("found", "files opened", "left"),
    )  # fmt: skip
    for place in done.places:
        text = "; ".join(part for part in (place.done, place.note) if part)
        left = f"[red]{place.left:,}[/]" if place.left else "0"
        listed.add_row(
            place.name,
            f"{place.found:,}",
            place.unit,
            escape(clean(text)) or "-",
            f"{place.files:,}",
            left,
        )
    out.print(listed)
    for text in done.held:
        out.print(f"  [yellow]kept[/] {escape(clean(text))}", soft_wrap=True)
    for text in done.unsearched:
        out.print(f"  [red]not searched[/] {escape(clean(text))}", soft_wrap=True)
    if done.recipients and not done.dry_run:
        out.print("\nTo be told of the erasure (GDPR art. 19):")
        for one in done.recipients:
            out.print(f"  {escape(clean(one.sentence))}", soft_wrap=True)
    out.print("\nLeft to you:")
    for text in done.instructions:
        out.print(f"  - {escape(clean(text))}", soft_wrap=True)


def _finish(done: Any) -> None:
    """The exit code that says what could not be done; nothing is left without a word."""
    if done.left and not done.dry_run:
        where = ", ".join(place.name for place in done.places if place.left)
        raise TocsinError(
            f"{done.left} files still hold what was to be erased ({where}). Possible: the same "
            "command again; then report it"
        )
    if done.unsearched:
        err.print("tocsin: some evidence could not be searched; see above", soft_wrap=True)
        raise typer.Exit(Unreadable.exit_code)
    if done.held:
        err.print("tocsin: a legal hold kept some of it; see above", soft_wrap=True)
        raise typer.Exit(Refused.exit_code)
