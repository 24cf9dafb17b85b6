"""`tocsin doctor`: what is wrong with this installation, and how to mend it."""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape
from rich.text import Text

from tocsin import __version__
from tocsin.node.commands.options import DEFAULT_STORE, Json
from tocsin.node.console import clean, out, say_json
from tocsin.node.doctor.finding import Case, Finding, State
from tocsin.node.store import Store
from tocsin.words.errors import Unwell
from tocsin.words.moments import iso

Quick = Annotated[
    bool,
    typer.Option("--quick", help="Leave out what takes long or asks other machines."),
]
StoreOption = Annotated[
    Path,
    typer.Option(
        "--store",
        envvar="TOCSIN_STORE",
        help="Folder of the node's store.",
        readable=False,  # that it is not is one of the findings
    ),
]
COLOURS = {State.WRONG: "bold red", State.NOTE: "yellow", State.OK: "green"}


def doctor(quick: Quick = False, store: StoreOption = DEFAULT_STORE, as_json: Json = False) -> None:
    """Say what is wrong with this node, and how to mend it.

    Nothing is made, changed, migrated or sent. Exit codes: 0 nothing is wrong, 10 something is.
    """
    from tocsin.node.doctor.examining import examine

    case = Case(Store(store.absolute()), at=datetime.now(UTC), quick=quick)
    findings = examine(case)
    say_json(_facts(case, findings)) if as_json else _show(case, findings)
    if any(one.state is State.WRONG for one in findings):
        raise typer.Exit(Unwell.exit_code)


def _facts(case: Case, findings: Sequence[Finding]) -> dict[str, Any]:
    return {
        "store": str(case.store.path),
        "at": iso(case.at),
        "version": __version__,
        **{state.value: _count(findings, state) for state in State},
        "findings": [
            {"area": one.area, "state": one.state.value, "what": one.what, "mend": one.mend}
            for one in findings
        ],
    }


def _count(findings: Sequence[Finding], state: State) -> int:
    return sum(one.state is state for one in findings)


# --- for people -------------------------------------------------------------------------------


def _show(case: Case, findings: Sequence[Finding]) -> None:
    """The worst last, where the eye is when the command ends."""
    out.print(f"[bold]Store[/] {escape(clean(str(case.store.path)))}", soft_wrap=True)
    for state in (State.OK, State.NOTE, State.WRONG):
        for one in findings:
            if one.state is state:
                _print(one)
    out.print()
    out.print(_summary(findings))


def _print(one: Finding) -> None:
    head = Text.assemble((f"{one.state.value:<6}", COLOURS[one.state]), (f"{one.area:<12}", "dim"))
    body = Text(clean(one.what))
    if one.mend:
        body.append(f"\n→ {clean(one.mend)}", style="cyan")
    lines = body.wrap(out, max(20, out.width - 18))
    for number, line in enumerate(lines):
        start = head if number == 0 else Text(" " * 18)
        out.print(start + line, soft_wrap=True)


def _summary(findings: Sequence[Finding]) -> str:
    wrong, notes = _count(findings, State.WRONG), _count(findings, State.NOTE)
    if not wrong:
        said = "Nothing is wrong" if not notes else "Nothing is wrong; the notes can wait"
        return f"[green]{said}.[/]"
    are = "thing is" if wrong == 1 else "things are"
    return f"[bold red]{wrong} {are} wrong[/]; what mends each stands after its arrow."
