"""Remits compiled for look-up: the smallest wins, ties all stand, agreements have dates."""

from datetime import date

import numpy as np
import pytest

from tests.flow.world import compiled, holds, v4
from tocsin.flow.compiled import Compiled, compile_directory
from tocsin.flow.remits import Agreement, Directory
from tocsin.words.errors import Unusable
from tocsin.words.relations import Relation, RemitKind

PREFIX, ASN = RemitKind.PREFIX, RemitKind.ASN


def holders(known: Compiled, address: str) -> list[str]:
    """Parties whose prefix decides over an IPv4 address."""
    table = known.prefixes[Relation.NETWORK]
    found = int(table.v4.find(np.array([v4(address)], dtype=np.uint32))[0])
    groups = table.groups[int(table.v4.values[found])] if found >= 0 else ()
    return [known.recipients[known.party_of[remit]].party for remit in groups]


def test_the_narrowest_prefix_decides_and_a_range_is_not_cut_into_networks() -> None:
    known = compiled(
        [
            holds("carrier", PREFIX, "192.0.2.0/24"),
            holds("customer", PREFIX, "192.0.2.10-192.0.2.77"),
            holds("office", PREFIX, "192.0.2.20"),
        ]
    )

    told = {host: holders(known, f"192.0.2.{host}") for host in (9, 10, 20, 77, 78)}
    assert told == {
        9: ["carrier"],
        10: ["customer"],
        20: ["office"],
        77: ["customer"],
        78: ["carrier"],
    }
    assert holders(known, "192.0.3.0") == []


def test_equally_narrow_prefixes_all_stand() -> None:
    known = compiled(
        [
            holds("one", PREFIX, "192.0.2.0/24"),
            holds("two", PREFIX, "192.0.2.0-192.0.2.255"),
            holds("wide", PREFIX, "192.0.0.0/16"),
        ]
    )

    assert holders(known, "192.0.2.5") == ["one", "two"]


def test_relations_do_not_mix() -> None:
    known = compiled(
        [
            holds("host", PREFIX, "192.0.2.0/28", Relation.PLATFORM),
            holds("carrier", PREFIX, "192.0.2.0/24"),
        ]
    )

    assert holders(known, "192.0.2.5") == ["carrier"]


@pytest.mark.parametrize(
    ("kind", "value", "key"),
    [
        (ASN, "AS64500", "64500"),
        (ASN, "064500", "64500"),
        (RemitKind.COUNTRY, "be", "BE"),
        (RemitKind.TLD, ".Example.", "example"),
        (RemitKind.DOMAIN, "Meadow.Example.", "meadow.example"),
        (RemitKind.BRAND, " Straße & Söhne ", "straße & söhne"),
        (RemitKind.EVERYTHING, "Shadowserver", "shadowserver"),
    ],
)
def test_a_value_is_looked_up_in_one_spelling(kind: RemitKind, value: str, key: str) -> None:
    known = compiled([holds("one", kind, value, Relation.BRAND)])

    assert known.lookup(Relation.BRAND, kind) == {key: (0,)}


def test_several_parties_with_the_very_same_value_are_all_found() -> None:
    known = compiled([holds("one", ASN, "64500"), holds("two", ASN, "AS64500")])

    assert known.lookup(Relation.NETWORK, ASN) == {"64500": (0, 1)}
    assert known.lookup(Relation.CSIRT, RemitKind.COUNTRY) == {}


@pytest.mark.parametrize(
    ("on", "references"),
    [
        (date(2025, 12, 31), []),
        (date(2026, 1, 1), ["A", "B"]),
        (date(2026, 6, 30), ["A", "B"]),
        (date(2026, 7, 1), ["B"]),
    ],
)
def test_an_agreement_is_valid_from_its_first_day_to_its_last(
    on: date, references: list[str]
) -> None:
    first = date(2026, 1, 1)
    agreements = [
        Agreement("pol", Relation.LAW_ENFORCEMENT, ("*",), "A", "b", first, date(2026, 6, 30)),
        Agreement("pol", Relation.LAW_ENFORCEMENT, ("*",), "B", "b", first),
    ]
    remits = [holds("pol", RemitKind.COUNTRY, "BE", Relation.LAW_ENFORCEMENT)]

    known = compiled(remits, agreements=agreements, on=on)

    assert [agreement.reference for agreement in known.agreements] == references


@pytest.mark.parametrize("value", ["192.0.2.1/24", "nowhere", "", "fe80::1%eth0"])
def test_a_prefix_that_names_nothing_is_refused(value: str) -> None:
    with pytest.raises(Unusable) as refused:
        compiled([holds("one", PREFIX, value)])

    assert str(refused.value) == (
        f"one: {value!r} is no CIDR, range or address, such as 192.0.2.0/24"
    )


def test_a_remit_of_nobody_is_refused() -> None:
    with pytest.raises(Unusable, match="there is no party ghost"):
        compile_directory(Directory((), (holds("ghost", ASN, "64500"),)), on=date(2026, 6, 17))
