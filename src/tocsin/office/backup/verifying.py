"""Whether a backup is whole, and with its keys: whether it opens."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from tocsin.office import keys
from tocsin.office.backup import archive, parts
from tocsin.office.backup.archive import Archive
from tocsin.office.backup.manifest import ANOTHER, Manifest, read_manifest
from tocsin.words.errors import Unreadable, Unusable

_SHOWN = 3
_SIGNING = "keys/manifest-signing.pem"


def _unseen(_step: str, _done: int, _total: int) -> None:
    """Progress where nobody watches."""


@dataclass(frozen=True)
class Opened:
    """A backup whose every byte was checked, with its keys."""

    folder: Path
    manifest: Manifest
    archive: Archive


def verify(folder: Path, *, tell: Callable[[str, int, int], None] = _unseen) -> Manifest:
    """Check signature and every byte of a backup, without its keys; raises `Unreadable`.

    Says all that is wrong, not the first thing only.
    """
    found = read_manifest(folder)
    wrong = []
    for part in found.parts:
        wrong += [said] if (said := parts.check(part, folder)) else []
        tell("checked", part.size, found.size)
    listed = {f"tables/{label}.jsonl" for label in found.tables}
    wrong += [f"{name} is no part" for name in sorted(listed - {p.path for p in found.parts})]
    if wrong:
        more = f" and {len(wrong) - _SHOWN:,} more" if len(wrong) > _SHOWN else ""
        raise Unreadable(
            f"backup {found.name} is damaged: {'; '.join(wrong[:_SHOWN])}{more}. {ANOTHER}"
        )
    return found


def open_backup(
    folder: Path,
    *,
    keys_folder: Path,
    passphrase: str | None,
    tell: Callable[[str, int, int], None] = _unseen,
) -> Opened:
    """Verify a backup and open its archive of keys; nothing is written.

    Raises `NotFound` without its keys, `Unusable` for those of another node, `Refused` for a wrong
    passphrase, `Unreadable` for damage.
    """
    found = read_manifest(folder)
    opened = archive.read(keys_folder, found.name, passphrase=passphrase, sha256=found.keys_sha256)
    _require_same_node(found, opened)
    verify(folder, tell=tell)
    lacking = [
        part.file for part in found.parts if part.is_sealed and part.sha256 not in opened.parts
    ]
    if lacking:
        raise Unreadable(f"the keys of backup {found.name} lack that of {lacking[0]}. {ANOTHER}")
    return Opened(folder, found, opened)


def check_contents(opened: Opened, *, tell: Callable[[str, int, int], None] = _unseen) -> None:
    """Open every sealed part to its end; raises `Unreadable`."""
    for part in opened.manifest.parts:
        if part.is_sealed:
            for _ in parts.unsealed(part, opened.folder, opened.archive.parts[part.sha256]):
                pass
        tell("opened", part.size, opened.manifest.size)


def _require_same_node(found: Manifest, opened: Archive) -> None:
    """Who signed the manifest is whose private key lies in the archive."""
    try:
        key = load_pem_private_key(opened.files[_SIGNING], password=None)
        is_same = isinstance(key, Ed25519PrivateKey) and keys.public_text(key) == found.public_key
    except (KeyError, ValueError, TypeError):
        is_same = False
    if not is_same or opened.backup != found.name:
        raise Unusable(
            f"the keys of backup {found.name} are those of another node or of another backup. "
            "Possible: the archive that was written with it"
        )
