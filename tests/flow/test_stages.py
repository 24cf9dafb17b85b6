"""From bytes to delivery files: the same whoever runs it, however often, in whatever pieces."""

import json
import os
import re
import shutil
from collections.abc import Iterator
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from tests.flow.running import (
    DIRECTORY,
    GOLDEN,
    RUN,
    SHAPES,
    Done,
    Report,
    commit,
    golden_reports,
    pieces_of,
    plan_in,
    run,
)
from tests.flow.world import ON
from tocsin.flow import store
from tocsin.flow.executors import Executor, InProcess, Pool
from tocsin.flow.judging import Bench, Judged
from tocsin.flow.merge import SEEN
from tocsin.flow.quarantine import read_quarantine
from tocsin.flow.remits import Directory
from tocsin.flow.stages import JudgeTask, ReadTask, RouteTask, read_stage, route_stage, row_ends
from tocsin.flow.tables import Chunk
from tocsin.formats import idf_csv, idf_json
from tocsin.words.markings import Tlp
from tocsin.words.relations import Relation

EXPECTED = GOLDEN / "deliveries"
FIGURES = (
    "time.source,classification.taxonomy,classification.type,source.geolocation.cc,"
    "malware.name,extra.events"
)
SINKHOLE = (
    "timestamp,protocol,src_ip,src_port,src_asn,src_geo,dst_ip,dst_port,infection,tag,password\n"
)


def sinkhole(*rows: str, name: str = "2026-06-17-event4_sinkhole-x.csv") -> Report:
    """Rows `src_ip,src_port` as a report of its own."""
    lines = [
        f"2026-06-17 00:00:00,tcp,{row},,,203.0.113.200,80,meadowbot,meadowbot,SECRET\n"
        for row in rows
    ]
    return Report(name, (SINKHOLE + "".join(lines)).encode())


def lines_of(done: Done, start: str) -> list[dict[str, object]]:
    """The events of the one JSON delivery whose name starts so."""
    (data,) = (data for name, data in done.files.items() if name.startswith(start))
    return [json.loads(line) for line in data.splitlines()]


@pytest.fixture(scope="module")
def golden(tmp_path_factory: pytest.TempPathFactory) -> Done:
    """All golden reports routed here, in this process."""
    return run(plan_in(tmp_path_factory.mktemp("golden")), golden_reports())


@pytest.fixture(scope="module")
def pool() -> Iterator[Executor]:
    executor = Pool(2)
    yield executor
    executor.close()


# ── golden files ─────────────────────────────────────────────────────────────────────────


def test_every_party_gets_exactly_the_bytes_that_were_written_down(golden: Done) -> None:
    """After a wanted change: TOCSIN_WRITE_GOLDEN=1 pytest tests/flow, then read the diff."""
    if os.environ.get("TOCSIN_WRITE_GOLDEN"):
        shutil.rmtree(EXPECTED, ignore_errors=True)
        for name, data in golden.files.items():
            (EXPECTED / name).parent.mkdir(parents=True, exist_ok=True)
            (EXPECTED / name).write_bytes(data)
    paths = [path for path in EXPECTED.rglob("*") if path.is_file()]

    assert golden.files == {
        path.relative_to(EXPECTED).as_posix(): path.read_bytes() for path in paths
    }


def test_the_golden_reports_hold_secrets_and_the_deliveries_none() -> None:
    given = b"".join(report.data for report in golden_reports())
    told = b"".join(path.read_bytes() for path in EXPECTED.rglob("*") if path.is_file())

    assert len(re.findall(b"SECRET", given)) == 5
    assert b"SECRET" not in told


def test_the_honeypot_is_named_in_no_delivery() -> None:
    for path in EXPECTED.rglob("*"):
        assert path.is_dir() or b"203.0.113.201" not in path.read_bytes()


def test_deliveries_know_their_rows_times_classes_and_digest(golden: Done) -> None:
    facts = {
        (one.recipient.party, one.relation): (one.rows, one.size, one.classes, one.tlp)
        for one in golden.deliveries
    }

    size = len(golden.files[f"harbour/20260617T090000Z-network-{RUN[:8]}.ndjson"])
    assert facts["harbour", Relation.NETWORK] == (
        3,
        size,
        {"ddos": 1, "infected-system": 2},
        Tlp.AMBER,
    )
    assert facts["police", Relation.LAW_ENFORCEMENT][0] == 2
    assert sum(rows for rows, *_ in facts.values()) == 37
    assert [one.digest for one in golden.deliveries] == [
        sha256(data).hexdigest() for data in golden.files.values()
    ]


