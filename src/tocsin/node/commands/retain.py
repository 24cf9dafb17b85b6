"""`tocsin retain`: what was kept as long as it may be goes."""

from dataclasses import asdict
from datetime import UTC, datetime
from typing import Annotated

import typer

from tocsin.node.commands.options import DEFAULT_STORE, By, Json, StoreOption, who
from tocsin.node.console import out, progress, say_json, table
from tocsin.node.store import open_existing


def retain(
    store: StoreOption = DEFAULT_STORE,
    by: By = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Count what is due, change nothing.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Drop what is due and tidy the store.

    Run it once a day. What is due when: docs/reference/retention.md.
    """
    opened = open_existing(store)
    from tocsin.office.retention import retain as drop

    with progress(shown=not as_json, unit="due") as tell:
        dropped = drop(
            at=datetime.now(UTC),
            by=who(by),
            store_folder=opened.path,
            dry_run=dry_run,
            progress=tell,
        )
    if as_json:
        say_json({"dry_run": dry_run, "places": [asdict(row) for row in dropped]})
        return
    title = "What is due" if dry_run else "Dropped"
    listed = table(title, "place", "due", "what", "held", right=("due", "held"))
    for row in dropped:
        listed.add_row(row.place, f"{row.due:,}", row.unit, f"{row.held:,}" if row.held else "-")
    out.print(listed)
