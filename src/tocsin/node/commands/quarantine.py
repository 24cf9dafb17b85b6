"""`tocsin quarantine`: what could not be used, where it stood and why."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape

from tocsin.node.commands.options import DEFAULT_STORE, By, Json, StoreOption, who
from tocsin.node.console import clean, counted, in_pieces, out, progress, say_json, table
from tocsin.node.store import open_existing
from tocsin.words.errors import NotFound, Unusable

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
    why: Annotated[
        str, typer.Option("--why", help="Why you take the bytes; with --export and --json.")
    ] = "",
    by: By = None,
) -> None:
    """List records that could not be used.

    Says file, line and reason. The exact bytes come with --export and --json, which are written
    down with a reason (--why): they may name people.

    Exit codes: 0, or 4 where files of the quarantine are gone before their time.
    """
    opened = open_existing(store)
    from tocsin.desks.response.queries import gone_from_quarantine, quarantined

    at = datetime.now(UTC)
    with progress(shown=not as_json, unit="records") as tell:
        rows = quarantined(opened.quarantine, run=run, progress=tell)
    gone = gone_from_quarantine(opened.quarantine, run=run, at=at)
    if run is not None and not len(rows) and not gone.records:
        raise NotFound(f"no record of run {run} is in quarantine. Possible: tocsin quarantine")
    if (export is not None or as_json) and len(rows):
        _consult(len(rows), run=run, why=why, by=who(by), at=at)
    if export is not None:
        export.write_bytes(
            b"".join(raw if raw.endswith(b"\n") else raw + b"\n" for raw in rows["raw"])
        )
        out.print(f"{counted(len(rows), 'record')} written to {escape(str(export))}")
    elif as_json:
        shown = rows.drop("raw").with_columns(rows["raw"].bin.encode("base64").alias("raw_base64"))
        say_json(shown.to_dicts())
    else:
        _show(rows, is_whole=not gone.records)
    if gone.records:
        raise NotFound(_lost(gone))


def _consult(count: int, *, run: str | None, why: str, by: str, at: datetime) -> None:
    """Who took the bytes, and why, before anything is given; raises `Unusable` without a reason."""
    from tocsin.office import register

    if not why.strip():
        raise Unusable(
            "the exact bytes may name people, so whoever takes them is written down with a "
            "reason. Possible: --why and the number of the matter"
        )
    register.consult(
        noun="office:quarantine", actor=by, at=at, why=why[:200], what=run or "all", shown=count
    )


def _lost(gone: Any) -> str:
    named = ", ".join(run[:8] for run in gone.runs[:5])
    more = f" and {len(gone.runs) - 5:,} more" if len(gone.runs) > 5 else ""
    return (
        f"{counted(gone.records, 'record')} of {counted(len(gone.runs), 'run')} ({named}{more}) "
        "were set aside and are not in quarantine any more: an erasure took them, or their files "
        "are lost. Possible: tocsin register list --action office:subject:erase --why WHY, the "
        "report again, or a backup"
    )


def _show(rows: Any, *, is_whole: bool) -> None:
    if not len(rows):
        if is_whole:
            out.print("Nothing is in quarantine: every record that came in could be used.")
        return
    listed = table(
        f"{counted(len(rows), 'record')} in quarantine",
        *("run", "file", "line", "reason"),
        right=("line",),
    )
    for row in rows.head(SHOWN).iter_rows(named=True):
        listed.add_row(
            row["run"][:8],
            escape(in_pieces(clean(row["file"]), beside=50)),
            str(row["line"]),
            escape(clean(row["reason"])),
        )
    out.print(listed)
    if len(rows) > SHOWN:
        out.print(
            f"… and {len(rows) - SHOWN:,} more; --json lists all, --export FILE keeps the bytes"
        )
