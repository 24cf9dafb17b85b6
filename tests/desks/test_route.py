"""Routing: real reports to everyone concerned, everything or nothing."""

import gzip
import hashlib
import shutil
import zipfile
from collections import Counter
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import polars as pl
import pytest
from django.db import OperationalError, connection

from tests.desks.conftest import OVERLAY, SAMPLES
from tocsin.desks.response.models import Report
from tocsin.desks.response.queries import quarantined
from tocsin.flow.store import read_events
from tocsin.office import evidence, register
from tocsin.office.keys import public_text, signing_key
from tocsin.office.manifest import read_signed
from tocsin.office.models import Delivery, Evidence, Party, RegisterRow, Run, WindowSegment
from tocsin.office.parties import import_parties
from tocsin.words.errors import Busy, NotFound, Unreadable, Unusable
from tocsin.words.markings import Tlp

pytestmark = pytest.mark.usefixtures("parties")

DEMO = sorted((SAMPLES / "demo").glob("*.csv"))
SINKHOLE = SAMPLES / "demo" / "2026-06-17-event4_sinkhole-demo.csv"
SCAN = SAMPLES / "demo" / "2026-06-17-scan_rdp-demo.csv"
RUN = UUID("0f0f0f0f-0f0f-4f0f-8f0f-0f0f0f0f0f0f")
DAY = timedelta(hours=24)
ROUTED = "response:report:route"
HEADER = "timestamp,ip,port,tag\n"
LATIN_1 = b"first,last,asn,name,country\n192.0.2.1,192.0.2.9,64500,K\xf6ln,DE\n"
NO_FORMAT = "noise.csv: in no format that Tocsin reads. Possible: "


def told(outcome) -> list[tuple[str, str, int]]:
    return [(row.party.slug, row.relation, row.rows) for row in outcome.deliveries]


def counts(outcome) -> list[tuple[str, int, int, int, str]]:
    """Per file: name, rows, quarantined, repeats, why it could not be read."""
    return [
        (report.name, report.rows, report.quarantined, report.duplicates, report.unreadable)
        for report in outcome.reports
    ]


def kept(store) -> pl.DataFrame:
    """The event store, sorted."""
    return read_events(store.events).sort("report", "row").collect()


def write(path: Path, *lines: str) -> Path:
    path.write_text(HEADER + "".join(f"{line}\n" for line in lines))
    return path


@contextmanager
def cut_off_at(table: str):
    """The database goes away when a row of this table is to be written."""

    def wrapper(execute, sql, params, many, context):
        if sql.startswith(f'INSERT INTO "{table}"'):
            raise OperationalError("the power went")
        return execute(sql, params, many, context)

    with connection.execute_wrapper(wrapper), pytest.raises(OperationalError, match="the power"):
        yield


# ── what comes of real reports ───────────────────────────────────────────────────────────


def test_the_demo_reports_reach_twelve_parties(route) -> None:
    outcome = route(*DEMO)

    assert told(outcome) == [
        ("brook-telecom", "network", 12),
        ("csirt-be", "csirt", 25),
        ("csirt-pl", "csirt", 14),
        ("csirt-pt", "csirt", 12),
        ("cybercrime-unit", "law_enforcement", 13),
        ("example-registry", "registry", 6),
        ("harbour-online", "network", 11),
        ("hillside-hosting", "network", 3),
        ("lantern-bank", "brand", 2),
        ("lantern-cloud", "network", 12),
        ("meadow-net", "network", 13),
        ("shadowserver-sample", "reporter", 53),
    ]
    assert counts(outcome) == [
        ("2026-06-17-event4_sinkhole-demo.csv", 30, 1, 1, ""),
        ("2026-06-17-phish_url-demo.csv", 7, 0, 0, ""),
        ("2026-06-17-scan_rdp-demo.csv", 17, 1, 0, ""),
    ]
    assert outcome.totals.classes == {
        "infected-system": 29,
        "phishing": 7,
        "vulnerable-system": 17,
    }
    assert (outcome.totals.unrouted, outcome.totals.nobody) == (1, {("EE", "AS64510"): 1})


