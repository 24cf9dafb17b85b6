"""The bindings that may be asked, and the sources they are of."""

from pathlib import Path

from tocsin.desks.subscribers.models import BindingRun, Contact, Source
from tocsin.flow.bindings.runs import SUFFIX, Run
from tocsin.flow.bindings.search import Records

FOLDER = "bindings"


def run_path(store_folder: Path, uid: str) -> Path:
    """Where a sorted file of bindings lies."""
    return store_folder / FOLDER / f"{uid}{SUFFIX}"


def open_path(store_folder: Path, latest: str) -> Path:
    """Where the bindings lie that were still held when an import ended."""
    return store_folder / FOLDER / f"{latest}.open{SUFFIX}"


def pending_path(store_folder: Path, latest: str) -> Path:
    """Where the messages lie that the next piece of a log is folded with."""
    return store_folder / FOLDER / f"{latest}.pending.parquet"


def records(store_folder: Path) -> Records:
    """All there is to ask: what is over, and what each source says is held still."""
    runs = [Run(run_path(store_folder, row.uid.hex)) for row in BindingRun.objects.all()]
    sources = list(Source.objects.all())
    going = [open_path(store_folder, row.latest.hex) for row in sources if row.latest]
    slack = {row.number: row.slack for row in sources}
    named = Contact.objects.exclude(same_as=None).values_list("line", "same_as")
    same = [(line, meant) for line, meant in named if meant is not None]
    known = [*runs, *(Run(path) for path in going)]
    return Records.of(known, slack=slack, same=same)
