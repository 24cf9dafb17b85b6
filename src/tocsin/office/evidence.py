"""Evidence: the exact bytes that came in, once, sealed under a key of their own.

Files lie at `evidence/<first two digits>/<SHA-256>.zst.aes` below the store; the layout is in
`office.sealed_file`. The key lies in the row and nowhere else: without it the file is noise,
so a file that a crash left behind tells nothing, and erasing the key erases every copy.
"""

import errno
import os
import secrets
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from copy import copy
from dataclasses import dataclass
from datetime import datetime, timedelta
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

from django.db import IntegrityError, transaction
from django.db.models import Q, QuerySet

from tocsin.office import register, sealed_file
from tocsin.office.models import Evidence
from tocsin.office.sealed_file import Sealed
from tocsin.words.errors import NotFound, OutOfSpace, Refused, Unreadable
from tocsin.words.moments import as_utc, iso

_PROHIBITED = Evidence.Class.PROHIBITED


def keep(
    source: Path | BinaryIO,
    *,
    evidence_class: str,
    media_type: str,
    at: datetime,
    keep_for: timedelta,
    store_folder: Path,
) -> Evidence:
    """Keep the bytes of a file or stream, in constant memory; durable when this returns.

    Bytes kept before give the row that is there, kept for the longer of the two spans; bytes
    erased since are kept anew under a new key. Class `prohibited` is never stored: digest
    and size alone. Raises `NotFound` for a missing file, `Unreadable` for one this user may
    not read, and `OutOfSpace`.
    """
    new = Evidence(
        evidence_class=Evidence.Class(evidence_class),
        media_type=media_type,
        received_at=as_utc(at),
        keep_until=as_utc(at) + keep_for,
    )
    with _readable_faults(store_folder), _opened(source) as stream:
        if new.evidence_class == _PROHIBITED:
            return _settle(new, sealed_file.count(stream), temporary=None, final=None)
        return _keep_sealed(new, stream, store_folder / "evidence")


@dataclass(frozen=True)
class Waiting:
    """Bytes that lie sealed and durable in the store, and of which there is no row yet."""

    row: Evidence
    temporary: Path


@contextmanager
def sealed_up(
    files: Iterable[tuple[bytes, str]],
    *,
    evidence_class: str,
    at: datetime,
    keep_for: timedelta,
    store_folder: Path,
) -> Iterator[list[Waiting]]:
    """Several small files and their media types, sealed and durable before a transaction begins.

    Inside it, `settle_all` and `put_all`; what is in no place by the end is gone. Raises
    `OutOfSpace`.
    """
    folder = store_folder / "evidence"
    waiting: list[Waiting] = []
    try:
        with _readable_faults(store_folder):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            for data, media_type in files:
                key = secrets.token_bytes(32)
                row = Evidence(
                    evidence_class=Evidence.Class(evidence_class),
                    media_type=media_type,
                    received_at=as_utc(at),
                    keep_until=as_utc(at) + keep_for,
                    key=key,
                )
                waiting.append(Waiting(row, folder / f".{secrets.token_hex(16)}.part"))
                _note(row, _seal_to(waiting[-1].temporary, BytesIO(data), key=key))
        yield waiting
    finally:
        for one in waiting:
            one.temporary.unlink(missing_ok=True)


def settle_all(waiting: Sequence[Waiting], *, store_folder: Path) -> list[Evidence]:
    """The row of each, in the transaction of what they belong to; bytes kept before have one."""
    digests = {one.row.digest for one in waiting}
    locked = Evidence.objects.select_for_update().order_by("digest")
    known = {row.digest: row for row in locked.filter(digest__in=digests)}
    new: dict[str, Evidence] = {}
    for one in waiting:
        if (old := known.get(one.row.digest)) is None:
            new.setdefault(one.row.digest, copy(one.row))  # what is made may be rolled back
            continue
        is_there = path_of(old.digest, store_folder=store_folder).exists()
        _merge(old, one.row, is_lost=not old.key or not is_there)
    Evidence.objects.bulk_create(row for _, row in sorted(new.items()))
    found = known | new
    return [found[one.row.digest] for one in waiting]


