"""Who this node is, from the environment: the name that stands on what it sends.

TOCSIN_NODE_NAME     the organisation: XARF's reporter and sender, "from" in manifests
TOCSIN_NODE_CONTACT  its mailbox for questions about what it sends
TOCSIN_NODE_DOMAIN   its domain; without it, that of the mailbox
"""

import os
import re
from dataclasses import dataclass

from tocsin.channels import mail
from tocsin.formats.xarf import Sender
from tocsin.words.errors import Unusable

LONGEST = 200  # characters of the name
UNNAMED = "tocsin"  # what manifests say of a node that has no name
_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_DOMAIN = re.compile(rf"(?=.{{3,253}}$){_LABEL}(?:\.{_LABEL})+")


@dataclass(frozen=True)
class Identity:
    """Name, mailbox and domain of this node; "" for what nobody set."""

    name: str = ""
    contact: str = ""
    domain: str = ""

    @property
    def sender(self) -> Sender | None:
        """What XARF says of whoever reports; None while name or mailbox is missing."""
        if not (self.name and self.contact):
            return None
        return Sender(org=self.name, contact=self.contact, domain=self.domain)


def read_identity() -> Identity:
    """The settings, checked; raises `Unusable`, naming the one that cannot be used."""
    contact = _contact(os.environ.get("TOCSIN_NODE_CONTACT", "").strip())
    domain = os.environ.get("TOCSIN_NODE_DOMAIN", "").strip().lower()
    return Identity(
        name=_name(os.environ.get("TOCSIN_NODE_NAME", "").strip()),
        contact=contact,
        domain=_domain(domain or contact.rpartition("@")[2].lower()),
    )


def _name(text: str) -> str:
    if text.isprintable() and len(text) <= LONGEST:
        return text
    raise Unusable(f"TOCSIN_NODE_NAME must be one line of at most {LONGEST} characters")


def _contact(text: str) -> str:
    if "," in text:
        raise Unusable("TOCSIN_NODE_CONTACT must be one mailbox. Possible: abuse@cert.example")
    try:
        mail.check_address(text)
    except Unusable as fault:
        raise Unusable(f"TOCSIN_NODE_CONTACT: {fault}") from fault
    return text


def _domain(text: str) -> str:
    if not text or _DOMAIN.fullmatch(text):
        return text
    raise Unusable(
        f"TOCSIN_NODE_DOMAIN={text!r} is no domain. Possible: cert.example, as it stands in the "
        "DNS (xn--…)"
    )
