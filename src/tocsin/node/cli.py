"""The command `tocsin`."""

import os
import sys

import typer

from tocsin import __version__
from tocsin.node import console
from tocsin.node.commands import bench, networks, parties
from tocsin.node.commands.demo import demo
from tocsin.node.commands.preview import preview
from tocsin.node.commands.quarantine import quarantine
from tocsin.node.commands.route import route
from tocsin.words.errors import TocsinError

app = typer.Typer(
    name="tocsin",
    help="One report in, everyone concerned told exactly what they may see.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
for command in (route, preview, quarantine, demo):
    app.command()(command)
app.add_typer(parties.app, name="parties")
app.add_typer(networks.app, name="networks")
app.add_typer(bench.app, name="bench")


def _version(wanted: bool) -> None:
    if wanted:
        console.out.print(f"tocsin {__version__}")
        raise typer.Exit


@app.callback()
def options(
    version: bool = typer.Option(
        False, "--version", callback=_version, is_eager=True, help="Say the version."
    ),
) -> None:
    """One report in, everyone concerned told exactly what they may see."""


def main() -> None:
    """Entry point: expected errors become one sentence and an exit code, never a traceback."""
    try:
        app()
    except TocsinError as fault:
        console.complain(fault)
        sys.exit(fault.exit_code)
    except KeyboardInterrupt:
        console.err.print("tocsin: stopped; what was under way is taken up again next time")
        sys.exit(console.INTERRUPTED)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(console.INTERRUPTED)
