"""`tocsin subscribers look-up`, `warn`, `findings`: reports to lines, warnings, how it went."""

from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

import typer
from rich.markup import escape

from tocsin.node.commands.options import DEFAULT_STORE, By, Json, StoreOption, who
from tocsin.node.console import clean, out, say_json, table
from tocsin.node.store import open_existing
from tocsin.words.moments import iso

_SHOWN = 50


def look_up(
    now: Annotated[
        bool, typer.Option("--now", help="Do not wait for logs that reach the events.")
    ] = False,
    store: StoreOption = DEFAULT_STORE,
    by: By = None,
    as_json: Json = False,
) -> None:
    """Look up whose lines the reports are about that came in.

    The worker does this by itself. Each run of reports is looked up once.
    """
    opened = open_existing(store)
    from tocsin.desks.subscribers.actions.attributing import (
        PATIENCE,
        look_up_runs,
        waiting_runs,
    )

    at = datetime.now(UTC)
    patience = timedelta() if now else PATIENCE
    done = look_up_runs(by=who(by), at=at, store_folder=opened.path, patience=patience)
    waiting = waiting_runs(at).count()
    names = ("events", "exact", "ambiguous", "nobody", "not_attributable")
    facts = [
        {"run": row.run.uid.hex, **{name: getattr(row, name) for name in names}} for row in done
    ]
    if as_json:
        say_json({"runs": facts, "waiting": waiting})
        return
    if waiting:
        out.print(
            f"Waiting for logs that reach their events: {waiting:,}. With --now they do not wait.",
            soft_wrap=True,
        )
    elif not facts:
        out.print("Nothing new to look up.")
    if not facts:
        return
    words = ("events", "one line", "ambiguous", "none", "not attributable")
    shown = table("Looked up", "run", *words, right=words)
    for one in facts:
        shown.add_row(str(one["run"])[:8], *(f"{one[name]:,}" for name in names))
    out.print(shown)


def warn(
    send: Annotated[bool, typer.Option("--send", help="Write; without it, only show.")] = False,
    store: StoreOption = DEFAULT_STORE,
    by: By = None,
    as_json: Json = False,
) -> None:
    """Show who would be warned of what; with --send, warn them.

    Letters leave with the worker.
    """
    opened = open_existing(store)
    from tocsin.desks.subscribers.actions.warning import due_warnings, warn_due
    from tocsin.desks.subscribers.tasks import terms

    at = datetime.now(UTC)
    if send:
        planned = warn_due(terms=terms(), by=who(by), at=at, store_folder=opened.path)
    else:
        planned = due_warnings(terms=terms(), at=at)
    facts = [_planned(one) for one in planned]
    if as_json:
        say_json({"sent": send, "warnings": facts})
        return
    _show(facts, send=send)


def _planned(one: Any) -> dict[str, Any]:
    """A line and its problem; nobody's name or address, which a screen need not show."""
    row = one.finding
    return {
        "line": f"{row.line:016x}",
        "kind": row.kind,
        "family": row.family,
        "last_at": iso(row.last_at),
        "playbook": one.playbook.name if one.playbook else "",
        "step": row.taken + 1,
        "way": one.way,
        "language": one.language,
        "is_essential": bool(one.contact and one.contact.is_essential),
        "held": one.held,
    }


def _show(facts: list[dict[str, Any]], *, send: bool) -> None:
    going = [one for one in facts if not one["held"]]
    held = [one for one in facts if one["held"]]
    if going:
        title = "Warned" if send else "Would be warned"
        shown = table(title, "line", "problem", "playbook", "step", "way", right=("step",))
        for one in going[:_SHOWN]:
            problem = f"{one['kind']} {one['family']}".strip()
            essential = " (essential)" if one["is_essential"] else ""
            shown.add_row(
                one["line"] + essential, escape(clean(problem)), one["playbook"], str(one["step"]),
                f"{one['way']}, {one['language']}",
            )  # fmt: skip
        out.print(shown)
    said = "Warned" if send else "Would be warned"
    out.print(f"{said}: {len(going):,}. Held: {len(held):,}.", soft_wrap=True)
    for why in sorted({one["held"] for one in held}):
        count = sum(one["held"] == why for one in held)
        out.print(f"  held: {count:,}, because {why}", soft_wrap=True)
    if going and not send:
        out.print("Nobody was written to. To write: tocsin subscribers warn --send")


def findings(store: StoreOption = DEFAULT_STORE, as_json: Json = False) -> None:
    """Count what was found on lines, and how it went.

    Counts alone: which line it is, say warn and whose.
    """
    open_existing(store)
    from tocsin.desks.subscribers.queries.findings import counted

    facts = counted()
    if as_json:
        say_json({"findings": facts})
        return
    if not facts:
        out.print("Nothing was found yet: tocsin subscribers look-up")
        return
    words = ("lines", "events", "seen", "warned", "cured", "came back")
    shown = table("Findings", "problem", "whose", *words, right=words)
    for one in facts:
        numbers = (f"{one[word.replace(' ', '_')]:,}" for word in words)
        shown.add_row(escape(clean(str(one["problem"]))), str(one["fate"]), *numbers)
    out.print(shown)
