"""What a backup says of itself: one signed JSON file, `backup.json`, beside the parts.

    FOLDER/20261123T090000.000000Z-1f0c9a2e/backup.json
                                            tables/office.party.jsonl.sealed
                                            store/events/day=…/….parquet.sealed
                                            store/evidence/ab/….zst.aes     sealed already

It names every part with the SHA-256 of the bytes that lie there, so that anybody can check a
backup; it needs no key and tells nothing but names, sizes and how many rows there are.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from tocsin.office import signing
from tocsin.words.errors import NotFound, Unreadable, Unusable

FILE = "backup.json"
VERSION = 1
# By name they sort as they were made.
STAMP = "%Y%m%dT%H%M%S.%fZ"
NAME = re.compile(r"[0-9]{8}T[0-9]{6}\.[0-9]{6}Z-[0-9a-f]{8}")
_DIGEST = re.compile(r"[0-9a-f]{64}")
_HALF = ".partial"


@dataclass(frozen=True)
class Part:
    """One part: its path, the file below the backup, and what lies there (SHA-256, bytes).

    `plain_size` and `mtime_ns` are those of the store's file; both tell the next backup whether it
    has changed. `is_sealed` says that the archive of keys has a key for it.
    """

    path: str
    file: str
    sha256: str
    size: int
    plain_size: int
    mtime_ns: int
    is_sealed: bool


@dataclass(frozen=True)
class Manifest:
    """The facts of a backup; `migrations` is the exact state of its tables."""

    name: str
    at: str
    tool: str
    layout: int
    database: str
    migrations: tuple[tuple[str, str], ...]
    tables: Mapping[str, int]
    parts: tuple[Part, ...]
    keys_sha256: str
    missing: tuple[str, ...]
    left_out: tuple[str, ...]
    public_key: str = ""

    @property
    def rows(self) -> int:
        """Rows of all tables."""
        return sum(self.tables.values())

    @property
    def size(self) -> int:
        """Bytes of all parts."""
        return sum(part.size for part in self.parts)

    def part(self, path: str) -> Part:
        """One part by its path; raises `Unreadable`."""
        for one in self.parts:
            if one.path == path:
                return one
        raise Unreadable(f"backup {self.name} has no part {path}")


def written(made: Manifest, key: Ed25519PrivateKey) -> bytes:
    """The file's bytes, signed by the node."""
    facts = {**asdict(made), "backup": VERSION}
    del facts["public_key"]
    facts["migrations"] = [list(pair) for pair in made.migrations]
    facts["parts"] = [list(asdict(part).values()) for part in made.parts]
    facts["missing"], facts["left_out"] = list(made.missing), list(made.left_out)
    return signing.sealed(facts, key, name="backup")


def read_manifest(folder: Path) -> Manifest:
    """The facts of a backup; raises `NotFound` and `Unreadable`.

    The signature is checked against the key that the file itself names: it shows damage. Whose
    key it is shows the archive of keys, or a person who knows it.
    """
    try:
        data = (folder / FILE).read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        raise NotFound(
            f"{folder} is no backup: it has no {FILE}. Possible: the folder that tocsin backup "
            "wrote, or the one they all lie in"
        ) from None
    try:
        public = str(json.loads(data)["signature"]["public_key"])
        facts = signing.read_signed(data, public_key=public, name="backup")
        return _manifest(facts, public)
    except Unreadable as fault:
        raise Unreadable(f"backup {folder.name}: {fault}. {ANOTHER}") from fault
    except (ValueError, KeyError, TypeError, RecursionError) as fault:
        raise Unreadable(f"backup {folder.name}: {FILE} is no manifest. {ANOTHER}") from fault


ANOTHER = "Possible: another backup, or another copy of this one"


def _manifest(facts: dict[str, Any], public: str) -> Manifest:
    if facts["backup"] != VERSION:
        raise Unusable(
            f"the backup is of version {facts['backup']!r}, this Tocsin reads {VERSION}. "
            "Possible: the newer Tocsin that wrote it"
        )
    made = Manifest(
        **{name: str(facts[name]) for name in ("name", "at", "tool", "database", "keys_sha256")},
        layout=int(facts["layout"]),
        migrations=tuple((str(app), str(name)) for app, name in facts["migrations"]),
        tables={str(label): int(count) for label, count in facts["tables"].items()},
        parts=tuple(_part(row) for row in facts["parts"]),
        missing=tuple(map(str, facts["missing"])),
        left_out=tuple(map(str, facts["left_out"])),
        public_key=public,
    )
    if not NAME.fullmatch(made.name):
        raise Unreadable(f"{made.name!r} is no name of a backup")
    return made


def _part(row: list[Any]) -> Part:
    part = Part(*row)
    for path in (part.path, part.file):
        check_path(path)
    numbers = (part.size, part.plain_size, part.mtime_ns)
    if not _DIGEST.fullmatch(part.sha256) or any(type(one) is not int for one in numbers):
        raise Unreadable(f"part {part.path} has no digest or no size")
    return part


def check_path(text: str) -> None:
    """A path below a folder and nowhere else; raises `Unreadable`."""
    path = PurePosixPath(text)
    parts = path.parts
    if path.is_absolute() or not parts or ".." in parts or "\0" in text or str(path) != text:
        raise Unreadable(f"{text!r} is no path below a backup")


# ── which there are ──────────────────────────────────────────────────────────────────────


def list_backups(folder: Path) -> list[Path]:
    """The whole backups in a folder, oldest first; what was cut off is none."""
    if not folder.is_dir():
        return []
    named = [path for path in folder.iterdir() if NAME.fullmatch(path.name)]
    return sorted(path for path in named if (path / FILE).is_file())


def find(folder: Path) -> Path:
    """The backup that a folder is, or the newest of those in it; raises `NotFound`."""
    if (folder / FILE).is_file():
        return folder
    there = list_backups(folder)
    if not there:
        raise NotFound(
            f"there is no backup in {folder}. Possible: the folder given to tocsin backup, or one "
            "of those it made in there"
        )
    return there[-1]


def half(folder: Path, name: str) -> Path:
    """Where a backup is made before it gets its name."""
    return folder / f".{name}{_HALF}"


def halves(folder: Path) -> list[Path]:
    """What backups that were cut off left behind."""
    return [
        path
        for path in folder.glob(f".*{_HALF}")
        if NAME.fullmatch(path.name[1 : -len(_HALF)]) and path.is_dir()
    ]
