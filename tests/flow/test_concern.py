"""Who is concerned and why, in whole sentences; and against a plain reading of the rules."""

from datetime import date
from ipaddress import ip_network

import numpy as np
import polars as pl
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.flow.world import MANY, NETWORKS, compiled, events, holds
from tocsin.flow.compiled import Compiled
from tocsin.flow.concern import Finder
from tocsin.flow.hits import MOST_HOLDERS, is_shared
from tocsin.flow.remits import Agreement, Remit
from tocsin.flow.stages import LANES
from tocsin.rules.concern import NEEDS_AGREEMENT, concerned
from tocsin.words.relations import Relation, RemitKind, Side

R, K = Relation, RemitKind
FROM = date(2026, 1, 1)

Told = tuple[int, str, Relation, Side, str]


def told(table: pl.DataFrame, known: Compiled) -> list[Told]:
    """(event, party, relation, side, because) of every lane."""
    finder = Finder(table, known, NETWORKS)
    return [
        (event, known.recipients[number].party, relation, side, because)
        for relation, side in LANES
        for event, number, because in finder.links(relation, side).drop("remit").rows()
    ]


def sentences(known: Compiled, *rows: dict[str, str]) -> dict[str, str]:
    """Party to reason, for events that tell each party once."""
    found = [(party, because) for _, party, _, _, because in told(events(*rows), known)]
    assert len(found) == len(dict(found))
    return dict(found)


def event(kind: str = "infected-system", identifier: str = "", **fields: str) -> dict[str, str]:
    """One row; `source_ip` stands for `source.ip`."""
    row = {
        name if name.startswith("event_description") else name.replace("_", ".", 1): value
        for name, value in fields.items()
    }
    row |= {"classification.identifier": identifier} if identifier else {}
    return row | {"classification.type": kind}


# ── sentences ────────────────────────────────────────────────────────────────────────────

HOLDERS = compiled(
    [
        holds("carrier", K.ASN, "64496"),
        holds("owner", K.PREFIX, "192.0.2.10-192.0.2.77"),
        holds("six", K.PREFIX, "2001:db8:2::/48"),
        holds("cert-be", K.COUNTRY, "BE", R.CSIRT),
        holds("cert-pl", K.COUNTRY, "PL", R.CSIRT),
    ]
)


@pytest.mark.parametrize(
    ("fields", "reasons"),
    [
        (
            {"source_ip": "192.0.2.7"},
            {
                "carrier": "AS64496 held 192.0.2.0–192.0.2.127 in the snapshot of 2026-06-17",
                "cert-be": "192.0.2.0–192.0.2.255 belonged to BE in the snapshot of 2026-06-17",
            },
        ),
        (
            {"source_ip": "192.0.2.10"},
            {
                "owner": "192.0.2.10-192.0.2.77 is in the remit of Owner (manual, 2026-06-01)",
                "cert-be": "192.0.2.0–192.0.2.255 belonged to BE in the snapshot of 2026-06-17",
            },
        ),
        (
            {"source_ip": "2001:db8:1::"},
            {
                "carrier": "AS64496 held 2001:db8:1::–2001:db8:1:ffff:ffff:ffff:ffff:ffff"
                " in the snapshot of 2026-06-17",
                "cert-be": "2001:db8:1::–2001:db8:1:ffff:ffff:ffff:ffff:ffff belonged to BE"
                " in the snapshot of 2026-06-17",
            },
        ),
        (
            {"source_ip": "2001:db8:2::1"},
            {
                "six": "2001:db8:2::/48 is in the remit of Six (manual, 2026-06-01)",
                "cert-pl": "2001:db8:2::–2001:db8:2:ffff:ffff:ffff:ffff:ffff belonged to PL"
                " in the snapshot of 2026-06-17",
            },
        ),
        (  # nobody knows the address: the report is believed, and the reason says so
            {"source_ip": "203.0.113.9", "source_asn": "64496", "source_geolocation.cc": "PL"},
            {"carrier": "the report says AS64496", "cert-pl": "the report says PL"},
        ),
        (  # the snapshot stands above the report
            {"source_ip": "198.51.100.9", "source_asn": "64496", "source_geolocation.cc": "BE"},
            {"cert-pl": "198.51.100.0–198.51.100.255 belonged to PL in the snapshot of 2026-06-17"},
        ),
        (
            {"source_fqdn": "www.meadow.be"},
            {"cert-be": "www.meadow.be is under a top-level domain of the state"},
        ),
        ({"source_ip": "203.0.113.9"}, {}),
    ],
)
def test_holder_and_state_are_told_why(fields: dict[str, str], reasons: dict[str, str]) -> None:
    assert sentences(HOLDERS, event(**fields)) == reasons


