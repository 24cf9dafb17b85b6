"""`tocsin subject`: what this node holds about a person, as files to hand over."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape

from tocsin.node.commands.erase import Why
from tocsin.node.commands.options import DEFAULT_STORE, By, Json, StoreOption, who
from tocsin.node.console import clean, err, out, progress, say_json, table
from tocsin.node.store import open_existing
from tocsin.words.errors import Unreadable

app = typer.Typer(help="Export what is held about a person.", no_args_is_help=True)
Out = Annotated[Path, typer.Option("--out", help="Folder to write into.")]


@app.command("address")
def address(
    values: Annotated[list[str], typer.Argument(help="IPv4 or IPv6 addresses, or CIDRs.")],
    why: Why,
    into: Out = Path(),
    store: StoreOption = DEFAULT_STORE,
    by: By = None,
    as_json: Json = False,
) -> None:
    """Export what is held about addresses.

    Networks too, however they are written.
    """
    from tocsin.flow.subject import addresses

    _export(addresses(values), why, into, store, by, as_json)


@app.command("account")
def account(
    values: Annotated[list[str], typer.Argument(help="Names of accounts, mail addresses too.")],
    why: Why,
    into: Out = Path(),
    store: StoreOption = DEFAULT_STORE,
    by: By = None,
    as_json: Json = False,
) -> None:
    """Export what is held about accounts.

    Wherever their whole name stands.
    """
    from tocsin.flow.subject import accounts

    _export(accounts(values), why, into, store, by, as_json)


def _export(subject: Any, why: str, into: Path, store: Path, by: str | None, as_json: bool) -> None:
    opened = open_existing(store)
    from tocsin.office.erasure import Order, export

    order = Order(subject, why, who(by), datetime.now(UTC), opened.path, dry_run=True)
    with progress(shown=not as_json, unit="files") as tell:
        done = export(replace(order, progress=tell), into.absolute())
    facts = {"folder": str(done.folder), "events": done.events, "quarantined": done.quarantined,
             "texts": done.texts, "recipients": len(done.looked.recipients),
             "places": len(done.looked.places), "is_complete": done.is_complete}  # fmt: skip
    if as_json:
        say_json(facts)
    else:
        _show(done)
    if not done.is_complete:
        err.print("tocsin: some places could not be looked into; see above", soft_wrap=True)
        raise typer.Exit(Unreadable.exit_code)


def _show(done: Any) -> None:
    listed = table("What is held", "place", "found", "what", right=("found",))
    for place in done.looked.places:
        listed.add_row(place.name, f"{place.found:,}", place.unit)
    out.print(listed)
    for text in done.looked.unsearched:
        out.print(f"  [red]not searched[/] {escape(clean(text))}", soft_wrap=True)
    out.print(f"Written: {escape(clean(str(done.folder)))}", soft_wrap=True)
    out.print("Rows and texts may name others too (GDPR art. 15(4)): read before handing over.")
