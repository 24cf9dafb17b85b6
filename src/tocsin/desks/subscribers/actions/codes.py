"""The short code of a warning: whether it is ours, and the subscriber's word that it is put right.

A code is 58 random bits; what is kept is an HMAC of it. Nothing that a code opens says whose line
it is or what was seen there.
"""

import hmac
import secrets
from datetime import datetime
from pathlib import Path

from django.db import transaction

from tocsin.desks.subscribers.models import Finding, Warned
from tocsin.office import keys, register
from tocsin.words.moments import as_utc

CODES = "warnings"  # the key that makes what is kept of codes
_LETTERS = "23456789ABCDEFGHJKMNPQRSTVWXYZ"  # none that is mistaken for another
_LENGTH = 12


def make_code() -> str:
    """`7F3K-9QWZ-2M4H`."""
    return _spelled("".join(secrets.choice(_LETTERS) for _ in range(_LENGTH)))


def kept_of(code: str, store_folder: Path) -> str:
    """What is kept of a code, however it was typed."""
    plain = "".join(one for one in code.upper()[:100] if one in _LETTERS)[:_LENGTH]
    secret = keys.secret(store_folder / "keys", CODES)
    return hmac.digest(secret, plain.encode(), "sha256").hex()


def warned_on(code: str, *, at: datetime, store_folder: Path) -> datetime | None:
    """When a warning with this code was written, or None; that it was asked for is written down."""
    found = Warned.objects.filter(code=kept_of(code, store_folder))
    found.update(asked_at=as_utc(at))
    row = found.first()
    return row.at if row else None


def say_clean(code: str, *, by: str, at: datetime, store_folder: Path) -> bool:
    """The subscriber says that it is put right; False where no open warning has this code."""
    with transaction.atomic():
        found = Finding.objects.select_for_update(of=("self",)).filter(
            warnings__code=kept_of(code, store_folder), state=Finding.State.WARNED
        )
        row = found.first()
        if row is None:
            return False
        cure(row, how=Finding.Cure.SAID, by=by, at=at)
    return True


def cure(row: Finding, *, how: Finding.Cure, by: str, at: datetime, why: str = "") -> None:
    """Write down that it is over and how that is known, in the caller's transaction."""
    row.state, row.cure = Finding.State.CURED, how
    row.cured_at = row.changed_at = as_utc(at)
    row.save(update_fields=["state", "cure", "cured_at", "changed_at"])
    facts: dict[str, register.Fact] = {"kind": row.kind, "cure": how.value}
    if why:
        facts["why"] = why[:200]
    register.record(action="subscribers:line:cure", actor=by, at=at, subject=row.uid, facts=facts)


def _spelled(plain: str) -> str:
    return "-".join(plain[start : start + 4] for start in range(0, len(plain), 4))