# ── the same, whoever runs it ────────────────────────────────────────────────────────────


def test_a_pool_of_processes_writes_the_same_bytes_and_stores_the_same_rows(
    golden: Done, pool: Executor, tmp_path: Path
) -> None:
    other = run(plan_in(tmp_path), golden_reports(), executor=pool)

    assert other.files == golden.files
    assert other.outs == golden.outs
    order = ["report", "row"]
    assert other.events.sort(order).equals(golden.events.sort(order))
    assert [one.digest for one in other.deliveries] == [one.digest for one in golden.deliveries]


@pytest.mark.parametrize("rows_per_chunk", [1, 2, 5])
def test_the_size_of_the_chunks_changes_nothing(
    golden: Done, rows_per_chunk: int, tmp_path: Path
) -> None:
    other = run(plan_in(tmp_path), golden_reports(), rows_per_chunk=rows_per_chunk)

    assert len(other.read) > len(golden.read)
    assert other.files == golden.files
    order = ["report", "row"]
    columns = golden.events.columns
    assert other.events.select(columns).sort(order).equals(golden.events.sort(order))


def test_the_window_is_the_same_in_whatever_pieces_and_a_repeat_of_it_flows_to_nobody(
    tmp_path: Path,
) -> None:
    """Without the networks most of the reports reach nobody who could act."""
    some = Directory(
        tuple(one for one in DIRECTORY.recipients if one.party in {"harbour", "sender"}),
        tuple(one for one in DIRECTORY.remits if one.party in {"harbour", "sender"}),
        (),
    )
    whole = run(plan_in(tmp_path / "whole", directory=some), golden_reports())
    cut = run(plan_in(tmp_path / "cut", directory=some), golden_reports(), rows_per_chunk=2)
    assert whole.window is not None
    assert whole.untold is not None
    assert cut.window is not None
    assert cut.untold is not None
    again = run(
        plan_in(tmp_path / "again", directory=some, run="f" * 32),
        golden_reports(),
        segments=(whole.window,),
        untold=(whole.untold,),
        rows_per_chunk=2,
    )

    assert cut.window.read_bytes() == whole.window.read_bytes()
    assert cut.untold.read_bytes() == whole.untold.read_bytes()
    assert len(np.load(whole.untold)) == sum(len(one.untold) for one in whole.routed) > 5
    assert (again.files, again.window, again.untold) == ({}, None, None)
    assert sum(one.events for one in again.routed) == 0


def test_a_stage_that_runs_twice_leaves_the_same_bytes(tmp_path: Path) -> None:
    plan = plan_in(tmp_path)
    report = golden_reports()[2]
    assert report.format.parse is not None
    (chunk,) = pieces_of(report, None)
    assert isinstance(chunk, Chunk)
    task = ReadTask(plan, 0, "report-0", Tlp.AMBER, chunk, report.format.parse)
    left = []
    for _ in range(2):
        read = read_stage(task)
        rows = Judged.of(read.rows)
        routed = route_stage(
            RouteTask(plan, 0, "report-0", rows.repeated, rows.repeats, rows.heard)
        )
        files = [path for path in tmp_path.rglob("*") if path.is_file()]
        left.append(({path: path.read_bytes() for path in files}, read, routed.pieces))

    assert left[0] == left[1]
    assert {path.suffix for path in left[0][0]} == {".npy", ".arrow", ".bin", ".parquet"}


def test_another_run_of_the_same_plan_writes_over_what_was_cut_off(tmp_path: Path) -> None:
    first = run(plan_in(tmp_path), golden_reports())
    again = run(plan_in(tmp_path), golden_reports())

    assert again.files == first.files


# ── pieces ───────────────────────────────────────────────────────────────────────────────


