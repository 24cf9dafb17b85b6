"""`tocsin parties`: the party file in and out."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from tocsin.node.commands.options import DEFAULT_STORE, By, StoreOption, who
from tocsin.node.commands.route import import_file
from tocsin.node.console import err, out
from tocsin.node.store import open_existing, open_store
from tocsin.words.errors import Unusable

app = typer.Typer(help="Import and export who answers for what.", no_args_is_help=True)


@app.command("import")
def import_(
    file: Annotated[Path, typer.Argument(help="A party file (docs/reference/parties.md).")],
    store: StoreOption = DEFAULT_STORE,
    by: By = None,
) -> None:
    """Bring a party file into the store.

    Parties of the same source that the file leaves out are retired.
    """
    open_store(store)
    imported = import_file(file, by=who(by))
    for name in ("created", "changed", "unchanged", "retired"):
        out.print(f"{name:<10} {len(getattr(imported, name)):,}")


@app.command("export")
def export(store: StoreOption = DEFAULT_STORE) -> None:
    """Print the parties of the store as a party file."""
    open_existing(store)
    from tocsin.office.parties import export_parties

    typer.echo(export_parties(), nl=False)


@app.command("webhook-secret")
def webhook_secret(
    party: Annotated[str, typer.Argument(help="Short name of the party.", show_default=False)],
    renew: Annotated[
        bool, typer.Option("--renew", help="Make another; both sign until --retire.")
    ] = False,
    retire: Annotated[bool, typer.Option("--retire", help="Only the newest signs again.")] = False,
    store: StoreOption = DEFAULT_STORE,
    by: By = None,
) -> None:
    """Make the secret by which a party checks our webhooks.

    It is printed this once.
    """
    if renew and retire:
        raise Unusable("--renew and --retire at once. Possible: --retire when the party is ready")
    opened = open_existing(store)
    from tocsin.office.parties.webhooks import make_webhook_secret, retire_webhook_secret

    at = datetime.now(UTC)
    if retire:
        retire_webhook_secret(party, keys_folder=opened.keys, by=who(by), at=at)
        err.print(f"Only the newest secret of {party} signs from now on.")
        return
    made = make_webhook_secret(party, keys_folder=opened.keys, renew=renew, by=who(by), at=at)
    typer.echo(made)
    err.print(f"Give it to {party} over a way you trust; it is not shown again.")
