"""The list as it goes out: its editions, and the terms that stand in them."""

from django.db import models

from tocsin.desks.shield.models.listing import Listing
from tocsin.rules.audiences import PUBLIC


class Edition(models.Model):
    """One version of an audience's list; its number is the serial of that audience's zone.

    Each audience counts by itself: what only one of them sees leaves no gap in another's numbers.

    Purpose: to say what changed since. Basis and retention: none needed; no personal data.
    `is_whole` says that a change before it is not to be told name by name.
    """

    audience = models.CharField(max_length=20, default=PUBLIC.name)
    version = models.BigIntegerField()
    at = models.DateTimeField()
    is_whole = models.BooleanField(default=False)

    class Meta:
        ordering = ("audience", "version")
        constraints = (
            models.UniqueConstraint(fields=("audience", "version"), name="shield_edition_once"),
        )

    def __str__(self) -> str:
        return str(self.version)


class Term(models.Model):
    """One term of a listing on the list of one audience, as `formats.listed` has it.

    Purpose, basis and retention: as for the listing, with which it goes.
    """

    listing = models.ForeignKey(Listing, on_delete=models.CASCADE, related_name="terms")
    audience = models.CharField(max_length=20, default=PUBLIC.name)
    number = models.BigIntegerField()
    scope = models.CharField(max_length=10)
    value = models.CharField(max_length=2000)
    over_https = models.BooleanField()
    listed_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    added_in = models.BigIntegerField()
    removed_in = models.BigIntegerField(null=True, blank=True)

    class Meta:
        ordering = ("number",)
        constraints = (
            models.UniqueConstraint(fields=("audience", "number"), name="shield_term_once"),
        )
        indexes = (
            models.Index(fields=("audience", "added_in"), name="shield_term_added"),
            models.Index(fields=("audience", "removed_in"), name="shield_term_removed"),
        )

    def __str__(self) -> str:
        return self.value
