"""The manifest: what it says of a delivery, and that nobody can change a word of it."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from tocsin.flow.gather import Gathered
from tocsin.flow.remits import Recipient
from tocsin.office.keys import public_text
from tocsin.office.manifest import manifest, read_signed, rulings, sealed
from tocsin.words.errors import Unreadable
from tocsin.words.relations import Relation
from tocsin.words.roles import Role

# To renew it after a change of the rules: delete it, run the test once, read the difference.
GOLDEN = Path(__file__).parent / "golden" / "brand.manifest.json"
KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
OTHER = Ed25519PrivateKey.from_private_bytes(bytes(range(1, 33)))
BANK = Recipient("lantern-bank", "Lantern Bank", Role.BRAND, "PT", "idf-csv", "folder")


@pytest.fixture
def delivery() -> Gathered:
    """Three phishing pages, told to the bank that they imitate."""
    return Gathered(
        BANK,
        Relation.BRAND,
        Path("/store/deliveries/0f/lantern-bank/20261123T090000Z-brand-0f0f0f0f.csv"),
        rows=3,
        size=812,
        first=datetime(2026, 11, 22, 23, 59, 59, 250_000, tzinfo=UTC),
        last=datetime(2026, 11, 23, 1, 2, 3, tzinfo=UTC),
        classes={"phishing": 2, "masquerade": 1},
        strictest=2,
        digest="ab" * 32,
    )


@pytest.fixture
def facts(delivery, at):
    return manifest(
        delivery,
        uid="00112233445566778899aabbccddeeff",
        run="0f" * 16,
        at=at,
        node="tocsin",
        reports={"b" * 32: "cd" * 32, "a" * 32: "ef" * 32},
    )


def test_a_manifest_says_who_gets_what_from_whom_and_why(facts) -> None:
    said = {name: facts[name] for name in facts if name != "rulings"}

    assert said == {
        "manifest": 1,
        "delivery": "00112233445566778899aabbccddeeff",
        "run": "0f" * 16,
        "made_at": "2026-11-23T09:00:00Z",
        "from": "tocsin",
        "to": {
            "party": "lantern-bank",
            "name": "Lantern Bank",
            "role": "brand",
            "relation": "brand",
            "country": "PT",
        },
        "transfer": "no transfer: the recipient is inside the European Economic Area",
        "tlp": "TLP:AMBER",
        "file": {
            "name": "20261123T090000Z-brand-0f0f0f0f.csv",
            "format": "idf-csv",
            "rows": 3,
            "bytes": 812,
            "sha256": "ab" * 32,
        },
        "period": {"first": "2026-11-22T23:59:59Z", "last": "2026-11-23T01:02:03Z"},
        "events": 3,
        "classes": {"masquerade": 1, "phishing": 2},
        "reports": {"a" * 32: "ef" * 32, "b" * 32: "cd" * 32},
        "note": "a field that no ruling names was withheld: no rule opens it",
    }
    assert list(facts["rulings"]) == ["masquerade", "phishing"]


def test_every_ruling_of_a_manifest_names_its_purpose_and_its_basis(facts) -> None:
    rows = [row for kind in facts["rulings"].values() for row in kind]

    assert [row for row in rows if not (row["fields"] and row["basis"])] == []
    assert [row for row in rows if row["act"] != "drop" and not row["purpose"]] == []
    assert {row["act"] for row in rows} == {"keep", "drop", "never"}


def test_those_who_get_figures_are_promised_no_address(at) -> None:
    told = rulings(Relation.LAW_ENFORCEMENT, "infected-system", at.date())

    assert sorted(name for row in told for name in row["fields"]) == [
        "classification.taxonomy",
        "classification.type",
        "malware.name",
        "source.geolocation.cc",
        "time.source",
    ]


def test_a_signed_manifest_reads_back_as_it_was_written(facts) -> None:
    assert read_signed(sealed(facts, KEY), public_key=public_text(KEY)) == facts


def test_the_same_manifest_is_the_same_bytes_whatever_order_its_facts_came_in(facts) -> None:
    backwards = dict(reversed(facts.items()))

    assert sealed(backwards, KEY) == sealed(facts, KEY)


def test_a_manifest_changed_in_any_one_byte_is_unreadable(facts) -> None:
    data = sealed(facts, KEY)
    signed = data.index(b'"signature"')
    for place in range(0, signed, 97):
        forged = bytearray(data)
        forged[place] ^= 1
        try:
            read = read_signed(bytes(forged), public_key=public_text(KEY))
        except Unreadable:
            continue
        assert read == facts  # white space between facts is all that may differ


def test_a_manifest_with_a_better_number_is_unreadable(facts) -> None:
    forged = sealed(facts, KEY).replace(b'"rows": 3', b'"rows": 2')

    with pytest.raises(Unreadable, match=r"the signature does not fit; it was changed"):
        read_signed(forged, public_key=public_text(KEY))


def test_a_manifest_of_another_node_is_unreadable(facts) -> None:
    with pytest.raises(Unreadable, match="signed by another key than the one given"):
        read_signed(sealed(facts, OTHER), public_key=public_text(KEY))


def test_a_manifest_that_claims_a_key_but_was_signed_by_another_is_unreadable(facts) -> None:
    claimed = sealed(facts, OTHER).replace(public_text(OTHER).encode(), public_text(KEY).encode())

    with pytest.raises(Unreadable, match="the signature does not fit"):
        read_signed(claimed, public_key=public_text(KEY))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"null",
        b"[]",
        b'{"manifest": {}}',
        b'{"manifest": {}, "signature": []}',
        b'{"manifest": {}, "signature": {"public_key": 7}}',
        b"\xff\xfe\x00",
        b"[" * 100_000,
    ],
)
def test_bytes_that_are_no_manifest_are_unreadable_and_nothing_else(data) -> None:
    with pytest.raises(Unreadable, match="manifest: "):
        read_signed(data, public_key=public_text(KEY))


def test_a_signature_that_is_no_hexadecimal_text_is_unreadable(facts) -> None:
    whole = json.loads(sealed(facts, KEY))
    whole["signature"]["value"] = "zz"

    with pytest.raises(Unreadable, match="not a signed manifest"):
        read_signed(json.dumps(whole).encode(), public_key=public_text(KEY))


def test_a_manifest_is_byte_for_byte_the_one_on_file(facts) -> None:
    data = sealed(facts, KEY)
    if not GOLDEN.exists():
        GOLDEN.write_bytes(data)

    assert data.decode() == GOLDEN.read_text("utf-8")


def test_the_manifest_on_file_verifies_with_the_key_of_its_day() -> None:
    public = "03a107bff3ce10be1d70dd18e74bc09967e4d6309ba50d5f1ddc8664125531b8"

    assert read_signed(GOLDEN.read_bytes(), public_key=public)["events"] == 3
