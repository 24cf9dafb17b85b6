"""One run's way through the stages: read, judge, route, gather. Knows no database."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

import polars as pl

from tocsin.flow.compiled import Compiled
from tocsin.flow.executors import Executor
from tocsin.flow.gather import Gathered, Gatherer
from tocsin.flow.judging import NO_SEGMENTS, Bench, Segments
from tocsin.flow.progress import Progress
from tocsin.flow.quarantine import Quarantine
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
from tocsin.flow.store import Part
from tocsin.flow.tables import Chunk, Fault, Parsed
from tocsin.flow.tally import TALLY
from tocsin.formats import xarf
from tocsin.formats.catalogue import FORMATS, sniff
from tocsin.formats.constants import with_constants
from tocsin.formats.format import Format
from tocsin.formats.packing import unpack
from tocsin.words.errors import Unreadable
from tocsin.words.markings import Tlp
from tocsin.words.relations import Relation

Parse = Callable[[Chunk], Parsed]


@dataclass
class ReportState:
    """One file on its way: what was read of it."""

    uid: str
    path: Path
    digest: str
    tlp: Tlp
    evidence_class: str = "machine-report"
    format: str = ""
    rows: int = 0
    quarantined: int = 0
    duplicates: int = 0
    unreadable: str = ""
    notes: dict[str, int] = field(default_factory=dict)  # sentence to how many ({n}), 0: none
    invalid: dict[str, int] = field(default_factory=dict)
    reporters: dict[str, int] = field(default_factory=dict)  # short name to rows it hears of

    @property
    def reporter(self) -> str:
        """The one party that sent all of it, by the feed its rows name; "" for none or several."""
        all_of = [slug for slug, rows in self.reporters.items() if rows == self.events]
        return all_of[0] if len(all_of) == 1 else ""

    @property
    def name(self) -> str:
        """The file's name as text; bytes that are no UTF-8 stand as `\\xff`."""
        return _as_text(self.path.name)

    def kept(self, faults: list[Fault]) -> list[Fault]:
        """Faults as quarantine may keep them: what citizens sent lies sealed as evidence alone."""
        if self.evidence_class == MACHINE_REPORT:
            return faults
        return [Fault(fault.row, fault.reason, b"") for fault in faults]

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


def _as_text(name: str) -> str:
    """A file name may hold any bytes (PEP 383); columns and databases hold text alone."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def _counted(sentence: str, count: int) -> str:
    """Fill `{n}` in; one of a thing is said in the singular."""
    if count == 1:
        plurals = (
            ("rows name", "row names"),
            ("rows", "row"),
            ("values", "value"),
            ("were", "was"),
        )
        for many, one in plurals:
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
    tallies: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=TALLY))
    window: Segments = NO_SEGMENTS
    quarantine: Path | None = None


def shapes(sender: xarf.Sender | None) -> dict[str, Shape]:
    """Formats that deliveries can be written in; XARF with the name of who reports."""
    formats = dict(FORMATS)
    if sender is not None:
        formats[xarf.FORMAT.name] = xarf.with_sender(sender)
    return {
        name: Shape(format_.header, format_.body, format_.ends, format_.extension)
        for name, format_ in formats.items()
        if format_.header is not None and format_.body is not None and format_.ends is not None
    }


@dataclass(frozen=True)
class Intake:
    """How reports are to be read: in a format (None: each is recognised), and with which
    constants for what a row leaves empty."""

    format: Format | None = None
    constants: tuple[tuple[str, str], ...] = ()

    def format_of(self, member: str, stream: BinaryIO) -> Format:
        """The format of one member of a file; raises Unreadable."""
        format_ = self.format or _recognised(member, stream)
        return with_constants(format_, self.constants) if self.constants else format_


def _recognised(member: str, stream: BinaryIO) -> Format:
    peek = getattr(stream, "peek", None)
    return sniff(peek(65536)[:65536] if peek else b"", member)


@dataclass(frozen=True)
class Pipeline:
    """All stages of one run over its reports; everything written is under the run's name."""

    plan: Plan
    reports: list[ReportState]
    executor: Executor
    segments: tuple[Path, ...]  # of the window, from earlier runs
    untold: tuple[Path, ...]  # likewise, of what reached nobody
    folder: Path  # for the deliveries
    quarantine: Path
    intake: Intake
    progress: Progress

    def run(self) -> Totals:
        """Read, judge, route, gather; raises nothing that a file's content could cause."""
        kept = Quarantine(self.quarantine, self.plan.run)
        chunks = self._read(kept)
        totals = Totals(quarantine=kept.close())
        bench = self._judge(list(chunks))
        tasks = (
            RouteTask(self.plan, number, report.uid, rows.repeated, rows.repeats, rows.heard)
            for (number, report), rows in zip(chunks.items(), bench.judged, strict=True)
        )
        places = {number: place for place, number in enumerate(chunks)}
        gatherer = Gatherer(self.plan, self.folder)
        for routed in self.executor.map(route_stage, tasks):
            gatherer.add(routed)
            _add(totals, routed)
            place, report = places[routed.number], chunks[routed.number]
            bench.settle(place, untold=routed.untold, again=routed.again)
            _note_reporters(report, routed, self.plan.compiled)
            report.duplicates += int(bench.judged[place].repeated.sum()) + len(routed.again)
            self.progress("route", routed.events)
        totals.deliveries, totals.window = gatherer.close(), bench.close()
        totals.tallies = gatherer.tallies()
        return totals

    # --- reading

    def _read(self, quarantine: Quarantine) -> dict[int, ReportState]:
        """Chunk number to its report; chunks of a report that broke off are left out."""
        numbers: dict[int, ReportState] = {}
        files: dict[int, str] = {}
        for read in self.executor.map(read_stage, self._tasks(quarantine, numbers, files)):
            report = numbers[read.number]
            report.rows += read.rows
            _note(report, read)
            quarantine.add(report.uid, files.pop(read.number), report.kept(read.faults))
            report.quarantined += len(read.faults)
            self.progress("read", read.rows + len(read.faults))
        for report in self.reports:
            _leave_out_half(report)
        return {number: report for number, report in numbers.items() if not report.unreadable}

    def _tasks(
        self, quarantine: Quarantine, numbers: dict[int, ReportState], files: dict[int, str]
    ) -> Iterator[ReadTask]:
        """Chunks to read; the two dictionaries learn where each came from."""
        for report in self.reports:
            try:
                for file, parse, item in _cut(report, self.intake):
                    if isinstance(item, Fault):
                        quarantine.add(report.uid, file, report.kept([item]))
                        report.quarantined += 1
                        continue
                    _require_sense(report)
                    number = len(numbers)
                    numbers[number], files[number] = report, file
                    yield ReadTask(self.plan, number, report.uid, report.tlp, item, parse)
            except Unreadable as fault:
                report.unreadable = _as_text(str(fault))

    def _judge(self, numbers: list[int]) -> Bench:
        """Every chunk's rows judged against the run and the window; the fresh keys are kept."""
        bench = Bench(self.plan, numbers, self.segments, self.untold)
        for verdict in self.executor.map(judge_stage, bench.tasks()):
            bench.take(verdict)
            self.progress("judge", len(verdict.fresh) + len(verdict.repeats))
        return bench


