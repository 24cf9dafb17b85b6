"""Options that several commands have: the same word, the same help, the same meaning."""

import getpass
from pathlib import Path
from typing import Annotated

import typer

Files = Annotated[
    list[Path],
    typer.Argument(help="Reports: CSV or JSON, plain or in gzip or zip.", show_default=False),
]
Parties = Annotated[
    Path | None,
    typer.Option(help="Party file to import first; without it, the parties on file."),
]
StoreOption = Annotated[
    Path, typer.Option("--store", envvar="TOCSIN_STORE", help="Folder of the node's store.")
]
OutOption = Annotated[
    Path | None, typer.Option("--out", help="Folder for deliveries; without it, out/ in the store.")
]
Json = Annotated[bool, typer.Option("--json", help="JSON instead of a table.")]
Executor = Annotated[str, typer.Option(help="in-process, or pool (one process per core).")]
TlpOption = Annotated[
    str, typer.Option("--tlp", help="TLP marking of the reports; a row may be stricter.")
]
FormatOption = Annotated[
    str | None, typer.Option("--format", help="Format of the reports; without it, recognised.")
]
Mapping = Annotated[
    Path | None,
    typer.Option(help="Mapping file of a CSV with columns of its own (format generic-csv)."),
]
Class = Annotated[
    str | None,
    typer.Option("--class", help="RSIT type of rows that name none: phishing, spam, …"),
]
Overlay = Annotated[
    Path | None,
    typer.Option(help="CSV of your own that wins over the routing snapshot."),
]
Send = Annotated[
    bool,
    typer.Option("--send", help="Hand over by every channel, not only into folders."),
]
By = Annotated[
    str | None, typer.Option("--by", help="Who does it; without it, the user of this machine.")
]
DEFAULT_STORE = Path("tocsin-store")


def who(by: str | None) -> str:
    """Who stands in the register: as named, or the user of this machine."""
    return by or f"{getpass.getuser()} (command line)"
