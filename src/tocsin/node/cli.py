"""The command `tocsin`."""

import os
import sys

import typer

from tocsin import __version__
from tocsin.node import console
from tocsin.node.commands import (
    backup,
    bench,
    contacts,
    erase,
    evidence,
    hold,
    log,
    networks,
    parties,
    people,
    receipts,
    register,
    shield,
    subject,
    subscribers,
)
from tocsin.node.commands.deliver import deliver
from tocsin.node.commands.demo import demo
from tocsin.node.commands.doctor import doctor
from tocsin.node.commands.preview import preview
from tocsin.node.commands.quarantine import quarantine
from tocsin.node.commands.restore import restore
from tocsin.node.commands.retain import retain
from tocsin.node.commands.route import route
from tocsin.node.commands.serve import serve
from tocsin.node.commands.worker import worker
from tocsin.node.faults import as_expected

app = typer.Typer(
    name="tocsin",
    help="One report in, everyone concerned told exactly what they may see.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
for command in (route, deliver, worker, doctor, serve, preview, quarantine, demo):
    app.command()(command)
app.add_typer(parties.app, name="parties")
app.add_typer(people.app, name="people")
app.add_typer(receipts.app, name="receipts")
app.add_typer(contacts.app, name="contacts")
app.add_typer(networks.app, name="networks")
app.add_typer(evidence.app, name="evidence")
app.add_typer(hold.app, name="hold")
app.add_typer(erase.app, name="erase")
app.add_typer(subject.app, name="subject")
app.command()(retain)
app.add_typer(backup.app, name="backup")
app.command()(restore)
app.add_typer(register.app, name="register")
app.add_typer(log.app, name="log")
app.add_typer(shield.app, name="shield")
app.add_typer(subscribers.app, name="subscribers")
app.add_typer(bench.app, name="bench")


def _version(wanted: bool) -> None:
    if wanted:
        console.out.print(f"tocsin {__version__}")
        raise typer.Exit


@app.callback()
def options(
    version: bool = typer.Option(
        False, "--version", callback=_version, is_eager=True, help="Print the version and stop."
    ),
) -> None:
    """One report in, everyone concerned told exactly what they may see."""


def main() -> None:
    """Entry point: every error becomes a sentence and an exit code, never a traceback.

    Unless TOCSIN_TRACE is set in the environment.
    """
    try:
        app(prog_name="tocsin")
    except SystemExit as end:
        if end.code == console.INTERRUPTED:
            console.err.print("tocsin: stopped; what was under way is taken up again next time")
        raise
    except Exception as fault:
        if os.environ.get("TOCSIN_TRACE"):
            raise
        known = as_expected(fault)
        console.complain(known)
        sys.exit(known.exit_code)
