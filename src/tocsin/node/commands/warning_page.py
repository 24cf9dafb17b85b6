"""`tocsin shield page`: the warning page as files, for a provider who shows it himself."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from tocsin.node.commands.options import DEFAULT_STORE, Json, StoreOption
from tocsin.node.console import clean, out, say_json
from tocsin.node.store import Store, set_up_django


def page(
    folder: Annotated[Path, typer.Argument(help="A new folder.", show_default=False)],
    node: Annotated[
        str,
        typer.Option(help="Where reports and appeals go; without it, the first of TOCSIN_HOSTS."),
    ] = "",
    store: StoreOption = DEFAULT_STORE,
    as_json: Json = False,
) -> None:
    """Write the warning page as plain files.

    For a provider to show, in 24 languages, without script; the same bytes each time. It
    needs no store.
    """
    set_up_django(Store(store))
    from django.conf import settings

    from tocsin.desks.shield.actions.exporting import export_page

    done = export_page(folder, node=node or settings.NODE_URL)
    if as_json:
        say_json(asdict(done) | {"folder": str(done.folder)})
        return
    out.print(f"{done.files} files in {escape(clean(str(done.folder)))}", soft_wrap=True)
    out.print(f"SHA-256 of SHA256SUMS: {done.digest}", soft_wrap=True)
    out.print("[dim]README.txt says how to serve it.[/]")
