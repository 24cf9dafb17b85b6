"""Split files of the regional registries: whose mailbox answers for which network."""

import io
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import BinaryIO

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tocsin.formats.contact import Claim, Dated, Flaw, Found
from tocsin.formats.packing import unpack
from tocsin.formats.rpsl import LONGEST_LINE, read_rpsl
from tocsin.words.errors import Unreadable

SAMPLES = sorted((Path(__file__).parents[2] / "samples" / "contacts").glob("ripe.db.*"))

ROLE = b"role: Desk\nnic-hdl: D1-RIPE\nabuse-mailbox: abuse@meadow.example\nsource: RIPE\n\n"
ORG = b"organisation: ORG-1\norg-name: Meadow\nabuse-c: D1-RIPE\ncountry: BE\nsource: RIPE\n\n"


def read(*texts: bytes, registry: str = "ripe") -> list[Found]:
    def files() -> Iterator[tuple[str, BinaryIO]]:
        for number, text in enumerate(texts, start=1):
            yield f"file{number}", io.BytesIO(text)

    return list(read_rpsl(files, registry=registry))


def told(found: list[Found]) -> list[tuple[str, tuple[str, ...]]]:
    return [(one.value, one.source.emails) for one in found if isinstance(one, Claim)]


def flaws(found: list[Found]) -> list[str]:
    return [f"{one.line}: {one.reason}" for one in found if isinstance(one, Flaw)]


def test_the_samples_say_who_answers_and_of_which_day_they_are() -> None:
    def files() -> Iterator[tuple[str, BinaryIO]]:
        for file in SAMPLES:
            yield from unpack(file)

    found = list(read_rpsl(files, registry="ripe"))

    meadow, brook = ("abuse@meadow-net.example",), ("abuse@brook-telecom.example",)
    assert told(found) == [
        ("64496", meadow),
        ("2001:db8:1::/48", meadow),
        ("2001:db8:1:ff00::/56", brook),
        ("192.0.2.0/25", meadow),
        ("192.0.2.16/28", meadow),
        ("198.51.100.10-198.51.100.77", brook),
        ("203.0.113.0/24", ("unread@ripe.net",)),
    ]
    first = next(one for one in found if isinstance(one, Claim))
    assert (first.source.name, first.source.country, first.source.language) == (
        "Meadow Net",
        "BE",
        "nl",
    )
    assert [one.on for one in found if isinstance(one, Dated)] == [date(2026, 6, 17)]


def test_the_networks_own_desk_stands_before_that_of_its_organisation() -> None:
    own = b"role: O\nnic-hdl: O1-RIPE\nabuse-mailbox: own@brook.example\nsource: RIPE\n\n"
    net = b"inetnum: 192.0.2.0 - 192.0.2.9\norg: ORG-1\nabuse-c: o1-ripe\nsource: RIPE\n"

    assert told(read(ROLE + own, ORG, net)) == [("192.0.2.0-192.0.2.9", ("own@brook.example",))]


def test_an_incident_team_answers_where_the_registry_has_these() -> None:
    irt = b"irt: IRT-MEADOW-AP\nabuse-mailbox: irt@meadow.example\nsource: APNIC\n\n"
    net = b"inetnum: 192.0.2.0 - 192.0.2.255\nmnt-irt: IRT-MEADOW-AP\nsource: APNIC\n"

    assert told(read(irt + net, registry="apnic")) == [("192.0.2.0/24", ("irt@meadow.example",))]


def test_continuations_comments_and_latin_1_are_read_as_meant() -> None:
    org = (
        "organisation: ORG-1 # the first\norg-name: Caf\xe9\n\tdu\n+ Pr\xe9 # no\n"
        "% a note of the server\nabuse-c: D1-RIPE\nsource: RIPE\n\n"
    ).encode("latin-1")
    found = read(ROLE, org, b"aut-num: AS64496\norg: org-1\nsource: RIPE-NONAUTH\n")

    claim = next(one for one in found if isinstance(one, Claim))
    assert (claim.value, claim.source.name) == ("64496", "Café du Pré")


def test_a_network_that_names_nobody_gives_nothing_and_no_flaw() -> None:
    assert read(ROLE, b"inetnum: 192.0.2.0 - 192.0.2.255\nsource: RIPE\n") == []


@pytest.mark.parametrize(
    ("net", "flaw"),
    [
        (b"inetnum: 192.0.2.9 - 192.0.2.0\norg: ORG-1\n", "1: '192.0.2.9 - 192.0.2.0' is no netw"),
        (b"aut-num: AS0\norg: ORG-1\n", "1: 'AS0' is no AS number"),
        (b"inetnum: 0.0.0.0 - 255.255.255.255\norg: ORG-1\n", "1: '0.0.0.0 - 255.255.255.255' is"),
        (b"inetnum: 192.0.2.0/24\norg: ORG-1\nsource: ARIN\n", "1: is of 'arin' and not of ripe"),
        (b"inetnum: 192.0.2.0/24\nabuse-c: X-RIPE\n", "1: inetnum '192.0.2.0/24' leads to 'X-RIP"),
        (b"inetnum: 192.0.2.0/24\nno colon here\norg: ORG-1\n", "2: is no `attribute: value` line"),
        (b"inetnum: " + b"1" * LONGEST_LINE + b"\norg: ORG-1\n", "1: is no `attribute: value` lin"),
        (b" continues\n", "1: continues nothing"),
    ],
)
def test_a_network_that_cannot_be_used_is_a_flaw_with_its_line(net: bytes, flaw: str) -> None:
    good = b"inetnum: 198.51.100.0/24\norg: ORG-1\n"
    found = read(ROLE + ORG, net + b"\n" + good)

    assert told(found) == [("198.51.100.0/24", ("abuse@meadow.example",))]
    assert [line[: len(flaw)] for line in flaws(found)] == [flaw]


def test_a_broken_role_is_said_once() -> None:
    found = read(b"role: Desk\nnic-hdl D1-RIPE\n\n" + ORG)

    assert flaws(found) == ["2: is no `attribute: value` line, or is over 64 KiB long"]


def test_entries_of_nobodys_addresses_give_nothing() -> None:
    block = b"inetnum: 192.0.0.0 - 192.255.255.255\nnetname: NON-RIPE-NCC-MANAGED-ADDRESS-BLOCK\n"

    assert read(ROLE + ORG, block + b"org: ORG-1\n") == []


@pytest.mark.parametrize("text", [b"", b"% only comments\n", b'[{"a": 1}]\n', b"\x00\xff" * 99])
def test_what_holds_no_object_is_unreadable(text: bytes) -> None:
    with pytest.raises(Unreadable, match="file1, line 1: no object"):
        read(text)


ALPHABET = [b"inetnum", b"role", b"org", b":", b" ", b"\n", b"+", b"#", b"%", b"\xe9", b"\0", b"1"]


@given(st.lists(st.sampled_from(ALPHABET), max_size=60), st.binary(max_size=80))
@settings(max_examples=300, deadline=None, derandomize=True)
def test_hostile_bytes_give_claims_flaws_or_unreadable(pieces: list[bytes], more: bytes) -> None:
    try:
        found = read(ROLE + ORG + b"".join(pieces) + more)
    except Unreadable:
        return
    assert all(isinstance(one, Claim | Flaw | Dated) for one in found)