def test_every_kind_of_shadowserver_file_is_read(route) -> None:
    outcome = route(*sorted((SAMPLES / "shadowserver").iterdir()))

    assert counts(outcome) == [
        ("2026-06-16-event4_sinkhole-latin1.csv", 2, 0, 0, ""),
        ("2026-06-17-compromised_website-multiline.csv", 2, 0, 0, ""),
        ("2026-06-17-event4_honeypot_ddos_amp-sample.csv", 1, 0, 0, ""),
        ("2026-06-17-event4_sinkhole-broken.csv", 3, 2, 0, ""),
        ("2026-06-17-event4_sinkhole-sample.csv", 6, 0, 3, ""),
        ("2026-06-17-event4_sinkhole_http-sample.csv", 2, 0, 0, ""),
        ("2026-06-17-event6_sinkhole-sample.csv", 2, 0, 0, ""),
        ("2026-06-17-phish_url-sample.csv", 2, 0, 0, ""),
        ("2026-06-17-scan_quokka-sample.csv", 1, 0, 0, ""),
        ("2026-06-17-scan_rdp-packed.csv.gz", 1, 0, 0, ""),
        ("2026-06-17-scan_rdp-sample.csv", 2, 0, 1, ""),
        ("2026-06-17-zipped.zip", 3, 0, 3, ""),
    ]
    assert outcome.totals.classes == {
        "infected-system": 12,
        "system-compromise": 2,
        "ddos": 1,
        "phishing": 2,
        "other": 1,
        "vulnerable-system": 2,
    }
    assert outcome.totals.unrouted == 0


def test_a_report_type_nobody_has_seen_is_parsed_routed_and_noted(route, store) -> None:
    outcome = route(SAMPLES / "shadowserver" / "2026-06-17-scan_quokka-sample.csv")

    assert told(outcome) == [
        ("csirt-pl", "csirt", 1),
        ("harbour-online", "network", 1),
        ("shadowserver-sample", "reporter", 1),
    ]
    assert outcome.reports[0].sentences() == [
        "report type 'scan_quokka' is not in the table: class other",
        "columns not in the table for 'scan_quokka', kept as extra: quokka_version, quokka-mode",
    ]
    row = kept(store).row(0, named=True)
    assert (row["classification.type"], row["source.ip"], row["source.port"]) == (
        "other",
        "198.51.100.44",
        7777,
    )


@pytest.mark.parametrize(
    ("sample", "format_", "classes"),
    [
        ("idf-csv/events.csv", "idf-csv", {"infected-system": 1, "phishing": 1}),
        ("intelmq-json/events.ndjson", "intelmq-json", {"infected-system": 1, "phishing": 1}),
        ("intelmq-json/array.json", "intelmq-json", {"infected-system": 2}),
    ],
)
def test_events_of_another_tool_are_routed_as_well(route, sample, format_, classes) -> None:
    outcome = route(SAMPLES / sample)

    assert [(report.format, report.rows) for report in outcome.reports] == [(format_, 2)]
    assert outcome.totals.classes == classes
    assert ("harbour-online", "network", 1) in told(outcome)


def test_a_zip_of_two_reports_is_one_file_with_the_rows_of_both(route) -> None:
    outcome = route(SAMPLES / "shadowserver" / "2026-06-17-zipped.zip")

    assert counts(outcome) == [("2026-06-17-zipped.zip", 3, 0, 0, "")]
    assert outcome.totals.classes == {"infected-system": 2, "phishing": 1}


# ── everything or nothing ────────────────────────────────────────────────────────────────


def test_run_register_row_reports_and_deliveries_say_the_same(route, at) -> None:
    outcome = route(*DEMO, run=RUN)
    run, row = Run.objects.get(), register.rows(action=ROUTED).get()

    assert (run.uid, run.state, run.at, run.finished_at) == (RUN, "done", at, at)
    assert (row.subject, row.actor, row.at) == (RUN, "test", at)
    assert row.facts == {
        "reports": [report.uid for report in outcome.reports],
        "rows": 54,
        "quarantined": 2,
        "duplicates": 1,
        "events": 53,
        "unrouted": 1,
        "held": 0,
        "deliveries": 12,
        "cases_opened": 52,
        "cases_joined": 0,
        "cases_reopened": 0,
    }
    assert run.counts == {"files": [report.digest for report in outcome.reports], **row.facts}
    assert Counter(Delivery.objects.values_list("run__uid", "state")) == {(RUN, "ready"): 12}
    assert sorted(Report.objects.values_list("name", "rows", "quarantined", "duplicates")) == [
        report[:4] for report in counts(outcome)
    ]


@pytest.mark.parametrize(
    "table",
    ["response_report", "office_delivery", "office_windowsegment", "office_registerrow"],
)
def test_of_a_run_that_was_cut_off_nothing_counts(route, table) -> None:
    with cut_off_at(table):
        route(SINKHOLE)

    assert [
        Delivery.objects.count(),
        Report.objects.count(),
        WindowSegment.objects.count(),
        register.rows(action=ROUTED).count(),
    ] == [0, 0, 0, 0]
    assert list(Run.objects.values_list("state", "finished_at")) == [("running", None)]


