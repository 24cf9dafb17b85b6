"""`tocsin hold`: what an authority wants kept, until when, and what is to be reviewed."""

from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

import typer
from rich.markup import escape

from tocsin.node.commands.options import DEFAULT_STORE, By, Json, StoreOption, who
from tocsin.node.console import clean, out, say_json, table
from tocsin.node.store import open_existing
from tocsin.words.moments import iso, read_moment

app = typer.Typer(
    help="Put evidence under a legal hold, list and lift holds.", no_args_is_help=True
)
Named = Annotated[
    str,
    typer.Argument(
        help="Digest (SHA-256) of evidence, or id of its report; its beginning will do."
    ),
]


@app.command("add")
def add(
    named: Named,
    authority: Annotated[str, typer.Option(help="Who ordered it.", show_default=False)],
    reference: Annotated[str, typer.Option(help="Reference of the order.", show_default=False)],
    until: Annotated[
        str | None, typer.Option(help="End, such as 2027-06-30; without it, until it is lifted.")
    ] = None,
    store: StoreOption = DEFAULT_STORE,
    by: By = None,
) -> None:
    """Put evidence under a legal hold.

    Nothing erases it then; the same again renews the hold.
    """
    open_existing(store)
    from tocsin.office import holds
    from tocsin.office.reported import evidence_named

    held = holds.add(
        evidence_named(named).digest,
        authority=authority,
        reference=reference,
        until=_end_of(until) if until else None,
        by=who(by),
        at=datetime.now(UTC),
    )
    out.print(f"{held.digest} is held by {escape(clean(holds.words(held)))}", soft_wrap=True)


def _end_of(text: str) -> datetime:
    """A day holds to its end; a moment is one."""
    if len(text) == 10:
        return read_moment(f"{text}T00:00:00Z") + timedelta(days=1)
    return read_moment(text)


@app.command("list")
def list_(store: StoreOption = DEFAULT_STORE, as_json: Json = False) -> None:
    """List holds, and which wait for a review.

    One past its end protects nothing any more.
    """
    open_existing(store)
    rows = _holds()
    if as_json:
        say_json(rows)
        return
    if not rows:
        out.print("Nothing is held.")
        return
    shown = table("Holds", "evidence", "authority", "reference", "until", "")
    for row in rows:
        due = "[yellow]due for review[/]" if row["is_due"] else ""
        texts = (row["authority"], row["reference"])
        authority, reference = (escape(clean(text)) for text in texts)
        shown.add_row(row["digest"][:12], authority, reference, row["until"] or "no end", due)
    out.print(shown)


def _holds() -> list[dict[str, Any]]:
    from tocsin.office import holds

    at = datetime.now(UTC)
    return [
        {
            "digest": row.digest,
            "authority": row.hold_authority,
            "reference": row.hold_reference,
            "until": iso(row.hold_until) if row.hold_until else None,
            "is_due": holds.is_due(row, at=at),
        }
        for row in holds.all_holds()
    ]


@app.command("lift")
def lift(
    named: Named,
    why: Annotated[str, typer.Option("--why", help="Why it ends.", show_default=False)],
    store: StoreOption = DEFAULT_STORE,
    by: By = None,
) -> None:
    """End a hold; erasure and retention count again."""
    open_existing(store)
    from tocsin.office import holds
    from tocsin.office.reported import evidence_named

    freed = holds.lift(evidence_named(named).digest, why=why, by=who(by), at=datetime.now(UTC))
    out.print(f"{freed.digest} is under no hold any more", soft_wrap=True)
