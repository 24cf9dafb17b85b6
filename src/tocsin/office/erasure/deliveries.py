"""Deliveries: what still waits is made anew without the person; what left cannot be changed.

- Ready or parked: the file is rewritten, its manifest made anew and signed; one with no row
  left is withdrawn. The recipient never gets the rows.
- Delivered: our copy is rewritten. The manifest stays, for it proves what was handed over, and a
  signed note beside it says what was taken out. The recipient is named, to be told (GDPR 19).

New files get new names and the database row points to them; the old ones go after the commit.
"""

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from django.db import transaction

from tocsin.flow import erasure
from tocsin.flow.redact import Reading, Tally, redact
from tocsin.formats.catalogue import FORMATS
from tocsin.office import keys, manifest, outbox, register, signing
from tocsin.office.erasure.place import Order, Place, Recipient
from tocsin.office.models import Delivery
from tocsin.words.errors import Busy
from tocsin.words.moments import as_utc, iso, read_moment

OWNER = "erasure"
_LEASE = timedelta(hours=1)
_WAITING = (Delivery.State.READY, Delivery.State.PARKED)


@contextmanager
def standing_still(order: Order) -> Iterator[None]:
    """Nobody hands anything over meanwhile; raises `Busy` where somebody is at it."""
    if order.dry_run:
        yield
        return
    at = as_utc(order.at)
    with transaction.atomic():
        outbox.free(owner=OWNER)  # of an erasure that was cut off
        ready = Delivery.objects.select_for_update().filter(state=Delivery.State.READY)
        busy = ready.filter(lease_until__gt=at).order_by("-lease_until").first()
        if busy is not None and busy.lease_until is not None:
            raise Busy(
                f"{busy.lease_owner} is handing deliveries over until {iso(busy.lease_until)}. "
                "Possible: stop it, or wait"
            )
        ready.update(lease_owner=OWNER, lease_until=at + _LEASE)
    try:
        yield
    finally:
        outbox.free(owner=OWNER)


def erase(order: Order) -> tuple[Place, tuple[Recipient, ...]]:
    """Rewrite every delivery in whose file the value stands."""
    rows, recipients, withdrawn, files = 0, [], 0, 0
    for delivery in Delivery.objects.select_related("party", "run").order_by("pk"):
        path = order.store_folder / delivery.path
        if not path.is_file():
            continue
        files += 1
        order.progress("searching deliveries", 1)
        if not erasure.holds(path, order.subject):
            continue
        again = _Again(order, delivery, path)
        tally = again.look() if order.dry_run else again.rewrite()
        rows += tally.found
        withdrawn += delivery.state == Delivery.State.WITHDRAWN
        if delivery.state == Delivery.State.DELIVERED:
            recipients.append(_recipient(delivery, tally))
    note = f"{withdrawn} withdrawn: no row was left in them" if withdrawn else ""
    done = order.done if rows else ""
    return Place("deliveries", rows, done=done, files=files, note=note), tuple(recipients)


def _recipient(delivery: Delivery, tally: Tally) -> Recipient:
    return Recipient(
        delivery.party.slug,
        str(delivery.uid),
        tally.found,
        delivery.delivered_at,
        delivery.delivered_to,
    )


