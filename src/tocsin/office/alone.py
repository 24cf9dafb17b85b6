"""One at a time: whoever rewrites the files of a store has it to itself."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tocsin.words.errors import Busy


@contextmanager
def alone(store_folder: Path) -> Iterator[None]:
    """Hold the store's lock, the one that a run holds as well; raises `Busy`."""
    with (store_folder / ".route.lock").open("w") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Busy(
                f"a run, an erasure or a retention is under way in {store_folder}. "
                "Possible: wait for it"
            ) from None
        yield
