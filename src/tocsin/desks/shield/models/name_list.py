"""Lists that others publish, as they were imported: a reason to look, or a warning."""

from uuid import uuid4

from django.db import models


class NameList(models.Model):
    """One list of one source.

    Purpose: to say that a name is on it, since when, and whose list it is. Basis and retention:
    none needed; names of services, no personal data; replaced by the next import.

    `kind` is a kind of `queries.known.KINDS`, or `other_list`: another blocklist. `is_ready` is
    false until its first import is whole.
    """

    uid = models.UUIDField(default=uuid4, unique=True, editable=False)
    kind = models.CharField(max_length=20)
    title = models.CharField(max_length=100, unique=True)
    origin = models.CharField(max_length=300, blank=True)
    licence = models.CharField(max_length=200, blank=True)
    as_of = models.DateField()
    entries = models.PositiveIntegerField(default=0)
    is_ready = models.BooleanField(default=False)
    imported_at = models.DateTimeField()
    imported_by = models.CharField(max_length=100)

    class Meta:
        ordering = ("kind", "title")

    def __str__(self) -> str:
        return self.title


class Entry(models.Model):
    """One name or address of a large list. Purpose, basis and retention: as for the list.

    `key` is the name with its labels turned round (`example.bank`), so that all below a name stand
    together, or the address after `url:`; bytes, so that every database orders them alike.
    """

    name_list = models.ForeignKey(NameList, on_delete=models.CASCADE, related_name="lines")
    key = models.BinaryField(max_length=2100)
    since = models.DateField()

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=("key", "name_list"), name="shield_entry_once"),
        )

    def __str__(self) -> str:
        return bytes(self.key).decode()
