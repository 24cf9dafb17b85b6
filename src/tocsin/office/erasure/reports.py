"""Evidence: a report without one person's records is another file, under a key of its own.

The copy is kept first, then the old key and file go, and a register row links the two digests.
Evidence is opened in memory only (an anonymous file): its bytes never lie on the disk unsealed.
"""

import gzip
import io
import os
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from django.db import transaction

from tocsin.flow.redact import Reading, Tally, redact
from tocsin.formats.catalogue import FORMATS, HEAD_BYTES, sniff
from tocsin.formats.packing import unpack
from tocsin.office import evidence, holds, register, reported
from tocsin.office.copies import originals_of
from tocsin.office.erasure.place import Order, Place
from tocsin.office.models import Evidence
from tocsin.words.errors import Unreadable

_GZIP, _ZIP = b"\x1f\x8b", b"PK"


@dataclass
class Found:
    """What a look through all evidence gave: which hold the value, and the window's keys."""

    records: dict[str, int] = field(default_factory=dict)  # by digest
    held: dict[str, str] = field(default_factory=dict)
    unsearched: list[str] = field(default_factory=list)
    keys: bytes = b""
    searched: int = 0


def look(order: Order) -> Found:
    """Open every file of evidence and read it as a run would; changes nothing."""
    found = Found()
    order.progress("searching evidence", 0)
    for row in Evidence.objects.exclude(key=b"").order_by("pk"):
        found.searched += 1
        order.progress("searching evidence", 1)
        if order.subject.kind == "report":
            records, keys = _whole(order, row), b""
        else:
            try:
                tally = _read_through(order, row)
            except Unreadable as fault:
                found.unsearched.append(f"evidence {row.digest[:12]}…: {fault}")
                continue
            records, keys = tally.found, tally.keys
        found.keys += keys
        if not records:
            continue
        found.records[row.digest] = records
        if holds.is_held(row, at=order.at):
            found.held[row.digest] = f"evidence {row.digest[:12]}… is held by {holds.words(row)}"
    return found


def erase(order: Order, found: Found) -> Place:
    """Rewrite what was found; what is held stays as it is, and is said."""
    free = [digest for digest in found.records if digest not in found.held]
    if not order.dry_run:
        for digest in free:
            order.progress("writing evidence anew", 1)
            row = evidence.find(digest)
            if order.subject.kind == "report":
                _forget(order, row, copy=None, tally=Tally())
            else:
                _rewrite(order, row)
    done = f"{order.done} from {len(free)} files" if free else ""
    return Place(
        "evidence",
        found=sum(found.records.values()),
        unit="records" if order.subject.kind != "report" else "files",
        done=done,
        files=found.searched,
        held=tuple(found.held.values()),
        unsearched=tuple(found.unsearched),
    )


def check(order: Order, found: Found) -> int:
    """Open again what was rewritten; how many files still hold the value."""
    digests = set(found.records) - set(found.held)
    rows = Evidence.objects.exclude(key=b"").exclude(digest__in=found.held)
    copies = {str(row.facts.get("copy")) for row in register.rows(action="office:evidence:redact")}
    again = [row for row in rows if row.digest in digests | copies]
    if order.subject.kind == "report":
        return sum(_whole(order, row) for row in again)
    return sum(bool(_read_through(order, row).found) for row in again)


def _whole(order: Order, row: Evidence) -> int:
    """Whether all reports that came as this file are to be erased; one that stays keeps it."""
    came_as = originals_of(row.digest)
    ids = {report.report for digest in came_as for report in reported.reports_of(digest)}
    return int(bool(ids) and ids <= set(order.subject.values))


def _read_through(order: Order, row: Evidence) -> Tally:
    tally = Tally()
    with _opened(order, row) as path:
        for _, pieces in _members(order, row, path, tally):
            for _ in pieces:
                pass
    return tally


def _rewrite(order: Order, row: Evidence) -> None:
    tally = Tally()
    with _opened(order, row) as path, _memory("copy") as copy:
        _pack(path, _members(order, row, path, tally), copy)
        copy.seek(0)
        kept = evidence.keep(
            copy,
            evidence_class=row.evidence_class,
            media_type=row.media_type,
            at=row.received_at,
            keep_for=row.keep_until - row.received_at,
            store_folder=order.store_folder,
        )
    _forget(order, row, copy=kept.digest, tally=tally)


def _forget(order: Order, row: Evidence, *, copy: str | None, tally: Tally) -> None:
    with transaction.atomic():
        evidence.forget(
            row.digest, at=order.at, why=order.why, by=order.by, store_folder=order.store_folder
        )
        facts: dict[str, register.Fact] = {
            "digest": row.digest,
            "copy": copy,
            "records": tally.records,
            "lines": tally.lines,
            "is_cut_short": tally.is_cut_short,
            "why": order.why,
        }
        register.record(action="office:evidence:redact", actor=order.by, at=order.at, facts=facts)


# ── reading and packing ──────────────────────────────────────────────────────────────────

Members = Iterator[tuple[str, Iterator[bytes]]]


def _members(order: Order, row: Evidence, path: Path, tally: Tally) -> Members:
    """Every file in the evidence, as pieces without the subject's records."""
    known = {report.format for report in reported.reports_of(row.digest)}
    for name, stream in unpack(path):
        reading = _reading(name, stream, known)
        yield name, redact(stream, reading, order.subject, tally)


def _reading(name: str, stream: BinaryIO, known: set[str]) -> Reading:
    """As the run read it; else as it looks; else line by line."""
    one = next((FORMATS[format_] for format_ in sorted(known) if format_ in FORMATS), None)
    if one is None:
        peek = getattr(stream, "peek", None)
        try:
            one = sniff(peek(HEAD_BYTES)[:HEAD_BYTES] if peek else b"", name)
        except Unreadable:
            return Reading(name, None, None)
    return Reading(name, one.cut, one.parse)


def _pack(path: Path, members: Members, copy: BinaryIO) -> None:
    """Write the copy in the packing that the file came in."""
    with path.open("rb") as file:
        head = file.read(2)
    if head == _ZIP:
        with zipfile.ZipFile(copy, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, pieces in members:
                with archive.open(name, "w", force_zip64=True) as member:
                    member.writelines(pieces)
        return
    packer = gzip.GzipFile("", "wb", fileobj=copy, mtime=0) if head == _GZIP else None
    for _, pieces in members:
        (packer or copy).writelines(pieces)
    if packer is not None:
        packer.close()
    copy.flush()


@contextmanager
def _opened(order: Order, row: Evidence) -> Iterator[Path]:
    """The exact bytes under the name they came with, in memory."""
    names = [report.name for report in reported.reports_of(row.digest)]
    spool = order.store_folder / "spool"
    spool.mkdir(mode=0o700, exist_ok=True)
    with _memory("evidence") as memory, tempfile.TemporaryDirectory(dir=spool) as folder:
        memory.writelines(evidence.read(row.digest, store_folder=order.store_folder))
        memory.flush()
        path = Path(folder) / (Path(names[0]).name if names else row.digest)
        path.symlink_to(f"/proc/self/fd/{memory.fileno()}")
        yield path


def _memory(name: str) -> io.BufferedRandom:
    """An anonymous file in memory (memfd_create(2)): it has no name that a backup could find."""
    return os.fdopen(os.memfd_create(name), "w+b")
