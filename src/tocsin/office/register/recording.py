"""Writing and finding rows, and what each of them is in the public log: 32 bytes.

The leaf of a row is an HMAC of the row in its canonical form under a key of its own, drawn when
the row is written. The key lies beside the facts and dies with them: then nobody can say of any
guess whether it was right, and every proof about the log stays valid.
"""

import json
import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from django.db import transaction
from django.db.models import QuerySet

from tocsin.ledger import leaves
from tocsin.office.models import RegisterRow
from tocsin.office.shapes import shape_of
from tocsin.words.errors import Refused, Unusable
from tocsin.words.moments import as_utc, iso

Fact = str | int | bool | list["Fact"] | dict[str, "Fact"] | None

_ACTION = re.compile(r"[a-z][a-z0-9_]*:[a-z][a-z0-9_]*:[a-z][a-z0-9_]*")


def record(
    *,
    action: str,
    actor: str,
    at: datetime,
    facts: Mapping[str, Fact],
    subject: UUID | None = None,
    uid: UUID | None = None,
) -> RegisterRow:
    """Write the row of an action, inside the transaction of that action.

    `action` is `desk:noun:verb`; `facts` are those its shape names (`register.shapes`): text,
    whole numbers, truth values, lists and dictionaries of these. Raises `Unusable` outside a
    transaction and for other facts. NUL and unpaired surrogates in texts, which no database and
    no canonical form takes, become U+FFFD.
    """
    row = _made(action, actor, at, facts, subject=subject, uid=uid)
    row.save(force_insert=True)
    return row


def record_all(
    of: Iterable[tuple[UUID, Mapping[str, Fact]]], *, action: str, actor: str, at: datetime
) -> list[RegisterRow]:
    """The same for many subjects of one action, each with facts of its own."""
    made = [_made(action, actor, at, facts, subject=subject) for subject, facts in of]
    return RegisterRow.objects.bulk_create(made)


def consult(
    *,
    noun: str,
    actor: str,
    at: datetime,
    why: str,
    subject: UUID | None = None,
    what: str | None = None,
    shown: int | None = None,
) -> RegisterRow:
    """Write that somebody looked at personal data: who, what, why (GDPR art. 5(2), LED art. 25).

    `noun` is `desk:noun`, such as `office:evidence`; raises `Unusable` without a reason.
    """
    if not why.strip():
        raise Unusable(
            f"looking at {noun} needs a reason. Possible: the number of the case or of the request"
        )
    named: dict[str, Fact] = {"why": why}
    if what is not None:
        named["what"] = what
    if shown is not None:
        named["shown"] = shown
    with transaction.atomic():
        return record(action=f"{noun}:consult", actor=actor, at=at, subject=subject, facts=named)


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


def _made(
    action: str,
    actor: str,
    at: datetime,
    facts: Mapping[str, Fact],
    *,
    subject: UUID | None,
    uid: UUID | None = None,
) -> RegisterRow:
    _require_transaction(action)
    _require_name(action)
    _require_plain(facts, action)
    plain = _clean(dict(facts))
    shape_of(action).require(action, plain)
    row = RegisterRow(
        uid=uid or uuid4(),
        at=as_utc(at),
        actor=_clean(actor),
        action=action,
        subject=subject,
        facts=plain,
        leaf_key=leaves.make_key(),
    )
    row.leaf = leaf_of(row)
    return row


# ── the row in the public log ────────────────────────────────────────────────────────────


def sealed(row: RegisterRow) -> dict[str, Any]:
    """What the leaf seals, as plain values; with the key it is all a verifier needs."""
    return {
        "id": row.uid.hex,
        "at": iso(row.at),
        "actor": row.actor,
        "action": row.action,
        "subject": row.subject.hex if row.subject else None,
        "facts": row.facts,
    }


def leaf_of(row: RegisterRow) -> bytes:
    """32 bytes that say nothing without the key; raises `Refused` where the key is dead."""
    if not row.leaf_key:
        raise Refused(
            f"register row {row.uid}: its facts were erased on "
            f"{iso(row.erased_at) if row.erased_at else 'an unknown day'}, and the key that "
            "sealed them with them; its leaf stays in the log and proves nothing about them"
        )
    return leaves.leaf_of(sealed(row), bytes(row.leaf_key))


def forget_key(row: RegisterRow, *, at: datetime) -> None:
    """Let the key of a row die because its facts were changed by an erasure."""
    row.leaf_key, row.erased_at = b"", as_utc(at)
    row.save(update_fields=["leaf_key", "erased_at"])


# ── what is refused ──────────────────────────────────────────────────────────────────────


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
    """What comes back out of JSON must be what went in: no tuples, moments or number keys.

    Nor numbers with a fraction: two databases write them in two ways, and the leaf is of bytes.
    """
    plain = dict(facts)
    try:
        same = json.loads(json.dumps(plain, allow_nan=False), parse_float=lambda _: None) == plain
    except (TypeError, ValueError):
        same = False
    if not same:
        raise Unusable(
            f"register {action}: facts are text, whole numbers, truth values, lists and "
            f"dictionaries of these, not {plain!r}"
        )


def _clean(value: Any) -> Any:
    if isinstance(value, str):
        return value.replace("\0", "�").encode("utf-8", "replace").decode("utf-8")
    if isinstance(value, list):
        return [_clean(item) for item in value]
    if isinstance(value, dict):
        return {_clean(key): _clean(item) for key, item in value.items()}
    return value