def test_two_formats_in_one_lane_are_cut_at_row_ends(tmp_path: Path) -> None:
    report = sinkhole(*(f"{ip},{port}" for port in range(1, 4) for ip in (
        "192.0.2.1", "198.51.100.1", "192.0.2.130", "198.51.100.140")))  # fmt: skip
    formats = {"meadow": "intelmq-json", "brook": "idf-csv", "harbour": "idf-csv"}
    recipients = tuple(
        replace(one, format=formats.get(one.party, "intelmq-json")) for one in DIRECTORY.recipients
    )

    done = run(plan_in(tmp_path, directory=replace(DIRECTORY, recipients=recipients)), [report])

    rows = {}
    for name in ("brook", "harbour"):
        data = done.files[f"{name}/20260617T090000Z-network-01234567.csv"]
        rows[name] = pl.read_csv(data).select("source.ip", "source.port").rows()
    for name in ("meadow", "hillside"):
        found = lines_of(done, f"{name}/20260617T090000Z-network")
        rows[name] = [(row["source.ip"], row["source.port"]) for row in found]
    assert rows == {
        "meadow": [("192.0.2.1", 1), ("192.0.2.1", 2), ("192.0.2.1", 3)],
        "brook": [("192.0.2.130", 1), ("192.0.2.130", 2), ("192.0.2.130", 3)],
        "harbour": [("198.51.100.1", 1), ("198.51.100.1", 2), ("198.51.100.1", 3)],
        "hillside": [("198.51.100.140", 1), ("198.51.100.140", 2), ("198.51.100.140", 3)],
    }


def test_a_line_feed_inside_a_value_ends_no_row() -> None:
    body = b'a,"one\ntwo"\nb,"three\n"\n'

    assert row_ends(body, 2, SHAPES["idf-csv"]).tolist() == [12, 23]
    with pytest.raises(RuntimeError, match="3 rows were written as 2"):
        row_ends(body, 3, SHAPES["idf-csv"])


def test_reports_with_and_without_times_and_classes_go_together(tmp_path: Path) -> None:
    timeless = Report(
        "x.csv",
        b"source.ip,classification.type,extra.tag\n192.0.2.7,spam,a\n192.0.2.8,spam,b\n",
        idf_csv.FORMAT,
    )
    nameless = Report("y.json", b'{"source.ip": "192.0.2.9"}\n', idf_json.FORMAT)

    done = run(plan_in(tmp_path), [timeless, sinkhole("192.0.2.1,5"), nameless])

    figures = done.files["police/20260617T090000Z-law-enforcement-01234567.csv"]
    assert figures.decode().splitlines() == [
        FIGURES,
        ",abusive-content,spam,BE,,2",
        ",other,undetermined,BE,,1",
        "2026-06-17T00:00:00+00:00,malicious-code,infected-system,BE,meadowbot,1",
    ]


def test_an_empty_report_tells_nobody_anything(tmp_path: Path) -> None:
    done = run(plan_in(tmp_path), [sinkhole()])

    assert (done.files, [one.events for one in done.routed]) == ({}, [0] * len(done.routed))
    assert done.window is None


# ── who, whether, and who was told ───────────────────────────────────────────────────────


def test_a_line_is_not_attributable_on_a_shared_address_without_a_port_and_only_there(
    tmp_path: Path,
) -> None:
    rows = ["192.0.2.192,", "192.0.2.192,0", "192.0.2.193,1024", "192.0.2.191,", "192.0.2.1,"]

    done = run(plan_in(tmp_path), [sinkhole(*rows)])

    said = {
        name.partition("/")[0]: pl.read_csv(data)["extra.attributable"].to_list()
        for name, data in done.files.items()
        if name.endswith(".csv") and "-network-" in name
    }
    no = "no: many lines share this address and the report names no source port"
    assert said == {"brook": [no, None, None], "meadow": [None]}
    assert sum(one.strictest for one in done.deliveries) > 0


def test_the_reporter_learns_which_relations_were_told_of_each_row(tmp_path: Path) -> None:
    done = run(plan_in(tmp_path), [sinkhole("192.0.2.1,1", "203.0.113.1,2", "198.51.100.1,3")])

    told = [row["extra"] for row in lines_of(done, "sender/")]
    assert [(one["row"], one["told"]) for one in told] == [  # type: ignore[index]
        (2, "csirt, network"),
        (3, ""),
        (4, "csirt, network"),
    ]


def test_what_concerns_nobody_who_could_act_is_counted_and_named(tmp_path: Path) -> None:
    done = run(plan_in(tmp_path), [sinkhole("192.0.2.1,1", "203.0.113.1,2", "203.0.113.2,2")])

    assert [(one.events, one.unrouted, one.nobody) for one in done.routed] == [
        (3, 2, {("PT", "AS64500"): 2})
    ]
    assert done.events.sort("row")["routed"].to_list() == [True, False, False]