NAMES = compiled(
    [
        holds("registry", K.TLD, "example", R.REGISTRY),
        holds("mall", K.DOMAIN, "mall.example", R.PLATFORM),
        holds("shop", K.DOMAIN, "shop.mall.example", R.PLATFORM),
        holds("host", K.PREFIX, "203.0.113.0/24", R.PLATFORM),
        holds("bank", K.BRAND, "Meadow Bank", R.BRAND),
        holds("post", K.BRAND, "Post", R.BRAND),
        holds("post", K.DOMAIN, "post.example", R.BRAND),
        holds("sender", K.EVERYTHING, "Shadowserver", R.REPORTER),
    ]
)


@pytest.mark.parametrize(
    ("fields", "reasons"),
    [
        (
            {"source_url": "http://a.shop.mall.example/x", "feed_provider": "shadowserver"},
            {
                "registry": "a.shop.mall.example is under .example",
                "shop": "a.shop.mall.example is under shop.mall.example",
                "sender": "it sent the report",
            },
        ),
        (
            {"source_fqdn": "mall.example", "source_ip": "203.0.113.9"},
            {
                "registry": "mall.example is under .example",
                "mall": "mall.example is under mall.example",
                "host": "203.0.113.0/24 is in the remit of Host (manual, 2026-06-01)",
            },
        ),
        (
            {"source_fqdn": "meadow-bank.login.test"},
            {"bank": "meadow-bank.login.test carries its name"},
        ),
        (
            {"source_fqdn": "meadowbank.test"},
            {"bank": "meadowbank.test carries its name"},
        ),
        (  # a name that carries two brands concerns both
            {"source_fqdn": "post-meadow-bank.test"},
            {
                "bank": "post-meadow-bank.test carries its name",
                "post": "post-meadow-bank.test carries its name",
            },
        ),
        ({"source_fqdn": "posters.test"}, {}),
        (
            {"source_ip": "192.0.2.1", "event_description.target": "MEADOW BANK"},
            {"bank": "the report names it as the target"},
        ),
        (
            {"source_fqdn": "www.post.example"},
            {
                "registry": "www.post.example is under .example",
                "post": "www.post.example is under its own domain post.example",
            },
        ),
    ],
)
def test_registry_platform_brand_and_reporter_are_told_why(
    fields: dict[str, str], reasons: dict[str, str]
) -> None:
    assert sentences(NAMES, event("phishing", **fields)) == reasons


SOURCES = {"person": "manual", "team": "ti", "dump": "ripe"}


@pytest.mark.parametrize(
    ("remits", "reasons"),
    [
        (  # what a person wrote of the network beats what an import says of a piece of it
            [("dump", K.PREFIX, "192.0.2.0/28"), ("person", K.ASN, "64496")],
            {"person": "AS64496 held 192.0.2.0–192.0.2.127 in the snapshot of 2026-06-17"},
        ),
        (
            [("dump", K.ASN, "64496"), ("person", K.PREFIX, "192.0.2.0/24")],
            {"person": "192.0.2.0/24 is in the remit of Person (manual, 2026-06-01)"},
        ),
        (  # the better import, though its range is wider
            [("dump", K.PREFIX, "192.0.2.0/28"), ("team", K.PREFIX, "192.0.2.0/24")],
            {"team": "192.0.2.0/24 is in the remit of Team (ti, 2026-06-01)"},
        ),
        (
            [("dump", K.ASN, "64496")],
            {
                "dump": "AS64496 held 192.0.2.0–192.0.2.127 in the snapshot of 2026-06-17; "
                "AS64496 is in the remit of Dump (ripe, 2026-06-01)"
            },
        ),
    ],
)
def test_the_better_source_is_told_and_an_import_is_named(
    remits: list[tuple[str, RemitKind, str]], reasons: dict[str, str]
) -> None:
    known = compiled([holds(*remit) for remit in remits], sources=SOURCES)

    assert sentences(known, event(source_ip="192.0.2.7")) == reasons