def test_a_run_that_was_cut_off_is_taken_up_again_and_no_event_is_kept_twice(route, store) -> None:
    with cut_off_at("office_registerrow"):
        route(*DEMO)
    before = kept(store)
    outcome = route(*DEMO)

    assert [str(run.uid.hex) for run in Run.objects.all()] == [outcome.run]
    assert (len(before), len(kept(store))) == (53, 53)
    assert kept(store).equals(before)
    assert (len(outcome.deliveries), Delivery.objects.count()) == (12, 12)
    assert list(store.spool.iterdir()) == []


def test_a_run_taken_up_again_after_another_told_some_of_it_leaves_the_store_whole(
    route, store, tmp_path
) -> None:
    """Its parts are committed with their size; written anew and shorter they could not be read."""
    with cut_off_at("office_registerrow"):
        route(SINKHOLE)
    part = tmp_path / SINKHOLE.name
    part.write_bytes(b"".join(SINKHOLE.read_bytes().splitlines(keepends=True)[:6]))
    other = route(part)
    again = route(SINKHOLE)

    assert (other.totals.events, again.totals.events) == (5, 24)
    assert Counter(kept(store)["run"]) == {other.run: 5, again.run: 29}


def test_a_run_that_was_cut_off_does_not_hold_other_files_back(route) -> None:
    with cut_off_at("office_delivery"):
        route(SINKHOLE)
    first, second = route(SCAN), route(SINKHOLE)

    assert (first.totals.events, second.totals.events) == (17, 29)
    assert first.run != second.run


def test_two_runs_at_once_in_one_store_are_refused(route) -> None:
    refused = []

    def meanwhile(step: str, _rows: int) -> None:
        if step == "read" and not refused:
            with pytest.raises(Busy, match=r"under way in .*Possible: wait for it"):
                route(SCAN)
            refused.append(step)

    outcome = route(SINKHOLE, progress=meanwhile)

    assert (refused, outcome.totals.events, Run.objects.count()) == (["read"], 29, 1)


# ── told once ────────────────────────────────────────────────────────────────────────────


def test_the_same_file_again_within_a_day_tells_nobody_anything(route, at) -> None:
    route(SINKHOLE)
    again = route(SINKHOLE, at=at + DAY - timedelta(seconds=1))

    assert counts(again) == [(SINKHOLE.name, 30, 1, 30, "")]
    assert (again.totals.events, again.deliveries) == (0, [])


def test_after_a_day_the_same_file_flows_again(route, at, store) -> None:
    first = route(SINKHOLE)
    again = route(SINKHOLE, at=at + DAY)

    assert told(again) == told(first)
    assert [path.name for path in store.window.iterdir()] == [f"{again.run}.npy"]


def test_the_same_file_twice_in_one_run_is_told_once(route) -> None:
    outcome = route(SINKHOLE, SINKHOLE)

    assert counts(outcome) == [(SINKHOLE.name, 30, 1, 1, ""), (SINKHOLE.name, 30, 1, 30, "")]
    assert (outcome.totals.events, Evidence.objects.count()) == (29, 1)


def test_two_files_of_one_name_are_two_reports(route, tmp_path) -> None:
    for name, line in (("a", "2026-06-17 01:00:00,192.0.2.7,80,x"), ("b", "nonsense,,,")):
        (tmp_path / name).mkdir()
        write(tmp_path / name / "report.csv", line)
    outcome = route(tmp_path / "a" / "report.csv", tmp_path / "b" / "report.csv")

    assert counts(outcome) == [("report.csv", 1, 0, 0, ""), ("report.csv", 0, 1, 0, "")]
    assert len({report.uid for report in outcome.reports}) == 2


# ── files that cannot be used ────────────────────────────────────────────────────────────


def test_an_unreadable_file_is_named_and_does_not_stop_the_good_one(route, store, tmp_path) -> None:
    bad = tmp_path / "noise.csv"
    bad.write_bytes(b"\x00\x9f\x92\x96" * 100)
    outcome = route(bad, SINKHOLE)

    assert counts(outcome) == [
        ("noise.csv", 0, 0, 0, outcome.reports[0].unreadable),
        (SINKHOLE.name, 30, 1, 1, ""),
    ]
    assert outcome.reports[0].unreadable.startswith(NO_FORMAT)
    assert outcome.totals.events == 29
    assert set(Report.objects.values_list("name", "state")) == {
        ("noise.csv", "unreadable"),
        (SINKHOLE.name, "read"),
    }
    for path in (bad, SINKHOLE):
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        assert b"".join(evidence.read(digest, store_folder=store.path)) == path.read_bytes()


