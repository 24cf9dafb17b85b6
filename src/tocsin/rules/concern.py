"""Who is concerned: per class and per side of an event, which relations are told.

In IDF the source is where the problem is and the destination is what it touches. A sinkhole
event concerns the source alone (its destination is the sinkhole); of a denial of service
both ends are concerned, the reflector and the target differently; a scan that a honeypot
saw concerns the scanner's side only, never the owner of the honeypot.

A row that names an identifier stands above the rows of its type. Meaning of the columns of
Shadowserver's honeypot reports: descriptions of the reports (unverified).
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from tocsin.words.classes import TYPES
from tocsin.words.relations import Relation, Side

ANY = "*"


@dataclass(frozen=True)
class Concern:
    """One row: events of `type` (or with `identifier`) concern `relation` on `side`."""

    type: str
    side: Side
    relation: Relation
    why: str
    identifier: str = ""


_SOURCE, _DESTINATION = Side.SOURCE, Side.DESTINATION
_HOLDERS = (Relation.NETWORK, Relation.CSIRT)
_NAMES = (Relation.REGISTRY, Relation.PLATFORM)

# Types whose source has a name that a registry, registrar or platform can act on.
_NAMED = (
    "phishing",
    "malware-distribution",
    "malware-configuration",
    "c2-server",
    "dga-domain",
    "system-compromise",
    "application-compromise",
    "spam",
    "masquerade",
    "copyright",
    "malware",
    "blacklist",
)
_IMITATING = ("phishing", "masquerade")
_ATTACKS = ("ddos", "dos")


def _rows(
    types: Iterable[str], side: Side, relations: Iterable[Relation], why: str, identifier: str = ""
) -> Iterator[Concern]:
    wanted = tuple(relations)
    for kind in types:
        for relation in wanted:
            yield Concern(kind, side, relation, why, identifier)


CONCERN: tuple[Concern, ...] = (
    *_rows(TYPES, _SOURCE, _HOLDERS, "the problem is on this address; its holder can mend it"),
    *_rows(_NAMED, _SOURCE, _NAMES, "the name can be suspended, the content removed"),
    *_rows(_IMITATING, _SOURCE, [Relation.BRAND], "its customers are being deceived"),
    *_rows(_ATTACKS, _DESTINATION, _HOLDERS, "this address is the target of the attack"),
    *_rows(TYPES, _SOURCE, [Relation.REPORTER], "sent the report and is told what became of it"),
    *_rows(
        TYPES,
        _SOURCE,
        [Relation.LAW_ENFORCEMENT, Relation.COORDINATOR],
        "an agreement opens the figures of this class",
    ),
    # The named source is the victim (its address was forged); the honeypot is nobody's concern.
    *_rows(
        ["ddos"],
        _SOURCE,
        [*_HOLDERS, Relation.REPORTER, Relation.LAW_ENFORCEMENT, Relation.COORDINATOR],
        "this address is the victim of an amplification attack",
        "amplification-ddos-victim",
    ),
    # One attack, two reports: this one is for whoever hosts the controller or the participant …
    *_rows(
        ["ddos"],
        _SOURCE,
        [*_HOLDERS, Relation.REPORTER, Relation.LAW_ENFORCEMENT, Relation.COORDINATOR],
        "the attack was ordered from this address",
        "honeypot-ddos",
    ),
    *_rows(
        ["ddos"],
        _SOURCE,
        [*_HOLDERS, Relation.REPORTER, Relation.LAW_ENFORCEMENT, Relation.COORDINATOR],
        "this address takes part in the attack",
        "ddos-participant",
    ),
    # … and this one is for the target.
    *_rows(
        ["ddos"],
        _DESTINATION,
        _HOLDERS,
        "this address is the target of the attack",
        "honeypot-ddos-target",
    ),
    *_rows(
        ["ddos"],
        _SOURCE,
        [Relation.REPORTER, Relation.LAW_ENFORCEMENT, Relation.COORDINATOR],
        "sent the report, or an agreement opens the figures",
        "honeypot-ddos-target",
    ),
    # A web site that sends its visitors to a sinkholed name: the site's own platform can mend it.
    *_rows(
        ["other"],
        _SOURCE,
        [*_HOLDERS, Relation.PLATFORM, Relation.REPORTER],
        "this site sends its visitors to malware",
        "sinkhole-http-referer",
    ),
)

# Relations that an agreement must open; a remit alone is not enough.
NEEDS_AGREEMENT = frozenset({Relation.LAW_ENFORCEMENT, Relation.COORDINATOR})

# Relations that can mend something: an event that reaches none of them is unrouted.
ACTING = frozenset(
    {
        Relation.NETWORK,
        Relation.CSIRT,
        Relation.REGISTRY,
        Relation.PLATFORM,
        Relation.BRAND,
    }
)


def concerned(kind: str, identifier: str) -> tuple[Concern, ...]:
    """The rows for one class; rows of the identifier stand above rows of the type."""
    of_type = tuple(row for row in CONCERN if row.type == kind)
    exact = tuple(row for row in of_type if row.identifier and row.identifier == identifier)
    return exact or tuple(row for row in of_type if not row.identifier)


def sides_of(relation: Relation, kind: str) -> tuple[Side, ...]:
    """The sides on which events of a type can concern a relation, source first."""
    return tuple(
        side
        for side in Side
        if any(row.side is side and row.relation is relation for row in CONCERN if row.type == kind)
    )
