"""Leftovers: files that a crash left and that nothing names any more.

To be looked for only while nothing else writes to the store (`office.alone`): what a run has
written and not yet committed looks the same.
"""

from pathlib import Path

from tocsin.flow import erasure
from tocsin.office.models import Delivery, Evidence, WindowSegment

_SIDE_NOTES = ".redacted.json"


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


def _parts(table: Path) -> list[Path]:
    return [table / name for name in erasure.unlink_strays(table, dry_run=True)]


def _evidence(store_folder: Path) -> list[Path]:
    """Sealed files without a key, and those that were never finished."""
    kept = set(Evidence.objects.exclude(key=b"").values_list("digest", flat=True))
    files = [path for path in (store_folder / "evidence").rglob("*") if path.is_file()]
    return [path for path in files if path.name.removesuffix(".zst.aes") not in kept]


def _deliveries(store_folder: Path) -> list[Path]:
    named: set[str] = set()
    for path, manifest in Delivery.objects.values_list("path", "manifest_path"):
        named |= {path, manifest, str(Path(path).with_suffix(_SIDE_NOTES))}
    files = [path for path in (store_folder / "deliveries").rglob("*") if path.is_file()]
    return [path for path in files if str(path.relative_to(store_folder)) not in named]


def _windows(store_folder: Path) -> list[Path]:
    named = set(WindowSegment.objects.values_list("path", flat=True))
    files = [path for path in (store_folder / "window").iterdir() if path.is_file()]
    return [path for path in files if str(path.relative_to(store_folder)) not in named]
