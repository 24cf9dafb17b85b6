"""Erasure: a person who is everywhere is nowhere afterwards, and the neighbours are."""

import fcntl
import json
from dataclasses import replace
from datetime import timedelta

import pytest
from django.apps import apps
from django.db import models

from tests.office.persons import (
    ACCOUNT,
    NEIGHBOURS,
    OVERLAY,
    PARTIES,
    V4,
    V6,
    opened,
    sinkhole,
    traces,
    write_reports,
)
from tocsin.channels.catalogue import CHANNELS
from tocsin.desks.response.actions import Options, route_reports
from tocsin.flow.store import read_events
from tocsin.flow.subject import accounts, addresses, ids
from tocsin.node.store import FOLDERS
from tocsin.office import evidence, holds, keys, manifest, outbox, register
from tocsin.office.erasure import PLACES, Order, erase, texts
from tocsin.office.models import Delivery, Evidence, RegisterRow, Run, WindowSegment
from tocsin.office.parties import import_parties
from tocsin.words.errors import Busy, Refused, Unusable

pytestmark = pytest.mark.django_db(transaction=True)

HOUR = timedelta(hours=1)


@pytest.fixture
def everywhere(store, tmp_path, at):
    """The person is in every place: routed twice, one half handed over."""
    import_parties(PARTIES.read_text("utf-8"), by="test", at=at)
    *some, last = write_reports(tmp_path / "in")
    for paths, when in (([*some], at), ([last], at + HOUR)):
        route_reports(
            paths,
            store_folder=store.path,
            options=Options(overlay=OVERLAY),
            by="test",
            at=when,
        )
        if when == at:
            hand_over(store, tmp_path / "out", at)
    (store.spool / "cut-off").mkdir()
    (store.spool / "cut-off" / "events-000000.arrow").write_bytes(f'"{V4}"'.encode())
    (store.events / "day=2026-11-23" / "stray.partial").write_bytes(f'"{V4}"'.encode())
    Run.objects.update(error=f"could not read {V4},")
    return store


def hand_over(store, out, at) -> None:
    out.mkdir()
    settings = {"folder": {"root": str(out)}}
    words = {"channels": CHANNELS, "store_folder": store.path, "settings": settings, "limit": 999}
    outbox.deliver_due(owner="test", at=at, over=["folder"], **words)


@pytest.fixture
def order(store, at):
    """An erasure of both addresses of the person."""
    return Order(
        subject=addresses([V4, "2001:DB8:1:0:0:0:0:77"]),
        why="request 17 of 2026-11-20",
        by="test",
        at=at + 2 * HOUR,
        store_folder=store.path,
    )


def found(erasure) -> dict[str, int]:
    return {place.name: place.found for place in erasure.places}


def everything_erased(order):
    """Both the addresses and the account."""
    return erase(order), erase(replace(order, subject=accounts([ACCOUNT])))


def test_the_person_is_in_every_place_to_begin_with(everywhere):
    assert {name.split("/")[0].split(" ")[0] for name in traces(everywhere.path)} >= {
        "deliveries",
        "events",
        "evidence",
        "quarantine",
        "spool",
    }


def test_nothing_of_an_erased_person_is_left_in_any_file(everywhere, order):
    first, second = everything_erased(order)

    assert traces(everywhere.path) == []
    assert (first.is_complete, second.is_complete) == (True, True)


def test_the_neighbours_stay_in_every_place(everywhere, order):
    everything_erased(order)
    left = b"\n".join(opened(everywhere.path).values())

    assert [ip for ip in NEIGHBOURS if ip.encode() not in left] == []
    events = read_events(everywhere.events).collect()
    assert set(NEIGHBOURS) <= set(events["source.ip"].to_list())
    assert V4 not in events["source.ip"].to_list()


def test_every_place_is_named_with_what_was_found(everywhere, order):
    first, _ = everything_erased(order)
    counted = found(first)

    assert set(counted) == {
        *PLACES.values(),
        "database texts",
        "parties and contacts",
        "database files",
        "search index",
        "other files in the store",
    }
    assert counted["event store"] > 0
    assert counted["deduplication window"] > 0
    assert counted["quarantine"] == 6  # two bad rows, in three files
    # Two runs, one report by its file name, the samples of three cases.
    assert counted["database texts"] == 6
    assert {place.left for place in first.places} == {0}