def test_names_concern_nobody_where_the_class_has_no_row_for_them() -> None:
    row = event("scanner", source_fqdn="shop.mall.example")

    assert sentences(NAMES, row) == {}


# ── which side ───────────────────────────────────────────────────────────────────────────

SIDES = compiled(
    [
        holds("attacker", K.ASN, "64496"),
        holds("target", K.ASN, "64498"),
        holds("cert-be", K.COUNTRY, "BE", R.CSIRT),
        holds("cert-pl", K.COUNTRY, "PL", R.CSIRT),
        holds("host", K.DOMAIN, "site.test", R.PLATFORM),
    ]
)
BOTH = {"source_ip": "192.0.2.7", "destination_ip": "198.51.100.9"}
ATTACKER, TARGET = {"attacker", "cert-be"}, {"target", "cert-pl"}


@pytest.mark.parametrize(
    ("kind", "identifier", "parties"),
    [
        ("ddos", "", ATTACKER | TARGET),
        ("dos", "", ATTACKER | TARGET),
        ("ddos", "amplification-ddos-victim", ATTACKER),  # here the source is the victim
        ("ddos", "honeypot-ddos", ATTACKER),
        ("ddos", "ddos-participant", ATTACKER),
        ("ddos", "honeypot-ddos-target", TARGET),
        ("infected-system", "", ATTACKER),  # the destination is the sinkhole
        ("scanner", "", ATTACKER),  # the destination is the honeypot
        ("brute-force", "ssh", ATTACKER),
    ],
)
def test_the_class_says_which_end_is_told(kind: str, identifier: str, parties: set[str]) -> None:
    assert set(sentences(SIDES, event(kind, identifier, **BOTH))) == parties


def test_a_site_that_sends_its_visitors_to_a_sinkhole_concerns_its_platform() -> None:
    row = event("other", "sinkhole-http-referer", **BOTH, source_fqdn="www.site.test")
    other = event("other", "", **BOTH, source_fqdn="www.site.test")

    assert set(sentences(SIDES, row)) == ATTACKER | {"host"}
    assert set(sentences(SIDES, other)) == ATTACKER


# ── agreements ───────────────────────────────────────────────────────────────────────────


def agreement(name: str, relation: Relation, *classes: str) -> Agreement:
    return Agreement(name, relation, classes or ("*",), "2026/7", "MoU", FROM)


@pytest.mark.parametrize("relation", sorted(NEEDS_AGREEMENT))
def test_a_remit_without_an_agreement_opens_nothing(relation: Relation) -> None:
    remits = [holds("pol", K.COUNTRY, "BE", relation), holds("pol", K.EVERYTHING, "*", relation)]

    assert told(events(event(source_ip="192.0.2.7")), compiled(remits)) == []


@pytest.mark.parametrize("relation", sorted(NEEDS_AGREEMENT))
@pytest.mark.parametrize(
    ("remit", "classes", "rows"),
    [
        ((K.COUNTRY, "BE"), (), [0, 1]),
        ((K.COUNTRY, "BE"), ("phishing",), [1]),
        ((K.COUNTRY, "PL"), (), [2, 3]),  # the last one by what the report says
        ((K.EVERYTHING, "*"), (), [0, 1, 2, 3]),
        ((K.EVERYTHING, "*"), ("phishing", "spam"), [1, 2]),
        ((K.EVERYTHING, "Shadowserver"), (), [2]),
    ],
)
def test_an_agreement_opens_its_classes_of_the_remit_and_no_others(
    relation: Relation, remit: tuple[RemitKind, str], classes: tuple[str, ...], rows: list[int]
) -> None:
    known = compiled(
        [holds("pol", *remit, relation)], agreements=[agreement("pol", relation, *classes)]
    )
    table = events(
        event(source_ip="192.0.2.7"),
        event("phishing", source_ip="192.0.2.7"),
        event("spam", source_ip="198.51.100.7", feed_provider="shadowserver"),
        event(source_ip="203.0.113.7", **{"source_geolocation.cc": "PL"}),
    )

    assert told(table, known) == [
        (row, "pol", relation, Side.SOURCE, "agreement 2026/7") for row in rows
    ]


