"""Leftovers: files that a crash left and that nothing names any more.

To be looked for only while nothing else writes to the store (`office.alone`): what a run has
written and not yet committed looks the same.
"""

import re
import shutil
from pathlib import Path

from tocsin.flow import erasure
from tocsin.office.models import Delivery, Evidence, WindowSegment

_NOTE = ".redacted.json"  # office.erasure.deliveries
_AGAIN = re.compile(r"-r[0-9]+$")
_OF_RUN = re.compile("[0-9a-f]{32}")


def find(store_folder: Path) -> list[Path]:
    """Every leftover, sorted."""
    return sorted(
        {
            *_parts(store_folder / "events"),
            *_evidence(store_folder),
            *_deliveries(store_folder),
            *_windows(store_folder),
            *(store_folder / "quarantine").glob("*.partial"),
            *(path for path in (store_folder / "spool").rglob("*") if path.is_file()),
        }
    )


def sweep_run(store_folder: Path, run: str) -> None:
    """Unlink what one run left that did not get as far as its commit; everything bears its name.

    Events that it committed stay.
    """
    for name in ("spool", "deliveries"):
        shutil.rmtree(store_folder / name / run, ignore_errors=True)
    window, quarantine = store_folder / "window", store_folder / "quarantine"
    beside = [*window.glob(f"{run}*"), *quarantine.glob(f"{run}*")]
    for path in (*beside, *_parts(store_folder / "events", run)):
        path.unlink()


def empty_spool(store_folder: Path) -> None:
    """Also of a run that was cut off when it counted already; only while alone.

    What uploads and intakes have there is theirs: it is under way while a run is.
    """
    for path in (store_folder / "spool").iterdir():
        if _OF_RUN.fullmatch(path.name):
            shutil.rmtree(path, ignore_errors=True)


def remove(store_folder: Path, leftovers: list[Path]) -> int:
    """Unlink them and the folders that are empty then; how many bytes that frees."""
    freed = 0
    for path in leftovers:
        freed += path.lstat().st_size
        path.unlink()
    for name in ("deliveries", "spool", "evidence"):
        for folder in sorted((store_folder / name).rglob("*"), reverse=True):
            if folder.is_dir() and not any(folder.iterdir()):
                folder.rmdir()
    return freed


def _parts(table: Path, run: str = "") -> list[Path]:
    """What the event store does not name, of one run or of all."""
    strays = [table / name for name in erasure.unlink_strays(table, dry_run=True)]
    return [path for path in strays if path.name.startswith(run)]


def _evidence(store_folder: Path) -> list[Path]:
    """Sealed files without a key, and those that were never finished."""
    kept = set(Evidence.objects.exclude(key=b"").values_list("digest", flat=True))
    files = [path for path in (store_folder / "evidence").rglob("*") if path.is_file()]
    return [path for path in files if path.name.removesuffix(".zst.aes") not in kept]


def _deliveries(store_folder: Path) -> list[Path]:
    rows = list(Delivery.objects.values_list("path", "manifest_path"))
    named = {name for row in rows for name in row} | {_noted(path) for path, _ in rows}
    files = [path for path in (store_folder / "deliveries").rglob("*") if path.is_file()]
    names = {path: str(path.relative_to(store_folder)) for path in files}
    return [
        path
        for path, name in names.items()
        if name not in named and not (name.endswith(_NOTE) and _noted(name) in named)
    ]


def _noted(name: str) -> str:
    """What every note of an erasure on one delivery has in common: its name without `-r2`."""
    path = Path(name.removesuffix(_NOTE))
    stem = path.stem if not name.endswith(_NOTE) else path.name
    return str(path.with_name(_AGAIN.sub("", stem) + _NOTE))


def _windows(store_folder: Path) -> list[Path]:
    named = set(WindowSegment.objects.values_list("path", flat=True))
    files = [path for path in (store_folder / "window").iterdir() if path.is_file()]
    return [path for path in files if str(path.relative_to(store_folder)) not in named]