@dataclass(frozen=True)
class _Again:
    """One delivery, without the person."""

    order: Order
    delivery: Delivery
    path: Path

    def look(self) -> Tally:
        """What would be cut out."""
        tally = Tally()
        for _ in self._pieces(tally):
            pass
        return tally

    def rewrite(self) -> Tally:
        """A new file beside the old one, and the row that names it."""
        tally = Tally()
        target = _next_name(self.path)
        digest, size = _write(target, self._pieces(tally))
        before, old = self.delivery.digest, [self.path]
        with transaction.atomic():
            if self.delivery.state not in _WAITING:
                self._note(target, tally, digest)
            elif self.delivery.rows <= tally.found:
                old += [target, self.order.store_folder / self.delivery.manifest_path]
                self._withdraw()
            else:
                old.append(self.order.store_folder / self.delivery.manifest_path)
                self._make_anew(target, tally, digest, size)
            self.delivery.path = self._relative(target)
            self.delivery.save()
            self._record(tally, before, digest)
            transaction.on_commit(lambda: _unlink(old))
        return tally

    def _pieces(self, tally: Tally) -> Iterator[bytes]:
        one = FORMATS.get(self.delivery.format)
        cut, parse = (one.cut, one.parse) if one is not None else (None, None)
        reading = Reading(self.path.name, cut, parse)
        with self.path.open("rb") as stream:
            yield from redact(stream, reading, self.order.subject, tally)

    def _make_anew(self, target: Path, tally: Tally, digest: str, size: int) -> None:
        key = keys.signing_key(self.order.store_folder / "keys")
        old = self.order.store_folder / self.delivery.manifest_path
        facts = manifest.read_signed(old.read_bytes(), public_key=keys.public_text(key))
        facts = _without(facts, tally, self.order.at)
        facts["file"] |= {"name": target.name, "bytes": size, "sha256": digest}
        data = manifest.sealed(facts, key)
        path = target.with_suffix(".manifest.json")
        _write(path, iter([data]))
        delivery = self.delivery
        delivery.digest, delivery.size = digest, size
        delivery.rows -= tally.records
        delivery.first_at, delivery.last_at = _moments(tally) or (None, None)
        delivery.manifest_path = self._relative(path)
        delivery.manifest_digest = hashlib.sha256(data).hexdigest()

    def _withdraw(self) -> None:
        self.delivery.state = Delivery.State.WITHDRAWN
        self.delivery.last_error = "withdrawn: every row of it was erased"
        self.delivery.rows = 0

    def _note(self, target: Path, tally: Tally, digest: str) -> None:
        facts = {
            "redacted": 1,
            "delivery": self.delivery.uid.hex,
            "at": iso(self.order.at),
            "rows": tally.found,
            "sha256_handed_over": self.delivery.digest,
            "sha256_kept": digest,
        }
        key = keys.signing_key(self.order.store_folder / "keys")
        data = signing.sealed(facts, key, name="redacted")
        _write(target.with_suffix(".redacted.json"), iter([data]))

    def _record(self, tally: Tally, before: str, after: str) -> None:
        register.record(
            action="office:delivery:redact",
            actor=self.order.by,
            at=self.order.at,
            subject=self.delivery.uid,
            facts={
                "state": str(self.delivery.state),
                "rows": tally.found,
                "digest": before,
                "copy": after,
                "why": self.order.why,
            },
        )

    def _relative(self, path: Path) -> str:
        return str(path.relative_to(self.order.store_folder))


def _without(facts: dict[str, Any], tally: Tally, at: datetime) -> dict[str, Any]:
    """The manifest's counts without what was cut out."""
    left = {kind: n - tally.classes.get(kind, 0) for kind, n in facts["classes"].items()}
    classes = {kind: n for kind, n in left.items() if n > 0}
    period = _moments(tally)
    return {
        **facts,
        "classes": classes,
        "events": sum(classes.values()),
        "rulings": {kind: facts["rulings"][kind] for kind in classes},
        "period": dict(zip(("first", "last"), map(iso, period), strict=True))
        if period
        else {"first": None, "last": None},
        "file": {**facts["file"], "rows": facts["file"]["rows"] - tally.records},
        "redacted": {"at": iso(at), "rows": tally.found, "before": facts["file"]["sha256"]},
    }


def _moments(tally: Tally) -> tuple[datetime, datetime] | None:
    if not tally.moments:
        return None
    return read_moment(tally.moments[0]), read_moment(tally.moments[1])


def _next_name(path: Path) -> Path:
    """`…-1f3a9c2e.csv` to `…-1f3a9c2e-r1.csv`, that to `-r2`."""
    stem, _, number = path.stem.rpartition("-r")
    known = bool(stem) and number.isdigit()
    stem = f"{stem}-r{int(number) + 1}" if known else f"{path.stem}-r1"
    return path.with_name(stem + path.suffix)


def _write(path: Path, pieces: Iterator[bytes]) -> tuple[str, int]:
    """Write and make durable; the digest and the size."""
    sha, size = hashlib.sha256(), 0
    with path.open("wb") as file:
        for piece in pieces:
            file.write(piece)
            sha.update(piece)
            size += len(piece)
        file.flush()
        os.fsync(file.fileno())
    return sha.hexdigest(), size


def _unlink(paths: list[Path]) -> None:
    for path in paths:
        path.unlink(missing_ok=True)
