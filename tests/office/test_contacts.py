"""Contacts of parties that are no members: imported as a whole, passed over, found dead."""

from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import given, settings
from hypothesis import strategies as st

from tocsin.flow.networks import load_networks
from tocsin.flow.ranges import flatten
from tocsin.office import register
from tocsin.office.contacts import (
    Change,
    contact_rows,
    dead_reason,
    gather,
    import_contacts,
    mark_alive,
    mark_dead,
    preview_import,
    who_is_mailed,
)
from tocsin.office.contacts.nesting import without_repeats
from tocsin.office.contacts.sources import Mailbox
from tocsin.office.models import Contact, Party, RegisterRow, Remit
from tocsin.office.parties import directory, export_parties, import_parties
from tocsin.words.errors import NotFound, Unusable

pytestmark = pytest.mark.django_db

AT = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
DAY = date(2026, 6, 17)
SAMPLES = Path(__file__).parents[2] / "samples"
RIPE = sorted((SAMPLES / "contacts").glob("ripe.db.*"))

Write = Callable[..., Change]


@pytest.fixture
def listed(tmp_path: Path) -> Write:
    """Imports `kind,value,email` lines as source csv."""

    def run(*lines: str, kind: str = "csv", preview: bool = False) -> Change:
        file = tmp_path / "list.csv"
        file.write_text("\n".join(["kind,value,email,name,country,language", *lines]))
        gathered = gather(kind, [file], at=AT, on=DAY)
        return preview_import(gathered) if preview else import_contacts(gathered, by="me", at=AT)

    return run


def snapshot() -> object:
    """Every row but those that say when."""
    return (
        list(Party.objects.order_by("slug").values("uid", "slug", "name", "active", "as_of")),
        list(Remit.objects.order_by("pk").values()),
        list(Contact.objects.order_by("pk").values()),
    )


def told(target: str) -> dict[str, str]:
    """Relation and name of who is told, to the reason."""
    networks = load_networks(overlay=SAMPLES / "networks.csv")
    found = who_is_mailed(target, networks=networks, at=AT)
    return {f"{one.relation} {one.name}": one.because for one in found if one.told}


def passed_over(target: str) -> dict[str, str]:
    networks = load_networks(overlay=SAMPLES / "networks.csv")
    found = who_is_mailed(target, networks=networks, at=AT)
    return {f"{one.relation} {one.name}": one.why_not for one in found if not one.told}


def test_a_registry_becomes_parties_that_are_no_members() -> None:
    change = import_contacts(gather("ripe", RIPE, at=AT), by="me", at=AT)

    assert change.parties == {"created": 2, "changed": 0, "unchanged": 0, "retired": 0}
    assert (change.as_of, change.nested, change.flawed) == ("2026-06-17", 1, 2)
    assert [row[0] for row in change.placeholders] == ["unread@ripe.net"]
    meadow = Party.objects.get(channel_address="abuse@meadow-net.example")
    assert {
        name: getattr(meadow, name)
        for name in "name role country language member channel format source as_of".split()
    } == {
        "name": "Meadow Net",
        "role": "isp",
        "country": "BE",
        "language": "nl",
        "member": False,
        "channel": "mail",
        "format": "idf-csv",
        "source": "ripe",
        "as_of": DAY,
    }
    assert sorted(meadow.remits.values_list("kind", "value", "relation")) == [
        ("asn", "64496", "network"),
        ("prefix", "192.0.2.0/25", "network"),
        ("prefix", "2001:db8:1::/48", "network"),
    ]


def test_an_import_has_a_register_row_with_counts_and_digests_and_no_address(
    listed: Write,
) -> None:
    change = listed("asn,64496,abuse@meadow.example,Meadow,BE,nl")

    row = register.rows(action="office:contacts:import").get()
    assert row.facts["parties"]["created"] == 1
    assert row.facts["digests"] == list(change.files.values())
    assert "meadow" not in str(row.facts)


def test_the_same_files_again_change_nothing() -> None:
    import_contacts(gather("ripe", RIPE, at=AT), by="me", at=AT)
    before = snapshot()

    change = import_contacts(gather("ripe", RIPE, at=AT), by="me", at=AT)

    assert change.parties == {"created": 0, "changed": 0, "unchanged": 2, "retired": 0}
    assert change.remits == {"added": 0, "kept": 5, "removed": 0}
    assert snapshot() == before


def test_what_the_source_no_longer_names_is_retired_and_comes_back(listed: Write) -> None:
    meadow, brook = "asn,64496,abuse@meadow.example,,,", "asn,64497,abuse@brook.example,,,"
    listed(meadow, brook, "asn,64498,abuse@brook.example,,,")
    uid = Party.objects.get(channel_address="abuse@brook.example").uid

    change = listed(meadow)
    assert (change.parties["retired"], change.remits["removed"]) == (1, 2)
    assert [party.channel_address for party in Party.objects.filter(active=True)] == [
        "abuse@meadow.example"
    ]

    change = listed(meadow, brook)
    assert (change.parties["changed"], change.remits["added"]) == (1, 1)
    assert Party.objects.get(channel_address="abuse@brook.example", active=True).uid == uid