def test_an_agreement_of_one_party_opens_nothing_for_another() -> None:
    known = compiled(
        [
            holds("pol", K.COUNTRY, "BE", R.LAW_ENFORCEMENT),
            holds("spy", K.COUNTRY, "BE", R.LAW_ENFORCEMENT),
        ],
        agreements=[agreement("pol", R.LAW_ENFORCEMENT)],
    )

    assert set(sentences(known, event(source_ip="192.0.2.7"))) == {"pol"}


# ── reported networks, shared addresses ──────────────────────────────────────────────────


def test_a_reported_network_concerns_every_holder_of_a_piece_of_it() -> None:
    known = compiled(
        [
            holds("one", K.PREFIX, "192.0.2.0-192.0.2.99"),
            holds("two", K.PREFIX, "192.0.2.100-192.0.2.127"),
            holds("far", K.PREFIX, "192.0.2.128/25"),
            holds("six", K.PREFIX, "2001:db8:1:8000::/49"),
        ]
    )
    table = events(
        {"source.network": "192.0.2.64/26"}, {"source.ip": "2001:db8:1::/48"}, {"source.ip": "::1"}
    )

    assert [(row, name) for row, name, *_ in told(table, known)] == [
        (0, "one"),
        (0, "two"),
        (1, "six"),
    ]


def crowd(holders: int) -> list[Remit]:
    """So many holders of one /24, none of them in one piece."""
    return [holds(f"h{n}", K.PREFIX, f"192.0.2.{n}-192.0.2.{255 - n}") for n in range(holders)]


@pytest.mark.parametrize(("holders", "told_of_it"), [(MOST_HOLDERS, 64), (MOST_HOLDERS + 1, 0)])
def test_a_network_of_more_than_64_holders_is_told_to_none(holders: int, told_of_it: int) -> None:
    table = events({"source.network": "192.0.2.0/24"})

    assert len(told(table, compiled(crowd(holders)))) == told_of_it


def test_an_address_is_shared_in_a_declared_pool_and_in_carrier_space() -> None:
    known = compiled(
        [
            holds("one", K.PREFIX, "192.0.2.0/24"),
            holds("one", K.PREFIX, "192.0.2.64-192.0.2.70", shared=True),
            holds("one", K.PREFIX, "2001:db8:1::/64", shared=True),
        ]
    )
    table = events(
        *(
            {"source.ip": ip}
            for ip in ("192.0.2.63", "192.0.2.64", "192.0.2.70", "192.0.2.71", "100.64.0.1")
        ),
        {"source.ip": "2001:db8:1::7"},
        {"source.ip": "2001:db8:2::7"},
    )

    shared = is_shared(Finder(table, known, NETWORKS).scene, Side.SOURCE)

    assert shared.tolist() == [False, True, True, False, True, True, False]


# ── a plain reading of the rules ─────────────────────────────────────────────────────────

ADDRESSES = (
    "192.0.2.0",
    "192.0.2.7",
    "192.0.2.64",
    "192.0.2.255",
    "198.51.100.130",
    "198.51.100.131",
    "203.0.113.9",
    "2001:db8:1::",
    "2001:db8:1::7",
    "2001:db8:2:ff00::",
    "3fff::1",
)
PREFIXES = (
    "192.0.2.0/24",
    "192.0.2.0/26",
    "192.0.2.7-192.0.2.64",
    "192.0.2.7",
    "198.51.100.0-198.51.100.130",
    "2001:db8:1::/48",
    "2001:db8:1::-2001:db8:1::7",
    "2001:db8:2:ff00::/56",
)
FQDNS = ("meadow-bank.example", "a.shop.mall.example", "mall.example", "www.post.be", "post.uk")
VALUES = {
    K.ASN: ("64496", "64497", "64498", "64511"),
    K.PREFIX: PREFIXES,
    K.COUNTRY: ("BE", "PL", "GB"),
    K.DOMAIN: ("mall.example", "shop.mall.example", "post.be"),
    K.TLD: ("example", "be", "uk"),
    K.BRAND: ("meadow bank", "post", "bank"),
    K.EVERYTHING: ("*", "shadowserver"),
}
KINDS = ("infected-system", "phishing", "ddos", "other", "scanner")
IDENTIFIERS = (
    "",
    "mirai",
    "honeypot-ddos",
    "honeypot-ddos-target",
    "amplification-ddos-victim",
    "sinkhole-http-referer",
)

