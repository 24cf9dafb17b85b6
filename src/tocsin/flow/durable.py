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
