"""Files into a folder that the party reads: a share, a synchronised folder, an SFTP root.

Settings: `root`, which must be there (a share that is not mounted is not made anew). Files
go to `<root>/<address, or else the party's name>/`. A reader that waits for the manifest,
the last file to appear, never sees half a delivery. The same delivery again changes nothing.

Every folder below the root is opened without following links, and everything happens
relative to that open folder, so a link planted by whoever writes there leads nowhere.
"""

import errno
import hashlib
import os
import re
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path, PurePosixPath
from uuid import uuid4

from tocsin.channels.channel import Channel, Handed, Parcel, Piece
from tocsin.words.errors import Undelivered, Unusable

_STEP = 1024 * 1024
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._@+-]{0,199}")
_NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_NOT_WRITABLE = {errno.EACCES, errno.EPERM, errno.EROFS}
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_NEW_FILE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


def check_address(address: str) -> None:
    """A relative folder such as `meadow-net` or `be/meadow-net`; raises `Unusable`."""
    for name in address.split("/") if address else ():
        if not _NAME.fullmatch(name):
            raise Unusable(
                f"folder address {address!r}: {name!r} cannot be a folder below the root. "
                "Possible: names of letters, digits and . _ - joined by /, not beginning with ."
            )


def send(parcel: Parcel) -> Handed:
    """Copy every piece, then make them visible in order, the manifest last."""
    root, where = _target(parcel)
    with _readable_faults(parcel, root / where), _open_target(root, where) as folder:
        _clear_leftovers(folder, parcel)
        _place(folder, parcel)
    return Handed(where=str(root / where))


def _target(parcel: Parcel) -> tuple[Path, PurePosixPath]:
    root = parcel.settings.get("root", "")
    if not root:
        raise Undelivered("folder: no root folder is set. Possible: set one", lasting=True)
    address = parcel.address or parcel.party
    try:
        check_address(address)
    except Unusable as fault:
        raise Undelivered(str(fault), lasting=True) from fault
    for piece in parcel.pieces:
        if not _NAME.fullmatch(piece.name):
            raise Undelivered(f"folder: {piece.name!r} cannot be a file name here", lasting=True)
    return Path(root), PurePosixPath(address)


@contextmanager
def _open_target(root: Path, where: PurePosixPath) -> Iterator[int]:
    """The folder, opened; what is missing below the root is made."""
    folder = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        for name in where.parts:
            with suppress(FileExistsError):
                os.mkdir(name, mode=0o750, dir_fd=folder)
                os.fsync(folder)
            inner = os.open(name, _FOLDER, dir_fd=folder)
            os.close(folder)
            folder = inner
        yield folder
    finally:
        os.close(folder)


def _place(folder: int, parcel: Parcel) -> None:
    missing = [piece for piece in parcel.pieces if not _is_there(folder, piece)]
    temporary: dict[str, str] = {}
    try:
        for piece in missing:
            temporary[piece.name] = f"{_leftover(parcel)}{uuid4().hex}.part"
            _copy(piece, temporary[piece.name], folder)
        for piece in missing:
            # The folder is flushed after each rename: no manifest survives a power cut alone.
            os.rename(temporary[piece.name], piece.name, src_dir_fd=folder, dst_dir_fd=folder)
            os.fsync(folder)
    finally:
        for name in temporary.values():
            with suppress(OSError):
                os.unlink(name, dir_fd=folder)


def _copy(piece: Piece, temporary: str, folder: int) -> None:
    with _source(piece) as source:
        descriptor = os.open(temporary, _NEW_FILE, 0o640, dir_fd=folder)
        with os.fdopen(descriptor, "wb", buffering=0) as target:
            digest = _pump(source, target.fileno())
            os.fsync(target.fileno())
    if digest != piece.digest:
        raise Undelivered(
            f"{piece.name}: its bytes are not those of the register (SHA-256 {digest[:12]}… "
            f"instead of {piece.digest[:12]}…); it was changed after it was written. "
            "Possible: route the report again",
            lasting=True,
        )


@contextmanager
def _source(piece: Piece) -> Iterator[int]:
    try:
        descriptor = os.open(piece.path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError as fault:
        raise Undelivered(
            f"{piece.name}: {piece.path} is gone. Possible: route the report again", lasting=True
        ) from fault
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _pump(source: int, target: int | None) -> str:
    """Copy all bytes (or only read them); returns their SHA-256."""
    sha = hashlib.sha256()
    while block := os.read(source, _STEP):
        sha.update(block)
        rest = memoryview(block)
        while target is not None and rest:
            rest = rest[os.write(target, rest) :]
    return sha.hexdigest()


def _is_there(folder: int, piece: Piece) -> bool:
    """True if this very file stands there; another of its name is never overwritten."""
    try:
        found = os.stat(piece.name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return False
    if stat.S_ISREG(found.st_mode) and _digest_at(folder, piece.name) == piece.digest:
        return True
    raise Undelivered(
        f"{piece.name}: something else of that name stands in the target folder. "
        "Possible: move it away and resume the delivery",
        lasting=True,
    )


def _digest_at(folder: int, name: str) -> str:
    descriptor = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=folder)
    try:
        return _pump(descriptor, None)
    finally:
        os.close(descriptor)


def _leftover(parcel: Parcel) -> str:
    return f".{parcel.delivery}."


def _clear_leftovers(folder: int, parcel: Parcel) -> None:
    """What a killed worker left of this delivery; a slow one then fails at its rename."""
    for name in os.listdir(folder):
        if name.startswith(_leftover(parcel)) and name.endswith(".part"):
            with suppress(FileNotFoundError):
                os.unlink(name, dir_fd=folder)


@contextmanager
def _readable_faults(parcel: Parcel, target: Path) -> Iterator[None]:
    try:
        yield
    except OSError as fault:
        raise Undelivered(_sentence(fault, target, parcel), lasting=False) from fault


def _sentence(fault: OSError, target: Path, parcel: Parcel) -> str:
    head = f"folder {target}: delivery {parcel.delivery} could not be put there"
    if fault.errno in _NO_ROOM:
        return f"{head}, the disk is full. Possible: make room; it is tried again"
    if fault.errno in _NOT_WRITABLE:
        return f"{head}, it is not writable. Possible: give the right to write; it is tried again"
    if fault.errno in (errno.ELOOP, errno.ENOTDIR):
        return f"{head}, a link or a file stands in the way, and links are not followed"
    if fault.errno == errno.ENOENT:
        return f"{head}, the root folder is not there. Possible: mount or make it"
    return f"{head}: {fault.strerror or fault}"


CHANNEL = Channel(name="folder", check_address=check_address, send=send, repeatable=True)
