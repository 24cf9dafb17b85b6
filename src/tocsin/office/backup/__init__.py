"""Backup and restore: a folder anybody may keep, and a small archive of keys that opens it.

Every part of the folder is sealed under a key of its own, and those keys lie in the archive and
nowhere else. Whoever destroys the archive has destroyed the backup, wherever copies of it lie:
that is how an erasure stays true (docs/decisions/0016).
"""

from tocsin.office.backup.horizon import Pruned, known_backups, prune
from tocsin.office.backup.making import Made, Wish, make
from tocsin.office.backup.manifest import Manifest, find, list_backups
from tocsin.office.backup.restoring import fill, record_restore, require_known
from tocsin.office.backup.verifying import Opened, open_backup, verify

__all__ = [
    "Made",
    "Manifest",
    "Opened",
    "Pruned",
    "Wish",
    "fill",
    "find",
    "known_backups",
    "list_backups",
    "make",
    "open_backup",
    "prune",
    "record_restore",
    "require_known",
    "verify",
]
