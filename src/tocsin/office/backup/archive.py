"""The archive of keys of one backup: what opens its parts, and the node's own keys.

One file `NAME.keys`: a line of JSON, then the facts sealed as evidence is (`office.sealed_file`).
The line says how to come by the key: it stands there, or it comes of a passphrase by scrypt
(RFC 7914) with a salt that no other archive has. Nothing of it is ever written anywhere else.
"""

import base64
import hashlib
import io
import json
import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from tocsin.office import sealed_file
from tocsin.office.backup.manifest import check_path
from tocsin.words.errors import NotFound, Refused, Unreadable, Unusable

SUFFIX = ".keys"
VERSION = 1
SHORTEST = 16  # characters of a passphrase
# 128 MiB and a third of a second for each guess.
_N, _R, _P = 2**17, 8, 1
_MOST_N, _MOST_R, _MOST_P = 2**20, 16, 4
_LONGEST_LINE = 4096


@dataclass(frozen=True)
class Key:
    """What opens one part: its key, and the SHA-256 of the bytes that come out."""

    key: bytes
    sha256: str


@dataclass(frozen=True)
class Archive:
    """Keys of parts by the SHA-256 of the sealed bytes; files of the store's `keys/` by path."""

    backup: str
    public_key: str
    parts: Mapping[str, Key]
    files: Mapping[str, bytes]


def path_of(folder: Path, name: str) -> Path:
    """Where the archive of a backup lies."""
    return folder / f"{name}{SUFFIX}"


def read_passphrase(path: Path | None) -> str | None:
    """The passphrase in a file, without the end of its line; raises `Unusable`."""
    if path is None:
        return None
    try:
        text = path.read_text(encoding="utf-8").rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as fault:
        raise Unusable(f"passphrase file {path} cannot be read: {fault}") from fault
    if len(text) < SHORTEST or "\n" in text:
        raise Unusable(
            f"{path} holds no passphrase: one line of at least {SHORTEST} characters. Possible: "
            f"openssl rand -base64 32 > {path}"
        )
    return text


def write(folder: Path, archive: Archive, *, passphrase: str | None) -> str:
    """Write the archive for this user's eyes only, durably; returns the SHA-256 of the file."""
    facts = {
        "backup": archive.backup,
        "public_key": archive.public_key,
        "parts": {name: [one.key.hex(), one.sha256] for name, one in archive.parts.items()},
        "files": {name: base64.b64encode(data).decode() for name, data in archive.files.items()},
    }
    body, head = io.BytesIO(), _head(passphrase)
    plain = json.dumps(facts, sort_keys=True).encode()
    sealed = sealed_file.seal(io.BytesIO(plain), body, key=_key(head, passphrase))
    line = {**head, "tocsin_keys": VERSION, "backup": archive.backup, "sha256": sealed.digest}
    data = json.dumps(line, sort_keys=True).encode() + b"\n" + body.getvalue()
    _write_durably(path_of(folder, archive.backup), data)
    return hashlib.sha256(data).hexdigest()


def _head(passphrase: str | None) -> dict[str, Any]:
    if passphrase is None:
        return {"key": secrets.token_hex(32)}
    salt = secrets.token_hex(16)
    return {"scrypt": {"n": _N, "r": _R, "p": _P, "salt": salt}}


def _key(head: Mapping[str, Any], passphrase: str | None) -> bytes:
    if "key" in head:
        return bytes.fromhex(head["key"])
    if passphrase is None:
        raise Refused(
            "the archive of keys is sealed with a passphrase. Possible: --passphrase-file FILE"
        )
    words = head["scrypt"]
    n, r, p = (int(words[name]) for name in ("n", "r", "p"))
    # Not more memory than a machine has because a file says so.
    if not (1 < n <= _MOST_N and 0 < r <= _MOST_R and 0 < p <= _MOST_P):
        raise ValueError("cost of scrypt out of bounds")
    derive = Scrypt(salt=bytes.fromhex(words["salt"]), length=32, n=n, r=r, p=p)
    return derive.derive(passphrase.encode())


def _write_durably(path: Path, data: bytes) -> None:
    partial = path.with_name(f".{path.name}.{secrets.token_hex(4)}.partial")
    try:
        descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
    descriptor = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def read(folder: Path, name: str, *, passphrase: str | None, sha256: str) -> Archive:
    """The archive of a backup whose manifest says this digest.

    Raises `NotFound`, `Unusable` for the archive of another backup, `Refused` for a wrong
    passphrase, `Unreadable` for one that is damaged.
    """
    path = path_of(folder, name)
    try:
        data = path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        raise NotFound(
            f"backup {name}: its keys {path.name} are not in {folder}, and without them nobody "
            "can open it. Possible: the folder its keys were written to, or a newer backup"
        ) from None
    if hashlib.sha256(data).hexdigest() != sha256:
        raise Unreadable(
            f"{path} is damaged, or holds the keys of another backup. Possible: another copy of it"
        )
    return _open(path, data, passphrase)


def _open(path: Path, data: bytes, passphrase: str | None) -> Archive:
    line, _, body = data.partition(b"\n")
    try:
        head = json.loads(line[:_LONGEST_LINE])
        if head["tocsin_keys"] != VERSION:
            raise Unusable(f"{path} is of version {head['tocsin_keys']!r}, not {VERSION}")
        key = _key(head, passphrase)
        text = b"".join(sealed_file.unseal(io.BytesIO(body), key=key, digest=str(head["sha256"])))
        return _archive(json.loads(text))
    except Unreadable as fault:
        if passphrase is not None:
            raise Refused(f"{path}: the passphrase does not open it") from fault
        raise Unreadable(f"{path} cannot be opened: it is damaged") from fault
    except (ValueError, KeyError, TypeError, RecursionError) as fault:
        raise Unreadable(f"{path} is no archive of keys") from fault


def _archive(facts: dict[str, Any]) -> Archive:
    for name in facts["files"]:
        check_path(name)
    return Archive(
        backup=str(facts["backup"]),
        public_key=str(facts["public_key"]),
        parts={name: Key(bytes.fromhex(key), sha) for name, (key, sha) in facts["parts"].items()},
        files={name: base64.b64decode(text) for name, text in facts["files"].items()},
    )
