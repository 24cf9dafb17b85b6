"""RDAP, teams.json, CSV and security.txt: who says that he answers for what."""

import io
import json
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, BinaryIO

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tocsin.formats.contact import RELATIONS, Claim, Dated, Flaw, Found, Source
from tocsin.formats.contacts_csv import VALUES, read_contacts_csv, write_contacts_csv
from tocsin.formats.rdap import read_rdap
from tocsin.formats.security_txt import read_security_txt
from tocsin.formats.trusted_introducer import read_trusted_introducer
from tocsin.words.errors import Unreadable
from tocsin.words.relations import Relation, RemitKind
from tocsin.words.roles import Role

AT = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
SAMPLES = Path(__file__).parents[2] / "samples" / "contacts"


def security_txt(stream: BinaryIO, name: str) -> Iterator[Found]:
    return read_security_txt(stream, name, at=AT)


READERS: dict[str, Callable[[BinaryIO, str], Iterator[Found]]] = {
    "rdap.json": read_rdap,
    "teams.json": read_trusted_introducer,
    "contacts.csv": read_contacts_csv,
    "security.txt": security_txt,
}


def read(name: str, data: bytes | str | Any | None = None) -> list[Found]:
    if data is None:
        data = (SAMPLES / name).read_bytes()
    elif not isinstance(data, bytes):
        data = (data if isinstance(data, str) else json.dumps(data)).encode()
    return list(READERS[name](io.BytesIO(data), name))


def values(found: list[Found]) -> list[str]:
    return [f"{one.kind} {one.value}" for one in found if isinstance(one, Claim)]


def flaws(found: list[Found]) -> list[str]:
    return [f"{one.line}: {one.reason}" for one in found if isinstance(one, Flaw)]


# ── RDAP ─────────────────────────────────────────────────────────────────────────────────


def network(**more: Any) -> dict[str, Any]:
    """An IP network whose abuse contact is found one level down."""
    card = ["vcard", [["email", {}, "text", "abuse@meadow.example"]]]
    desk = {"roles": ["abuse"], "vcardArray": card}
    return {
        "objectClassName": "ip network",
        "startAddress": "192.0.2.0",
        "endAddress": "192.0.2.99",
        "entities": [{"roles": ["registrant"], "entities": [desk]}],
        **more,
    }


def test_rdap_gives_the_preferred_abuse_address_at_any_depth_with_its_day() -> None:
    known = Source(
        ("abuse@harbour-online.example", "noc@harbour-online.example"),
        "Harbour Online",
        "PL",
        "pl",
    )

    assert read("rdap.json") == [
        Dated(date(2026, 6, 16)),
        Claim(RemitKind.PREFIX, "198.51.100.128/25", known, "rdap.json", 1),
        Flaw("rdap.json", 2, "lists its abuse address as redacted (RFC 9537)"),
    ]


def test_rdap_is_read_as_one_object_a_list_lines_or_results() -> None:
    one = ["prefix 192.0.2.0-192.0.2.99"]
    lines = f"{json.dumps(network())}\n\n{json.dumps(network(name='cut'))[:-9]}\n"

    assert values(read("rdap.json", network())) == one
    assert values(read("rdap.json", json.dumps(network(), indent=1))) == one
    assert values(read("rdap.json", {"ipSearchResults": [network()]})) == one
    assert (values(read("rdap.json", lines)), flaws(read("rdap.json", lines))) == (
        one,
        ["3: is no RDAP object"],
    )


def test_rdap_numbers_are_a_range_of_limited_length() -> None:
    asns = network(objectClassName="autnum", startAutnum=64496, endAutnum=64498)

    assert values(read("rdap.json", asns)) == ["asn 64496", "asn 64497", "asn 64498"]
    assert flaws(read("rdap.json", {**asns, "endAutnum": 99999}))[0].startswith("1: AS64496 to AS9")


def test_a_redaction_of_somebody_else_hides_nothing() -> None:
    path = "$.entities[?(@.roles[0]=='registrant')].vcardArray[1][?(@[0]=='email')]"

    assert values(read("rdap.json", network(redacted=[{"prePath": path}]))) != []
    assert values(read("rdap.json", network(redacted=[{"name": {"type": "Email"}}]))) == []


