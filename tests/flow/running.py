"""One run of the stages from bytes to delivery files, without a database."""

import io
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl

from tests.flow.world import AT, ON, SECRET, party
from tocsin.flow import store
from tocsin.flow.compiled import Compiled, compile_directory
from tocsin.flow.executors import Executor, InProcess
from tocsin.flow.gather import Gathered, Gatherer
from tocsin.flow.judging import Bench
from tocsin.flow.networks import SHIPPED
from tocsin.flow.quarantine import Quarantine
from tocsin.flow.remits import Agreement, Directory, Remit
from tocsin.flow.stages import (
    Plan,
    Read,
    ReadTask,
    Routed,
    RouteTask,
    Shape,
    judge_stage,
    read_stage,
    route_stage,
)
from tocsin.flow.tables import Chunk, Fault
from tocsin.formats import idf_csv, idf_json, shadowserver
from tocsin.formats.format import Format
from tocsin.words.markings import Tlp
from tocsin.words.relations import Relation, RemitKind

GOLDEN = Path(__file__).parent / "golden"
RUN = "0123456789abcdef0123456789abcdef"
SHAPES = {
    name: Shape(module.header, module.body, module.ends, module.FORMAT.extension)
    for name, module in (("idf-csv", idf_csv), ("intelmq-json", idf_json))
}
R, K = Relation, RemitKind
DIRECTORY = Directory(
    tuple(
        party(name, form=form)
        for name, form in (
            ("bank", "intelmq-json"),
            ("brook", "idf-csv"),
            ("cert-be", "idf-csv"),
            ("cert-pl", "intelmq-json"),
            ("harbour", "intelmq-json"),
            ("hillside", "idf-csv"),
            ("meadow", "idf-csv"),
            ("police", "idf-csv"),
            ("registry", "idf-csv"),
            ("sender", "intelmq-json"),
        )
    ),
    (
        Remit("meadow", K.ASN, "64496", R.NETWORK),
        Remit("brook", K.PREFIX, "192.0.2.128/25", R.NETWORK),
        Remit("brook", K.PREFIX, "192.0.2.192/26", R.NETWORK, shared=True),
        Remit("harbour", K.PREFIX, "198.51.100.0-198.51.100.130", R.NETWORK),
        Remit("harbour", K.PREFIX, "2001:db8:2::/48", R.NETWORK),
        Remit("hillside", K.ASN, "64499", R.NETWORK),
        Remit("hillside", K.DOMAIN, "hillside.example", R.PLATFORM),
        Remit("cert-be", K.COUNTRY, "BE", R.CSIRT),
        Remit("cert-pl", K.COUNTRY, "PL", R.CSIRT),
        Remit("registry", K.TLD, "example", R.REGISTRY),
        Remit("bank", K.BRAND, "Meadow Bank", R.BRAND),
        Remit("sender", K.EVERYTHING, "Shadowserver", R.REPORTER),
        Remit("police", K.COUNTRY, "BE", R.LAW_ENFORCEMENT),
    ),
    (Agreement("police", R.LAW_ENFORCEMENT, ("*",), "2026/7", "MoU", ON),),
)


@dataclass(frozen=True)
class Report:
    """A file to be routed."""

    name: str
    data: bytes
    format: Format = shadowserver.FORMAT
    tlp: Tlp = Tlp.AMBER


@dataclass
class Done:
    """All that a run left behind."""

    plan: Plan
    read: list[Read]
    routed: list[Routed]
    deliveries: list[Gathered]
    window: Path | None
    untold: Path | None
    quarantine: Path | None
    outs: dict[int, bytes] = field(default_factory=dict)

    @property
    def files(self) -> dict[str, bytes]:
        """Party and file name to the bytes of the delivery."""
        return {
            f"{one.recipient.party}/{one.path.name}": one.path.read_bytes()
            for one in self.deliveries
        }

    @property
    def events(self) -> pl.DataFrame:
        """What the store got, before any commit."""
        parts = [part.path for routed in self.routed if (part := routed.part)]
        frames = [
            pl.read_parquet(self.plan.table / path, hive_partitioning=False) for path in parts
        ]
        return pl.concat(frames, how="diagonal_relaxed")


