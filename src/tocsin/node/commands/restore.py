"""`tocsin restore`: a backup into an empty store."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from tocsin.node.commands.backup import Keys, One, Passphrase, bars, summary
from tocsin.node.commands.options import By, Json, who
from tocsin.node.console import out, say_json
from tocsin.node.store import LAYOUT, Store, restore_store, set_up_django
from tocsin.words.errors import Refused, Unusable


def restore(
    folder: One,
    store: Annotated[
        Path, typer.Option("--store", help="Folder for the store; empty.", show_default=False)
    ],
    keys: Keys = None,
    passphrase_file: Passphrase = None,
    by: By = None,
    as_json: Json = False,
) -> None:
    """Fill an empty store from a backup.

    Every byte is checked first. With TOCSIN_DATABASE_URL the rows go into that database, which
    must be empty, whichever database the backup was made of.
    """
    if keys is None:
        raise Refused(
            "a backup opens with its keys alone. Possible: --keys FOLDER, the folder that tocsin "
            "backup wrote them to"
        )
    place = Store(store.absolute())
    set_up_django(place)
    from tocsin.office import backup
    from tocsin.office.backup.archive import read_passphrase

    chosen = backup.find(folder)
    passphrase = read_passphrase(passphrase_file)
    with bars(shown=not as_json) as tell:
        opened = backup.open_backup(chosen, keys_folder=keys, passphrase=passphrase, tell=tell)
        _require_layout(opened.manifest.layout)
        backup.require_known(opened)
        restore_store(
            place.path,
            fill=lambda made: backup.fill(opened, made.path, tell=tell),
            record=lambda: backup.record_restore(opened, by=who(by), at=datetime.now(UTC)),
        )
    facts = summary(opened.manifest) | {"store": str(place.path)}
    if as_json:
        say_json(facts)
        return
    out.print(
        f"{escape(str(place.path))} is as it was at {facts['at']}: {facts['rows']:,} rows, "
        f"{facts['files']:,} files.",
        soft_wrap=True,
    )
    out.print("What is left to you: docs/how-to/back-up.md, 'After a restore'.")


def _require_layout(layout: int) -> None:
    if layout > LAYOUT:
        raise Unusable(
            f"the backup has layout {layout}, this Tocsin knows layouts up to {LAYOUT}. Possible: "
            "restore it with the newer Tocsin that made it"
        )