def put_all(waiting: Iterable[tuple[Waiting, Evidence]], *, store_folder: Path) -> None:
    """Each file into its place, before the transaction of its row ends; a row that has another
    key has another file. Raises `OutOfSpace`."""
    folder = store_folder / "evidence"
    changed: set[Path] = set()
    with _readable_faults(store_folder):
        for one, row in waiting:
            if row.key == one.row.key:
                final = path_of(row.digest, store_folder=store_folder)
                final.parent.mkdir(mode=0o700, exist_ok=True)
                one.temporary.replace(final)
                changed |= {final.parent, folder}
        for place in sorted(changed):
            _flush(place)


def read(digest: str, *, store_folder: Path) -> Iterator[bytes]:
    """The bytes again, in pieces of at most 1 MiB.

    Raises `NotFound` where there is no such evidence, `Refused` where it was erased or never
    stored, `Unreadable` where the file is gone or not what was sealed.
    """
    evidence = find(digest)
    if not evidence.key:
        erased = evidence.erased_at
        what = f"was erased on {iso(erased)}" if erased else "is of a class that is never stored"
        raise Refused(f"evidence {digest[:12]}… {what}; its digest and size remain")
    return _read_sealed(evidence, path_of(digest, store_folder=store_folder))


def find(digest: str) -> Evidence:
    """The row of a digest (hex); raises `NotFound`."""
    try:
        return Evidence.objects.get(digest=digest.lower())
    except Evidence.DoesNotExist:
        raise NotFound(f"no evidence has the digest {digest}") from None


def path_of(digest: str, *, store_folder: Path) -> Path:
    """Where the sealed file of a digest lies."""
    return store_folder / "evidence" / digest[:2] / f"{digest}.zst.aes"


def hold(
    digest: str, *, authority: str, reference: str, until: datetime | None, at: datetime, by: str
) -> Evidence:
    """Put a legal hold on evidence: until it ends, nothing erases it (GDPR art. 17(3)(e))."""
    with transaction.atomic():
        evidence = _lock(digest)
        evidence.hold_authority = authority
        evidence.hold_reference = reference
        evidence.hold_until = as_utc(until) if until else None
        evidence.save(update_fields=["hold_authority", "hold_reference", "hold_until"])
        facts: dict[str, register.Fact] = {
            "digest": evidence.digest,
            "authority": authority,
            "reference": reference,
            "until": iso(until) if until else None,
        }
        register.record(action="office:evidence:hold", actor=by, at=at, facts=facts)
    return evidence


def forget(digest: str, *, at: datetime, why: str, by: str, store_folder: Path) -> Evidence:
    """Erase the key, then the file; digest and size stay. Again: changes nothing.

    Raises `Refused` under a legal hold and `NotFound`.
    """
    with transaction.atomic():
        evidence = _lock(digest)
        _refuse_held(evidence, at)
        if evidence.key:
            _erase(evidence, at=at, why=why, by=by)
            # After the commit: a file without key is noise, a key without file is a loss.
            transaction.on_commit(lambda: _unlink_unless_kept_anew(evidence.digest, store_folder))
    return evidence


def expired(*, at: datetime) -> QuerySet[Evidence]:
    """What is stored longer than it may be, and under no legal hold."""
    held = ~Q(hold_authority="") & (Q(hold_until=None) | Q(hold_until__gt=as_utc(at)))
    return Evidence.objects.filter(keep_until__lte=as_utc(at), erased_at=None).exclude(
        held | Q(evidence_class=_PROHIBITED)
    )


def forget_expired(*, at: datetime, by: str, store_folder: Path) -> int:
    """Erase what is expired; returns how many."""
    digests = list(expired(at=at).values_list("digest", flat=True))
    for digest in digests:
        forget(digest, at=at, why="retention", by=by, store_folder=store_folder)
    return len(digests)


def _keep_sealed(new: Evidence, stream: BinaryIO, folder: Path) -> Evidence:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    new.key = secrets.token_bytes(32)
    temporary = folder / f".{secrets.token_hex(16)}.part"
    try:
        sealed = _seal_to(temporary, stream, key=new.key)
        final = path_of(sealed.digest, store_folder=folder.parent)
        return _settle(new, sealed, temporary=temporary, final=final)
    finally:
        temporary.unlink(missing_ok=True)


def _seal_to(temporary: Path, stream: BinaryIO, *, key: bytes) -> Sealed:
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as target:
        sealed = sealed_file.seal(stream, target, key=key)
        target.flush()
        os.fsync(target.fileno())
    return sealed