def test_manifests_name_the_files_that_were_read_and_no_other(route, store, tmp_path) -> None:
    bad = tmp_path / "noise.csv"
    bad.write_bytes(b"noise")
    outcome = route(bad, SINKHOLE)
    data = (store.path / outcome.deliveries[0].manifest_path).read_bytes()
    facts = read_signed(data, public_key=public_text(signing_key(store.keys)))

    assert facts["reports"] == {
        outcome.reports[1].uid: hashlib.sha256(SINKHOLE.read_bytes()).hexdigest()
    }


@pytest.mark.parametrize(
    ("name", "data", "reason"),
    [
        ("empty.csv", b"", "empty.csv: empty."),
        ("cut.csv.gz", gzip.compress(SINKHOLE.read_bytes())[:700], "broken or cut short"),
        ("letter.csv", b"Dear Sir,\r\nplease find attached\r\n", "in no format that Tocsin reads"),
    ],
)
def test_a_file_that_is_no_report_says_why(route, tmp_path, name, data, reason) -> None:
    path = tmp_path / name
    path.write_bytes(data)
    outcome = route(path)

    assert (outcome.totals.events, outcome.deliveries) == (0, [])
    assert reason in outcome.reports[0].unreadable


def test_of_a_zip_that_breaks_off_no_row_flows_and_none_counts_as_read(route, tmp_path) -> None:
    path = tmp_path / "broken.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.write(SINKHOLE, SINKHOLE.name)
        archive.write(SCAN, SCAN.name)
        second = archive.getinfo(SCAN.name).header_offset
    data = bytearray(path.read_bytes())
    data[second + 200 : second + 240] = bytes(40)
    path.write_bytes(data)
    outcome = route(path)

    assert "30 rows were whole; none was routed" in outcome.reports[0].unreadable
    assert (outcome.reports[0].rows, outcome.totals.events, outcome.deliveries) == (0, 0, [])


def test_a_report_with_a_header_and_no_row_is_read_and_tells_nobody(route, tmp_path) -> None:
    outcome = route(write(tmp_path / "2026-06-17-scan_rdp-nothing.csv"))

    assert counts(outcome) == [("2026-06-17-scan_rdp-nothing.csv", 0, 0, 0, "")]
    assert (outcome.deliveries, register.rows(action=ROUTED).count()) == ([], 1)


def test_a_report_whose_rows_are_all_bad_leaves_them_in_quarantine(route, store, tmp_path) -> None:
    report = write(tmp_path / "2026-06-17-scan_rdp-bad.csv", "when?,192.0.2.300,80,x", ",,,")
    outcome = route(report)
    rows = quarantined(store.quarantine)

    assert counts(outcome) == [(report.name, 0, 2, 0, "")]
    assert rows.select("run", "file", "line", "raw").rows() == [
        (outcome.run, report.name, 2, b"when?,192.0.2.300,80,x\n"),
        (outcome.run, report.name, 3, b",,,\n"),
    ]


def test_a_file_name_of_any_bytes_is_told_as_text(route, tmp_path) -> None:
    for number, name in enumerate(
        (b"a b.csv", "übung.csv".encode(), b"two\nlines.csv", b"\xff.csv")
    ):
        path = Path((str(tmp_path).encode() + b"/" + name).decode("utf-8", "surrogateescape"))
        write(path, f"2026-06-17 01:00:00,192.0.2.{number},80,x", "bad,,,")
        route(path)

    assert sorted(Report.objects.values_list("name", flat=True)) == sorted(
        ["a b.csv", "übung.csv", "two\nlines.csv", "\\xff.csv"]
    )


def test_a_report_of_three_hundred_columns_flows_and_its_holder_gets_them_all(
    route, store, tmp_path
) -> None:
    names = [f"column_{number}" for number in range(297)]
    path = tmp_path / "2026-06-17-scan_rdp-wide.csv"
    values = [f"v{number}" for number in range(297)]
    path.write_text(
        ",".join(["timestamp", "ip", "port", *names])
        + "\n"
        + ",".join(["2026-06-17 01:00:00", "192.0.2.7", "80", *values])
        + "\n"
    )
    outcome = route(path)
    row = next(row for row in outcome.deliveries if row.relation == "network")

    text = (store.path / row.path).read_text()
    assert [value for value in values if value not in text] == []