@pytest.mark.parametrize(
    ("tlp", "held", "without"),
    [
        (Tlp.AMBER, 0, set()),
        (Tlp.AMBER_STRICT, 0, {"police"}),
        (Tlp.RED, 1, {"police", "meadow", "cert-be", "sender"}),
    ],
)
def test_the_marking_of_the_report_caps_who_is_told(
    tlp: Tlp, held: int, without: set[str], tmp_path: Path
) -> None:
    report = replace(sinkhole("192.0.2.1,1"), tlp=tlp)

    done = run(plan_in(tmp_path), [report])

    assert {one.recipient.party for one in done.deliveries} == (
        {"police", "meadow", "cert-be", "sender"} - without
    )
    assert [(one.held, one.unrouted) for one in done.routed] == [(held, 0)]
    assert {one.tlp for one in done.deliveries} <= {tlp}
    assert done.events["tlp"].to_list() == [tlp.value]


def test_the_reported_name_of_a_network_stands_where_the_snapshot_has_none(
    tmp_path: Path,
) -> None:
    rows = (
        b"source.ip,source.asn,source.as_name,source.geolocation.cc,classification.type\n"
        b"3fff::1,64511,Far Net,BE,spam\n192.0.2.1,64511,Far Net,PL,spam\n"
    )

    done = run(plan_in(tmp_path), [Report("x.csv", rows, idf_csv.FORMAT)])

    columns = ["source.asn", "source.as_name", "source.geolocation.cc"]
    assert done.events.sort("row").select(columns).rows() == [
        (64511, "Far Net", "BE"),
        (64496, "Meadow Net", "BE"),
    ]


# ── told again ───────────────────────────────────────────────────────────────────────────


def test_a_repeat_in_another_report_is_counted_with_the_first(tmp_path: Path) -> None:
    reports = [sinkhole("192.0.2.1,1", "192.0.2.1,2"), sinkhole("192.0.2.1,2", "192.0.2.1,2")]

    done = run(plan_in(tmp_path), reports)

    assert [one.events for one in done.routed] == [2, 0]
    data = done.files["meadow/20260617T090000Z-network-01234567.csv"]
    assert pl.read_csv(data).select("source.port", "extra.repeats").rows() == [(1, 0), (2, 2)]


def test_a_later_run_tells_nobody_again_what_the_window_has(tmp_path: Path) -> None:
    first = run(plan_in(tmp_path / "first"), [sinkhole("192.0.2.1,1", "192.0.2.1,2")])
    assert first.window is not None
    seen = np.load(first.window)
    assert (seen.dtype, len(seen)) == (SEEN, 2)
    assert seen["k0"].tolist() == sorted(seen["k0"].tolist())

    later = plan_in(tmp_path / "later", run="f" * 32)
    done = run(later, [sinkhole("192.0.2.1,2", "192.0.2.1,3")], segments=(first.window,))

    data = done.files["meadow/20260617T090000Z-network-ffffffff.csv"]
    assert pl.read_csv(data)["source.port"].to_list() == [3]
    assert done.window is not None
    assert len(np.load(done.window)) == 1


def test_many_keys_are_judged_slice_by_slice(tmp_path: Path, monkeypatch) -> None:
    rows = [f"192.0.2.{n % 100},{n % 120 + 1}" for n in range(600)]
    whole = run(plan_in(tmp_path / "whole"), [sinkhole(*rows)])
    monkeypatch.setattr("tocsin.flow.judging.KEYS_PER_BUCKET", 50)

    sliced = run(plan_in(tmp_path / "sliced"), [sinkhole(*rows)])
    tasks: list[JudgeTask] = list(Bench(sliced.plan, [0], ()).tasks())

    assert len(tasks) == 12
    assert sliced.files == whole.files
    assert sliced.window is not None
    assert whole.window is not None
    assert sliced.window.read_bytes() == whole.window.read_bytes()


# ── quarantine and store ─────────────────────────────────────────────────────────────────


