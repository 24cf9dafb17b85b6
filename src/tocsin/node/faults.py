"""Whatever else goes wrong, as one of the errors a person can meet."""

import errno
import os

from tocsin.words.errors import Busy, NotFound, OutOfSpace, TocsinError, Unusable

NO_ROOM = {errno.ENOSPC, errno.EDQUOT}
NOT_WRITABLE = {errno.EACCES, errno.EPERM, errno.EROFS}
# Polars, Delta Lake and SQLite say it in words of their own.
_LITTLE = 64 * 1024  # bytes
_FULL = ("No space left on device", "disk is full", "Disk quota exceeded")


def as_expected(fault: Exception) -> TocsinError:
    """The error of our own that says it, with its exit code; `TocsinError` itself if none does."""
    if isinstance(fault, TocsinError):
        return fault
    if _is_full(fault):
        return OutOfSpace(
            "the disk is full; nothing was lost. Possible: make room, then the same command again"
        )
    if isinstance(fault, OSError):
        return _from_system(fault)
    if (known := _from_database(fault)) is not None:
        return known
    if "database is locked" in str(fault):
        return Busy("the database is in use by another process. Possible: try again")
    return TocsinError(
        f"unexpected: {type(fault).__name__}: {fault}. Possible: TOCSIN_TRACE=1 shows where; "
        "please report it"
    )


def _from_database(fault: Exception) -> TocsinError | None:
    """What a database on a server says that SQLite never does; by name: Django may not be there."""
    said = str(fault).strip().partition("\n")[0]
    if type(fault).__name__ == "DataError":
        return Unusable(
            f"the database does not take a value ({said}); nothing was written. Possible: a "
            "shorter text"
        )
    if type(fault).__name__ in ("OperationalError", "InterfaceError") and "connection" in said:
        return Busy(
            f"the database server went away ({said}). Possible: the same command again once it "
            "is back; what was under way is taken up"
        )
    return None


def _is_full(fault: Exception) -> bool:
    number = getattr(fault, "errno", None)
    said = number in NO_ROOM or any(words in str(fault) for words in _FULL)
    return said or not (isinstance(fault, OSError) or _has_room())


def _has_room() -> bool:
    """A file that a full disk cut short fails where it is read again, in words of its own."""
    try:
        disk = os.statvfs(os.environ.get("TOCSIN_STORE") or ".")
    except OSError:
        return True
    return disk.f_bavail * disk.f_frsize > _LITTLE


def _from_system(fault: OSError) -> TocsinError:
    what = fault.filename or "a file"
    said = f"{what}: {fault.strerror or fault}"
    if fault.errno in NOT_WRITABLE:
        return OutOfSpace(f"{said}. Possible: give this user the right, or name another place")
    if isinstance(fault, FileNotFoundError):
        return NotFound(said)
    return Unusable(said)
