"""`tocsin parties`: the party file in and out."""

from pathlib import Path
from typing import Annotated

import typer

from tocsin.node.commands.route import DEFAULT_STORE, StoreOption, import_file
from tocsin.node.console import out
from tocsin.node.store import open_existing, open_store

app = typer.Typer(help="Import and export who answers for what.", no_args_is_help=True)


@app.command("import")
def import_(
    file: Annotated[Path, typer.Argument(help="A party file (docs/reference/parties.md).")],
    store: StoreOption = DEFAULT_STORE,
) -> None:
    """Bring a party file into the store."""
    open_store(store)
    imported = import_file(file)
    for name in ("created", "changed", "unchanged", "retired"):
        out.print(f"{name:<10} {len(getattr(imported, name)):,}")


@app.command("export")
def export(store: StoreOption = DEFAULT_STORE) -> None:
    """Print the parties of the store as a party file."""
    open_existing(store)
    from tocsin.office.parties import export_parties

    typer.echo(export_parties(), nl=False)