def _settle(
    new: Evidence, sealed: Sealed, *, temporary: Path | None, final: Path | None
) -> Evidence:
    """Commit row and file together; whoever comes second with the same bytes finds the row.

    The file is renamed inside the transaction and after the row is locked, so that row and
    file always carry the same key, whichever of two processes wins.
    """
    _note(new, sealed)
    with transaction.atomic():
        row = _insert(new) or _lock(new.digest)
        if row is not new:
            is_lost = not row.key or (final is not None and not final.exists())
            _merge(row, new, is_lost=is_lost)
        if temporary and final and row.key == new.key:
            _rename(temporary, final)
    return row


def _note(new: Evidence, sealed: Sealed) -> None:
    new.digest, new.size, new.stored_size = sealed.digest, sealed.size, sealed.stored_size


def _insert(new: Evidence) -> Evidence | None:
    try:
        with transaction.atomic():
            new.save(force_insert=True)
    except IntegrityError:
        return None
    return new


def _merge(old: Evidence, new: Evidence, *, is_lost: bool) -> None:
    """Into the row that is there: the longer span, and the new file if the old one is lost."""
    old.keep_until = max(old.keep_until, new.keep_until)
    if new.evidence_class == _PROHIBITED and old.key:
        raise Refused(
            f"evidence {old.digest[:12]}… is stored as {old.evidence_class} and now said to be "
            "prohibited. Possible: forget it first"
        )
    if new.key and is_lost and old.evidence_class != _PROHIBITED:
        old.key, old.stored_size, old.erased_at = new.key, new.stored_size, None
        old.evidence_class, old.received_at = new.evidence_class, new.received_at
        old.media_type = new.media_type
    old.save()


def _rename(temporary: Path, final: Path) -> None:
    final.parent.mkdir(mode=0o700, exist_ok=True)
    temporary.replace(final)
    for folder in (final.parent, final.parent.parent):
        _flush(folder)


def _flush(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _read_sealed(evidence: Evidence, path: Path) -> Iterator[bytes]:
    try:
        with path.open("rb") as source:
            yield from sealed_file.unseal(source, key=bytes(evidence.key), digest=evidence.digest)
    except FileNotFoundError as fault:
        raise Unreadable(
            f"evidence {evidence.digest[:12]}…: {path} is gone. Possible: restore it from a backup"
        ) from fault


def _lock(digest: str) -> Evidence:
    find(digest)
    return Evidence.objects.select_for_update().get(digest=digest.lower())


def _refuse_held(evidence: Evidence, at: datetime) -> None:
    until = evidence.hold_until
    if evidence.hold_authority and (until is None or until > as_utc(at)):
        raise Refused(
            f"evidence {evidence.digest[:12]}… is under a legal hold of {evidence.hold_authority} "
            f"({evidence.hold_reference}) until {iso(until) if until else 'it is lifted'}. "
            "Possible: ask that authority to lift it"
        )


def _erase(evidence: Evidence, *, at: datetime, why: str, by: str) -> None:
    evidence.key = b""
    evidence.stored_size = 0
    evidence.erased_at = as_utc(at)
    evidence.save(update_fields=["key", "stored_size", "erased_at"])
    facts: dict[str, register.Fact] = {
        "digest": evidence.digest,
        "evidence_class": evidence.evidence_class,
        "size": evidence.size,
        "why": why,
    }
    register.record(action="office:evidence:forget", actor=by, at=at, facts=facts)


def _unlink_unless_kept_anew(digest: str, store_folder: Path) -> None:
    with transaction.atomic():
        if not _lock(digest).key:
            path_of(digest, store_folder=store_folder).unlink(missing_ok=True)


@contextmanager
def _opened(source: Path | BinaryIO) -> Iterator[BinaryIO]:
    if not isinstance(source, Path):
        yield source
        return
    try:
        stream = source.open("rb", buffering=0)
    except FileNotFoundError as fault:
        raise NotFound(f"evidence: there is no file {source}") from fault
    except PermissionError as fault:
        raise Unreadable(
            f"{source}: this user may not read it. Possible: give the right to read"
        ) from fault
    with stream:
        yield stream


@contextmanager
def _readable_faults(store_folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as fault:
        if fault.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EACCES, errno.EROFS):
            raise
        raise OutOfSpace(
            f"evidence in {store_folder}: {fault.strerror}; nothing was kept. "
            "Possible: make room, or give this user the right to write"
        ) from fault
