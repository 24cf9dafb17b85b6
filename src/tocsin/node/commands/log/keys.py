"""`tocsin log keys`: the keys that sign the public log, and their change."""

from datetime import UTC, datetime
from typing import Annotated

import typer
from rich.markup import escape

from tocsin.node.commands.options import DEFAULT_STORE, By, StoreOption, who
from tocsin.node.console import out
from tocsin.node.store import open_existing

app = typer.Typer(help="The keys that sign the public log, and their change.", no_args_is_help=True)


@app.command("list")
def list_(store: StoreOption = DEFAULT_STORE) -> None:
    """Print the keys, one a line.

    Behind each the sizes of the log that it speaks for.
    """
    opened = open_existing(store)
    from tocsin.office.publiclog import open_log

    for span in open_log(opened.path).spans():
        until = "-" if span.until is None else str(span.until)
        out.print(escape(f"{span.verifier.vkey} {span.since} {until}"), soft_wrap=True)


@app.command("rotate")
def rotate(store: StoreOption = DEFAULT_STORE, by: By = None) -> None:
    """Publish with new keys beside those in force.

    Tell the new keys to whoever checks the log, then retire the old ones.
    """
    opened = open_existing(store)
    from tocsin.office import log_keys

    for signer in log_keys.rotate(store_folder=opened.path, by=who(by), at=datetime.now(UTC)):
        out.print(escape(signer.verifier.vkey), soft_wrap=True)


@app.command("retire")
def retire(
    key_id: Annotated[str, typer.Argument(help="Id of a key in force: 8 digits, behind its name.")],
    store: StoreOption = DEFAULT_STORE,
    by: By = None,
) -> None:
    """End a key.

    It speaks for the log as it is now, and for nothing larger.
    """
    opened = open_existing(store)
    from tocsin.office import log_keys

    at = datetime.now(UTC)
    span = log_keys.retire(key_id, store_folder=opened.path, by=who(by), at=at)
    out.print(f"{escape(span.verifier.said)} is retired at {span.until:,} leaves")
