"""Files that the database names: whether they are there, and whether what is read still fits."""

from collections.abc import Iterator
from pathlib import Path

from tocsin.node.doctor.finding import Case, Finding
from tocsin.node.doctor.words import many, named, note, ok, wrong

AREA = "files"
RESTORE = "restore them from the newest backup: tocsin restore into a new store, and copy them"


def look(case: Case) -> Iterator[Finding]:
    """Every file that a row names is looked for; only without --quick is anything opened."""
    found = [*_lost(case), *_keys(case), *(_contents(case) if not case.quick else ())]
    yield from found or [ok(AREA, "every file that the database names is there")]


def _lost(case: Case) -> Iterator[Finding]:
    from tocsin.office import evidence
    from tocsin.office.models import Delivery, Evidence, WindowSegment

    root = case.store.path
    kept = Evidence.objects.exclude(key=b"").order_by("pk").values_list("digest", flat=True)
    gone = [
        digest[:12] for digest in kept if not evidence.path_of(digest, store_folder=root).is_file()
    ]
    if gone:
        what = f"{many(len(gone), 'file', 'files')} of evidence are lost: {named(gone)}"
        yield wrong(AREA, what, RESTORE)
    ready = Delivery.objects.filter(state__in=("ready", "parked")).order_by("pk")
    names = [name for row in ready.values_list("path", "manifest_path") for name in row]
    yield from _missing("of deliveries that wait", names, root)
    window = WindowSegment.objects.filter(until__gt=case.at).order_by("pk")
    yield from _missing("of the window", [*window.values_list("path", flat=True)], root)


def _missing(what: str, names: list[str], root: Path) -> Iterator[Finding]:
    gone = [name for name in names if not (root / name).is_file()]
    if gone:
        yield wrong(AREA, f"{many(len(gone), 'file', 'files')} {what} are lost: {named(gone)}",
                    RESTORE)  # fmt: skip


def _keys(case: Case) -> Iterator[Finding]:
    """A run draws these keys when it finds none: after a loss it would draw others."""
    from tocsin.office import publiclog
    from tocsin.office.models import Run

    mend = "restore it from the backup of the keys, before anything is routed"
    if Run.objects.filter(state="done").exists():
        gone = [name for name in ("pseudonyms.key",) if not (case.store.keys / name).is_file()]
        if gone:
            yield wrong("keys", f"{named(gone)} is lost: pseudonyms would no longer match", mend)
    log = publiclog.open_log(case.store.path)
    if log.spans() and not any((case.store.keys / "log").glob("*.key")):
        yield wrong("keys", "the keys of the public log are lost", mend)


def _contents(case: Case) -> Iterator[Finding]:
    from tocsin.office.register.checking import check_rows

    changed = check_rows().changed
    if changed:
        what = f"{many(len(changed), 'row is', 'rows are')} not what was written: {named(changed)}"
        yield wrong("register", what, "tocsin register check; compare with a backup")
    events = case.store.events
    if not (events / "_delta_log").is_dir():
        return
    broken = [path.name for path in sorted(events.rglob("*.parquet")) if not _is_parquet(path)]
    if broken:
        what = f"{many(len(broken), 'file', 'files')} of events cannot be read: {named(broken)}"
        yield wrong(AREA, what, RESTORE)
    elif not any(events.rglob("*.parquet")):
        yield note(AREA, "the event store is empty")


def _is_parquet(path: Path) -> bool:
    """Parquet files begin and end with the same four letters."""
    with path.open("rb") as file:
        head = file.read(4)
        file.seek(-4, 2)
        return head == file.read(4) == b"PAR1"