@pytest.mark.parametrize(
    ("answer", "flaw"),
    [
        ({"errorCode": 404, "title": "not found"}, "1: is an answer with error '404'"),
        ({"objectClassName": "domain"}, "1: is 'domain'. Possible: ip network, autnum"),
        (network(startAddress="192.0.2.300"), "1: '192.0.2.300-192.0.2.99' is no network"),
        (["no object"], "1: is no RDAP object"),
    ],
)
def test_an_answer_that_names_no_network_is_a_flaw(answer: Any, flaw: str) -> None:
    assert [line[: len(flaw)] for line in flaws(read("rdap.json", answer))] == [flaw]


# ── Trusted Introducer ───────────────────────────────────────────────────────────────────


def test_a_national_team_answers_for_its_state_and_others_for_their_networks() -> None:
    found = read("teams.json")

    assert values(found) == [
        "country BE",
        "asn 64500",
        "prefix 2001:db8:2::/48",
        "domain research.example",
    ]
    first = found[0]
    assert isinstance(first, Claim)
    assert first.relation is Relation.CSIRT
    assert first.source == Source(
        ("team@csirt-meadow.example", "press@csirt-meadow.example"),
        "National Response Team of the Meadows",
        "BE",
        keys=("0123456789ABCDEF0123456789ABCDEF01234567",),
        role=Role.CSIRT,
    )


def test_a_team_without_address_or_with_a_wrong_network_is_a_flaw() -> None:
    silent = {"constituency": {"asns": [64496]}, "emails": []}
    wrong = {
        "constituency": {"asns": [-1, 64496], "ipranges": [[], "192.0.2.1/24"]},
        "emails": [{"address": "cert@meadow.example"}],
    }

    found = read("teams.json", [silent, wrong, "?"])
    assert values(found) == ["asn 64496"]
    assert flaws(found) == [
        "1: names no mail address",
        "2: '-1' is no AS number",
        "2: '' is no network and no range of addresses",
        "2: '192.0.2.1/24' is no network and no range of addresses",
        "3: is no team with a constituency",
    ]


# ── CSV ──────────────────────────────────────────────────────────────────────────────────


def test_a_list_names_every_kind_of_value() -> None:
    found = read("contacts.csv")

    assert values(found) == [
        "asn 64501",
        "prefix 203.0.113.0-203.0.113.99",
        "domain shop.hillside.example",
        "country LU",
        "tld example",
        "asn 64502",
    ]
    assert flaws(found) == ["7: '192.0.2.1/24' is no network and no range of addresses"]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "line 1: empty"),
        ("asn,64496,a@b.example\n", "line 1: the header must be kind,value,email"),
        ("kind,value,email,kind\n", "line 1: the header must be"),
        ("kind,value,email,password\n", "line 1: the header must be"),
        (b"kind,value,email\nasn,64496,\xe9\n", "line 2: is not UTF-8"),
        ('kind,value,email\nasn,"64496,x\n', "line 2: is no CSV"),
    ],
)
def test_a_list_without_its_header_or_no_text_is_unreadable(text: str | bytes, reason: str) -> None:
    with pytest.raises(Unreadable, match=reason):
        read("contacts.csv", text)


def test_a_line_of_an_unknown_kind_or_length_is_a_flaw() -> None:
    found = read("contacts.csv", "kind,value,email\nbrand,x,a@b.example\nasn,1\n")

    assert flaws(found) == [
        "2: 'brand' is no kind. Possible: asn, prefix, country, domain, tld",
        "3: has 2 values, the header has 3",
    ]


WORDS = st.text(st.characters(categories=("L", "N", "P", "S")), max_size=12)
CLAIMS = st.builds(
    lambda kind, value, email, name, country, language: Claim(
        kind, value, Source((email,), name, country, language), "contacts.csv", 0, RELATIONS[kind]
    ),
    kind=st.just(RemitKind.ASN),
    value=st.integers(1, 4294967294).map(str),
    email=WORDS,
    name=WORDS,
    country=st.sampled_from(["", "BE", "PL"]),
    language=st.sampled_from(["", "en", "pt-BR"]),
) | st.builds(
    lambda span, email: Claim(
        RemitKind.PREFIX, VALUES[RemitKind.PREFIX](span), Source((email,)), "contacts.csv", 0
    ),
    span=st.tuples(st.integers(0, 2**32 - 99), st.integers(0, 98)).map(
        lambda pair: "-".join(
            ".".join(str(octet) for octet in number.to_bytes(4, "big"))
            for number in (pair[0], pair[0] + pair[1])
        )
    ),
    email=WORDS,
)


