"""Released rows of the node's own events for one party: a file, its manifest, a row of the outbox.

What a run does for the deliveries of whole reports, for the few events that a desk tells of by
itself. Names follow from the delivery, so that the same again overwrites itself.
"""

import hashlib
from datetime import datetime
from pathlib import Path
from uuid import UUID

from tocsin.flow import durable
from tocsin.flow.gather import Gathered
from tocsin.flow.remits import Recipient
from tocsin.flow.telling import Told
from tocsin.formats.format import Format
from tocsin.office import keys, outbox, register
from tocsin.office.manifest import manifest, sealed
from tocsin.office.models import Delivery, Party, Run
from tocsin.rules.transfers import transfer_basis
from tocsin.words.errors import Unusable
from tocsin.words.markings import STRICTNESS, Tlp
from tocsin.words.moments import as_utc, stamp

REFUSED_TRANSFER = "no basis for a transfer of personal data to {country} is on file"


def queue_rows(
    told: Told,
    *,
    recipient: Recipient,
    party: Party,
    format_: Format,
    uid: UUID,
    run: Run,
    tlp: Tlp,
    at: datetime,
    store_folder: Path,
    node: str,
) -> Delivery:
    """Put what a party is told into the outbox, in the transaction of what causes it.

    Parked where no basis for a transfer to its country is on file, as any delivery is.
    """
    name = f"{stamp(at)}-{told.relation.value}-{uid.hex[:12]}"
    path = store_folder / "deliveries" / run.kind / f"{name}{format_.extension}"
    gathered = _written(told, recipient, format_, path, tlp=tlp, at=at)
    facts = manifest(gathered, uid=uid.hex, run=run.uid.hex, at=at, node=node, reports={})
    facts["to"]["because"] = told.because
    signed = sealed(facts, keys.signing_key(store_folder / "keys"))
    beside = path.with_suffix(".manifest.json")
    durable.write(beside, signed)
    refused = ""
    if transfer_basis(recipient.country, at.date()) is None:
        refused = REFUSED_TRANSFER.format(country=recipient.country)
    return outbox.queue(
        run=run,
        party=party,
        idempotency_key=f"{run.uid.hex}:{party.slug}:{told.relation.value}"[:100],
        at=at,
        uid=uid,
        relation=told.relation.value,
        format=format_.name,
        path=str(path.relative_to(store_folder)),
        digest=gathered.digest,
        size=gathered.size,
        rows=gathered.rows,
        first_at=gathered.first,
        last_at=gathered.last,
        manifest_path=str(beside.relative_to(store_folder)),
        manifest_digest=hashlib.sha256(signed).hexdigest(),
        tlp=tlp.value,
        state=Delivery.State.PARKED if refused else Delivery.State.READY,
        last_error=refused,
    )


def _written(
    told: Told, recipient: Recipient, format_: Format, path: Path, *, tlp: Tlp, at: datetime
) -> Gathered:
    if format_.header is None or format_.body is None:
        raise Unusable(f"format {format_.name} is for reading alone. Possible: xarf")
    data = format_.header(told.rows.columns) + format_.body(told.rows)
    durable.write(path, data)
    moments = [as_utc(one) for one in told.rows["time.source"].drop_nulls()] or [as_utc(at)]
    kinds = told.rows["classification.type"].drop_nulls().to_list()
    return Gathered(
        recipient,
        told.relation,
        path,
        rows=told.rows.height,
        size=len(data),
        first=min(moments),
        last=max(moments),
        classes={kind: kinds.count(kind) for kind in kinds},
        strictest=STRICTNESS[tlp],
        digest=hashlib.sha256(data).hexdigest(),
    )


def take_back(delivery: Delivery, *, by: str, at: datetime) -> bool:
    """Withdraw what no attempt was ever made to hand over; False where it may have arrived."""
    never = Delivery.objects.filter(pk=delivery.pk, attempt=0, lease_until=None)
    waiting = never.filter(state__in=(Delivery.State.READY, Delivery.State.PARKED))
    if not waiting.update(state=Delivery.State.WITHDRAWN):
        return False
    facts: dict[str, register.Fact] = {"digest": delivery.digest, "rows": delivery.rows}
    register.record(
        action="office:delivery:withdraw", actor=by, at=at, subject=delivery.uid, facts=facts
    )
    return True
