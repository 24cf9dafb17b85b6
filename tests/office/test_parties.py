"""parties.toml into the database and out again; refused with every problem at once."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tocsin.flow.remits import Agreement, Directory, Recipient, Remit
from tocsin.office import register
from tocsin.office.models import Contact, Party
from tocsin.office.models import Remit as RemitRow
from tocsin.office.parties import (
    ContactLine,
    Entry,
    Imported,
    directory,
    export_parties,
    import_parties,
    read_parties,
    write_parties,
)
from tocsin.office.parties.entry import in_order
from tocsin.office.parties.reading import written_formats
from tocsin.words.classes import TYPES
from tocsin.words.errors import Unusable
from tocsin.words.relations import Relation, RemitKind
from tocsin.words.roles import Role

AT = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
SAMPLE = Path(__file__).parents[2] / "samples" / "parties.toml"

MEADOW = """
[[party]]
id = "meadow-net"
name = "Meadow Net"
role = "isp"
country = "BE"
language = "nl"
[party.delivery]
channel = "folder"
format = "idf-csv"
address = "be/meadow-net"
[[party.remit]]
relation = "network"
asn = [64496]
prefix = ["192.0.2.0/25", "198.51.100.10 - 198.51.100.77"]
shared = ["192.0.2.64/26"]
[[party.contact]]
kind = "email"
value = "abuse@meadow-net.example"
purpose = "abuse"
languages = ["nl", "en"]
hours = "24/7"
[[party.agreement]]
relation = "law_enforcement"
classes = ["infected-system"]
reference = "2026/1"
basis = "agreement, article 2"
since = 2026-01-01
until = 2027-12-31
"""
BROOK = """
[[party]]
id = "brook"
name = "Brook Telecom"
role = "isp"
[party.delivery]
channel = "folder"
format = "intelmq-json"
"""


def problems(text: str) -> list[str]:
    with pytest.raises(Unusable) as refusal:
        read_parties(text)
    return str(refusal.value).splitlines()


def test_a_party_is_read_whole() -> None:
    network = Relation.NETWORK
    assert read_parties(MEADOW) == [
        Entry(
            recipient=Recipient(
                "meadow-net", "Meadow Net", Role.ISP, "BE", format="idf-csv", channel="folder"
            ),
            language="nl",
            member=True,
            address="be/meadow-net",
            contacts=(
                ContactLine("email", "abuse@meadow-net.example", "abuse", ("en", "nl"), "24/7"),
            ),
            remits=(
                Remit("meadow-net", RemitKind.ASN, "64496", network),
                Remit("meadow-net", RemitKind.PREFIX, "192.0.2.0/25", network),
                Remit("meadow-net", RemitKind.PREFIX, "192.0.2.64/26", network, shared=True),
                Remit("meadow-net", RemitKind.PREFIX, "198.51.100.10-198.51.100.77", network),
            ),
            agreements=(
                Agreement(
                    party="meadow-net",
                    relation=Relation.LAW_ENFORCEMENT,
                    classes=("infected-system",),
                    reference="2026/1",
                    basis="agreement, article 2",
                    since=date(2026, 1, 1),
                    until=date(2027, 12, 31),
                ),
            ),
        )
    ]


@pytest.mark.parametrize(
    ("said", "meant", "problem"),
    [
        ('id = "meadow-net"', 'id = "Meadow"', "party 'Meadow', id: 'Meadow' does not fit."),
        ('role = "isp"', 'role = "ips"', "party 'meadow-net', role: 'ips' is unknown. Possible: h"),
        ('role = "isp"', "", "party 'meadow-net', role: is missing"),
        ('country = "BE"', 'country = "be"', "party 'meadow-net', country: 'be' is no country."),
        ('country = "BE"', 'land = "BE"', "party 'meadow-net', land: is unknown. Possible: agree"),
        ('"folder"', '"pigeon"', "party 'meadow-net', delivery, channel: 'pigeon' is unknown."),
        ('"idf-csv"', '"odf"', "party 'meadow-net', delivery, format: 'odf' is unknown."),
        ("be/meadow-net", "../x", "party 'meadow-net', delivery, address: folder address '../x'"),
        ('"network"', '"neighbour"', "party 'meadow-net', remit 1, relation: 'neighbour' is unk"),
        ("[64496]", "[0]", "party 'meadow-net', remit 1, asn: 0 is no AS number. Possible: 1 to"),
        ("[64496]", "[true]", "party 'meadow-net', remit 1, asn: True is no AS number."),
        ("[64496]", "64496", "party 'meadow-net', remit 1, asn: 64496 is no list."),
        ("192.0.2.0/25", "192.0.2.1/25", "party 'meadow-net', remit 1, prefix: '192.0.2.1/25' has"),
        ("192.0.2.0/25", "192.0.2.256", "party 'meadow-net', remit 1, prefix: '192.0.2.256' is no"),
        (".10 -", ".90 -", "party 'meadow-net', remit 1, prefix: '198.51.100.90-198.51.100.77' en"),
        (".64/26", ".0/24", "party 'meadow-net', remit 1, shared: 192.0.2.0/24 lies partly outsi"),
        ('"email"', '"fax"', "party 'meadow-net', contact 1, kind: 'fax' is unknown."),
        ("abuse@", "abuse ", "party 'meadow-net', contact 1, value: 'abuse meadow-net.example' d"),
        ('["nl", "en"]', '["Dutch"]', "party 'meadow-net', contact 1, languages: 'Dutch' does no"),
        ("infected-s", "s", "party 'meadow-net', agreement 1, classes: 'system' is unknown."),
        ('["infected-system"]', "[]", "party 'meadow-net', agreement 1, classes: names no class."),
        ("2026-01-01", '"soon"', "party 'meadow-net', agreement 1, since: 'soon' is no date."),
        (
            "2027-12-31",
            "2025-12-31",
            "party 'meadow-net', agreement 1, until: 2025-12-31 is b",
        ),
        ("[[party]]", "[party]", "party file, party: is no list of tables. Possible: [[…]]"),
    ],
)
def test_a_mistake_is_named_with_party_key_rule_and_what_is_possible(said, meant, problem) -> None:
    text = "[party]\nid = 1\n" if meant == "[party]" else MEADOW.replace(said, meant)

    assert [line[: len(problem)] for line in problems(text)] == [problem]


def test_host_bits_are_answered_with_the_network_that_was_meant() -> None:
    what = "'192.0.2.1/25' has host bits set. Possible: 192.0.2.0/25"

    assert problems(MEADOW.replace("192.0.2.0/25", "192.0.2.1/25")) == [
        f"party 'meadow-net', remit 1, prefix: {what}"
    ]


def test_all_problems_come_in_one_message_of_at_most_twenty_lines() -> None:
    wrong = "\n".join(f'[[party]]\nid = "p{n}"' for n in range(10))

    lines = problems(wrong)
    assert len(lines) == 20
    assert lines[:3] == [
        "party 'p0', delivery: is missing. Possible: [party.delivery] with channel and format",
        "party 'p0', name: is missing",
        "party 'p0', role: is missing",
    ]
    assert lines[-1] == "and 11 more problems"


def test_two_parties_of_one_name_are_refused() -> None:
    assert problems(MEADOW + MEADOW) == [
        "party file, id: 'meadow-net' stands 2 times, must stand once"
    ]


def test_a_remit_that_names_nothing_is_refused() -> None:
    text = BROOK + '[[party.remit]]\nrelation = "network"\n'
    possible = "asn, prefix, country, domain, tld, brand, everything, shared"

    assert problems(text) == [f"party 'brook', remit 1: names nothing. Possible: {possible}"]


def test_bytes_that_are_no_toml_are_refused() -> None:
    assert problems("[[party")[0].startswith("the party file is no TOML:")


toml_values = st.recursive(
    st.booleans() | st.integers() | st.floats() | st.text() | st.dates() | st.datetimes(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=4,
)
KEYS = [
    "id",
    "name",
    "role",
    "country",
    "language",
    "key",
    "delivery",
    "remit",
    "contact",
    "agreement",
]


@settings(max_examples=200)
@given(st.dictionaries(st.sampled_from(KEYS), toml_values, min_size=1))
def test_whatever_stands_there_the_answer_is_unusable_and_nothing_else(party) -> None:
    from tocsin.office.parties import reading

    problems = reading._Problems()
    reading._entry(reading._Table(party, "party", problems))

    assert problems.lines != []


# ── database ─────────────────────────────────────────────────────────────────────────────


@pytest.mark.django_db
def test_an_import_says_what_it_did_and_writes_one_register_row() -> None:
    first = import_parties(MEADOW + BROOK, by="ada", at=AT)
    changed = MEADOW.replace("Meadow Net", "Meadow Network")
    second = import_parties(changed, by="ada", at=AT)
    third = import_parties(changed + BROOK, by="ada", at=AT)

    assert (first, second, third) == (
        Imported(created=("brook", "meadow-net")),
        Imported(changed=("meadow-net",), retired=("brook",)),
        Imported(changed=("brook",), unchanged=("meadow-net",)),
    )
    told = [(row.actor, row.facts["retired"]) for row in register.rows()]
    assert told == [("ada", []), ("ada", ["brook"]), ("ada", [])]


@pytest.mark.django_db
def test_a_refused_file_changes_nothing() -> None:
    import_parties(MEADOW, by="ada", at=AT)
    before = export_parties()
    with pytest.raises(Unusable):
        import_parties(BROOK.replace('"isp"', '"ips"'), by="ada", at=AT)

    assert (export_parties(), register.rows().count()) == (before, 1)


@pytest.mark.django_db
def test_parties_of_another_source_are_left_alone() -> None:
    ripe = BROOK.replace('role = "isp"', 'role = "isp"\nsource = "ripe"\nas_of = 2026-06-17')
    import_parties(ripe, by="ada", at=AT)
    done = import_parties(MEADOW, by="ada", at=AT)

    assert done == Imported(created=("meadow-net",))
    assert list(Party.objects.filter(active=True).values_list("slug", flat=True)) == [
        "brook",
        "meadow-net",
    ]


@pytest.mark.django_db
def test_an_empty_file_retires_nobody() -> None:
    import_parties(MEADOW, by="ada", at=AT)

    assert import_parties("", by="ada", at=AT) == Imported()
    assert Party.objects.get().active


@pytest.mark.django_db
def test_what_other_sources_added_to_a_party_survives_a_change() -> None:
    import_parties(MEADOW, by="ada", at=AT)
    party = Party.objects.get()
    party.contacts.create(kind="email", value="noc@meadow-net.example", source="ripe")
    party.remits.create(kind="asn", value="64511", relation="network", source="ripe")
    Contact.objects.filter(value="abuse@meadow-net.example").update(dead_at=AT)
    import_parties(MEADOW.replace("24/7", "by day").replace("64496", "64497"), by="ada", at=AT)

    assert set(party.contacts.values_list("value", "hours", "dead_at")) == {
        ("abuse@meadow-net.example", "by day", AT),
        ("noc@meadow-net.example", "", None),
    }
    assert set(RemitRow.objects.filter(kind="asn").values_list("value", flat=True)) == {
        "64497",
        "64511",
    }


@pytest.mark.django_db
def test_the_directory_has_active_parties_and_the_agreements_of_the_day() -> None:
    import_parties(MEADOW + BROOK, by="ada", at=AT)
    import_parties(MEADOW, by="ada", at=AT)
    entry = read_parties(MEADOW)[0]

    after = datetime(2028, 1, 1, tzinfo=UTC)
    assert directory(at=AT) == Directory((entry.recipient,), entry.remits, entry.agreements)
    assert directory(at=after) == Directory((entry.recipient,), entry.remits, ())


@pytest.mark.django_db
def test_an_agreement_runs_from_its_first_day_to_its_last() -> None:
    import_parties(MEADOW, by="ada", at=AT)
    days = [date(2025, 12, 31), date(2026, 1, 1), date(2027, 12, 31), date(2028, 1, 1)]
    noon = [datetime(day.year, day.month, day.day, 12, tzinfo=UTC) for day in days]

    assert [len(directory(at=at).agreements) for at in noon] == [0, 1, 1, 0]


@pytest.mark.django_db
def test_the_sample_parties_can_be_imported_and_come_out_as_they_are() -> None:
    text = SAMPLE.read_text("utf-8")
    done = import_parties(text, by="ada", at=AT)
    again = import_parties(export_parties(), by="ada", at=AT + timedelta(days=1))

    assert len(done.created) == 13
    assert again == Imported(unchanged=done.created)


labels = st.from_regex(r"[a-z]([a-z0-9-]{0,8}[a-z0-9])?", fullmatch=True)
lines = st.text(
    st.characters(codec="utf-8", exclude_categories=("C", "Z")), min_size=1, max_size=30
)
domains = st.lists(labels, min_size=2, max_size=3).map(".".join)
ranges = st.tuples(st.ip_addresses(v=6), st.integers(0, 999)).map(
    lambda pair: (
        f"{min(pair[0], type(pair[0])(2**128 - 1000))}-"
        f"{min(pair[0], type(pair[0])(2**128 - 1000)) + pair[1]}"
    )
)
networks = st.ip_addresses().map(lambda ip: f"{ip}/{ip.max_prefixlen}")
remit_values = {
    RemitKind.ASN: st.integers(1, 4294967294).map(str),
    RemitKind.PREFIX: ranges | networks,
    RemitKind.COUNTRY: st.sampled_from(["BE", "PL", "PT", "EE"]),
    RemitKind.DOMAIN: domains,
    RemitKind.TLD: labels,
    RemitKind.BRAND: lines,
    RemitKind.EVERYTHING: lines | st.just("*"),
}


@st.composite
def entries(draw: st.DrawFn) -> list[Entry]:
    names = draw(st.lists(labels, max_size=3, unique=True))
    return [draw(entry(name)) for name in sorted(names)]


@st.composite
def entry(draw: st.DrawFn, name: str) -> Entry:
    relation = st.sampled_from(Relation)
    remits = [
        Remit(name, kind, draw(values), draw(relation), shared=False)
        for kind, values in remit_values.items()
        if draw(st.booleans())
    ]
    if draw(st.booleans()):
        remits.append(Remit(name, RemitKind.PREFIX, draw(networks), draw(relation), shared=True))
    return Entry(
        recipient=Recipient(
            party=name,
            name=draw(lines),
            role=draw(st.sampled_from(Role)),
            country=draw(st.sampled_from(["", "BE", "PL"])),
            format=draw(st.sampled_from(written_formats())),
            channel="folder",
            source=draw(st.sampled_from(["manual", "ripe"])),
            as_of=draw(st.none() | st.dates()),
        ),
        language=draw(st.sampled_from(["en", "nl-BE"])),
        member=draw(st.booleans()),
        address=draw(st.just("") | labels),
        contacts=tuple(
            ContactLine("email", value, "abuse", ("en",), hours=draw(lines))
            for value in sorted(f"{x}@host.example" for x in draw(st.sets(labels, max_size=2)))
        ),
        remits=in_order(remits),
        agreements=draw(st.just(()) | st.tuples(agreement(name))),
    )


@st.composite
def agreement(draw: st.DrawFn, name: str) -> Agreement:
    since = draw(st.dates(max_value=date(2100, 1, 1)))
    return Agreement(
        party=name,
        relation=draw(st.sampled_from(Relation)),
        classes=tuple(sorted(draw(st.sets(st.sampled_from(["*", *TYPES]), min_size=1)))),
        reference=draw(lines),
        basis=draw(lines),
        since=since,
        until=draw(st.none() | st.just(since + timedelta(days=1))),
    )


@settings(max_examples=100)
@given(entries())
def test_what_is_written_reads_the_same(some: list[Entry]) -> None:
    assert read_parties(write_parties(some)) == some


@pytest.mark.django_db
@settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(entries())
def test_importing_an_export_changes_nothing(some: list[Entry]) -> None:
    with transaction.atomic():
        import_parties(write_parties(some), by="ada", at=AT)
        exported = export_parties()
        again = import_parties(exported, by="ada", at=AT)
        transaction.set_rollback(True)

    assert exported == write_parties(some)
    assert again == Imported(unchanged=tuple(entry.recipient.party for entry in some))
