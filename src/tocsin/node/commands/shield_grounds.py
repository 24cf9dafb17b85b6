"""`tocsin shield grounds`: what a listing rested on, with its chain of custody."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from tocsin import __version__
from tocsin.node.commands.options import DEFAULT_STORE, By, Json, StoreOption, who
from tocsin.node.console import clean, out, say_json
from tocsin.node.store import open_existing


def grounds(
    reference: Annotated[str, typer.Argument(help="Of the listing.", show_default=False)],
    out_folder: Annotated[Path, typer.Option("--out", help="Folder to write into.")],
    why: Annotated[str, typer.Option("--why", help="For whom and what for.", show_default=False)],
    store: StoreOption = DEFAULT_STORE,
    by: By = None,
    as_json: Json = False,
) -> None:
    """Write what a listing's last decision rested on.

    Into a new folder, signed, with its chain of custody; `tocsin evidence verify` checks it
    anywhere.
    """
    opened = open_existing(store)
    from tocsin.desks.shield.actions.keeping import export_grounds

    folder, digest = export_grounds(
        reference,
        out=out_folder,
        why=why,
        by=who(by),
        at=datetime.now(UTC),
        store_folder=opened.path,
        version=__version__,
    )
    if as_json:
        say_json({"folder": str(folder), "digest": digest})
        return
    out.print(f"{digest} in {escape(clean(str(folder)))}", soft_wrap=True)