# Past so many records that cannot be read, most of a report must be readable for it to go on.
MOST_UNREADABLE = 100_000


def _require_sense(report: ReportState) -> None:
    """Raise `Unreadable` where nearly nothing of a long report can be read: it is something else.

    A small file that unpacks to millions of such lines would keep all other reports waiting.
    """
    if report.quarantined > max(MOST_UNREADABLE, report.rows):
        raise Unreadable(
            f"{report.quarantined:,} of its first {report.quarantined + report.rows:,} records "
            "cannot be read, so that it is hardly what it says. Possible: see tocsin quarantine "
            "for the reasons, then --format or --mapping."
        )


def _leave_out_half(report: ReportState) -> None:
    """Of a file that broke off nothing flows, and none of its rows is counted as read."""
    if report.unreadable and report.rows:
        was = "row was" if report.rows == 1 else "rows were"
        report.unreadable += f" ({report.rows:,} {was} whole; none was routed.)"
        report.rows = 0


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


def _note_reporters(report: ReportState, routed: Routed, compiled: Compiled) -> None:
    for piece in routed.pieces:
        if piece.relation is Relation.REPORTER:
            slug = compiled.recipients[piece.party].party
            report.reporters[slug] = report.reporters.get(slug, 0) + piece.rows


def _note(report: ReportState, read: Read) -> None:
    for text in read.notes:
        report.notes.setdefault(text, 0)
    for text, count in read.counts.items():
        report.notes[text] = report.notes.get(text, 0) + count
    for name, count in read.invalid.items():
        report.invalid[name] = report.invalid.get(name, 0) + count


def _cut(report: ReportState, intake: Intake) -> Iterator[tuple[str, Parse, Chunk | Fault]]:
    """Every chunk and fault of a file, member by member, with its name and what parses it."""
    for name, stream in unpack(report.path):
        member = _as_text(name)
        format_ = intake.format_of(member, stream)
        report.format = format_.name
        if format_.cut is None or format_.parse is None:
            raise Unreadable(f"{member}: format {format_.name} is for deliveries, not for reports")
        for item in format_.cut(stream, member):
            yield _file_name(report, member), format_.parse, item


def _file_name(report: ReportState, member: str) -> str:
    """`reports.zip: sinkhole.csv`; a file on its own, packed or not, goes by its name."""
    return report.name if report.name.startswith(member) else f"{report.name}: {member}"


# --- what kind of evidence a file is -----------------------------------------------------------

MACHINE_REPORT, CITIZEN_MESSAGE, PROHIBITED = "machine-report", "citizen-message", "prohibited"
_STRICTNESS = (MACHINE_REPORT, CITIZEN_MESSAGE, PROHIBITED)
_WINDOW = 1 << 20


def evidence_class_of(path: Path, intake: Intake) -> str:
    """How a file may be kept: the strictest class of its members (house plan, Evidence).

    A file that cannot be read is a machine report: its bytes are what the error is about.
    """
    found = [MACHINE_REPORT]
    try:
        for member, stream in unpack(path):
            found.append(_class_of(intake.format_of(_as_text(member), stream), stream))
    except Unreadable:
        pass
    return max(found, key=_STRICTNESS.index)


def _class_of(format_: Format, stream: BinaryIO) -> str:
    if format_.is_prohibited is not None:
        tail = b""
        while block := stream.read(_WINDOW):
            if format_.is_prohibited(tail + block):
                return PROHIBITED
            tail = block[-4096:]  # what is said across two windows is said
    return format_.evidence_class