def test_refused_rows_go_to_quarantine_with_their_exact_bytes(golden: Done) -> None:
    assert golden.quarantine is not None
    rows = read_quarantine(golden.quarantine.parent).collect().rows(named=True)

    lines = (
        (GOLDEN / "2026-06-17-event4_sinkhole-golden.csv").read_bytes().splitlines(keepends=True)
    )
    assert rows == [
        {
            "report": "report-2",
            "file": "2026-06-17-event4_sinkhole-golden.csv",
            "line": 10,
            "reason": "time.source: 'not a time' is no moment",
            "raw": lines[-1],
            "run": RUN,
        }
    ]


def test_nothing_is_left_in_quarantine_where_every_row_was_good(tmp_path: Path) -> None:
    done = run(plan_in(tmp_path), [sinkhole("192.0.2.1,1")])

    assert done.quarantine is None
    assert not (tmp_path / "quarantine").exists()


def test_the_same_run_committed_twice_is_there_once(golden: Done, tmp_path: Path) -> None:
    done = run(plan_in(tmp_path), golden_reports())

    assert (commit(done), commit(done)) == (True, False)
    again = run(plan_in(tmp_path), golden_reports())
    assert commit(again) is False

    table = pl.scan_delta(str(done.plan.table)).collect()
    kept = [name for name in table.columns if name in golden.events.columns]
    assert table["day"].unique().to_list() == [ON]
    assert (
        table.select(kept)
        .sort("report", "row")
        .equals(golden.events.select(kept).sort("report", "row"))
    )
    assert store.read_events(done.plan.table, days=[ON]).collect().height == 11


def test_another_run_adds_to_the_store(tmp_path: Path) -> None:
    for name, row in (("a" * 32, "192.0.2.1,1"), ("b" * 32, "192.0.2.1,2")):
        assert commit(run(plan_in(tmp_path, run=name), [sinkhole(row)])) is True

    table = store.read_events(tmp_path / "events").sort("run").collect()
    assert table.select("run", "source.port", "repeats").rows() == [
        ("a" * 32, 1, 0),
        ("b" * 32, 2, 0),
    ]


def test_no_password_payload_request_or_raw_record_is_in_the_store(tmp_path: Path) -> None:
    secret = {
        "source.ip": "192.0.2.1",
        "source.url": "http://me:SECRET@meadow.example/",
        "raw": "SECRET as base64 in real life",
        "extra.password": "SECRET",
        "extra.http_postdata": "SECRET",
        "extra.http_request": "SECRET",
        "extra.referrer": "http://me:SECRET@meadow.example/",
        "extra.tag": "kept",
    }
    lines = json.dumps(secret).encode() + b"\n"

    done = run(
        plan_in(tmp_path), [Report("x.ndjson", lines, idf_json.FORMAT), sinkhole("192.0.2.1,1")]
    )
    commit(done)

    for path in done.plan.table.rglob("*.parquet"):
        table = pl.read_parquet(path)
        assert b"SECRET" not in path.read_bytes()
        assert "SECRET" not in json.dumps(table.rows(), default=str)
        assert {"raw", "extra.password"}.isdisjoint(table.columns)
    kept = store.read_events(done.plan.table).collect().sort("report", "row")["extra"].to_list()
    assert json.loads(kept[0]) == {
        "referrer": "http://me:***@meadow.example/",
        "registrable_domain": "meadow.example",
        "tag": "kept",
    }


# ── executors ────────────────────────────────────────────────────────────────────────────


def halve(number: int) -> float:
    return 1 / (number - 3)


@pytest.mark.parametrize("kind", ["in-process", "pool"])
def test_results_come_in_order_and_a_stage_that_fails_is_heard(kind: str, pool: Executor) -> None:
    executor = InProcess() if kind == "in-process" else pool

    assert list(executor.map(halve, range(4, 12))) == [1 / n for n in range(1, 9)]
    with pytest.raises(ZeroDivisionError):
        list(executor.map(halve, range(8)))


def test_a_pool_takes_items_only_as_fast_as_it_works(pool: Executor) -> None:
    taken: list[int] = []

    def items() -> Iterator[int]:
        for number in range(4, 100):
            taken.append(number)
            yield number

    results = pool.map(halve, items())
    next(results)

    assert len(taken) <= 4
    assert len(list(results)) == 95


def test_nobody_in_the_directory_is_told_of_nothing(tmp_path: Path) -> None:
    done = run(plan_in(tmp_path, directory=Directory((), ())), [sinkhole("192.0.2.1,1")])

    assert (done.files, done.routed[0].unrouted) == ({}, 1)