def test_missing_files_are_named_before_anything_is_kept(route, tmp_path) -> None:
    with pytest.raises(NotFound, match=r"no such file: .*nope\.csv, .*neither\.csv"):
        route(SINKHOLE, tmp_path / "nope.csv", tmp_path / "neither.csv")

    assert (Run.objects.count(), Evidence.objects.count()) == (0, 0)


def test_no_file_at_all_is_refused(route) -> None:
    with pytest.raises(Unusable, match="no report named"):
        route()


@pytest.mark.parametrize(
    ("text", "error", "reason"),
    [
        (None, NotFound, "no such overlay"),
        (LATIN_1, Unreadable, "cannot be read as CSV in UTF-8"),
        (b"", Unreadable, "cannot be read as CSV in UTF-8"),
        (b"first,last\n", Unusable, "the header must be first,last,asn,name,country"),
        (b"first,last,asn,name,country\n192.0.2.9,192.0.2.1,1,x,BE\n", Unusable, "line 2"),
    ],
)
def test_a_wrong_overlay_is_refused_before_anything_is_kept(
    route, tmp_path, text, error, reason
) -> None:
    path = tmp_path / "overlay.csv"
    if text is not None:
        path.write_bytes(text)

    with pytest.raises(error, match=reason):
        route(SINKHOLE, overlay=path)
    assert (Run.objects.count(), Evidence.objects.count()) == (0, 0)


# ── who may not be told ──────────────────────────────────────────────────────────────────


def test_a_red_report_is_kept_and_sent_to_nobody(route, store) -> None:
    outcome = route(SINKHOLE, tlp=Tlp.RED)

    assert (outcome.totals.held, outcome.totals.unrouted, outcome.deliveries) == (29, 0, [])
    assert set(kept(store)["tlp"]) == {"TLP:RED"}


def test_an_amber_strict_report_gives_the_police_no_figures(route) -> None:
    strict = {relation for _, relation, _ in told(route(SINKHOLE, tlp=Tlp.AMBER_STRICT))}

    assert strict == {"network", "csirt", "reporter"}


def test_a_delivery_to_a_country_without_a_transfer_basis_is_parked_with_the_reason(
    route, at
) -> None:
    text = (SAMPLES / "parties.toml").read_text("utf-8")
    import_parties(
        text.replace('country = "PT"\nlanguage', 'country = "US"\nlanguage'), by="t", at=at
    )
    outcome = route(SINKHOLE)
    parked = {row.party.slug: row.last_error for row in outcome.deliveries if row.state == "parked"}

    assert parked == {
        "lantern-cloud": "no basis for a transfer of personal data to US is on file",
    }


def test_without_any_party_nothing_is_routed_and_nothing_is_used_up(route, at, store) -> None:
    """Else the events would be repeats on the day after, when the parties are there."""
    Party.objects.update(active=False)
    with pytest.raises(Unusable, match=r"no party is on file, .* Possible: --parties FILE"):
        route(SINKHOLE)
    import_parties((SAMPLES / "parties.toml").read_text("utf-8"), by="test", at=at)

    assert route(SINKHOLE).totals.events == 29


# ── one process or many ──────────────────────────────────────────────────────────────────


def _files(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def _forget_everything(store) -> None:
    for model in (Report, Delivery, WindowSegment, RegisterRow, Run, Evidence):
        model.objects.all().delete()
    for folder in (store.deliveries, store.events, store.window, store.quarantine):
        shutil.rmtree(folder)
        folder.mkdir()


def test_a_pool_of_processes_gives_the_same_bytes_as_one_process(route, store) -> None:
    reports = [*DEMO, *sorted((SAMPLES / "shadowserver").iterdir())]
    found = {}
    for executor in ("in-process", "pool"):
        _forget_everything(store)
        route(*reports, executor=executor, run=RUN)
        found[executor] = (_files(store.deliveries), _files(store.window), kept(store))

    (files, window, events), (pool_files, pool_window, pool_events) = found.values()
    assert len(files) == 2 * 12
    assert pool_files == files
    assert pool_window == window
    assert pool_events.equals(events)


def test_the_same_run_twice_is_the_same_bytes(route, store) -> None:
    found = []
    for _ in range(2):
        _forget_everything(store)
        route(*DEMO, run=RUN, overlay=OVERLAY)
        found.append(_files(store.deliveries))

    assert found[0] == found[1]
