"""Who answers for what, as plain rows: what `office` hands down to `flow`."""

from dataclasses import dataclass
from datetime import date

from tocsin.words.relations import Relation, RemitKind
from tocsin.words.roles import Role


@dataclass(frozen=True)
class Recipient:
    """A party as `flow` sees it: who it is and in which form it takes a delivery."""

    party: str  # the short name used in parties.toml, unique
    name: str
    role: Role
    country: str  # ISO 3166-1 alpha-2, or "" where it has none
    format: str  # a name in formats.catalogue
    channel: str  # a name in channels.catalogue
    source: str = "manual"  # where we know it from: manual, ripe, rdap ...
    as_of: date | None = None


@dataclass(frozen=True)
class Remit:
    """One row of who answers for what.

    `value`: an AS number ("64500"), a CIDR or a range "first-last", an alpha-2 country, a
    domain, a top-level domain, a brand name, or for EVERYTHING a feed provider or "*".
    `shared` marks addresses that many lines use at once (carrier-grade NAT).
    """

    party: str
    kind: RemitKind
    value: str
    relation: Relation
    shared: bool = False


@dataclass(frozen=True)
class Agreement:
    """What opens a relation that is closed by default (law enforcement, coordinator)."""

    party: str
    relation: Relation
    classes: tuple[str, ...]  # RSIT types, or ("*",)
    reference: str
    basis: str
    since: date
    until: date | None = None


@dataclass(frozen=True)
class Directory:
    """Everything `flow` knows of the outside: recipients, remits, agreements."""

    recipients: tuple[Recipient, ...]
    remits: tuple[Remit, ...]
    agreements: tuple[Agreement, ...] = ()
