"""What `tocsin route` refuses before a store is made or a party imported.

A refused run leaves nothing behind: the same command, mended, begins where nothing has been.
"""

import os
from collections.abc import Collection
from pathlib import Path

from tocsin.node.store import Store, set_up_django
from tocsin.words.classes import TYPES
from tocsin.words.errors import NotFound, Unreadable, Unusable


def check_options(
    executor: str,
    *,
    format_name: str | None = None,
    mapping: Path | None = None,
    kind: str | None = None,
    overlay: Path | None = None,
) -> None:
    """Options that no run could follow; raises `Unusable`, `NotFound`, `Unreadable`."""
    from tocsin.flow.executors import EXECUTORS
    from tocsin.flow.networks import read_overlay
    from tocsin.formats.catalogue import chosen

    if executor not in EXECUTORS:
        raise Unusable(f"no executor {executor!r}. Possible: {', '.join(EXECUTORS)}")
    if kind is not None and kind not in TYPES:
        raise Unusable(f"no class {kind!r}. Possible: {', '.join(sorted(TYPES))}")
    chosen(format_name, mapping=mapping)
    if overlay is not None:
        read_overlay(overlay)


def check_node(
    store: Path, parties: Path | None, out_folder: Path | None, over: Collection[str] | None
) -> None:
    """Settings, folders and a party file with which nothing could be sent or nobody told."""
    from tocsin.node.channel_settings import channel_settings
    from tocsin.node.identity import read_identity

    place = Store(store.absolute())
    channel_settings(place, root=place.path, over=over)
    if out_folder is not None or _is_made(place):
        require_folder(out_folder or place.path / "out")
    identity = read_identity()
    if parties is not None:
        _check_parties(parties, place, is_named=identity.sender is not None)
    elif not (_is_made(place) or os.environ.get("TOCSIN_DATABASE_URL")):
        raise Unusable(
            "no party is on file, so nobody could be told. Possible: --parties FILE, or "
            "tocsin parties import FILE"
        )


def _is_made(place: Store) -> bool:
    """Whether there is a store; one that we may not look into may be one."""
    try:
        return (place.path / "layout").is_file()
    except OSError:
        return True


def _check_parties(path: Path, place: Store, *, is_named: bool) -> None:
    """A party file that cannot be imported, or that wants what this node cannot write."""
    text = text_of(path)
    set_up_django(place)
    from tocsin.desks.response.actions import require_name
    from tocsin.office.parties import read_parties

    entries = read_parties(text, folder=path.absolute().parent)
    if not is_named:
        require_name(one.recipient.party for one in entries if one.recipient.format == "xarf")


def require_folder(path: Path) -> None:
    """Where deliveries are to go is a folder or can become one; raises `Unusable`."""
    there = next(one for one in (path.absolute(), *path.absolute().parents) if os.path.lexists(one))
    if not there.is_dir():
        what = "no folder" if there.exists() else "a link that leads nowhere"
        raise Unusable(
            f"--out {path}: {there} is {what}, and deliveries go into a folder. Possible: another "
            "folder"
        )


def text_of(path: Path) -> str:
    """The text of a party file; raises `NotFound`, `Unreadable`."""
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise NotFound(f"no such party file: {path}") from None
    except IsADirectoryError:
        raise NotFound(f"{path} is a folder. Possible: name the party file in it") from None
    except (OSError, UnicodeDecodeError) as fault:
        raise Unreadable(f"{path} cannot be read as UTF-8 text: {fault}") from fault
