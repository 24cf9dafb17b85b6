"""The register: what was done, by whom, when; one row in the same transaction as the act."""

import json
import re
from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet

from tocsin.office.models import RegisterRow
from tocsin.words.errors import Unusable
from tocsin.words.moments import as_utc

Fact = str | int | float | bool | list["Fact"] | dict[str, "Fact"] | None

_ACTION = re.compile(r"[a-z][a-z0-9_]*:[a-z][a-z0-9_]*:[a-z][a-z0-9_]*")


def record(
    *,
    action: str,
    actor: str,
    at: datetime,
    facts: Mapping[str, Fact],
    subject: UUID | None = None,
) -> RegisterRow:
    """Write the row of an action, inside the transaction of that action.

    `action` is `desk:noun:verb`; `facts` hold text, numbers, truth values, lists and
    dictionaries of these. Raises `Unusable` outside a transaction and for other values.
    """
    _require_transaction(action)
    _require_name(action)
    _require_plain(facts, action)
    return RegisterRow.objects.create(
        at=as_utc(at), actor=actor, action=action, subject=subject, facts=dict(facts)
    )


def rows(
    *,
    action: str | None = None,
    actor: str | None = None,
    subject: UUID | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
) -> QuerySet[RegisterRow]:
    """The rows that fit, oldest first; `since` included, `until` not."""
    wanted = {
        "action": action,
        "actor": actor,
        "subject": subject,
        "at__gte": since,
        "at__lt": until,
    }
    return RegisterRow.objects.filter(**{key: value for key, value in wanted.items() if value})


def _require_transaction(action: str) -> None:
    if not transaction.get_connection().in_atomic_block:
        raise Unusable(
            f"register {action}: a row commits with its action. "
            "Possible: call it inside transaction.atomic()"
        )


def _require_name(action: str) -> None:
    if not _ACTION.fullmatch(action):
        raise Unusable(
            f"register: {action!r} is no action. Possible: desk:noun:verb in lower case, "
            "such as response:report:route"
        )


def _require_plain(facts: Mapping[str, Fact], action: str) -> None:
    """What comes back out of JSON must be what went in: no tuples, moments or number keys."""
    plain = dict(facts)
    try:
        same = json.loads(json.dumps(plain, allow_nan=False)) == plain
    except (TypeError, ValueError):
        same = False
    if not same:
        raise Unusable(
            f"register {action}: facts are text, numbers, truth values, lists and dictionaries "
            f"of these, not {plain!r}"
        )