def plan_in(folder: Path, *, directory: Directory = DIRECTORY, run: str = RUN) -> Plan:
    """A plan with its folders below `folder`."""
    spool = folder / "spool"
    spool.mkdir(parents=True, exist_ok=True)
    compiled: Compiled = compile_directory(directory, on=ON)
    overlay = GOLDEN / "networks.csv"
    return Plan(run, AT, spool, folder / "events", compiled, SHAPES, SECRET, SHIPPED, overlay)


def golden_reports() -> list[Report]:
    return [Report(path.name, path.read_bytes()) for path in sorted(GOLDEN.glob("2026-*.csv"))]


def pieces_of(report: Report, rows_per_chunk: int | None) -> list[Chunk | Fault]:
    """The chunks of a report, cut again into smaller ones where asked for."""
    assert report.format.cut is not None
    whole = list(report.format.cut(io.BytesIO(report.data), report.name))
    if rows_per_chunk is None:
        return whole
    cut: list[Chunk | Fault] = []
    for one in whole:
        if isinstance(one, Fault):
            cut.append(one)
            continue
        for at in range(0, len(one.starts), rows_per_chunk):
            span = slice(at, at + rows_per_chunk)
            mended = {
                number - at: clean
                for number, clean in one.mended.items()
                if at <= number < at + rows_per_chunk
            }
            cut.append(
                Chunk(
                    one.data,
                    one.row,
                    one.layout,
                    one.starts[span],
                    one.ends[span],
                    one.lines[span],
                    mended,
                )
            )
    return cut


def run(
    plan: Plan,
    reports: Sequence[Report],
    *,
    executor: Executor | None = None,
    segments: tuple[Path, ...] = (),
    untold: tuple[Path, ...] = (),
    rows_per_chunk: int | None = None,
) -> Done:
    """Read, judge, route, gather."""
    executor = executor or InProcess()
    kept = Quarantine(plan.spool.parent / "quarantine", plan.run)
    tasks, names = [], {}
    for number_of_report, report in enumerate(reports):
        uid = f"report-{number_of_report}"
        for piece in pieces_of(report, rows_per_chunk):
            if isinstance(piece, Fault):
                kept.add(uid, report.name, [piece])
                continue
            assert report.format.parse is not None
            names[len(tasks)] = report.name
            tasks.append(ReadTask(plan, len(tasks), uid, report.tlp, piece, report.format.parse))
    read = list(executor.map(read_stage, tasks))
    for one in read:
        kept.add(one.report, names[one.number], one.faults)
    bench = Bench(plan, [one.number for one in read], segments, untold)
    for verdict in executor.map(judge_stage, bench.tasks()):
        bench.take(verdict)
    routes = [
        RouteTask(plan, one.number, one.report, judged.repeated, judged.repeats, judged.heard)
        for one, judged in zip(read, bench.judged, strict=True)
    ]
    gatherer = Gatherer(plan, plan.spool.parent / "deliveries")
    done = Done(plan, read, [], [], None, None, None)
    for place, routed in enumerate(executor.map(route_stage, routes)):
        bench.settle(place, untold=routed.untold, again=routed.again)
        done.outs[routed.number] = plan.path("out", routed.number, ".bin").read_bytes()
        gatherer.add(routed)
        done.routed.append(routed)
    done.deliveries, done.quarantine = gatherer.close(), kept.close()
    segments = bench.close()
    done.window, done.untold = segments.told, segments.untold
    return done


def commit(done: Done) -> bool:
    """The store's own commit."""
    parts = [routed.part for routed in done.routed if routed.part]
    return store.commit(done.plan.table, parts, run=done.plan.run, at=done.plan.at)
