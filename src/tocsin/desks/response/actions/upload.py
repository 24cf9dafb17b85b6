"""Uploads in pieces, in the manner of draft-ietf-httpbis-resumable-upload.

The bytes grow in one file below the store's `spool/uploads`; how many are there is the file's size,
so nothing has to be written down while they come. Whoever appends holds a lock on the file.
"""

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, BinaryIO
from uuid import UUID

from django.db import IntegrityError, transaction

from tocsin.desks.response.actions.arrive import digest_of, key_of, take_in_once
from tocsin.desks.response.actions.take_in import Brought
from tocsin.desks.response.models import Arrival, Intake, Upload
from tocsin.formats.catalogue import chosen
from tocsin.office import register
from tocsin.office.api.digest_fields import Expected
from tocsin.office.models import Party
from tocsin.words.classes import TYPES
from tocsin.words.errors import Busy, NotFound, Refused, Unreadable, Unusable
from tocsin.words.markings import Tlp
from tocsin.words.moments import as_utc

KEPT = timedelta(hours=24)
MOST_OPEN = 20  # uploads of one party under way
_BLOCK = 1 << 20

Read = Callable[[int], bytes]


class WrongOffset(Busy):
    """The piece does not begin where the bytes end; the draft's own problem type."""

    problem_status = 409
    problem_type = "https://iana.org/assignments/http-problem-types#mismatching-upload-offset"

    def __init__(self, *, expected: int, provided: int) -> None:
        super().__init__(
            f"the upload has {expected} bytes, and this piece begins at {provided}. Possible: go "
            f"on at {expected}"
        )
        self.problem_facts = {"expected-offset": expected, "provided-offset": provided}


class TooLarge(Refused):
    """More than the node takes."""

    problem_status = 413

    def __init__(self, limit: int) -> None:
        super().__init__(f"the report is larger than this node takes. Possible: {limit:,} bytes")


class CutShort(Unreadable):
    """The line broke before all was there."""


def begin_upload(
    *,
    party: Party,
    by: str,
    name: str,
    brought: Brought,
    length: int | None,
    digest: str,
    key: str,
    limit: int,
    at: datetime,
    store_folder: Path,
) -> Upload:
    """Open an upload; the same key again gives the one that is there.

    Raises `Unusable` for words that cannot be, `TooLarge`, `Refused` for too many at once.
    """
    _require_sound(brought)
    if length is not None and length > limit:
        raise TooLarge(limit)
    hashed = key_of(party.uid.hex, key) if key else ""
    if hashed and (known := Upload.objects.filter(party=party, key=hashed).first()):
        return known
    if Upload.objects.filter(party=party, intake=None).count() >= MOST_OPEN:
        raise Refused(
            f"{MOST_OPEN} uploads of {party.slug} are under way. Possible: end or cancel one"
        )
    try:
        with transaction.atomic():
            row = Upload.objects.create(
                party=party,
                by=by,
                key=hashed,
                name=name[:255],
                format=brought.format,
                tlp=brought.tlp.value,
                classification=brought.classification,
                length=length,
                digest=digest,
                created_at=as_utc(at),
                expires_at=as_utc(at) + KEPT,
            )
            _record("begin", row, by, at)
    except IntegrityError:
        return Upload.objects.get(party=party, key=hashed)
    _folder(store_folder).mkdir(mode=0o700, parents=True, exist_ok=True)
    _path(row, store_folder).touch(mode=0o600)
    return row


def _require_sound(brought: Brought) -> None:
    chosen(brought.format or None)
    if brought.classification and brought.classification not in TYPES:
        raise Unusable(f"no class {brought.classification!r}. Possible: {', '.join(sorted(TYPES))}")


def find_upload(uid: str, *, party: Party, at: datetime) -> Upload:
    """An upload of this party; of another, ended or unknown: `NotFound`, all alike."""
    with suppress(ValueError):
        found = Upload.objects.filter(uid=UUID(uid), party=party, expires_at__gt=as_utc(at))
        if row := found.select_related("intake__evidence", "intake__run").first():
            return row
    raise NotFound("there is no such upload. Possible: begin one")


def offset_of(row: Upload, *, store_folder: Path) -> int:
    """How many bytes are there."""
    if row.intake is not None:
        return row.intake.evidence.size
    try:
        return _path(row, store_folder).stat().st_size
    except FileNotFoundError:
        raise NotFound("there is no such upload. Possible: begin one") from None


