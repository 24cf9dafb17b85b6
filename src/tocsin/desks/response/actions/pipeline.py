"""One run's way through the stages: read, judge, route, gather. Knows no database."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

import numpy as np

from tocsin.flow import merge
from tocsin.flow.executors import Executor
from tocsin.flow.gather import Gathered, Gatherer
from tocsin.flow.quarantine import Quarantine
from tocsin.flow.stages import (
    JudgeTask,
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
from tocsin.flow.store import Part
from tocsin.flow.tables import Fault
from tocsin.formats.catalogue import FORMATS, sniff
from tocsin.formats.format import Format
from tocsin.formats.packing import unpack
from tocsin.words.errors import Unreadable, Unusable
from tocsin.words.markings import Tlp

# Below this many keys one slice is quicker than many; above, a slice is about 160,000 keys.
KEYS_PER_BUCKET = 200_000
Progress = Callable[[str, int], None]


@dataclass
class ReportState:
    """One file on its way: what was read of it."""

    uid: str
    path: Path
    digest: str
    tlp: Tlp
    format: str = ""
    rows: int = 0
    quarantined: int = 0
    duplicates: int = 0
    unreadable: str = ""
    notes: dict[str, int] = field(default_factory=dict)  # sentence to how many ({n}), 0: none
    invalid: dict[str, int] = field(default_factory=dict)

    @property
    def events(self) -> int:
        """Rows that flowed on as events of their own."""
        return self.rows - self.duplicates

    def sentences(self) -> list[str]:
        """The notes as sentences, with their numbers filled in."""
        said = [_counted(text, count) for text, count in self.notes.items()]
        set_aside = [
            _counted(f"{{n}} values of {name} broke its rule and were set aside", count)
            for name, count in sorted(self.invalid.items())
        ]
        return [*said, *set_aside]


def _counted(sentence: str, count: int) -> str:
    """Fill `{n}` in; one of a thing is said in the singular."""
    if count == 1:
        for many, one in (("rows", "row"), ("values", "value"), ("were", "was")):
            sentence = sentence.replace(f"{{n}} {many}", f"{{n}} {one}").replace(
                f" {many} ", f" {one} "
            )
    return sentence.replace("{n}", f"{count:,}")


@dataclass
class Totals:
    """What a run gave, before anything is committed."""

    events: int = 0
    unrouted: int = 0
    held: int = 0
    nobody: dict[tuple[str, str], int] = field(default_factory=dict)
    classes: dict[str, int] = field(default_factory=dict)
    parts: list[Part] = field(default_factory=list)
    deliveries: list[Gathered] = field(default_factory=list)
    window: Path | None = None
    window_keys: int = 0
    quarantine: Path | None = None


def shapes() -> dict[str, Shape]:
    """Formats that deliveries can be written in."""
    return {
        name: Shape(format_.header, format_.body, format_.ends, format_.extension)
        for name, format_ in FORMATS.items()
        if format_.header is not None and format_.body is not None and format_.ends is not None
    }


def run_pipeline(
    plan: Plan,
    reports: list[ReportState],
    *,
    executor: Executor,
    segments: tuple[Path, ...],
    folder: Path,
    quarantine: Path,
    format_name: str | None,
    progress: Progress,
) -> Totals:
    """All stages of one run over its reports; everything written is under the run's name."""
    kept = Quarantine(quarantine, plan.run)
    chunk_reports = _read_all(plan, reports, executor, kept, format_name, progress)
    numbers = sorted(chunk_reports)
    totals = Totals(quarantine=kept.close())
    judged = _judge_all(plan, numbers, executor, segments, totals, progress)
    for number, rows in zip(numbers, judged, strict=True):
        chunk_reports[number].duplicates += int(rows.repeated.sum())
    tasks = (
        RouteTask(plan, number, chunk_reports[number].uid, rows.repeated, rows.repeats)
        for number, rows in zip(numbers, judged, strict=True)
    )
    gatherer = Gatherer(plan, folder)
    for routed in executor.map(route_stage, tasks):
        gatherer.add(routed)
        _add(totals, routed)
        progress("route", routed.events)
    totals.deliveries = gatherer.close()
    return totals


def _add(totals: Totals, routed: Routed) -> None:
    totals.events += routed.events
    totals.unrouted += routed.unrouted
    totals.held += routed.held
    for key, count in routed.nobody.items():
        totals.nobody[key] = totals.nobody.get(key, 0) + count
    for kind, count in routed.classes.items():
        totals.classes[kind] = totals.classes.get(kind, 0) + count
    if routed.part is not None:
        totals.parts.append(routed.part)


# --- reading ----------------------------------------------------------------------------------