def test_a_redacted_report_is_the_report_without_the_records(everywhere, order):
    first = Evidence.objects.order_by("pk").first()
    everything_erased(order)

    with pytest.raises(Refused, match="was erased on"):
        list(evidence.read(first.digest, store_folder=everywhere.path))
    links = {
        row.facts["digest"]: row.facts["copy"]
        for row in register.rows(action="office:evidence:redact")
    }
    last = first.digest
    while last in links:
        last = links[last]
    assert b"".join(evidence.read(last, store_folder=everywhere.path)) == b"".join(
        line
        for line in sinkhole().splitlines(keepends=True)
        if not any(
            mark in line.lower()
            for mark in (b"192.0.2.77", b"192-0-2-77", b':77"', b":0077", b"c000", b"anna")
        )
    )


def test_a_delivery_that_waits_is_made_anew_and_signed(everywhere, order):
    before = dict(Delivery.objects.filter(state="ready").values_list("uid", "rows"))
    everything_erased(order)

    public = keys.public_text(keys.signing_key(everywhere.keys))
    waiting = Delivery.objects.filter(state="ready")
    changed = [row for row in waiting if row.rows != before[row.uid]]
    assert changed != []
    for row in changed:
        data = (everywhere.path / row.path).read_bytes()
        facts = manifest.read_signed(
            (everywhere.path / row.manifest_path).read_bytes(), public_key=public
        )
        assert facts["file"]["sha256"] == row.digest
        assert (facts["file"]["bytes"], facts["file"]["rows"]) == (len(data), row.rows)
        assert facts["redacted"]["rows"] > 0
        assert sum(facts["classes"].values()) == facts["events"]


def test_what_waits_can_still_be_handed_over(everywhere, order, tmp_path):
    everything_erased(order)
    (tmp_path / "later").mkdir()
    settings = {"folder": {"root": str(tmp_path / "later")}}
    outbox.deliver_due(
        owner="test",
        at=order.at + HOUR,
        channels=CHANNELS,
        store_folder=everywhere.path,
        settings=settings,
        limit=999,
        over=["folder"],
    )

    states = Delivery.objects.filter(channel="folder").values_list("state", flat=True)
    assert set(states) <= {"delivered", "withdrawn"}


def test_a_delivery_with_nothing_left_is_withdrawn(everywhere, order):
    everything_erased(order)
    withdrawn = Delivery.objects.filter(state="withdrawn")

    assert {row.last_error for row in withdrawn} <= {"withdrawn: every row of it was erased"}
    assert [row.path for row in withdrawn if (everywhere.path / row.path).exists()] == []


def test_whoever_got_the_rows_is_named_to_be_told(everywhere, order):
    first, second = everything_erased(order)

    assert {one.party for one in first.recipients} >= {"meadow-net"}
    assert {one.delivered_at for one in first.recipients} == {order.at - 2 * HOUR}
    notes = list(everywhere.deliveries.rglob("*.redacted.json"))
    assert len(notes) == len(first.recipients) + len(second.recipients)


def test_every_note_on_what_was_handed_over_stays(everywhere, order):
    everything_erased(order)
    before = len(list(everywhere.deliveries.rglob("*.redacted.json")))
    again = erase(replace(order, subject=addresses([NEIGHBOURS[0]])))
    erase(replace(order, subject=addresses([NEIGHBOURS[1]])))

    assert len(again.recipients) > 0
    assert len(list(everywhere.deliveries.rglob("*.redacted.json"))) > before
    assert {place.name: place.found for place in again.places}["spool and leftovers"] == 0


def test_the_register_knows_that_and_not_whom(everywhere, order):
    everything_erased(order)
    row = register.rows(action="office:subject:erase").first()

    assert (row.facts["kind"], row.facts["why"], len(row.facts["values_hmac"])) == (
        "address",
        "request 17 of 2026-11-20",
        2,
    )
    texts_ = json.dumps([one.facts for one in RegisterRow.objects.all()])
    assert (V4 in texts_, V6 in texts_, ACCOUNT in texts_) == (False, False, False)


def test_the_same_again_finds_nothing(everywhere, order):
    everything_erased(order)

    assert sum(erase(order).found for _ in range(2)) == 0


def test_an_erased_row_is_new_again_to_the_window(everywhere, order, tmp_path):
    everything_erased(order)
    again = tmp_path / "2026-11-22-event4_sinkhole-again.csv"
    again.write_bytes(sinkhole())
    outcome = route_reports(
        [again],
        store_folder=everywhere.path,
        options=Options(overlay=OVERLAY),
        by="test",
        at=order.at,
    )

    report = outcome.reports[0]
    assert report.duplicates == len(NEIGHBOURS)
    assert WindowSegment.objects.count() == 3


