"""What comes back by mail, brought to the deliveries it is about.

A bounce becomes a receipt and marks a mailbox that is no more as dead; a person's answer becomes a
receipt without its text: that it came, its Message-ID and date, so that it can be found in the
mailbox. What answered by itself counts for nothing. A mailbox that the server refuses because it is
no more is marked as a bounce would mark it.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime

from django.db import transaction

from tocsin.channels.channel import Handed
from tocsin.channels.mailbox import Failure, Kind, Returned, read_message
from tocsin.office import contacts, digests, receipts
from tocsin.office.models import Delivery, Party, Receipt
from tocsin.words.errors import NotFound, Undelivered
from tocsin.words.moments import as_utc, iso

MAIL_SERVER = "mail server"


def read_returned(messages: Iterable[bytes], *, by: str, at: datetime) -> Counter[str]:
    """Take in raw messages; how many were what. Reading the same mailbox again changes nothing.

    Counted are `bounce`, `answer`, `automatic`, `repeat` (seen before), `stranger` (about none of
    our deliveries) and `dead` (mailboxes marked).
    """
    counts: Counter[str] = Counter()
    for raw in messages:
        with transaction.atomic():
            counts.update(_take(read_message(raw), by=by, at=as_utc(at)))
    return counts


def _take(returned: Returned, *, by: str, at: datetime) -> list[str]:
    if returned.kind == Kind.AUTOMATIC:
        return ["automatic"]
    deliveries = deliveries_of(returned)
    if not deliveries:
        return ["stranger"]
    if returned.kind == Kind.BOUNCE:
        return _take_bounce(returned, deliveries, by=by, at=at)
    detail = {
        "message_id": returned.message_id,
        "sent_at": iso(returned.sent_at) if returned.sent_at else "",
    }
    new = [
        receipts.add_receipt(
            delivery,
            kind=Receipt.Kind.RECEIVED,
            by=delivery.party.slug,
            actor=by,
            at=at,
            detail=detail,
        )
        for delivery in deliveries
    ]
    return ["answer" if any(new) else "repeat"]


def deliveries_of(returned: Returned) -> list[Delivery]:
    """By the message that is answered, or else by the ticket in the subject."""
    all_ = Delivery.objects.select_related("party").order_by("pk")
    found = list(all_.filter(parcel__in=returned.messages)) if returned.messages else []
    if found or not returned.ticket:
        return found
    return list(all_.filter(ticket=returned.ticket))


def _take_bounce(
    returned: Returned, deliveries: list[Delivery], *, by: str, at: datetime
) -> list[str]:
    said = []
    for failure in returned.failures:
        detail = {
            "message_id": returned.message_id,
            "mailbox": failure.mailbox,
            "status": failure.status,
        }
        new = [
            receipts.add_receipt(
                delivery,
                kind=Receipt.Kind.BOUNCED,
                by=MAIL_SERVER,
                actor=by,
                at=at,
                detail=detail,
            )
            for delivery in deliveries
        ]
        said.append("bounce" if any(new) else "repeat")
        if any(new) and failure.dead and _bury(deliveries[0].party, failure, by=by, at=at):
            said.append("dead")
    return said


def _bury(party: Party, failure: Failure, *, by: str, at: datetime) -> bool:
    """Mark a mailbox as dead, if it is one that the party is written to.

    Whoever forges a bounce needs the id of a message that only the party got, and can then silence
    nothing but mailboxes of that party.
    """
    own = [part.strip().lower() for part in party.channel_address.split(",")]
    known = party.contacts.filter(kind="email", value__iexact=failure.mailbox)
    if failure.mailbox.lower() not in own and not known.exists():
        return False
    why = f"mail came back with {failure.status}"
    return contacts.mark_dead(failure.mailbox, at=at, why=why, by=by) > 0


# ── refused at the door ──────────────────────────────────────────────────────────────────


def bury_refused(
    group: Sequence[Delivery], result: Handed | Undelivered, *, at: datetime
) -> Handed | Undelivered:
    """Mark dead what the mail server said is no more, as a bounce does; the result says so too.

    Where another mailbox of the party lives, the delivery is not given up: it goes there next.
    """
    gone = getattr(result, "gone", {})
    if not gone:
        return result
    for mailbox, answer in gone.items():
        _note_refusal(group, mailbox, answer, at=at)
    said = f"; marked dead: {', '.join(gone)}"
    if isinstance(result, Handed):
        return replace(result, where=result.where + said)
    try:
        living = digests.mailboxes_of(group[0].party)
    except Undelivered:
        return Undelivered(f"{result}{said}", lasting=result.lasting)
    return Undelivered(f"{result}{said}; next it goes to {living}", lasting=False)


def _note_refusal(group: Sequence[Delivery], mailbox: str, answer: str, *, at: datetime) -> None:
    by = group[0].lease_owner
    detail = {"mailbox": mailbox, "status": answer}
    for delivery in group:
        kind = Receipt.Kind.BOUNCED
        receipts.add_receipt(delivery, kind=kind, by=MAIL_SERVER, actor=by, at=at, detail=detail)
    with suppress(NotFound):  # the party may have got another address meanwhile
        contacts.mark_dead(mailbox, at=at, why=f"the mail server answered {answer}", by=by)
