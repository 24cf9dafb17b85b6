"""One at a time: whoever rewrites the files of a store has it to itself."""

import fcntl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from tocsin.words.errors import Busy

_BRIEFLY = "briefly"
_PATIENCE = 60.0  # seconds, for whoever has it briefly
_NAP = 0.05


@contextmanager
def alone(store_folder: Path, *, briefly: bool = False) -> Iterator[None]:
    """Hold the store's lock, the one that a run holds as well; raises `Busy`.

    Who holds it `briefly`, a backup that fixes its moment, is waited for.
    """
    with (store_folder / ".route.lock").open("a+") as handle:
        _take(handle, store_folder)
        handle.truncate(0)
        if briefly:
            handle.write(_BRIEFLY)
            handle.flush()
        yield


def _take(handle: TextIO, store_folder: Path) -> None:
    ends = time.monotonic() + _PATIENCE
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            handle.seek(0)
            if handle.read() != _BRIEFLY or time.monotonic() > ends:
                raise Busy(
                    f"a run, an erasure or a retention is under way in {store_folder}. "
                    "Possible: wait for it"
                ) from None
            time.sleep(_NAP)