def _read_all(
    plan: Plan,
    reports: list[ReportState],
    executor: Executor,
    quarantine: Quarantine,
    format_name: str | None,
    progress: Progress,
) -> dict[int, ReportState]:
    """Chunk number to its report; chunks of a report that broke off are left out."""
    numbers: dict[int, ReportState] = {}
    tasks = _tasks(plan, reports, quarantine, format_name, numbers)
    for read in executor.map(read_stage, tasks):
        report = numbers[read.number]
        report.rows += read.rows
        _note(report, read)
        quarantine.add(report.uid, report.path.name, read.faults)
        report.quarantined += len(read.faults)
        progress("read", read.rows + len(read.faults))
    return {number: report for number, report in numbers.items() if not report.unreadable}


def _note(report: ReportState, read: Read) -> None:
    for text in read.notes:
        report.notes.setdefault(text, 0)
    for text, count in read.counts.items():
        report.notes[text] = report.notes.get(text, 0) + count
    for name, count in read.invalid.items():
        report.invalid[name] = report.invalid.get(name, 0) + count


def _tasks(
    plan: Plan,
    reports: Iterable[ReportState],
    quarantine: Quarantine,
    format_name: str | None,
    numbers: dict[int, ReportState],
) -> Iterator[ReadTask]:
    for report in reports:
        try:
            for format_, item in _cut(report, format_name):
                if isinstance(item, Fault):
                    quarantine.add(report.uid, report.path.name, [item])
                    report.quarantined += 1
                    continue
                number = len(numbers)
                numbers[number] = report
                if format_.parse is None:
                    raise Unusable(f"format {format_.name} cannot be read")
                yield ReadTask(plan, number, report.uid, report.tlp, item, format_.parse)
        except Unreadable as fault:
            report.unreadable = str(fault)


def _cut(report: ReportState, format_name: str | None) -> Iterator[tuple[Format, object]]:
    for member, stream in unpack(report.path):
        format_ = _format_of(member, stream, format_name)
        report.format = format_.name
        if format_.cut is None:
            raise Unreadable(f"{member}: format {format_.name} is for deliveries, not for reports")
        for item in format_.cut(stream, member):
            yield format_, item


def _format_of(member: str, stream: BinaryIO, format_name: str | None) -> Format:
    if format_name is not None:
        return FORMATS[format_name]
    peek = getattr(stream, "peek", None)
    return sniff(peek(65536)[:65536] if peek else b"", member)


# --- judging ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Judged:
    """One chunk's rows: which are repeats (bool), how often each was repeated (uint32)."""

    repeated: np.ndarray
    repeats: np.ndarray


def _judge_all(
    plan: Plan,
    numbers: list[int],
    executor: Executor,
    segments: tuple[Path, ...],
    totals: Totals,
    progress: Progress,
) -> list[_Judged]:
    """Every chunk's rows judged against the run and the window; the fresh keys are kept."""
    paths = tuple(plan.path("keys", number, ".npy") for number in numbers)
    sizes = [_rows_in(path) for path in paths]
    judged = [_Judged(np.zeros(n, dtype=bool), np.zeros(n, dtype=np.uint32)) for n in sizes]
    buckets = max(1, -(-(sum(sizes) + sum(map(_rows_in, segments))) // KEYS_PER_BUCKET))
    tasks = (JudgeTask(paths, segments, plan.window, b, buckets) for b in range(buckets))
    fresh = plan.spool / "window.keys"
    with fresh.open("wb") as file:
        for verdict in executor.map(judge_stage, tasks):
            _apply(verdict, judged)
            file.write(verdict.fresh.tobytes())
            totals.window_keys += len(verdict.fresh)
            progress("judge", len(verdict.fresh) + len(verdict.repeats))
    totals.window = _segment(fresh, totals.window_keys)
    return judged


def _apply(verdict: merge.Verdict, judged: list[_Judged]) -> None:
    for chunk, rows in _by_chunk(verdict.repeats):
        judged[chunk].repeated[rows[:, 1]] = True
    for chunk, rows in _by_chunk(verdict.counts):
        judged[chunk].repeats[rows[:, 1]] = rows[:, 2]


def _by_chunk(rows: np.ndarray) -> Iterator[tuple[int, np.ndarray]]:
    """Rows (chunk, …) grouped by chunk."""
    rows = rows[np.argsort(rows[:, 0], kind="stable")]
    chunks, firsts = np.unique(rows[:, 0], return_index=True)
    for chunk, first, after in zip(chunks, firsts, [*firsts[1:], len(rows)], strict=True):
        yield int(chunk), rows[first:after]


def _rows_in(path: Path) -> int:
    return len(np.load(path, mmap_mode="r"))


def _segment(raw: Path, keys: int) -> Path | None:
    """The fresh keys of all slices, in order, as one file that numpy maps."""
    if not keys:
        return None
    path = raw.with_suffix(".npy")
    with path.open("wb") as file:
        header = {"descr": merge.SEEN.descr, "fortran_order": False, "shape": (keys,)}
        np.lib.format.write_array_header_1_0(file, header)
        with raw.open("rb") as source:
            while block := source.read(1 << 20):
                file.write(block)
    raw.unlink()
    return path