def test_a_dry_run_counts_the_same_and_changes_nothing(everywhere, order):
    before = opened(everywhere.path)
    looked = erase(replace(order, dry_run=True))

    assert opened(everywhere.path) == before
    assert found(looked) | {"spool and leftovers": 0} == found(erase(order)) | {
        "spool and leftovers": 0
    }


# ── holds ────────────────────────────────────────────────────────────────────────────────


def test_a_hold_keeps_its_evidence_and_nothing_else(everywhere, order):
    held = Evidence.objects.order_by("pk").first()
    holds.add(
        held.digest, authority="Court of Ghent", reference="17/26", until=None, by="t", at=order.at
    )
    first, second = everything_erased(order)

    assert traces(everywhere.path) == [f"evidence {held.digest[:8]} unsealed"]
    assert first.held == (
        f"evidence {held.digest[:12]}… is held by Court of Ghent (17/26) until it is lifted",
    )
    assert (first.left, first.is_complete, second.is_complete) == (0, False, False)


def test_a_hold_that_ran_out_protects_nothing(everywhere, order):
    held = Evidence.objects.order_by("pk").first()
    words = {"authority": "Court", "reference": "1", "by": "t"}
    holds.add(held.digest, until=order.at - HOUR, at=order.at - 2 * HOUR, **words)
    everything_erased(order)

    assert traces(everywhere.path) == []
    assert [holds.is_due(row, at=order.at) for row in holds.all_holds()] == [True]


# ── reports ──────────────────────────────────────────────────────────────────────────────


def test_a_report_goes_with_everything_that_came_of_it(everywhere, order):
    report = apps.get_model("response", "Report").objects.order_by("pk").first()
    erasure = erase(replace(order, subject=ids("report", [str(report.uid)])))

    events = read_events(everywhere.events).collect()
    assert report.uid.hex not in events["report"].to_list()
    assert evidence.find(report.evidence.digest).key == b""
    left = [n for n, data in opened(everywhere.path).items() if report.uid.hex.encode() in data]
    assert [name for name in left if not name.endswith(".manifest.json")] == []
    assert erasure.is_complete


# ── what is refused ──────────────────────────────────────────────────────────────────────


def test_the_reason_may_not_name_the_person(order):
    with pytest.raises(Refused, match="the reason names the person of the request"):
        erase(replace(order, why=f"the line {V4}."))


def test_an_erasure_without_a_reason_is_refused(order):
    with pytest.raises(Unusable, match="needs a reason"):
        erase(replace(order, why=" "))


def test_nothing_is_erased_while_a_run_is_under_way(everywhere, order):
    with (everywhere.path / ".route.lock").open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        with pytest.raises(Busy, match="is under way"):
            erase(order)


def test_nothing_is_erased_while_somebody_hands_deliveries_over(everywhere, order):
    taken = outbox.claim(owner="worker 3", at=order.at, limit=1)

    assert len(taken) == 1
    with pytest.raises(Busy, match="worker 3 is handing deliveries over until"):
        erase(order)


def test_deliveries_are_free_again_afterwards(everywhere, order):
    erase(order)

    assert Delivery.objects.filter(state="ready", lease_until__isnull=False).count() == 0


# ── the lists ────────────────────────────────────────────────────────────────────────────


def test_every_folder_of_a_store_is_a_place():
    assert set(PLACES) == set(FOLDERS)