def append(
    row: Upload,
    read: Read,
    *,
    offset: int,
    size: int,
    expected: Expected,
    limit: int,
    store_folder: Path,
) -> int:
    """Write a piece behind what is there; how many bytes there are then.

    A piece that breaks off stays as far as it came (`CutShort`); one whose digest is wrong, and one
    that has a digest and breaks off, goes as a whole.
    """
    most = row.length if row.length is not None else limit
    with _held(row, store_folder) as file:
        start = file.seek(0, os.SEEK_END)
        if start != offset:
            raise WrongOffset(expected=start, provided=offset)
        meters = expected.meters()
        try:
            come = copy(read, file, most=most - start, meters=meters)
            _require_all(come, size)
            expected.require(meters)
        except BaseException as fault:
            if meters or isinstance(fault, TooLarge):
                file.truncate(start)
            raise
        finally:
            file.flush()
            os.fsync(file.fileno())
        return start + come


def _require_all(come: int, size: int) -> None:
    if come < size:
        raise CutShort(f"{come:,} of {size:,} bytes came, then the line broke")


def copy(read: Read, file: BinaryIO, *, most: int, meters: dict[str, Any]) -> int:
    """Block by block from a request's body into a file; raises `TooLarge`."""
    come = 0
    while block := read(_BLOCK):
        come += len(block)
        if come > most:
            raise TooLarge(most)
        for meter in meters.values():
            meter.update(block)
        file.write(block)
    return come


def finish_upload(row: Upload, *, by: str, at: datetime, store_folder: Path) -> Intake:
    """Take in what is whole; again: the intake that it became. Raises `Unusable`, `Refused`."""
    if row.intake is not None:
        return row.intake
    path = _path(row, store_folder)
    _require_whole(row, path)
    intake, _ = take_in_once(
        path,
        source=Arrival.Source.API,
        key=key_of("upload", row.uid.hex),
        name=row.name,
        brought=Brought(Tlp(row.tlp), row.format, row.classification),
        party=row.party,
        by=by,
        at=at,
        store_folder=store_folder,
    )
    if intake is None:
        raise NotFound("there is no such upload. Possible: begin one")
    row.intake = intake
    row.save(update_fields=["intake"])
    path.unlink(missing_ok=True)
    return intake


def _require_whole(row: Upload, path: Path) -> None:
    size = path.stat().st_size
    if row.length is not None and size != row.length:
        raise Unusable(f"the upload has {size} of {row.length} bytes. Possible: go on at {size}")
    if row.digest and digest_of(path) != row.digest:
        raise Unusable(
            "Repr-Digest: the bytes that came have another sha-256. Possible: cancel the upload "
            "and begin again"
        )


def cancel_upload(row: Upload, *, by: str, at: datetime, store_folder: Path) -> None:
    """Throw away what came so far; what became a report stays one."""
    with transaction.atomic():
        _record("cancel", row, by, at)
        row.delete()
    _path(row, store_folder).unlink(missing_ok=True)


def expire_uploads(*, at: datetime, store_folder: Path) -> int:
    """Drop what was begun more than a day ago, and files that no row names; how many."""
    old = list(Upload.objects.filter(expires_at__lte=as_utc(at)))
    for row in old:
        _path(row, store_folder).unlink(missing_ok=True)
        row.delete()
    kept = {f"{uid.hex}.part" for uid in Upload.objects.values_list("uid", flat=True)}
    before = as_utc(at).timestamp() - KEPT.total_seconds()
    for path in _folder(store_folder).glob("*"):
        if path.name not in kept and path.stat().st_mtime < before:
            path.unlink(missing_ok=True)
    return len(old)


def upload_folder(store_folder: Path) -> Path:
    """Where pieces lie, made if need be; for this user's eyes only."""
    folder = _folder(store_folder)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder


def _folder(store_folder: Path) -> Path:
    return store_folder / "spool" / "uploads"


def _path(row: Upload, store_folder: Path) -> Path:
    return _folder(store_folder) / f"{row.uid.hex}.part"


@contextmanager
def _held(row: Upload, store_folder: Path) -> Iterator[BinaryIO]:
    try:
        file = _path(row, store_folder).open("r+b")
    except FileNotFoundError:
        raise NotFound("there is no such upload. Possible: begin one") from None
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Busy("another piece of this upload is coming in. Possible: again") from None
        yield file


def _record(verb: str, row: Upload, by: str, at: datetime) -> None:
    register.record(
        action=f"response:upload:{verb}",
        actor=by,
        at=at,
        subject=row.uid,
        facts={"party": row.party.slug, "length": row.length},
    )
