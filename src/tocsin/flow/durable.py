"""Files that must be on the disk before anything says that they are."""

import os
from pathlib import Path


def flush(path: Path) -> None:
    """Write a finished file's bytes through to the disk (fsync)."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write(path: Path, data: bytes) -> None:
    """A whole file or none under its name, on the disk when this returns; folders are made."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{os.urandom(8).hex()}")
    try:
        partial.write_bytes(data)
        flush(partial)
        partial.replace(path)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise
    flush(path.parent)
