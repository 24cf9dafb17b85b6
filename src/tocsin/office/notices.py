"""Notices: short texts of the node itself to one party, over its channel like any delivery.

A reminder, an escalation: a text file (its first line is the subject) and a signed manifest. It
travels alone and at once, whatever interval the party wants its reports in.
"""

import hashlib
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import NAMESPACE_OID, uuid5

from tocsin.flow import durable
from tocsin.office import keys, outbox, signing
from tocsin.office.digests import NOTICE
from tocsin.office.models import Delivery, Party
from tocsin.words.markings import Tlp
from tocsin.words.moments import as_utc, iso

FORMAT = "text"


def queue_notice(
    *,
    party: Party,
    about: str,
    subject: str,
    text: str,
    facts: dict[str, Any],
    at: datetime,
    store_folder: Path,
    node: str,
) -> Delivery:
    """Put a notice into the outbox; `about` is its idempotency key: the same again is the same.

    Call it in the transaction of what causes it. `facts` stand in the manifest: text, whole
    numbers, truth values.
    """
    uid = uuid5(NAMESPACE_OID, f"tocsin notice {about} {party.slug}")
    folder = store_folder / "deliveries" / "notices"
    name = f"notice-{uid.hex}"  # the same again overwrites itself
    body = f"{subject}\n\n{text.rstrip()}\n".encode()
    digest = hashlib.sha256(body).hexdigest()
    manifest = signing.sealed(
        {
            "manifest": 1,
            "kind": NOTICE,
            "delivery": uid.hex,
            "made_at": iso(at),
            "from": node,
            "to": {"party": party.slug, "name": party.name},
            "file": {"name": f"{name}.txt", "bytes": len(body), "sha256": digest},
            "tlp": Tlp.AMBER.value,
            **facts,
        },
        keys.signing_key(store_folder / "keys"),
        name="manifest",
    )
    durable.write(folder / f"{name}.txt", body)
    durable.write(folder / f"{name}.manifest.json", manifest)
    return outbox.queue(
        run=None,
        party=party,
        idempotency_key=f"notice:{about}:{party.slug}"[:100],
        at=at,
        uid=uid,
        relation=NOTICE,
        format=FORMAT,
        path=f"deliveries/notices/{name}.txt",
        digest=digest,
        size=len(body),
        rows=0,
        manifest_path=f"deliveries/notices/{name}.manifest.json",
        manifest_digest=hashlib.sha256(manifest).hexdigest(),
        tlp=Tlp.AMBER.value,
        first_at=as_utc(at),
        last_at=as_utc(at),
    )
