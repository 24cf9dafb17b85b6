"""The deduplication window's files: immutable files of keys, gone when expired.

A run leaves one for what somebody was told who could act on it, and one for what reached nobody.
"""

from datetime import datetime
from pathlib import Path

from django.db import transaction
from django.db.models import QuerySet

from tocsin.office.models import Run, WindowSegment
from tocsin.words.moments import as_utc

ENDINGS = TOLD, UNTOLD = (".npy", ".untold.npy")


def is_untold(path: str) -> bool:
    """Whether a file of the window holds what reached nobody."""
    return path.endswith(UNTOLD)


def add_segment(*, run: Run, path: str, keys: int, at: datetime, until: datetime) -> WindowSegment:
    """Put a finished file into the window; `path` is relative to the store.

    The same path again (a replay of the run) changes nothing and returns what is there.
    """
    segment, _ = WindowSegment.objects.get_or_create(
        path=path,
        defaults={"run": run, "keys": keys, "at": as_utc(at), "until": as_utc(until)},
    )
    return segment


def segments(*, at: datetime) -> QuerySet[WindowSegment]:
    """What still counts at this moment, oldest first."""
    return WindowSegment.objects.filter(until__gt=as_utc(at))


def expire_window(*, at: datetime, store_folder: Path) -> int:
    """Take expired segments out of the window and delete their files; returns how many.

    Rows go first, so that no run is sent to a file that is gone.
    """
    with transaction.atomic():
        expired = WindowSegment.objects.select_for_update().filter(until__lte=as_utc(at))
        paths = [segment.path for segment in expired]
        WindowSegment.objects.filter(path__in=paths).delete()
    for path in paths:
        (store_folder / path).unlink(missing_ok=True)
    return len(paths)