# Texts of ours that cannot name a person: words, ids, digests, paths that we make.
HARMLESS = {
    "response.CleanUp": {"still"},
    "subscribers.Adoption": {"playbook", "proposed_by", "approved_by"},
    "subscribers.Contact": {"language", "segment"},
    "subscribers.Finding": {"fate", "kind", "state", "playbook", "cure"},
    "subscribers.LogImport": {"by", "digest"},
    "subscribers.LookUp": {"digests", "said", "told_up"},
    "subscribers.Measure": {"kind", "state", "how", "lease_owner"},
    "subscribers.Outgoing": {"lease_owner"},
    "subscribers.Source": {"log_format", "mapping", "name", "subscriber"},
    "subscribers.Warned": {"code", "playbook", "way", "language"},
    "office.Agreement": {"relation", "classes"},
    "office.Contact": {"kind", "purpose", "languages", "hours", "source", "dead_reason"},
    "office.Delivery": {
        "relation",
        "format",
        "channel",
        "path",
        "digest",
        "manifest_path",
        "manifest_digest",
        "tlp",
        "state",
        "lease_owner",
        "idempotency_key",
        "parcel",
        "ticket",
    },
    "office.Evidence": {"digest", "evidence_class", "media_type"},
    "office.Party": {
        "slug",
        "role",
        "country",
        "language",
        "channel",
        "format",
        "interval",
        "source",
    },
    "office.Receipt": {"kind", "by"},
    "office.Deadline": {"rule", "state", "lease_owner", "idempotency_key"},
    "office.Job": {"name", "lease_owner"},
    "office.RegisterRow": {"actor", "action", "period"},
    "office.Remit": {"kind", "relation", "source"},
    "office.Run": {"kind", "state"},
    "office.WindowSegment": {"path"},
    "office.Worker": {"owner", "version"},
    "people.Invitation": {"language", "competences", "digest"},
    "people.Letter": {"lease_owner"},
    "people.Limit": {"cache_key", "value"},  # an HMAC, and moments
    "people.Mandate": {"competences", "granted_by"},
    "people.Person": {"language", "password"},
    "people.Token": {"digest", "scopes"},
    "response.Arrival": {"source", "key", "digest"},
    "response.Reading": {"source", "place", "upto"},
    "response.Upload": {"by", "key", "format", "tlp", "classification", "digest"},
    "response.Case": {
        "reference",
        "key",
        "relation",
        "side",
        "kind",
        "about_kind",
        "told_as",
        "severity",
        "tlp",
        "state",
    },
    "response.Entry": {"kind", "audience", "by", "step", "state", "direction"},
    "response.Intake": {
        "format",
        "tlp",
        "classification",
        "purpose",
        "by",
        "state",
        "stage",
        "lease_owner",
    },
    "response.Notification": {"reference", "lifecycle", "state"},
    "response.Report": {"added_by", "format", "tlp", "state", "via"},
    "response.Submission": {"step", "state", "by"},
    "shield.Act": {"noun", "step", "state", "by"},
    "shield.Appeal": {"reference", "language", "state"},
    "shield.Announcement": {"kind"},
    "shield.Arrival": {"key"},
    "shield.Claim": {"reference", "language"},
    "shield.Edition": {"audience"},
    "shield.Grounds": {"digest"},
    "shield.Group": {"reference", "digest", "state"},
    "shield.Listing": {"reference", "scope", "brand", "state", "overridden", "tlp"},
    "shield.Look": {"state", "place_digest", "digest"},
    "shield.Message": {"reference", "via", "reporter", "language", "letters", "state"},
    "shield.Name": {"kind", "value", "brand", "words", "added_by"},
    "shield.NameList": {"kind", "imported_by"},
    "shield.Notice": {"relation"},
    "shield.Reading": {"place", "upto"},
    "shield.Recheck": {"found", "by"},
    "shield.Term": {"scope", "audience"},
    "shield.Visit": {"network"},
}


def test_every_text_of_every_table_is_searched_or_known_to_be_harmless():
    searched = texts.scrubbed()
    unknown = [
        f"{model._meta.label}.{field.name}"
        for model in apps.get_models()
        if model.__module__.startswith("tocsin.")
        for field in model._meta.get_fields()
        if isinstance(field, (models.CharField, models.TextField, models.JSONField))
        and field.name
        not in {
            *searched.get(model._meta.label, ()),
            *texts.named().get(model._meta.label, ()),
            *HARMLESS.get(model._meta.label, ()),
        }
    ]

    assert unknown == []


def test_a_report_goes_with_the_copies_that_an_erasure_left_of_it(everywhere, order):
    everything_erased(order)
    copies = list(Evidence.objects.exclude(key=b""))
    assert copies
    named = [row.uid.hex for row in apps.get_model("response.Report").objects.all()]
    done = erase(replace(order, subject=ids("report", named), at=order.at + HOUR))

    assert Evidence.objects.exclude(key=b"").count() == 0
    assert found(done)["evidence"] == len(copies)
    assert {place.left for place in done.places} == {0}


def test_a_hold_by_the_first_digest_keeps_the_copy_that_an_erasure_left(everywhere, order):
    first = Evidence.objects.order_by("pk").first()
    everything_erased(order)
    words = {"authority": "Sample Court", "reference": "17/26", "by": "ada"}
    held = holds.add(first.digest, until=None, at=order.at, **words)

    assert held.digest != first.digest
    with pytest.raises(Refused, match="which is longer"):
        holds.add(first.digest, until=order.at + HOUR, at=order.at, **words)
    with pytest.raises(Refused, match="would protect nothing"):
        holds.add(first.digest, until=order.at - HOUR, at=order.at, **words)
    with pytest.raises(Refused, match="is under a legal hold"):
        evidence.forget(held.digest, at=order.at, why="x", by="ada", store_folder=everywhere.path)
    assert holds.lift(first.digest, why="over", by="ada", at=order.at).digest == held.digest
