"""A Maildir that is emptied: what is new in it, each file away when it was taken in.

A mail server delivers into `new`; a mail program moves what it saw to `cur`. What is left for a
person goes to `cur` with the flags F and S (flagged, seen) and is not read again.
"""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from tocsin.words.errors import NotFound

_LEFT = ":2,FS"


@dataclass(frozen=True)
class Found:
    """One file; `raw` None where it is larger than it may be, or where a `fault` kept us out."""

    path: Path
    raw: bytes | None
    fault: str = ""

    def erase(self) -> None:
        """Delete it; again: changes nothing."""
        self.path.unlink(missing_ok=True)

    def leave(self) -> None:
        """Put it where a person finds it."""
        name = self.path.name.partition(":")[0] + _LEFT
        with suppress(FileNotFoundError):
            self.path.rename(self.path.parent.parent / "cur" / name)


def new(folder: Path, *, most: int, largest: int) -> Iterator[Found]:
    """What nobody flagged, in the order of its names, which begin with a moment; at most `most`
    that can be read. Raises `NotFound`, and `OSError` where the folder itself is out of reach."""
    places = [folder / name for name in ("new", "cur")]
    if not all(place.is_dir() for place in places):
        raise NotFound(f"no Maildir there: {folder}. Possible: a folder that holds new/ and cur/")
    paths = sorted(path for place in places for path in place.iterdir() if _is_wanted(path))
    count = 0
    for path in paths:
        if count >= most:
            return
        found = _found(path, largest)
        if found is not None:
            count += not found.fault
            yield found


def _found(path: Path, largest: int) -> Found | None:
    """None where a mail program took it meanwhile."""
    try:
        is_large = path.stat().st_size > largest
        return Found(path, None if is_large else path.read_bytes())
    except FileNotFoundError:
        return None
    except OSError as fault:
        return Found(path, None, fault.strerror or type(fault).__name__)


def _is_wanted(path: Path) -> bool:
    flags = path.name.partition(":2,")[2]
    return "F" not in flags and not path.name.startswith(".") and path.is_file()
