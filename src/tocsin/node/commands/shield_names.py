"""`tocsin shield names`: lists that others publish, imported as warnings and as reasons."""

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape

from tocsin.node.commands.options import DEFAULT_STORE, By, Json, StoreOption, who
from tocsin.node.console import clean, out, progress, say_json, table
from tocsin.node.store import open_existing, open_store
from tocsin.words.errors import Unusable

app = typer.Typer(help="Lists of names that others publish.", no_args_is_help=True)
Title = Annotated[str, typer.Option("--title", help="What the list is called; one list each.")]


@app.command("import")
def import_(
    kind: Annotated[
        str, typer.Argument(help="top_site, essential, government, brand_own, other_list, …")
    ],
    file: Annotated[Path, typer.Argument(help="The list, unpacked, in any form that is read.")],
    title: Title,
    origin: Annotated[str, typer.Option("--from", help="Where it comes from.")] = "",
    licence: Annotated[str, typer.Option(help="Under which licence, or on which terms.")] = "",
    day: Annotated[
        str | None, typer.Option("--date", help="Day of the list; without it, today.")
    ] = None,
    preview: Annotated[
        bool, typer.Option("--preview", help="Show what would change; change nothing.")
    ] = False,
    store: StoreOption = DEFAULT_STORE,
    as_json: Json = False,
    by: By = None,
) -> None:
    """Replace a list of others by a newer one.

    Nothing is listed by it: it warns of mistakes, or is a reason to look."""
    on = _day(day)
    open_store(store)
    from tocsin.desks.shield.actions.importing import Origin, import_list

    with progress(shown=not as_json, unit="lines") as tell:
        change = import_list(
            file,
            Origin(kind, title, origin, licence, on),
            preview=preview,
            by=who(by),
            at=datetime.now(UTC),
            tell=tell,
        )
    say_json({**vars(change), "preview": preview}) if as_json else _show(change, preview=preview)


def _day(text: str | None) -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        raise Unusable(f"--date {text!r}: write it as 2026-06-17") from None


def _show(change: Any, *, preview: bool) -> None:
    kind = change.kind.replace("_", " ")
    out.print(
        f"[bold]{escape(clean(change.title))}[/], {kind}, as of {change.as_of}", soft_wrap=True
    )
    listed = table("", "", "")
    listed.title, listed.show_header = None, False
    for name, count, first in (
        ("come", change.come, change.first_come),
        ("go", change.go, change.first_go),
        ("stay", change.stay, []),
    ):
        listed.add_row(name, f"{count:,}", escape(clean(", ".join(first[:3]))))
    if change.addresses_left:
        listed.add_row("addresses, left out", f"{change.addresses_left:,}", "")
    if change.flawed:
        listed.add_row("no names, left out", f"{change.flawed:,}", "")
    out.print(listed)
    for line, why in change.flaws[:5]:
        out.print(f"  line {line}: {escape(clean(why))}", soft_wrap=True)
    if preview:
        out.print("This was a preview: nothing was changed.")


@app.command("lists")
def lists(store: StoreOption = DEFAULT_STORE, as_json: Json = False) -> None:
    """List the lists that were imported."""
    open_existing(store)
    from tocsin.desks.shield.queries.looked_up import lists_of

    rows = lists_of()
    if as_json:
        say_json(rows)
        return
    if not rows:
        out.print("No list was imported.")
        return
    listed = table("Imported lists", "title", "kind", "entries", "as of", "licence")
    for row in rows:
        said = (row["title"], row["kind"].replace("_", " "), f"{row['entries']:,}", row["as_of"])
        listed.add_row(*(escape(clean(one)) for one in (*said, row["licence"])))
    out.print(listed)


@app.command("forget")
def forget(title: Title, store: StoreOption = DEFAULT_STORE, by: By = None) -> None:
    """Drop an imported list with all its names."""
    open_existing(store)
    from tocsin.desks.shield.actions.importing import forget_list

    row = forget_list(title, by=who(by), at=datetime.now(UTC))
    out.print(f"{escape(clean(row.title))}: {row.entries:,} entries are gone", soft_wrap=True)
