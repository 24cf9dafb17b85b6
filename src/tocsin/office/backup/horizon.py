"""How long backups live: the archives of keys not long, and with them all that they open."""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tocsin.office import register
from tocsin.office.backup import archive, manifest
from tocsin.words.errors import TocsinError
from tocsin.words.moments import as_utc


@dataclass(frozen=True)
class Pruned:
    """What went: archives of keys, and backups; by name."""

    keys: tuple[str, ...] = ()
    backups: tuple[str, ...] = ()


def prune(
    into: Path,
    keys_into: Path,
    *,
    public_key: str,
    at: datetime,
    keep_keys: timedelta | None,
    keep: timedelta | None,
) -> Pruned:
    """Remove what is older; never the newest backup nor its keys, and nothing of another node.

    A backup goes with its keys or after them, so that none is left that could be opened.
    """
    found = _of_this_node(into, public_key)
    old_keys, old = [], []
    for folder, made_at in found[:-1]:
        path = archive.path_of(keys_into, folder.name)
        is_old = keep is not None and made_at < as_utc(at) - keep
        if path.exists() and (
            is_old or (keep_keys is not None and made_at < as_utc(at) - keep_keys)
        ):
            path.unlink()
            old_keys.append(folder.name)
        if is_old:
            shutil.rmtree(folder)
            old.append(folder.name)
    return Pruned(tuple(old_keys), tuple(old))


def _of_this_node(into: Path, public_key: str) -> list[tuple[Path, datetime]]:
    found = []
    for folder in manifest.list_backups(into):
        try:
            made = manifest.read_manifest(folder)
        except TocsinError:
            continue
        if made.public_key == public_key:
            stamp = made.name.partition("-")[0]
            found.append((folder, datetime.strptime(stamp, manifest.STAMP).replace(tzinfo=UTC)))
    return found


def known_backups() -> Iterator[tuple[str, str]]:
    """Archives of keys that the register knows of and that this machine cannot see gone.

    `(name, path of the keys)`, the newest first. One on a disk that is not there now counts as
    there: nobody saw it go.
    """
    for row in register.rows(action="office:backup:make").order_by("-pk"):
        path = Path(str(row.facts["keys"]))
        if path.exists() or not path.parent.is_dir():
            yield str(row.facts["backup"]), str(path)
