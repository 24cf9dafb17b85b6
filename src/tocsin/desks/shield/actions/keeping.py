"""Freezing what a decision rested on, in the transaction of the decision; giving it out signed."""

from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import transaction

from tocsin.desks.shield.actions.references import tidy
from tocsin.desks.shield.models import Grounds, Listing
from tocsin.desks.shield.queries.grounds import canonical, digest_of, grounds_of
from tocsin.office import keys, register, signing
from tocsin.office.custody import VERIFY
from tocsin.office.models import RegisterRow
from tocsin.words.errors import NotFound, Unusable
from tocsin.words.moments import as_utc, iso


def freeze(listing: Listing, *, by: str, at: datetime) -> Grounds:
    """Keep what the confirmation rests on, before the messages are answered and erased."""
    facts = grounds_of(listing, store_folder=Path(settings.STORE))
    row = Grounds.objects.create(
        listing=listing, at=as_utc(at), digest=digest_of(facts), facts=facts
    )
    counted: dict[str, register.Fact] = {
        "digest": row.digest,
        "messages": facts["messages"],
        "addresses": len(facts["addresses"]),
    }
    register.record(
        action="shield:grounds:keep", actor=by, at=at, subject=listing.uid, facts=counted
    )
    return row


def export_grounds(
    reference: str, *, out: Path, why: str, by: str, at: datetime, store_folder: Path, version: str
) -> tuple[Path, str]:
    """Write the newest grounds of a listing with their chain of custody into a new folder.

    The folder and its digest; `tocsin evidence verify` checks it. Raises `NotFound`, `Unusable`.
    """
    if not why.strip():
        raise Unusable("an export needs a reason. Possible: --why 'request of the court, 17/26'")
    listing = Listing.objects.filter(reference=tidy(reference)).first()
    row = listing.grounds.first() if listing else None
    if listing is None or row is None:
        raise NotFound(f"there are no grounds of {reference[:30]!r}. Possible: 7F3K-9QWZ-2M4H")
    data = canonical(row.facts)
    digest = digest_of(row.facts)
    folder = out / f"grounds-{listing.reference}"
    try:
        folder.mkdir(parents=True, mode=0o700)
    except FileExistsError:
        raise Unusable(f"{folder} is there already. Possible: another --out") from None
    (folder / f"{digest}.bin").write_bytes(data)
    with transaction.atomic():
        facts: dict[str, register.Fact] = {"digest": digest, "size": len(data), "why": why}
        register.record(
            action="shield:grounds:export", actor=by, at=at, subject=listing.uid, facts=facts
        )
        custody = {
            **_custody(listing, row, digest=digest, size=len(data)),
            "exported": {"by": by, "at": iso(at), "why": why, "tool": f"tocsin {version}"},
        }
        key = keys.signing_key(store_folder / "keys")
        (folder / "custody.json").write_bytes(signing.sealed(custody, key, name="custody"))
        text = VERIFY.format(file=f"{digest}.bin", digest=digest, key=keys.public_text(key))
        (folder / "VERIFY.txt").write_text(text, encoding="utf-8")
    return folder, digest


def _custody(listing: Listing, row: Grounds, *, digest: str, size: int) -> dict[str, Any]:
    return {
        "custody": 1,
        "file": {"name": f"{digest}.bin", "sha256": digest, "bytes": size},
        "asked_for": row.digest,
        "is_redacted_copy": digest != row.digest,
        "class": "grounds of a listing",
        "media_type": "application/json",
        "received_at": iso(row.at),
        "listing": listing.reference,
        "hold": None,
        "reports": [],
        "register": [_register_row(one) for one in _history(listing.uid)],
    }


def _history(subject: UUID) -> list[RegisterRow]:
    return list(RegisterRow.objects.filter(subject=subject).order_by("pk"))


def _register_row(row: RegisterRow) -> dict[str, Any]:
    return {
        "id": row.uid.hex,
        "at": iso(row.at),
        "actor": row.actor,
        "action": row.action,
        "facts": row.facts,
    }
