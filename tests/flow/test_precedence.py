"""The better source is told and the other is not; the reason says source and day."""

from datetime import date

from hypothesis import given
from hypothesis import strategies as st

from tests.flow.world import MANY, NETWORKS, ON, events, holds
from tocsin.flow.compiled import compile_directory
from tocsin.flow.concern import Finder
from tocsin.flow.remits import Directory, Recipient, Remit
from tocsin.rules.contacts import rank_of
from tocsin.words.relations import Relation, RemitKind, Side
from tocsin.words.roles import Role

PREFIX, ASN, COUNTRY, DOMAIN = (
    RemitKind.PREFIX,
    RemitKind.ASN,
    RemitKind.COUNTRY,
    RemitKind.DOMAIN,
)
SOURCES = ("manual", "ti", "ripe", "rdap", "csv")
BOT = {
    "time.source": "2026-06-17 08:00:00",
    "classification.type": "infected-system",
    "source.ip": "192.0.2.7",
}
PHISH = {
    "time.source": "2026-06-17 08:00:00",
    "classification.type": "phishing",
    "source.fqdn": "login.shop.meadow.example",
}


def told(
    event: dict[str, str], *remits: Remit, relation: Relation = Relation.NETWORK
) -> dict[str, str]:
    """Party to reason; a party is called `<source>` or `<source>-<more>`."""
    names = sorted({remit.party for remit in remits})
    recipients = tuple(
        Recipient(
            name,
            name.title(),
            Role.ISP,
            "BE",
            "idf-csv",
            "folder",
            name.partition("-")[0],
            None if name.startswith("manual") else date(2026, 6, 1),
        )
        for name in names
    )
    known = compile_directory(Directory(recipients, remits), on=ON)
    links = Finder(events(event), known, NETWORKS).links(relation, Side.SOURCE)
    return {names[party]: because for _, party, because in links.drop("remit").rows()}


def test_manual_beats_imported_for_the_same_prefix() -> None:
    found = told(
        BOT, holds("manual", PREFIX, "192.0.2.0/24"), holds("ripe", PREFIX, "192.0.2.0/24")
    )

    assert found == {"manual": "192.0.2.0/24 is in the remit of Manual (manual)"}


def test_an_imported_customer_range_does_not_take_a_member_its_network_away() -> None:
    by_prefix = told(
        BOT, holds("manual", PREFIX, "192.0.2.0/24"), holds("ripe", PREFIX, "192.0.2.0/28")
    )
    by_as = told(BOT, holds("manual", ASN, "64496"), holds("ripe", PREFIX, "192.0.2.0/28"))

    assert list(by_prefix) == ["manual"]
    assert by_as == {"manual": "AS64496 held 192.0.2.0–192.0.2.127 in the snapshot of 2026-06-17"}


def test_where_nobody_better_answers_the_import_is_told_with_source_and_day() -> None:
    by_as = told(BOT, holds("manual", ASN, "64499"), holds("ripe", ASN, "64496"))
    by_prefix = told(BOT, holds("manual", ASN, "64499"), holds("ripe", PREFIX, "192.0.2.0/28"))

    assert by_as == {
        "ripe": "AS64496 held 192.0.2.0–192.0.2.127 in the snapshot of 2026-06-17; "
        "AS64496 is in the remit of Ripe (ripe, 2026-06-01)"
    }
    assert by_prefix == {"ripe": "192.0.2.0/28 is in the remit of Ripe (ripe, 2026-06-01)"}


def test_a_state_has_its_own_team_and_not_also_the_imported_one() -> None:
    imported = holds("ti", COUNTRY, "BE", Relation.CSIRT)
    own = holds("manual", COUNTRY, "BE", Relation.CSIRT)

    assert list(told(BOT, own, imported, relation=Relation.CSIRT)) == ["manual"]
    assert told(BOT, imported, relation=Relation.CSIRT) == {
        "ti": "192.0.2.0–192.0.2.255 belonged to BE in the snapshot of 2026-06-17; "
        "BE is in the remit of Ti (ti, 2026-06-01)"
    }


def test_a_longer_imported_name_gives_way_to_a_better_one_above_it() -> None:
    longer = holds("csv", DOMAIN, "shop.meadow.example", Relation.PLATFORM)
    above = holds("manual", DOMAIN, "meadow.example", Relation.PLATFORM)
    beside = holds("manual", DOMAIN, "brook.example", Relation.PLATFORM)

    assert list(told(PHISH, longer, above, relation=Relation.PLATFORM)) == ["manual"]
    assert told(PHISH, longer, beside, relation=Relation.PLATFORM) == {
        "csv": "login.shop.meadow.example is under shop.meadow.example; "
        "shop.meadow.example is in the remit of Csv (csv, 2026-06-01)"
    }


def test_an_agreement_is_no_contest() -> None:
    known = compile_directory(
        Directory(
            tuple(
                Recipient(name, name, Role.LAW_ENFORCEMENT, "BE", "idf-csv", "folder", source)
                for name, source in (("one", "manual"), ("two", "csv"))
            ),
            tuple(holds(name, COUNTRY, "BE", Relation.LAW_ENFORCEMENT) for name in ("one", "two")),
        ),
        on=ON,
    )

    assert known.lookup(Relation.LAW_ENFORCEMENT, COUNTRY) == {"BE": (0, 1)}


@st.composite
def holders(draw: st.DrawFn) -> list[Remit]:
    """Several sources with a network around, or an AS above, one address."""
    chosen = draw(st.lists(st.tuples(st.sampled_from(SOURCES), st.integers(7, 33)), min_size=1))
    return [
        holds(f"{source}-{number}", ASN, "64496")
        if bits == 33
        else holds(f"{source}-{number}", PREFIX, _around(bits))
        for number, (source, bits) in enumerate(chosen)
    ]


def _around(bits: int) -> str:
    number = int.from_bytes(bytes([192, 0, 2, 7]), "big") >> (32 - bits) << (32 - bits)
    return ".".join(str(octet) for octet in number.to_bytes(4, "big")) + f"/{bits}"


def _order(remit: Remit) -> tuple[int, int]:
    """Better source first, then the smaller range; an AS is wider than any prefix."""
    bits = int(remit.value.partition("/")[2] or 0)
    return rank_of(remit.party.partition("-")[0]), -bits


@given(holders())
@MANY
def test_told_are_those_of_the_best_source_and_of_them_the_most_specific(
    remits: list[Remit],
) -> None:
    best = min(map(_order, remits))

    assert set(told(BOT, *remits)) == {row.party for row in remits if _order(row) == best}
