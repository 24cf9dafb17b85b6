"""`tocsin backup`: database, files and keys of one moment; the keys apart."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from typer.core import TyperGroup

from tocsin import __version__
from tocsin.node.commands.options import DEFAULT_STORE, By, Json, StoreOption, who
from tocsin.node.console import clean, err, out, say_json, table
from tocsin.node.store import LAYOUT, Store, open_existing, set_up_django
from tocsin.words.errors import Refused, TocsinError, Unreadable


class _Group(TyperGroup):
    """`tocsin backup FOLDER` is `tocsin backup make FOLDER`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if args and args[0] not in (*self.commands, "--help"):
            args = ["make", *args]
        return super().parse_args(ctx, args)


app = typer.Typer(
    help="Back the node up, keys apart; list and verify backups.",
    no_args_is_help=True,
    cls=_Group,
)
Folder = Annotated[Path, typer.Argument(help="Folder of backups.", show_default=False)]
One = Annotated[Path, typer.Argument(help="A backup, or the folder of backups: then the newest.")]
Keys = Annotated[
    Path | None, typer.Option("--keys", help="Folder for the archives of keys, kept apart.")
]
Passphrase = Annotated[
    Path | None,
    typer.Option("--passphrase-file", help="File with the passphrase that seals the keys."),
]
STEPS = {
    "rows": "rows of the database",
    "bytes": "files",
    "checked": "checking",
    "opened": "opening",
}
WHY_APART = (
    "a backup needs --keys FOLDER: what opens it is written there and nowhere else, so that what "
    "is erased stays erased once that folder's old archives are gone. Possible: a folder on "
    "another disk or machine, kept about a month (--keep-keys 30)"
)


@app.command("make")
def make(
    folder: Folder,
    keys: Keys = None,
    passphrase_file: Passphrase = None,
    keep_keys: Annotated[
        int | None, typer.Option(min=1, help="Then remove archives of keys older than these days.")
    ] = None,
    keep: Annotated[
        int | None, typer.Option(min=1, help="Then remove backups older than these days.")
    ] = None,
    wait: Annotated[
        int, typer.Option(min=0, help="Seconds to wait for a run that is under way.")
    ] = 600,
    store: StoreOption = DEFAULT_STORE,
    by: By = None,
    as_json: Json = False,
) -> None:
    """Make a backup into a new folder in FOLDER.

    Runs and workers may go on; only files that changed are written.

    Exit codes: 0 done, 3 done, and files are missing that the store itself has lost.
    """
    if keys is None:
        raise Refused(WHY_APART)
    opened = open_existing(store)
    from tocsin.office import backup
    from tocsin.office.backup.archive import read_passphrase

    with bars(shown=not as_json) as tell:
        wish = backup.Wish(
            store_folder=opened.path,
            into=folder,
            keys_into=keys,
            by=who(by),
            at=datetime.now(UTC),
            version=__version__,
            layout=LAYOUT,
            passphrase=read_passphrase(passphrase_file),
            wait=float(wait),
            tell=tell,
        )
        made = backup.make(wish)
    pruned = backup.prune(
        folder,
        keys,
        public_key=made.manifest.public_key,
        at=wish.at,
        keep_keys=None if keep_keys is None else timedelta(days=keep_keys),
        keep=None if keep is None else timedelta(days=keep),
    )
    facts = _facts(made, pruned)
    say_json(facts) if as_json else _show(facts)
    if made.manifest.missing:
        raise typer.Exit(Unreadable.exit_code)


def _facts(made: Any, pruned: Any) -> dict[str, Any]:
    return {
        **summary(made.manifest),
        "folder": str(made.folder),
        "keys": str(made.keys),
        "written": made.written,
        "linked": made.linked,
        "missing": list(made.manifest.missing),
        "left_out": list(made.manifest.left_out),
        "pruned": {"keys": list(pruned.keys), "backups": list(pruned.backups)},
    }


def summary(found: Any) -> dict[str, Any]:
    """What every command says of a backup."""
    return {
        "backup": found.name,
        "at": found.at,
        "tool": found.tool,
        "database": found.database,
        "rows": found.rows,
        "files": len(found.parts) - len(found.tables),
        "bytes": found.size,
        "public_key": found.public_key,
    }


