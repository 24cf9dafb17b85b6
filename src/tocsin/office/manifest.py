"""The manifest that goes with every delivery: what it is, why, and the node's signature.

One JSON file, `{"manifest": …, "signature": …}` with sorted keys, so that the same delivery has
the same bytes wherever it was made. Signed (Ed25519, RFC 8032) is the manifest object in its
canonical form: keys sorted, no white space, UTF-8; it holds text, whole numbers and null only.
"""

from collections.abc import Mapping
from datetime import date, datetime
from functools import cache
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from tocsin.flow.gather import Gathered
from tocsin.flow.release import Lane, columns_of, explain
from tocsin.office import signing
from tocsin.rules.concern import sides_of
from tocsin.rules.disclosure import COUNTED, OWN_COLUMNS
from tocsin.rules.transfers import transfer_basis
from tocsin.words.fields import EXTRA
from tocsin.words.moments import iso
from tocsin.words.relations import Relation

_EVENTS = "extra.events"


def manifest(
    delivery: Gathered, *, uid: str, run: str, at: datetime, node: str, reports: Mapping[str, str]
) -> dict[str, Any]:
    """The facts of one delivery; `reports` maps the ids of the reports that its rows came from
    to the digests of the files read: none of others, and none where figures alone are given.
    """
    recipient = delivery.recipient
    return {
        "manifest": 1,
        "delivery": uid,
        "run": run,
        "made_at": iso(at),
        "from": node,
        "to": {
            "party": recipient.party,
            "name": recipient.name,
            "role": recipient.role.value,
            "relation": delivery.relation.value,
            "country": recipient.country,
        },
        "transfer": transfer_basis(recipient.country, at.date()),
        "tlp": delivery.tlp.value,
        "file": {
            "name": delivery.path.name,
            "format": recipient.format,
            "rows": delivery.rows,
            "bytes": delivery.size,
            "sha256": delivery.digest,
        },
        "period": {
            "first": iso(delivery.first) if delivery.first else None,
            "last": iso(delivery.last) if delivery.last else None,
        },
        "events": sum(delivery.classes.values()),
        "classes": dict(sorted(delivery.classes.items())),
        "reports": dict(sorted(reports.items())),
        "rulings": {
            kind: rulings(delivery.relation, kind, at.date()) for kind in sorted(delivery.classes)
        },
        "note": "a field that no ruling names was withheld: no rule opens it",
    }


@cache
def rulings(relation: Relation, kind: str, on: date) -> list[dict[str, Any]]:
    """What the rules say of every field for one relation and class, like rulings together.

    One entry per side of the event, act, purpose and basis, with the fields it covers.
    """
    own = {EXTRA + name for name in OWN_COLUMNS}
    fields = [name for name in columns_of(relation, on) if name not in (*own, "extra", _EVENTS)]
    if relation not in COUNTED:
        fields += [f"{EXTRA}*", f"{EXTRA}password", f"{EXTRA}payload", f"{EXTRA}request"]
    found: dict[tuple[str, str, str, str], list[str]] = {}
    for side in sides_of(relation, kind):
        for row in explain(Lane(relation, side, on), kind, fields):
            key = (side.value, row["act"], row["purpose"], row["basis"])
            found.setdefault(key, []).append(row["field"])
    return [
        {"side": side, "act": act, "purpose": purpose, "basis": basis, "fields": names}
        for (side, act, purpose, basis), names in found.items()
    ]


def sealed(facts: Mapping[str, Any], key: Ed25519PrivateKey) -> bytes:
    """The manifest with its signature, as the bytes that are sent; one line per fact."""
    return signing.sealed(facts, key, name="manifest")


def read_signed(data: bytes, *, public_key: str) -> dict[str, Any]:
    """The manifest if `public_key` (64 hexadecimal digits) signed it; raises `Unreadable`."""
    return signing.read_signed(data, public_key=public_key, name="manifest")
