"""`tocsin subscribers measures`, `release`, `adopt`: lines that are limited, and by whose leave."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Annotated, Any

import typer
from rich.markup import escape

from tocsin.node.commands.options import DEFAULT_STORE, By, Json, StoreOption, who
from tocsin.node.console import clean, out, say_json, table
from tocsin.node.store import open_existing
from tocsin.words.errors import Unusable
from tocsin.words.moments import iso

adopt = typer.Typer(help="Let in playbooks that limit lines: two people.", no_args_is_help=True)
Name = Annotated[str, typer.Argument(help="A playbook of the list.", show_default=False)]
_SHOWN = 50


def measures(
    do: Annotated[
        bool, typer.Option("--do", help="Tell the network; without it, only show.")
    ] = False,
    store: StoreOption = DEFAULT_STORE,
    by: By = None,
    as_json: Json = False,
) -> None:
    """Show which lines are limited, and what is to be told.

    With --do the network is told. Warnings that limit a line are shown by tocsin subscribers warn.
    """
    open_existing(store)
    from django.conf import settings

    from tocsin.desks.subscribers.actions.measures import due, release_due, tell_network
    from tocsin.desks.subscribers.models import Measure

    known = settings.SUBSCRIBERS["measures"]
    if do:
        if known is None:
            raise Unusable("no way is set. Possible: TOCSIN_SUBSCRIBERS_MEASURES_FILE")
        at = datetime.now(UTC)
        release_due(by=who(by), at=at)
        tell_network(measures=known, by=who(by), at=at)
    waiting = set(due(known).values_list("pk", flat=True))
    rows = Measure.objects.exclude(state=Measure.State.LIFTED)
    facts = [_facts(row, row.pk in waiting) for row in rows]
    say_json({"measures": facts}) if as_json else _show(facts)


def _facts(row: Any, waits: bool) -> dict[str, Any]:
    return {
        "id": row.uid.hex,
        "line": f"{row.line:016x}",
        "measure": row.kind,
        "state": row.state,
        "asked_at": iso(row.asked_at),
        "set_at": iso(row.set_at) if row.set_at else None,
        "next": "" if not waits else "lift" if row.lift_asked_at else "set",
        "fault": row.last_error,
    }


def _show(facts: list[dict[str, Any]]) -> None:
    if not facts:
        out.print("No line is limited, and none is to be.")
        return
    shown = table("Measures", "line", "measure", "state", "since", "next")
    for one in facts[:_SHOWN]:
        since = str(one["set_at"] or one["asked_at"])[:10]
        shown.add_row(one["line"], one["measure"], one["state"], since, one["next"])
    out.print(shown)
    for one in facts[:_SHOWN]:
        out.print(f"  {one['line']}: id {one['id']}", soft_wrap=True)
        if one["fault"]:
            out.print(f"    [yellow]note[/] {escape(clean(one['fault']))}", soft_wrap=True)


def release(
    reference: Annotated[
        str,
        typer.Argument(help="Code of a warning, or id of a measure.", show_default=False),
    ],
    why: Annotated[str, typer.Option(help="Why; kept in the register.", show_default=False)],
    store: StoreOption = DEFAULT_STORE,
    by: By = None,
) -> None:
    """Lift the limit of a line for a subscriber who called.

    The network is told by the worker within a minute.
    """
    opened = open_existing(store)
    from tocsin.desks.subscribers.actions.measures import release as lift

    done = lift(reference, why=why, by=who(by), at=datetime.now(UTC), store_folder=opened.path)
    for row in done:
        out.print(f"{row.kind} of line {row.line:016x}: to be lifted.")


@adopt.command("propose")
def propose(name: Name, store: StoreOption = DEFAULT_STORE, by: By = None) -> None:
    """Propose a playbook; a second person approves it."""
    open_existing(store)
    from tocsin.desks.subscribers.actions import adopting

    _do(adopting.propose, name, by, "is proposed; a second person approves it")


@adopt.command("approve")
def approve(name: Name, store: StoreOption = DEFAULT_STORE, by: By = None) -> None:
    """Approve what somebody else proposed.

    From now on it limits lines.
    """
    open_existing(store)
    from tocsin.desks.subscribers.actions import adopting

    _do(adopting.approve, name, by, "is adopted")


@adopt.command("withdraw")
def withdraw(name: Name, store: StoreOption = DEFAULT_STORE, by: By = None) -> None:
    """End a playbook; one person is enough.

    Lines that it limited are released as they would have been.
    """
    open_existing(store)
    from tocsin.desks.subscribers.actions import adopting

    _do(adopting.withdraw, name, by, "is withdrawn")


def _do(act: Callable[..., Any], name: str, by: str | None, said: str) -> None:
    row = act(name, by=who(by), at=datetime.now(UTC))
    out.print(f"{row} {said}.")


@adopt.command("list")
def list_(store: StoreOption = DEFAULT_STORE, as_json: Json = False) -> None:
    """List the playbooks that limit lines.

    With what is known of each, and who let it in.
    """
    open_existing(store)
    from tocsin.desks.subscribers.models import Adoption
    from tocsin.rules.playbooks import ADOPTABLE

    rows = {(row.playbook, row.version): row for row in Adoption.objects.filter(withdrawn_at=None)}
    facts = [_adopted(row, rows.get((row.name, row.version))) for row in ADOPTABLE]
    if as_json:
        say_json({"playbooks": facts})
        return
    for one in facts:
        out.print(
            f"[bold]{one['playbook']}[/] version {one['version']}: {one['state']}", soft_wrap=True
        )
        of = f" ({', '.join(one['families'])})" if one["families"] else ""
        out.print(f"  {one['measure']} for {', '.join(one['kinds'])}{of}", soft_wrap=True)
        out.print(f"  evidence: {one['evidence']}", soft_wrap=True)
        out.print(f"  basis: {one['basis']}", soft_wrap=True)


def _adopted(playbook: Any, row: Any) -> dict[str, Any]:
    measures = dict.fromkeys(step.measure.value for step in playbook.steps if step.measure)
    return {
        "playbook": playbook.name,
        "version": playbook.version,
        "state": _state(row),
        "measure": ", ".join(measures),
        "kinds": [*playbook.kinds],
        "families": [*playbook.families],
        "evidence": playbook.source,
        "basis": playbook.basis,
    }


def _state(row: Any) -> str:
    if row is None:
        return "not adopted"
    said = f"proposed by {clean(row.proposed_by)} on {iso(row.proposed_at)[:10]}"
    if row.approved_at is None:
        return f"{said}, not approved"
    return f"{said}, approved by {clean(row.approved_by)} on {iso(row.approved_at)[:10]}"