def test_other_sources_and_what_a_person_wrote_are_not_touched(listed: Write) -> None:
    import_parties((SAMPLES / "parties.toml").read_text(), by="me", at=AT)
    import_contacts(gather("ripe", RIPE, at=AT), by="me", at=AT)
    manual = list(Party.objects.exclude(source="csv").order_by("pk").values())

    listed("asn,64496,abuse@meadow.example,,,")
    listed("asn,64497,abuse@meadow.example,,,")

    assert list(Party.objects.exclude(source="csv").order_by("pk").values()) == manual


def test_a_preview_says_the_same_and_writes_nothing(listed: Write) -> None:
    listed("asn,64496,abuse@meadow.example,,,")
    before, rows = snapshot(), RegisterRow.objects.count()
    lines = ("asn,64497,abuse@meadow.example,,,", "tld,example,abuse@nic-x.example,,,")

    with CaptureQueriesContext(
        connection,
    ) as queries:
        foreseen = listed(*lines, preview=True)
    assert [row for row in queries if not row["sql"].startswith(("SELECT", "DECLARE"))] == []
    assert (snapshot(), RegisterRow.objects.count()) == (before, rows)
    assert listed(*lines) == foreseen


def test_a_file_without_contacts_is_refused_and_retires_nobody(listed: Write) -> None:
    listed("asn,64496,abuse@meadow.example,,,")

    with pytest.raises(Unusable, match=r"no contact in it that can be used .* would retire every"):
        listed("asn,64496,removed@lacnic.net,,,")
    assert Party.objects.filter(active=True).count() == 1


def test_a_file_that_says_no_day_needs_one(tmp_path: Path) -> None:
    file = tmp_path / "list.csv"
    file.write_text("kind,value,email\nasn,64496,abuse@meadow.example\n")

    with pytest.raises(Unusable, match="--date 2026-06-17"):
        gather("csv", [file], at=AT)
    with pytest.raises(Unusable, match="has not come yet"):
        gather("csv", [file], at=AT, on=date(2027, 1, 1))
    with pytest.raises(Unusable, match="no source of contacts"):
        gather("arin", [file], at=AT)
    with pytest.raises(NotFound):
        gather("csv", [tmp_path / "missing"], at=AT)


def test_an_import_never_takes_over_a_party_of_another_source(listed: Write) -> None:
    listed("asn,64496,abuse@meadow.example,,,")
    Party.objects.update(source="manual")

    with pytest.raises(Unusable, match="is of another source than csv"):
        listed("asn,64496,abuse@meadow.example,,,")


def test_what_was_imported_can_be_exported_and_read_again(listed: Write) -> None:
    listed("prefix,192.0.2.10-192.0.2.77,abuse@meadow.example,Meadow,BE,nl")
    import_contacts(
        gather("ti", [SAMPLES / "contacts" / "teams.json"], at=AT, on=DAY), by="me", at=AT
    )

    imported = import_parties(export_parties(), by="me", at=AT)

    assert (len(imported.unchanged), imported.changed, imported.created) == (3, (), ())


# ── who is told ──────────────────────────────────────────────────────────────────────────


def test_manual_beats_imported_and_both_are_shown() -> None:
    import_contacts(gather("ripe", RIPE, at=AT), by="me", at=AT)
    assert told("192.0.2.20") == {
        "network Meadow Net": "192.0.2.0/25 is in the remit of Meadow Net (ripe, 2026-06-17)"
    }

    import_parties((SAMPLES / "parties.toml").read_text(), by="me", at=AT)
    assert told("192.0.2.20")["network Meadow Net"] == (
        "192.0.2.0/25 is in the remit of Meadow Net (manual)"
    )
    assert passed_over("192.0.2.20") == {
        "network Meadow Net": "Meadow Net (manual) stands above ripe"
    }


def test_a_target_is_an_address_an_as_or_a_domain(listed: Write) -> None:
    listed(
        "asn,64511,as@meadow.example,As,BE,",
        "domain,shop.meadow.example,shop@meadow.example,Shop,BE,",
        "tld,example,tld@nic-x.example,Nic,BE,",
        "country,BE,cert@state.example,Cert,BE,",
    )

    assert told("AS64511") == {
        "network As": "the report says AS64511; AS64511 is in the remit of As (csv, 2026-06-17)"
    }
    assert list(told("www.shop.meadow.example")) == ["platform Shop", "registry Nic"]
    assert list(told("192.0.2.1")) == ["csirt Cert"]
    for target in ("AS0", "not a target", ""):
        with pytest.raises(Unusable):
            told(target)


def test_the_smaller_network_is_told_and_the_other_is_said_to_be_wider(listed: Write) -> None:
    listed(
        "prefix,192.0.2.0/24,wide@x-net.example,Wide,,",
        "prefix,192.0.2.0/28,near@x-net.example,Near,,",
    )

    assert list(told("192.0.2.1")) == ["network Near"]
    assert passed_over("192.0.2.1") == {"network Wide": "Near answers for a smaller part"}


# ── dead contacts ────────────────────────────────────────────────────────────────────────


