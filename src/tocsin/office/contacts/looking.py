"""Whom we would mail for an address, an AS or a domain, and who else was named and why not."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime

import polars as pl
from django.db.models import QuerySet

from tocsin.flow.addresses import as_range
from tocsin.flow.compiled import compile_directory
from tocsin.flow.concern import Finder
from tocsin.flow.domains import parents
from tocsin.flow.networks import Networks
from tocsin.flow.normalise import normalise
from tocsin.flow.tables import Parsed
from tocsin.office.contacts.bounced import dead_reason
from tocsin.office.models import Contact, Party
from tocsin.office.models import Remit as RemitRow
from tocsin.office.parties import directory
from tocsin.rules.contacts import rank_of
from tocsin.words.errors import Unusable
from tocsin.words.moments import as_utc
from tocsin.words.relations import Relation, RemitKind, Side

RELATIONS = (Relation.NETWORK, Relation.CSIRT, Relation.PLATFORM, Relation.REGISTRY)


@dataclass(frozen=True)
class Candidate:
    """A party that somebody names for the target. `told` with `because`, or `why_not`."""

    relation: Relation
    party: str
    name: str
    channel: str
    address: str
    source: str
    as_of: date | None
    value: str
    told: bool
    because: str = ""
    why_not: str = ""


def contact_rows(*, dead: bool = False) -> QuerySet[Contact]:
    """Mail contacts with their party; only those that bounced with `dead`."""
    rows = Contact.objects.filter(kind="email").select_related("party")
    rows = rows.filter(dead_at__isnull=False) if dead else rows.filter(party__active=True)
    return rows.order_by("value", "party__slug")


def who_is_mailed(target: str, *, networks: Networks, at: datetime) -> list[Candidate]:
    """Everyone whom any source names for the target, those who are told first.

    A target is an address, a network, `AS64496` or a domain; anything else raises `Unusable`.
    Decided by the same look-up as a run; nothing is written and nothing is sent.
    """
    compiled = compile_directory(directory(at=at), on=as_utc(at).date())
    finder = Finder(_event(target, at), compiled, networks)
    named = _named_for(_facts(finder, target))
    parties = {party.slug: party for party in Party.objects.filter(active=True)}
    found = [one for relation in RELATIONS for one in _of(relation, finder, named, parties)]
    return sorted(
        found,
        key=lambda one: (
            RELATIONS.index(one.relation),
            not one.told,
            rank_of(one.source),
            one.party,
        ),
    )


def _event(target: str, at: datetime) -> pl.DataFrame:
    """The target as an event of one row, of a class that concerns whoever can mend it."""
    if asn := _asn(target):
        # No report names an AS and nothing else; here one does, in the place of an address.
        some = _event("192.0.2.1", at).drop("source.ip", "source.v4")
        return some.with_columns(pl.lit(asn, dtype=pl.UInt32).alias("source.asn"))
    field = "source.ip" if as_range(target) else "source.fqdn"
    row = {
        field: target.strip(),
        "classification.type": "phishing",
        "time.source": as_utc(at).strftime("%Y-%m-%d %H:%M:%S"),
    }
    done = normalise(Parsed.of([row]))
    if done.invalid or done.faults or not len(done.events):
        raise Unusable(
            f"{target!r} is no target. Possible: an address, a network, AS64496, a domain"
        )
    return done.events


def _asn(target: str) -> int | None:
    found = re.fullmatch(r"AS([0-9]{1,10})", target.strip(), re.IGNORECASE | re.ASCII)
    number = int(found[1]) if found else 0
    return number if 0 < number < 2**32 else None


@dataclass(frozen=True)
class _Facts:
    """What is known of the target: its addresses, AS, country, and the names above it."""

    span: tuple[int, int, int] | None
    asn: str
    country: str
    names: list[str]

    def fit(self, kind: str, value: str) -> bool:
        """Whether a remit of this kind and value covers the target."""
        if kind == RemitKind.PREFIX:
            span = as_range(value) if self.span else None
            return span is not None and self.span is not None and _touch(span, self.span)
        if kind == RemitKind.ASN:
            return value == self.asn
        if kind == RemitKind.COUNTRY:
            return value == self.country
        if kind == RemitKind.DOMAIN:
            return value in self.names
        return kind == RemitKind.TLD and bool(self.names) and value == self.names[-1]


def _touch(one: tuple[int, int, int], other: tuple[int, int, int]) -> bool:
    return one[0] == other[0] and one[1] <= other[2] and other[1] <= one[2]


def _facts(finder: Finder, target: str) -> _Facts:
    place = finder.scene.place(Side.SOURCE)
    asn, country, name = place.asn.value[0], place.country.value[0], place.fqdn[0]
    return _Facts(
        as_range(target) if place.ip[0] or place.network[0] else None,
        str(asn or _asn(target)),
        country or "",
        parents(name) if name else [],
    )


def _named_for(facts: _Facts) -> dict[tuple[str, str], str]:
    """(relation, short name of the party) to the value that covers the target."""
    rows = RemitRow.objects.filter(party__active=True).order_by()
    if facts.span is None:
        rows = rows.exclude(kind=RemitKind.PREFIX)
    listed = rows.values_list("relation", "party__slug", "kind", "value")
    return {
        (relation, slug): value
        for relation, slug, kind, value in listed.iterator()
        if facts.fit(kind, value)
    }


def _of(
    relation: Relation,
    finder: Finder,
    named: dict[tuple[str, str], str],
    parties: dict[str, Party],
) -> Iterator[Candidate]:
    recipients = finder.scene.compiled.recipients
    links = finder.links(relation, Side.SOURCE).select("party", "because").rows()
    told = {recipients[party].party: because for party, because in links}
    for slug, because in told.items():
        value = named.get((relation, slug), "")
        yield _candidate(relation, parties[slug], value, told=True, because=because)
    winners = [parties[slug] for slug in told]
    for (of, slug), value in named.items():
        if of == relation and slug not in told:
            why_not = _why_not(parties[slug], winners)
            yield _candidate(relation, parties[slug], value, told=False, why_not=why_not)


def _why_not(party: Party, winners: list[Party]) -> str:
    dead = dead_reason(party.channel_address) if party.channel == "mail" else ""
    if dead:
        return dead
    better = [winner for winner in winners if rank_of(winner.source) < rank_of(party.source)]
    if better:
        return f"{better[0].name} ({better[0].source}) stands above {party.source}"
    names = ", ".join(winner.name for winner in winners)
    return f"{names} answers for a smaller part" if names else "nothing opens it for this target"


def _candidate(
    relation: Relation,
    party: Party,
    value: str,
    *,
    told: bool,
    because: str = "",
    why_not: str = "",
) -> Candidate:
    return Candidate(
        relation=relation,
        party=party.slug,
        name=party.name,
        channel=party.channel,
        address=party.channel_address,
        source=party.source,
        as_of=party.as_of,
        value=value,
        told=told,
        because=because,
        why_not=why_not,
    )