remits = st.lists(
    st.sampled_from(K).flatmap(
        lambda kind: st.builds(
            Remit,
            st.sampled_from(["p1", "p2", "p3"]),
            st.just(kind),
            st.sampled_from(VALUES[kind]),
            st.sampled_from(R),
        )
    ),
    max_size=12,
)
agreements = st.lists(
    st.builds(
        Agreement,
        st.sampled_from(["p1", "p2", "p3"]),
        st.sampled_from(sorted(NEEDS_AGREEMENT)),
        st.sampled_from([("*",), ("phishing",), ("ddos", "other")]),
        st.just("2026/7"),
        st.just("MoU"),
        st.just(FROM),
    ),
    max_size=3,
)
rows = st.lists(
    st.fixed_dictionaries(
        {
            "classification.type": st.sampled_from(KINDS),
            "classification.identifier": st.sampled_from(IDENTIFIERS),
            "feed.provider": st.sampled_from(["Shadowserver", "Other"]),
        },
        optional={
            "source.ip": st.sampled_from(ADDRESSES),
            "source.fqdn": st.sampled_from(FQDNS),
            "source.asn": st.sampled_from(("64496", "64511")),
            "source.geolocation.cc": st.sampled_from(("BE", "GB")),
            "destination.ip": st.sampled_from(ADDRESSES),
            "destination.fqdn": st.sampled_from(FQDNS),
            "event_description.target": st.sampled_from(("Meadow Bank", "Post")),
        },
    ).filter(lambda row: {"source.ip", "source.fqdn", "destination.ip"} & row.keys()),
    min_size=1,
    max_size=6,
)


RANKS = {"p1": 0, "p2": 1, "p3": 2}
RANKED = {"p1": "manual", "p2": "ti", "p3": "ripe"}
Ranked = tuple[tuple[int, ...], Remit]  # what comes first wins


def foremost(found: list[Ranked]) -> set[str]:
    """Parties of the rows that come first, all of them."""
    return {row.party for key, row in found if key == min(key for key, _ in found)}


