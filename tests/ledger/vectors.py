"""Outside vectors: read where they lie, skipped with a reason where they do not."""

import os
from pathlib import Path

import pytest

from tests.house.source import REPOSITORY

FOLDER = Path(os.environ.get("TOCSIN_VECTORS") or REPOSITORY.parent / "shared" / "data")


def vectors(name: str) -> Path:
    """A folder of vectors; skips the test without it."""
    found = FOLDER / name
    if not found.is_dir():
        pytest.skip(f"no vectors in {found}. Possible: TOCSIN_VECTORS=FOLDER")
    return found
