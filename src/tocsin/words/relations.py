"""How a party stands to an event, and what a remit is made of.

A role says what a party is; a relation says why one event concerns it. The same bank
is a `brand` for a phish that imitates it and a `network` for a bot in its own office.
"""

from enum import StrEnum


class Relation(StrEnum):
    """Why an event concerns a party."""

    NETWORK = "network"  # holds the reported address
    CSIRT = "csirt"  # national team of a state concerned
    REGISTRY = "registry"  # runs the top-level domain
    PLATFORM = "platform"  # runs the host or the registrable domain
    BRAND = "brand"  # is imitated
    REPORTER = "reporter"  # sent the report
    LAW_ENFORCEMENT = "law_enforcement"  # only under an agreement
    COORDINATOR = "coordinator"  # only under an agreement


class RemitKind(StrEnum):
    """What a remit row names."""

    ASN = "asn"
    PREFIX = "prefix"
    COUNTRY = "country"
    DOMAIN = "domain"
    TLD = "tld"
    BRAND = "brand"
    EVERYTHING = "everything"


class Side(StrEnum):
    """The two ends of an event in IDF: `source` is where the problem is."""

    SOURCE = "source"
    DESTINATION = "destination"