def test_a_bounce_marks_the_contact_dead_and_the_next_source_is_told(listed: Write) -> None:
    import_contacts(gather("ripe", RIPE, at=AT), by="me", at=AT)
    listed("asn,64496,noc@meadow-net.example,Noc,BE,")
    assert list(told("192.0.2.20")) == ["network Meadow Net"]

    assert mark_dead("Abuse@Meadow-Net.example", at=AT, why="550 5.1.1", by="mail") == 1

    assert list(told("192.0.2.20")) == ["network Noc"]
    assert passed_over("192.0.2.20") == {"network Meadow Net": "dead since 2026-11-23: 550 5.1.1"}
    assert [row.value for row in contact_rows(dead=True)] == ["abuse@meadow-net.example"]
    row = register.rows(action="office:contact:mark_dead").get()
    assert (row.facts["why"], len(row.facts["parties"])) == ("550 5.1.1", 1)


def test_dead_stays_dead_over_a_new_import_and_the_next_mailbox_is_used(tmp_path: Path) -> None:
    def team(*addresses: str) -> Path:
        file = tmp_path / "teams.json"
        emails = ",".join(f'{{"address": "{address}"}}' for address in addresses)
        file.write_text(f'[{{"constituency": {{"asns": [64496]}}, "emails": [{emails}]}}]')
        return file

    both = team("one@cert-x.example", "two@cert-x.example")
    import_contacts(gather("ti", [both], at=AT, on=DAY), by="me", at=AT)
    mark_dead("one@cert-x.example", at=AT, why="gone", by="mail")
    assert Party.objects.get().channel_address == "two@cert-x.example"

    change = import_contacts(gather("ti", [both], at=AT, on=DAY), by="me", at=AT)
    assert (change.dead, Party.objects.get().channel_address) == (1, "two@cert-x.example")

    Contact.objects.exclude(dead_at=None).update(source="hand")  # remembered by somebody else
    Party.objects.filter(source="ti").update(channel_address="one@cert-x.example")
    Contact.objects.filter(source="ti").delete()
    import_contacts(gather("ti", [both], at=AT, on=DAY), by="me", at=AT)
    assert dead_reason("one@cert-x.example") == "dead since 2026-11-23: gone"
    assert Party.objects.get().channel_address == "two@cert-x.example"


def test_marking_twice_keeps_the_first_reason_and_it_can_be_taken_back(listed: Write) -> None:
    listed("asn,64496,abuse@meadow.example,,,")
    mark_dead("abuse@meadow.example", at=AT, why="first", by="mail")

    assert mark_dead("abuse@meadow.example", at=AT, why="second", by="mail") == 0
    assert dead_reason("abuse@meadow.example") == "dead since 2026-11-23: first"
    assert mark_alive("abuse@meadow.example", at=AT, why="they answered", by="me") == 1
    assert dead_reason("abuse@meadow.example") == ""
    with pytest.raises(NotFound):
        mark_alive("abuse@meadow.example", at=AT, why="again", by="me")
    with pytest.raises(NotFound):
        mark_dead("nobody@meadow.example", at=AT, why="?", by="mail")


def test_a_member_that_is_mailed_at_an_unlisted_address_is_still_told_and_remembered() -> None:
    import_parties((SAMPLES / "parties.toml").read_text(), by="me", at=AT)
    Party.objects.filter(slug="meadow-net").update(
        channel="mail", channel_address="a@meadow.example, b@meadow.example"
    )
    before = export_parties()

    assert mark_dead("b@meadow.example", at=AT, why="550", by="mail") == 1

    assert "meadow-net" in {one.party for one in directory(at=AT).recipients}
    assert dead_reason("b@meadow.example") != ""
    assert export_parties() == before
    mark_alive("b@meadow.example", at=AT, why="ok", by="me")
    assert not Contact.objects.filter(value="b@meadow.example").exists()


# ── networks within networks ─────────────────────────────────────────────────────────────


def decided(boxes: dict[str, Mailbox]) -> list[tuple[int, int, tuple[str, ...]]]:
    """Which mailboxes stand behind each address."""
    spans = []
    rows: list[str] = []
    for name, box in boxes.items():
        for _, value, _ in box.remits:
            low, high = (int(part.rpartition(".")[2]) for part in value.split("-"))
            spans.append((low, high, len(rows)))
            rows.append(name)
    pieces = [
        (at, tuple(sorted({rows[row] for row in held})))
        for low, high, held in flatten(spans)
        for at in range(low, high + 1)
    ]
    return [(at, at, names) for at, names in pieces]


@given(
    st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 40), st.integers(0, 12)), max_size=14)
)
@settings(max_examples=300, deadline=None, derandomize=True)
def test_leaving_repeats_out_changes_for_no_address_who_is_told(
    spans: list[tuple[str, int, int]],
) -> None:
    boxes: dict[str, Mailbox] = {}
    for name, low, more in spans:
        box = boxes.setdefault(name, Mailbox())
        box.remits.add(("prefix", f"192.0.2.{low}-192.0.2.{low + more}", "network"))
    before = decided(boxes)

    without_repeats(boxes)

    assert decided(boxes) == before
