"""`tocsin quarantine`: what could not be used, where it stood and why."""

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from tocsin.node.commands.route import DEFAULT_STORE, Json, StoreOption
from tocsin.node.console import clean, out, progress, say_json, table
from tocsin.node.store import open_existing
from tocsin.words.errors import NotFound

SHOWN = 50


def quarantine(
    store: StoreOption = DEFAULT_STORE,
    run: Annotated[
        str | None, typer.Option(help="Only this run; its first characters will do.")
    ] = None,
    export: Annotated[
        Path | None,
        typer.Option(help="Write the exact bytes to this file, one record after the other."),
    ] = None,
    as_json: Json = False,
) -> None:
    """List records that could not be used.

    Says file, line and reason; the exact bytes come with --export and --json.
    """
    opened = open_existing(store)
    from tocsin.desks.response.queries import quarantined

    with progress(shown=not as_json, unit="records") as tell:
        rows = quarantined(opened.quarantine, run=run, progress=tell)
    if run is not None and not len(rows):
        raise NotFound(f"no record of run {run} is in quarantine. Possible: tocsin quarantine")
    if export is not None:
        export.write_bytes(
            b"".join(raw if raw.endswith(b"\n") else raw + b"\n" for raw in rows["raw"])
        )
        out.print(f"{len(rows):,} records written to {escape(str(export))}")
        return
    if as_json:
        shown = rows.drop("raw").with_columns(rows["raw"].bin.encode("base64").alias("raw_base64"))
        say_json(shown.to_dicts())
        return
    if not len(rows):
        out.print("Nothing is in quarantine: every record that came in could be used.")
        return
    listed = table(
        f"{len(rows):,} records in quarantine", "run", "file", "line", "reason", right=("line",)
    )
    for row in rows.head(SHOWN).iter_rows(named=True):
        listed.add_row(
            row["run"][:8],
            escape(clean(row["file"])),
            str(row["line"]),
            escape(clean(row["reason"])),
        )
    out.print(listed)
    if len(rows) > SHOWN:
        out.print(
            f"… and {len(rows) - SHOWN:,} more; --json lists all, --export FILE keeps the bytes"
        )