def _show(facts: dict[str, Any]) -> None:
    out.print(
        f"Backed up {facts['rows']:,} rows and {facts['files']:,} files, {facts['bytes']:,} bytes; "
        f"{facts['linked']:,} files had not changed since the backup before.",
        soft_wrap=True,
    )
    out.print(f"  data  {escape(facts['folder'])}", soft_wrap=True)
    out.print(f"  keys  {escape(facts['keys'])}", soft_wrap=True)
    for name in facts["left_out"]:
        out.print(f"  [yellow]left out[/] {escape(clean(name))}", soft_wrap=True)
    for name in facts["missing"][:10]:
        err.print(f"  [red]missing in the store[/] {escape(clean(name))}", soft_wrap=True)
    for what, names in facts["pruned"].items():
        if names:
            out.print(f"  removed {what} of {len(names):,} older backups")


@app.command("verify")
def verify(
    folder: One,
    keys: Keys = None,
    passphrase_file: Passphrase = None,
    as_json: Json = False,
) -> None:
    """Check every byte of a backup, and with --keys open it.

    It needs no store. Nothing is written.
    """
    set_up_django(Store(DEFAULT_STORE.absolute()))
    from tocsin.office import backup
    from tocsin.office.backup.archive import read_passphrase
    from tocsin.office.backup.verifying import check_contents

    chosen = backup.find(folder)
    with bars(shown=not as_json) as tell:
        if keys is None:
            found = backup.verify(chosen, tell=tell)
        else:
            passphrase = read_passphrase(passphrase_file)
            opened = backup.open_backup(chosen, keys_folder=keys, passphrase=passphrase, tell=tell)
            check_contents(opened, tell=tell)
            found = opened.manifest
    facts = summary(found) | {"opened": keys is not None}
    if as_json:
        say_json(facts)
        return
    how = "whole, and it opens with its keys" if keys else "whole; --keys would open it too"
    out.print(f"backup {found.name} of {found.at}: {how}", soft_wrap=True)
    out.print(f"signed by {found.public_key}", soft_wrap=True)


@app.command("list")
def list_(folder: Folder, keys: Keys = None, as_json: Json = False) -> None:
    """List the backups in a folder, the newest first."""
    set_up_django(Store(DEFAULT_STORE.absolute()))
    from tocsin.office import backup

    facts = [_listed(path, keys) for path in reversed(backup.list_backups(folder))]
    if as_json:
        say_json(facts)
        return
    if not facts:
        out.print(f"There is no backup in {escape(str(folder))}.")
        return
    shown = table("Backups", "backup", "made with", "rows", "files", "bytes", "keys",
                  right=("rows", "files", "bytes"))  # fmt: skip
    for row in facts:
        numbers = [f"{row[name]:,}" if name in row else "-" for name in ("rows", "files", "bytes")]
        said = row.get("error") or {True: "there", False: "[yellow]gone[/]", None: "-"}[row["keys"]]
        shown.add_row(row["backup"], row.get("tool", "-"), *numbers, said)
    out.print(shown)


def _listed(path: Path, keys: Path | None) -> dict[str, Any]:
    from tocsin.office.backup import archive, manifest

    there = None if keys is None else archive.path_of(keys, path.name).is_file()
    try:
        return {**summary(manifest.read_manifest(path)), "keys": there}
    except TocsinError as fault:
        return {"backup": path.name, "error": str(fault), "keys": there}


@contextmanager
def bars(*, shown: bool) -> Iterator[Any]:
    """A callback `(step, done, total)`; a bar per step on a terminal, nothing elsewhere."""
    if not (shown and err.is_terminal):
        yield lambda _step, _done, _total: None
        return
    made = Progress(
        SpinnerColumn(),
        TextColumn("{task.description:<24}"),
        BarColumn(bar_width=20),
        TextColumn("{task.percentage:>3.0f} %"),
        TimeElapsedColumn(),
        console=err,
        transient=True,
    )
    tasks: dict[str, Any] = {}

    def advance(step: str, done: int, total: int) -> None:
        if step not in tasks:
            tasks[step] = made.add_task(STEPS.get(step, step), total=total)
        made.advance(tasks[step], done)

    with made:
        yield advance
