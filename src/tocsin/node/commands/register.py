"""`tocsin register`: what was done, by whom, when; months that are closed, rows that still fit."""

from datetime import UTC, datetime
from typing import Annotated, Any
from uuid import UUID

import typer
from rich.markup import escape

from tocsin.node.commands.options import DEFAULT_STORE, By, Json, StoreOption, who
from tocsin.node.console import clean, counted, in_pieces, out, say_json, table
from tocsin.node.store import open_existing
from tocsin.words.errors import Unproven, Unusable
from tocsin.words.moments import iso, read_moment

app = typer.Typer(help="Show what was done, by whom, when; close months.", no_args_is_help=True)
SHOWN = 50
Month = Annotated[str, typer.Argument(help="A month, such as 2026-11.", show_default=False)]
Since = Annotated[str | None, typer.Option(help="From this day or moment on (UTC).")]
Until = Annotated[str | None, typer.Option(help="Up to this day or moment, itself not included.")]


@app.command("list")
def list_(
    why: Annotated[
        str, typer.Option("--why", help="Why you look; it is written down.", show_default=False)
    ],
    action: Annotated[str | None, typer.Option(help="Only this action: desk:noun:verb.")] = None,
    actor: Annotated[str | None, typer.Option(help="Only what this one did.")] = None,
    subject: Annotated[str | None, typer.Option(help="Only about this id.")] = None,
    since: Since = None,
    until: Until = None,
    store: StoreOption = DEFAULT_STORE,
    by: By = None,
    as_json: Json = False,
) -> None:
    """List what was done, the newest last.

    Rows may name people, so looking is a row of its own: who, what, why.
    """
    open_existing(store)
    from tocsin.office import register

    found = register.rows(
        action=action,
        actor=actor,
        subject=_uuid(subject) if subject else None,
        since=_moment(since),
        until=_moment(until),
    )
    count = found.count()
    newest = found.order_by("-pk") if as_json else found.order_by("-pk")[:SHOWN]
    rows = [_facts(row) for row in reversed(newest)]
    register.consult(
        noun="office:register", actor=who(by), at=datetime.now(UTC), why=why, shown=len(rows)
    )
    if as_json:
        say_json(rows)
        return
    shown = table(counted(count, "row"), "at", "who", "what", "id", "log", right=("log",))
    for row in rows:
        place = "-" if row["position"] is None else f"{row['position']:,}"
        actor_ = escape(clean(row["actor"]))
        shown.add_row(row["at"], actor_, in_pieces(row["action"], beside=56), row["id"][:12], place)
    out.print(shown)
    if count > len(rows):
        out.print(f"… the newest {len(rows):,}; --json lists all, --since and --action narrow it")


def _facts(row: Any) -> dict[str, Any]:
    from tocsin.office import register

    return register.sealed(row) | {
        "position": row.position,
        "period": row.period or None,
        "erased_at": iso(row.erased_at) if row.erased_at else None,
    }


def _uuid(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise Unusable(f"{text!r} is no id: 32 hexadecimal digits") from None


def _moment(text: str | None) -> datetime | None:
    if text is None:
        return None
    return read_moment(f"{text}T00:00:00Z" if len(text) == 10 else text)


@app.command("check")
def check(store: StoreOption = DEFAULT_STORE, as_json: Json = False) -> None:
    """Check whether anybody changed the register.

    Every row is held against its leaf.

    Exit codes: 0 every row fits, 9 some do not.
    """
    open_existing(store)
    from tocsin.office.register.checking import check_rows

    found = check_rows()
    if as_json:
        say_json(found.facts())
    else:
        out.print(
            f"{found.fit:,} rows fit their leaf, {found.erased:,} were erased, "
            f"{found.unsealed:,} have no leaf yet."
        )
    if found.changed:
        named = ", ".join(found.changed[:5])
        raise Unproven(
            f"{len(found.changed):,} rows are not what was sealed when they were written: {named}"
            f"{' …' if len(found.changed) > 5 else ''}. Possible: compare with a backup"
        )


@app.command("close")
def close(month: Month, store: StoreOption = DEFAULT_STORE, by: By = None) -> None:
    """Close a month: its figures become a row of their own.

    `tocsin worker` closes months by itself; the same again changes nothing.
    """
    open_existing(store)
    from tocsin.office import register

    row = register.close_period(month, at=datetime.now(UTC), by=who(by))
    out.print(f"{month} is closed: {row.facts['rows']:,} rows counted, in row {row.uid.hex[:12]}")


@app.command("month")
def month_(month: Month, store: StoreOption = DEFAULT_STORE, as_json: Json = False) -> None:
    """Show the figures of a closed month, and count them anew.

    Where facts were erased since, the figures of the closing row stand.
    """
    open_existing(store)
    from tocsin.office import register

    row, anew, erased = register.recompute(month)
    published = {"actions": row.facts["actions"], "late": row.facts["late"]}
    facts = {
        "period": month,
        "closed_at": iso(row.at),
        "row": row.uid.hex,
        "position": row.position,
        **published,
        "erased_since": erased,
        "is_reproduced": anew == published,
    }
    say_json(facts) if as_json else _show_month(facts)
    if not erased and anew != published:
        raise Unproven(
            f"{month}: counted anew the figures differ, and no row of it was erased. Possible: "
            "tocsin register check"
        )


def _show_month(facts: dict[str, Any]) -> None:
    shown = table(f"{facts['period']}, closed {facts['closed_at']}", "what", "rows", "sums", "of")
    for late, named in (("", facts["actions"]), (" (late)", facts["late"])):
        for action, counts in named.items():
            sums = ", ".join(f"{key} {value:,}" for key, value in counts.get("sum", {}).items())
            kinds = [
                f"{value}: {count:,}"
                for by in counts.get("by", {}).values()
                for value, count in by.items()
            ]
            of = escape(clean(", ".join(kinds)))
            shown.add_row(f"{action}{late}", f"{counts['rows']:,}", sums, of)
    out.print(shown)
    if facts["is_reproduced"]:
        out.print("Counted anew from the rows: the same figures.")
    elif facts["erased_since"]:
        out.print(
            f"{facts['erased_since']:,} rows of it lost facts to an erasure since; the figures "
            "above are those of the closing row."
        )
