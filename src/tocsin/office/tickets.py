"""Tickets for files: whoever may have a file gets a ticket, and whoever shows it gets the file.

So a file comes from a path that no cookie reaches and that sets none: what somebody else wrote can
do nothing in the name of whoever looks at it, and `/files/` can stand under a host name of its own.
"""

from datetime import timedelta
from uuid import UUID

from django.core import signing

from tocsin.office.models import Delivery
from tocsin.words.errors import NotFound

LASTS = timedelta(minutes=1)
_SALT = "tocsin.office.tickets"


def ticket_for(delivery: Delivery) -> str:
    """A ticket for the file of a delivery, good for a minute from now."""
    return signing.dumps(delivery.uid.hex, salt=_SALT)


def delivery_of(ticket: str) -> Delivery:
    """Whose file a ticket opens; raises `NotFound` for one that is none, or too old."""
    try:
        uid = UUID(str(signing.loads(ticket, salt=_SALT, max_age=LASTS)))
        return Delivery.objects.get(uid=uid)
    except (signing.BadSignature, ValueError, Delivery.DoesNotExist):
        raise NotFound("this link is too old. Possible: ask for the file once more") from None
