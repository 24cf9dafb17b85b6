"""The secret that a party checks our webhooks by: made, renewed, retired, each in the register."""

from datetime import datetime
from pathlib import Path

from django.db import transaction

from tocsin.office import keys, register
from tocsin.office.models import Party
from tocsin.words.errors import NotFound


def make_webhook_secret(
    party: str, *, keys_folder: Path, renew: bool = False, by: str, at: datetime
) -> str:
    """A new secret, as the receiver enters it; it is shown this once.

    With `renew` the one before goes on signing too, until it is retired. Raises `NotFound`, and
    `Refused` where there is one already.
    """
    with transaction.atomic():
        _record("renew" if renew else "make", party, by=by, at=at)
        return keys.make_webhook_secret(keys_folder, party, renew=renew)


def retire_webhook_secret(party: str, *, keys_folder: Path, by: str, at: datetime) -> None:
    """Let only the newest secret sign from now on; raises `NotFound`."""
    with transaction.atomic():
        _record("retire", party, by=by, at=at)
        keys.retire_webhook_secret(keys_folder, party)


def _record(verb: str, party: str, *, by: str, at: datetime) -> None:
    row = Party.objects.filter(slug=party, active=True).first()
    if row is None:
        raise NotFound(f"there is no party {party!r}. Possible: tocsin parties export lists them")
    register.record(
        action=f"office:webhook_secret:{verb}",
        actor=by,
        at=at,
        subject=row.uid,
        facts={"party": party},
    )
