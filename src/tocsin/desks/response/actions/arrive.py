"""What comes by itself is taken in once, whatever is cut off, said again or tried by two."""

import hashlib
from datetime import datetime
from pathlib import Path

from django.db import IntegrityError

from tocsin.desks.response.actions.take_in import Brought, take_in
from tocsin.desks.response.models import Arrival, Intake
from tocsin.office.models import Party
from tocsin.words.errors import Unusable
from tocsin.words.moments import as_utc


def key_of(*words: str) -> str:
    """What an arrival is known by: a SHA-256, so that the row names nobody."""
    return hashlib.sha256("\0".join(words).encode("utf-8", "surrogateescape")).hexdigest()


def digest_of(path: Path) -> str:
    """SHA-256 of a file, in constant memory."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def known_arrival(source: str, key: str) -> Arrival | None:
    """What came under this key before."""
    found = Arrival.objects.filter(source=source, key=key)
    return found.select_related("intake__evidence", "intake__run", "intake__party").first()


def take_in_once(
    path: Path,
    *,
    source: str,
    key: str,
    name: str,
    brought: Brought,
    party: Party | None,
    by: str,
    at: datetime,
    store_folder: Path,
) -> tuple[Intake | None, bool]:
    """The intake, and whether it is new; what came under this key before is not taken in again.

    Raises `Unusable` where the key came with other bytes, and what `take_in` raises.
    """
    digest = digest_of(path)
    if known := known_arrival(source, key):
        return _same(known, digest), False

    def mark(row: Intake) -> None:
        Arrival.objects.create(source=source, key=key, digest=digest, intake=row, at=as_utc(at))

    try:
        row = take_in(
            path,
            name=name,
            brought=brought,
            party=party,
            by=by,
            at=at,
            store_folder=store_folder,
            also=mark,
        )
    except IntegrityError:  # somebody else was a moment earlier
        known = known_arrival(source, key)
        if known is None:
            raise
        return _same(known, digest), False
    return row, True


def _same(known: Arrival, digest: str) -> Intake | None:
    if known.digest != digest:
        raise Unusable(
            "this key came before, with other bytes. Possible: a key of its own for every report"
        )
    return known.intake


def pass_over(*, source: str, key: str, digest: str, at: datetime) -> None:
    """Remember something that was looked at and is no report."""
    Arrival.objects.get_or_create(
        source=source, key=key, defaults={"digest": digest, "at": as_utc(at)}
    )
