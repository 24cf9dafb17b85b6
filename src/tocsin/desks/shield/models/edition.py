"""The list as it goes out: its editions, and the terms that stand in them."""

from django.db import models

from tocsin.desks.shield.models.listing import Listing


class Edition(models.Model):
    """One version of the list; its number is the serial of the zone.

    Purpose: to say what changed since. Basis and retention: none needed; no personal data.
    `is_whole` says that a change before it is not to be told name by name.
    """

    version = models.BigIntegerField(unique=True)
    at = models.DateTimeField()
    is_whole = models.BooleanField(default=False)

    class Meta:
        ordering = ("version",)

    def __str__(self) -> str:
        return str(self.version)


class Term(models.Model):
    """One term of a listing, as `formats.listed` has it.

    Purpose, basis and retention: as for the listing, with which it goes.
    """

    listing = models.ForeignKey(Listing, on_delete=models.CASCADE, related_name="terms")
    number = models.BigIntegerField(unique=True)
    scope = models.CharField(max_length=10)
    value = models.CharField(max_length=2000)
    over_https = models.BooleanField()
    listed_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    added_in = models.BigIntegerField()
    removed_in = models.BigIntegerField(null=True, blank=True)

    class Meta:
        ordering = ("number",)
        indexes = (
            models.Index(fields=("added_in",), name="shield_term_added"),
            models.Index(fields=("removed_in",), name="shield_term_removed"),
        )

    def __str__(self) -> str:
        return self.value