class Plainly:
    """The rules read row by row, with nothing clever in it."""

    def __init__(self, known: Compiled, row: dict[str, str], side: Side) -> None:
        self.known, self.row = known, row
        self.ip = row.get(f"{side}.ip")
        self.name = row.get(f"{side}.fqdn", "")
        self.asn = self.located(0) or row.get(f"{side}.asn")
        self.state = self.located(1) or row.get(f"{side}.geolocation.cc")

    def located(self, which: int) -> str | None:
        """AS number (0) or country (1) of the address: the world of tests/flow/world.py."""
        table = (
            ("192.0.2.0/25", "64496", "BE"),
            ("192.0.2.128/25", "64497", "BE"),
            ("198.51.100.0-198.51.100.130", "64498", "PL"),
            ("198.51.100.0/24", None, "PL"),
            ("2001:db8:1::/48", "64496", "BE"),
            ("2001:db8:2::/48", "64498", "PL"),
        )
        found = [row[1 + which] for row in table if self.width(row[0]) is not None]
        return next((value for value in found if value), None)

    def width(self, prefix: str) -> int | None:
        """How wide the range is where it holds the address."""
        if self.ip is None:
            return None
        if "/" in prefix:
            ends = ip_network(prefix)[0], ip_network(prefix)[-1]
        else:
            first, _, last = prefix.partition("-")
            ends = ip_network(first)[0], ip_network(last or first)[0]
        here = ip_network(self.ip)[0]
        if here.version != ends[0].version or not int(ends[0]) <= int(here) <= int(ends[1]):
            return None
        return int(ends[1]) - int(ends[0])

    def held(self, relation: Relation, kind: RemitKind) -> list[Remit]:
        return [row for row in self.known.remits if row.relation is relation and row.kind is kind]

    def rank(self, row: Remit) -> int:
        """Whose word counts more; brands, reporters and the agreed do not compete."""
        is_contested = row.relation in (R.NETWORK, R.CSIRT, R.REGISTRY, R.PLATFORM)
        return RANKS[row.party] if is_contested else 0

    def prefixes(self, relation: Relation) -> list[Ranked]:
        held = [(self.width(row.value), row) for row in self.held(relation, K.PREFIX)]
        return [((self.rank(row), 0, width), row) for width, row in held if width is not None]

    def valued(self, relation: Relation, kind: RemitKind, value: str | None) -> list[Ranked]:
        rows = [row for row in self.held(relation, kind) if row.value == value]
        return [((self.rank(row), 1, 0), row) for row in rows]

    def above(self, relation: Relation, kind: RemitKind) -> list[Ranked]:
        return [
            ((self.rank(row), -len(row.value)), row)
            for row in self.held(relation, kind)
            if self.name == row.value or self.name.endswith(f".{row.value}")
        ]

    def parties(self, relation: Relation) -> set[str]:
        tld = self.name.rpartition(".")[2].upper()
        state = self.state or {"UK": "GB"}.get(tld, tld)
        brands = {row.party for row in self.held(relation, K.BRAND) if self.imitates(row.value)}
        domains = foremost(self.above(relation, K.DOMAIN))
        ways = {
            R.NETWORK: foremost(self.prefixes(relation) + self.valued(relation, K.ASN, self.asn)),
            R.CSIRT: foremost(self.valued(relation, K.COUNTRY, state)),
            R.REGISTRY: foremost(self.above(relation, K.TLD)),
            R.PLATFORM: domains | foremost(self.prefixes(relation)),
            R.BRAND: domains | brands,
            R.REPORTER: self.by_feed(relation),
        }
        return ways[relation] if relation in ways else self.by_agreement(relation)

    def imitates(self, brand: str) -> bool:
        if self.row.get("event_description.target", "").lower() == brand:
            return True
        words = f" {self.name.replace('.', ' ').replace('-', ' ')} "
        return f" {brand} " in words or f" {brand.replace(' ', '')} " in words

    def by_feed(self, relation: Relation) -> set[str]:
        told_of = {"*", self.row["feed.provider"].lower()}
        return {row.party for row in self.held(relation, K.EVERYTHING) if row.value in told_of}

    def by_agreement(self, relation: Relation) -> set[str]:
        kind = self.row["classification.type"]
        open_to = {
            row.party
            for row in self.known.agreements
            if row.relation is relation and {"*", kind} & set(row.classes)
        }
        states = {r.party for r in self.held(relation, K.COUNTRY) if r.value == self.state}
        return (states | self.by_feed(relation)) & open_to


def plainly(known: Compiled, table: list[dict[str, str]]) -> set[tuple[int, str, Relation, Side]]:
    return {
        (number, party, rule.relation, rule.side)
        for number, row in enumerate(table)
        for rule in concerned(row["classification.type"], row["classification.identifier"])
        for party in Plainly(known, row, rule.side).parties(rule.relation)
    }


@given(remits, agreements, rows)
@example(
    [Remit("p1", K.PREFIX, p, R.NETWORK) for p in PREFIXES]
    + [Remit("p2", K.ASN, "64496", R.NETWORK)],
    [],
    [
        {"classification.type": "ddos", "classification.identifier": "", "feed.provider": "x"}
        | {"source.ip": ip, "destination.ip": ip}
        for ip in ADDRESSES
    ],
)
@MANY
def test_everyone_is_told_whom_a_plain_reading_of_the_rules_would_tell(
    held: list[Remit], agreed: list[Agreement], table: list[dict[str, str]]
) -> None:
    agreed = [row for row in agreed if row.party in {remit.party for remit in held}]
    known = compiled(held, agreements=agreed, sources=RANKED)

    found = told(events(*table), known)

    links = [link[:4] for link in found]
    assert set(links) == plainly(known, table)
    assert len(links) == len(set(links))
    assert [because for *_, because in found if not because or not because.strip()] == []


def test_no_events_concern_nobody() -> None:
    finder = Finder(events(event(source_ip="192.0.2.7")).clear(), HOLDERS, NETWORKS)

    assert [finder.links(relation, side).height for relation, side in LANES] == [0] * len(LANES)
    assert np.asarray(is_shared(finder.scene, Side.SOURCE)).tolist() == []
