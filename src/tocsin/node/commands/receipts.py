"""`tocsin receipts`: what came back for deliveries."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape

from tocsin.node.commands.options import DEFAULT_STORE, By, Json, StoreOption, who
from tocsin.node.console import clean, out, say_json, table
from tocsin.node.store import open_existing
from tocsin.words.errors import Unusable
from tocsin.words.moments import iso

app = typer.Typer(help="Read what came back for deliveries, and write it down.")

Mbox = Annotated[Path | None, typer.Option(help="Read bounces and answers out of an mbox file.")]
Maildir = Annotated[
    Path | None, typer.Option(help="Read bounces and answers out of a Maildir folder.")
]
MOST_ROWS = 40
COUNTED = {
    "answer": "answers of people",
    "bounce": "bounces",
    "dead": "mailboxes marked as dead",
    "automatic": "automatic answers, passed over",
    "repeat": "seen before",
    "stranger": "about no delivery of ours",
}


@app.callback(invoke_without_command=True)
def receipts(
    context: typer.Context,
    mbox: Mbox = None,
    maildir: Maildir = None,
    store: StoreOption = DEFAULT_STORE,
    as_json: Json = False,
    by: By = None,
) -> None:
    """List what came back; with --mbox or --maildir, read it first.

    The mailbox is only read: no message is moved, marked or kept.
    """
    if context.invoked_subcommand:
        return
    open_existing(store)
    counts = _read(mbox, maildir, by=who(by))
    rows = _rows()
    if as_json:
        say_json({"read": counts, "receipts": rows})
        return
    _show_counts(counts)
    _show(rows)


@app.command("add")
def add(
    delivery: Annotated[str, typer.Argument(help="Its id, or the beginning of it.")],
    kind: Annotated[str, typer.Argument(help="received, acted, cured, not_ours, false_positive")],
    note: Annotated[str, typer.Option(help="A ticket of theirs, a number of lines.")] = "",
    store: StoreOption = DEFAULT_STORE,
    by: By = None,
) -> None:
    """Write down what a party said of a delivery.

    By telephone, for instance.
    """
    open_existing(store)
    from tocsin.office.receipts import KINDS, add_receipt, find_delivery

    if kind not in KINDS:
        raise Unusable(f"{kind!r} is no receipt. Possible: {', '.join(KINDS)}")
    found = find_delivery(delivery)
    at = datetime.now(UTC)
    detail = {"note": note[:200]} if note else {}
    slug = found.party.slug
    made = add_receipt(found, kind=kind, by=slug, actor=who(by), at=at, detail=detail)
    said = "written down" if made else "was on record already"
    out.print(f"{escape(clean(found.party.name))}, {kind}: {said}.")


def _read(mbox: Path | None, maildir: Path | None, *, by: str) -> dict[str, int]:
    from tocsin.channels.mailbox import read_maildir, read_mbox
    from tocsin.office.mailbox import read_returned

    counts: dict[str, int] = {}
    for read, place in ((read_mbox, mbox), (read_maildir, maildir)):
        if place is not None:
            found = read_returned(read(place), by=by, at=datetime.now(UTC))
            counts = {name: counts.get(name, 0) + found[name] for name in COUNTED}
    return counts


def _rows() -> list[dict[str, Any]]:
    from tocsin.office.receipts import receipts as all_receipts

    return [
        {
            "delivery": str(row.delivery.uid),
            "party": row.delivery.party.slug,
            "ticket": row.delivery.ticket,
            "kind": row.kind,
            "by": row.by,
            "at": iso(row.at),
            "detail": row.detail,
        }
        for row in all_receipts()
    ]


def _show_counts(counts: dict[str, int]) -> None:
    for name, words in COUNTED.items():
        if counts.get(name):
            out.print(f"{counts[name]:>7,}  {words}")


def _show(rows: list[dict[str, Any]]) -> None:
    if not rows:
        out.print("Nothing has come back yet.")
        return
    shown = table("Receipts", "at", "delivery", "party", "kind", "by")
    for row in rows[:MOST_ROWS]:
        shown.add_row(
            row["at"],
            row["delivery"][:8],
            row["party"],
            row["kind"].replace("_", " "),
            escape(clean(row["by"])),
        )
    out.print(shown)
    if len(rows) > MOST_ROWS:
        out.print(f"  … and {len(rows) - MOST_ROWS:,} more: --json shows all")
