"""Contacts of parties that are no members: whose word counts, and what is no contact at all.

Two tables. `PRECEDENCE`: where two sources name different parties for one event, the party of
the better source is told and the other is not; a row that names no source ranks last.
`PLACEHOLDERS`: addresses that stand where a contact was withheld or never given.
"""

import re
from dataclasses import dataclass

from tocsin.words.relations import Relation


@dataclass(frozen=True)
class Precedence:
    """How much the word of a source counts; 0 stands above everything."""

    source: str
    rank: int
    why: str


_REGISTRY = "the holder of the addresses keeps it in the registry, unchecked by anyone else"

PRECEDENCE: tuple[Precedence, ...] = (
    Precedence("manual", 0, "a person of this node wrote it down for a party it knows"),
    Precedence("ti", 1, "the team named its own constituency to a directory that lists its peers"),
    Precedence("ripe", 2, _REGISTRY),
    Precedence("apnic", 2, _REGISTRY),
    Precedence("afrinic", 2, _REGISTRY),
    Precedence("rdap", 2, _REGISTRY),
    Precedence("security.txt", 2, "the holder of the domain publishes it there (RFC 9116)"),
    Precedence("csv", 3, "a list; who made it and from what is not on record"),
)

# Relations in which one party is told instead of another; whom an agreement lets in is no contest.
CONTESTED = frozenset({Relation.NETWORK, Relation.CSIRT, Relation.REGISTRY, Relation.PLATFORM})

LAST_RANK = max(row.rank for row in PRECEDENCE)
_RANKS = {row.source: row.rank for row in PRECEDENCE}


def rank_of(source: str) -> int:
    """The rank of a source; an unknown one ranks with the last."""
    return _RANKS.get(source, LAST_RANK)


@dataclass(frozen=True)
class Placeholder:
    """Addresses, in lower case, that wholly fit `pattern` are no contact."""

    pattern: str
    why: str
    basis: str


PLACEHOLDERS: tuple[Placeholder, ...] = (
    Placeholder(
        r"removed@lacnic\.net",
        "stands for every withheld contact of its region",
        "seen in answers of abuse look-up services (unverified)",
    ),
    Placeholder(
        r"unread@(.+\.)?ripe\.net",
        "the RIPE NCC puts it where it leaves out an address",
        "the RIPE whois server's own code",
    ),
    Placeholder(
        r".*(redacted|not[-_. ]?disclosed|please[-_. ]?query|data[-_. ]?protected).*",
        "says that the address was withheld",
        "RFC 9537 section 3; strings of registries (unverified)",
    ),
    Placeholder(
        r".+@(.+\.)?example\.(com|net|org)", "a name kept for documentation", "RFC 2606 section 3"
    ),
    # Not .example: samples and the demonstration are written with it, and no registry delegates
    # it; a mail to such a name bounces and marks the contact dead.
    Placeholder(
        r".+@(.+\.)?(invalid|test|localhost|local|onion|arpa)",
        "a name that takes no mail",
        "RFC 2606 section 2; RFC 6761; RFC 6762; RFC 7686; RFC 3172",
    ),
    Placeholder(
        r"(no-?reply|do-?not-?reply|donotreply)([-+.].*)?@.+",
        "a mailbox that says nobody reads it",
        "its own name",
    ),
    Placeholder(
        r"(none|null|unknown|nobody|dummy|nomail|no-?mail|no-?email|noone|no-?abuse|changeme)@.+",
        "a word put in for want of an address",
        "its own name",
    ),
    Placeholder(
        r".+@(domain\.(tld|com)|yourdomain\..+|your-domain\..+)",
        "a form that was never filled in",
        "its own name",
    ),
)

_PATTERNS = [(re.compile(row.pattern), row.why) for row in PLACEHOLDERS]
_LOCAL = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*")
_LABEL = re.compile(r"[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?")
_TOP = re.compile(r"[A-Za-z]{2,63}|[Xx][Nn]--[A-Za-z0-9-]{1,59}")


def why_no_contact(address: str) -> str:
    """Why nobody can be reached there, "" where somebody can.

    A mailbox as RFC 5321 section 4.1.2 has it, without quotes and address literals, of 254
    characters at most (RFC 3696 erratum 1690), at a domain of two labels or more.
    """
    lower = address.lower()
    for pattern, why in _PATTERNS:
        if pattern.fullmatch(lower):
            return why
    local, sign, domain = address.rpartition("@")
    if not sign or not local:
        return "is no mail address"
    labels = domain.split(".")
    if len(local) > 64 or len(address) > 254 or not _LOCAL.fullmatch(local):
        return "is no mail address that every mail server takes"
    if len(labels) < 2 or not _TOP.fullmatch(labels[-1]):
        return "has no valid domain"
    return "" if all(_LABEL.fullmatch(label) for label in labels) else "has no valid domain"


@dataclass(frozen=True)
class Block:
    """Entries of a registry with such a network name say who does not hold the addresses."""

    pattern: str
    why: str


BLOCKS: tuple[Block, ...] = (
    Block(r"NON-RIPE-NCC-MANAGED-ADDRESS-BLOCK", "addresses of other registries"),
    Block(r"IANA-(BLK|RSVD|NETBLOCK-.*)", "the whole address space, or what is reserved"),
    Block(r"(ERX|LACNIC|APNIC|AFRINIC|ARIN|RIPE)-(NETBLOCK|CIDR-BLOCK)", "early registrations"),
)
_BLOCKS = re.compile("|".join(f"(?:{row.pattern})" for row in BLOCKS))


def is_holderless(name: str) -> bool:
    """True for the name of an entry that stands for no holder."""
    return _BLOCKS.fullmatch(name.upper()) is not None
