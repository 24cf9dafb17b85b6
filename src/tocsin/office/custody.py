"""Evidence handed to somebody: the exact bytes, and the chain of custody, signed.

A folder of three files: the bytes as they came in (or the copy that an erasure left), named by
their SHA-256; `custody.json` with every register row that touched them, in order; `VERIFY.txt`.
"""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from django.db import transaction
from django.db.models import TextField
from django.db.models.functions import Cast

from tocsin.office import evidence, holds, keys, register, reported, signing
from tocsin.office.copies import newest_of
from tocsin.office.models import Evidence, RegisterRow
from tocsin.words.errors import Refused, Unusable
from tocsin.words.moments import iso

VERIFY = """\
How to verify this folder

1. The bytes:      sha256sum {file}
                   must print {digest}.
2. The signature:  tocsin evidence verify . --key {key}
   or, without Tocsin, in Python with the package cryptography:

   import json
   from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
   whole = json.load(open("custody.json", encoding="utf-8"))
   signed = json.dumps(
       whole["custody"], sort_keys=True, separators=(",", ":"), ensure_ascii=False
   ).encode()
   key = Ed25519PublicKey.from_public_bytes(bytes.fromhex("{key}"))
   key.verify(bytes.fromhex(whole["signature"]["value"]), signed)

   Compare the key with the one that the operator of the node gave you by another way.
"""


@dataclass(frozen=True)
class Exported:
    """What was written where."""

    folder: Path
    digest: str
    asked_for: str
    size: int
    is_redacted: bool


def history(digests: list[str]) -> list[RegisterRow]:
    """Every register row that touched evidence or a report that came as it, oldest first."""
    names = {*digests}
    for digest in digests:
        names |= {report.report for report in reported.reports_of(digest)}
    rows: dict[int, RegisterRow] = {}
    for name in names:
        found = RegisterRow.objects.annotate(text=Cast("facts", TextField()))
        rows |= {row.pk: row for row in found.filter(text__contains=name)}
    return [rows[key] for key in sorted(rows)]


def export(
    named: str, *, out: Path, why: str, by: str, at: datetime, store_folder: Path, version: str
) -> Exported:
    """Write evidence (a digest or a report's id) into a new folder below `out`, and register it.

    Raises `NotFound`, `Refused` where nothing is stored any more, `Unusable` without a reason
    or where the folder is there already.
    """
    if not why.strip():
        raise Unusable("an export needs a reason. Possible: --why 'request of the court, 17/26'")
    asked = reported.evidence_named(named)
    row = newest_of(asked.digest)
    if not row.key:
        raise Refused(f"evidence {asked.digest[:12]}… is not stored; its digest and size remain")
    folder = out / f"evidence-{asked.digest[:12]}"
    _make(folder)
    name = f"{row.digest}.bin"
    _copy(row, folder / name, store_folder)
    with transaction.atomic():
        facts: dict[str, register.Fact] = {
            "digest": row.digest,
            "asked_for": asked.digest,
            "size": row.size,
            "why": why,
        }
        register.record(action="office:evidence:export", actor=by, at=at, facts=facts)
        custody = _custody(asked, row, why=why, by=by, at=at, version=version)
        key = keys.signing_key(store_folder / "keys")
        (folder / "custody.json").write_bytes(signing.sealed(custody, key, name="custody"))
        text = VERIFY.format(file=name, digest=row.digest, key=keys.public_text(key))
        (folder / "VERIFY.txt").write_text(text, encoding="utf-8")
    return Exported(folder, row.digest, asked.digest, row.size, row.digest != asked.digest)


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, mode=0o700)
    except FileExistsError:
        raise Unusable(f"{folder} is there already. Possible: another --out") from None


def _copy(row: Evidence, path: Path, store_folder: Path) -> None:
    with path.open("wb") as file:
        for block in evidence.read(row.digest, store_folder=store_folder):
            file.write(block)


def _custody(
    asked: Evidence, row: Evidence, *, why: str, by: str, at: datetime, version: str
) -> dict[str, Any]:
    return {
        "custody": 1,
        "file": {"name": f"{row.digest}.bin", "sha256": row.digest, "bytes": row.size},
        "asked_for": asked.digest,
        "is_redacted_copy": row.digest != asked.digest,
        "class": row.evidence_class,
        "media_type": row.media_type,
        "received_at": iso(row.received_at),
        "hold": holds.words(row) if holds.is_held(row, at=at) else None,
        "reports": [
            {"report": one.report, "name": one.name, "format": one.format}
            for one in reported.reports_of(asked.digest)
        ],
        "exported": {"by": by, "at": iso(at), "why": why, "tool": f"tocsin {version}"},
        "register": [
            {
                "id": one.uid.hex,
                "at": iso(one.at),
                "actor": one.actor,
                "action": one.action,
                "facts": _signable(one.facts),
            }
            for one in history(sorted({asked.digest, row.digest}))
        ],
    }


def _signable(value: Any) -> Any:
    """Numbers with a fraction have no canonical form in JSON: they are written as text."""
    if isinstance(value, dict):
        return {key: _signable(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_signable(item) for item in value]
    return repr(value) if isinstance(value, float) else value
