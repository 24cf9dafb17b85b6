"""`tocsin shield`: checking a list that somebody fetched, the warning page as files."""

from pathlib import Path
from typing import Annotated

import typer

from tocsin.node.commands import shield_names
from tocsin.node.commands.options import Json
from tocsin.node.commands.shield_fetch import fetch
from tocsin.node.commands.shield_grounds import grounds
from tocsin.node.commands.warning_page import page
from tocsin.node.console import out, say_json
from tocsin.words.errors import NotFound, Unreadable

app = typer.Typer(
    help="The phishing shield: check a list, write the warning page.", no_args_is_help=True
)

app.command()(page)
app.command()(grounds)
app.command()(fetch)
app.add_typer(shield_names.app, name="names")


@app.callback()
def group() -> None:
    """The phishing shield: check a list, write the warning page."""


@app.command("verify")
def verify(
    file: Annotated[Path, typer.Argument(help="The list, or its zone, as it was fetched.")],
    signature: Annotated[Path, typer.Argument(help="Its signature, fetched as FORM.sig.")],
    key: Annotated[str, typer.Option(help="Public key of the node, 64 digits.")],
    as_json: Json = False,
) -> None:
    """Check a list against its signature, byte by byte.

    Says whose it is, its form and its edition. It needs no store, so whoever fetched the list can
    check it.
    """
    from tocsin.desks.shield.queries.verified import verify_list

    facts = verify_list(_read(file), _read(signature), public_key=key)
    if as_json:
        say_json(facts)
        return
    said = f"{facts['form']} for {facts['audience']}, edition {facts['version']}"
    out.print(f"{said}, made {facts['made_at']}: bytes and signature fit", soft_wrap=True)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise NotFound(f"there is no file {path}") from None
    except OSError as fault:
        raise Unreadable(f"{path}: {fault.strerror}") from fault
