"""The subscribers' names and addresses: one small table, replaced as the provider's own list."""

import csv
import hashlib
import io
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from django.db import transaction

from tocsin.desks.subscribers.actions.importing import LINES
from tocsin.desks.subscribers.models import Contact
from tocsin.flow.bindings.records import pseudonym
from tocsin.office import keys, register
from tocsin.words.errors import NotFound, Unreadable
from tocsin.words.moments import as_utc

COLUMNS = ("subscriber", "same_as", "email", "phone", "language", "segment", "essential")
_YES = ("1", "true", "yes", "y")
_BATCH = 5000


def import_contacts(path: Path, *, by: str, at: datetime, store_folder: Path) -> int:
    """Put the list (CSV with the columns `COLUMNS`, `subscriber` alone needed) in place of the old.

    Raises NotFound, and Unreadable naming the first line that cannot be used: then nothing changes.
    """
    secret = keys.secret(store_folder / "keys", LINES)
    try:
        data = path.read_bytes()
        text = data.decode("utf-8-sig")
    except FileNotFoundError:
        raise NotFound(f"no such file: {path}") from None
    except (OSError, UnicodeDecodeError) as fault:
        raise Unreadable(f"{path.name} cannot be read as UTF-8 text: {fault}") from None
    rows = list(_rows(text, path.name, secret, at))
    with transaction.atomic():
        Contact.objects.all().delete()
        Contact.objects.bulk_create(rows, batch_size=_BATCH)
        register.record(
            action="subscribers:contact:import", actor=by, at=at,
            facts={"digest": hashlib.sha256(data).hexdigest(), "lines": len(rows)},
        )  # fmt: skip
    return len(rows)


def _rows(text: str, name: str, secret: bytes, at: datetime) -> Iterator[Contact]:
    reader = csv.DictReader(io.StringIO(text, newline=""), strict=True)
    seen: dict[int, int] = {}
    for row in _records(reader, name):
        said = {key: (row.get(key) or "").strip() for key in COLUMNS}
        line = reader.line_num
        if not said["subscriber"] or len(said["subscriber"]) > 200:
            raise Unreadable(f"{name}, line {line}: a subscriber has 1 to 200 characters")
        number = pseudonym(said["subscriber"], secret)
        if number in seen:
            raise Unreadable(f"{name}, line {line}: the subscriber of line {seen[number]} again")
        seen[number] = line
        yield Contact(
            line=number,
            same_as=pseudonym(said["same_as"], secret) if said["same_as"] else None,
            name=said["subscriber"],
            email=said["email"][:254],
            phone=said["phone"][:40],
            language=said["language"][:8],
            segment=said["segment"][:60],
            is_essential=said["essential"].lower() in _YES,
            changed_at=as_utc(at),
        )


def _records(reader: "csv.DictReader[str]", name: str) -> Iterator[dict[str, str | None]]:
    """The rows; what is no CSV, or lacks the one column, is said without a word of it."""
    try:
        if "subscriber" not in (reader.fieldnames or ()):
            raise Unreadable(f"{name}: no column subscriber. Possible: {', '.join(COLUMNS)}")
        yield from reader
    except csv.Error as fault:
        raise Unreadable(f"{name}, line {reader.line_num}: no CSV: {fault}") from None