@given(st.lists(CLAIMS, max_size=8))
@settings(max_examples=150, deadline=None, derandomize=True)
def test_what_is_written_as_a_list_reads_back_the_same(claims: list[Claim]) -> None:
    found = read("contacts.csv", write_contacts_csv(claims))

    assert [(one.kind, one.value, one.source, one.relation) for one in found] == [
        (one.kind, one.value, one.source, one.relation) for one in claims
    ]


# ── security.txt ─────────────────────────────────────────────────────────────────────────

PLAIN = "Contact: mailto:security@meadow.example\nExpires: 2027-01-01T00:00:00Z\n"
CANONICAL = "Canonical: https://meadow.example/.well-known/security.txt\n"


def test_a_signed_file_names_mailbox_language_key_and_domain() -> None:
    assert read("security.txt") == [
        Claim(
            RemitKind.DOMAIN,
            "hillside.example",
            Source(
                ("security@hillside.example",),
                "hillside.example",
                "",
                "pl",
                ("0123456789ABCDEF0123456789ABCDEF01234567",),
            ),
            "security.txt",
            5,
            Relation.PLATFORM,
        )
    ]


@pytest.mark.parametrize(
    ("text", "flaw"),
    [
        (
            PLAIN.replace("2027", "2025") + CANONICAL,
            "2: expired on 2025-01-01, so it is not used",
        ),
        (PLAIN.partition("\n")[0], "1: must have Expires once (RFC 9116 2.5.5), so it is not used"),
        (PLAIN + "Expires: 2028-01-01T00:00:00Z\n", "1: must have Expires once (RFC 9116 2.5.5)"),
        (PLAIN.replace("2027-01", "2027-13"), "2: Expires '2027-13-01T00:00:00Z' is no date and"),
        (PLAIN, "1: does not say for which domain it is (no Canonical). Possible: --domain NAME"),
        (PLAIN.replace("mailto:s", "https://s"), "1: has no Contact with a mail address (mailto:)"),
    ],
)
def test_a_file_that_is_past_or_silent_is_not_used_and_says_so(text: str, flaw: str) -> None:
    found = read("security.txt", text)

    assert [line[: len(flaw)] for line in flaws(found)] == [flaw]
    assert values(found) == []


def test_the_domain_may_be_given_by_hand() -> None:
    found = list(
        read_security_txt(io.BytesIO(PLAIN.encode()), "f", at=AT, domain="Shop.Meadow.example")
    )

    assert values(found) == ["domain shop.meadow.example"]


def test_a_file_without_contact_is_unreadable() -> None:
    with pytest.raises(Unreadable, match="has no Contact"):
        read("security.txt", "Hello\n")


# ── hostile bytes ────────────────────────────────────────────────────────────────────────


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                "objectClassName startAddress endAddress startAutnum endAutnum entities roles "
                "events vcardArray redacted name constituency emails address asns ipranges "
                "domains countries types usage country code pgp_keys errorCode".split()
            ),
            inner,
            max_size=5,
        )
    ),
    max_leaves=25,
)


@pytest.mark.parametrize("name", READERS)
@given(data=st.binary(max_size=120))
@settings(max_examples=150, deadline=None, derandomize=True)
def test_any_bytes_give_claims_flaws_or_unreadable(name: str, data: bytes) -> None:
    check(name, data)


@pytest.mark.parametrize("name", READERS)
@given(data=st.data())
@settings(max_examples=150, deadline=None, derandomize=True)
def test_a_damaged_sample_gives_claims_flaws_or_unreadable(name: str, data: st.DataObject) -> None:
    sample = bytearray((SAMPLES / name).read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        sample[data.draw(st.integers(0, len(sample) - 1))] = data.draw(st.integers(0, 255))
    check(name, bytes(sample))


@pytest.mark.parametrize("name", ["rdap.json", "teams.json"])
@given(value=JSON)
@settings(max_examples=250, deadline=None, derandomize=True)
def test_any_json_gives_claims_flaws_or_unreadable(name: str, value: Any) -> None:
    check(name, json.dumps(value).encode())
    check(name, json.dumps([value, {"constituency": value, "emails": value}]).encode())


@pytest.mark.parametrize("name", ["rdap.json", "teams.json"])
def test_endless_nesting_and_endless_numbers_are_unreadable(name: str) -> None:
    for data in (b"[" * 200_000, b"9" * 10_000, b'{"a":' * 100_000):
        with pytest.raises(Unreadable):
            read(name, data)


def check(name: str, data: bytes) -> None:
    try:
        found = read(name, data)
    except Unreadable:
        return
    assert all(isinstance(one, Claim | Flaw | Dated) for one in found)
