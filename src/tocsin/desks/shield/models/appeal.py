"""Somebody says that a listing is wrong."""

from uuid import uuid4

from django.db import models

from tocsin.desks.shield.models.listing import Listing


class Appeal(models.Model):
    """An appeal against a listing, by anybody; its lifecycle: `rules/shield.py`.

    `sealed_about` is the name or address that it is against; empty where it is against a reference.

    Purpose: to mend mistakes. Basis: GDPR art. 5(1)(d), 6(1)(e) (unverified). Retention: the texts
    until the decision, the address until the answer; the row 24 months, which then names nobody.
    """

    uid = models.UUIDField(default=uuid4, unique=True, editable=False)
    reference = models.CharField(max_length=14, unique=True)
    listing = models.ForeignKey(Listing, on_delete=models.CASCADE, related_name="appeals")
    sealed = models.BinaryField(default=bytes)
    sealed_about = models.BinaryField(default=bytes)
    sealed_address = models.BinaryField(default=bytes)
    language = models.CharField(max_length=10, default="en")
    is_cleaned = models.BooleanField(default=False)
    state = models.CharField(max_length=10)
    outcome = models.CharField(max_length=500, blank=True)
    filed_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)
    changed_at = models.DateTimeField()

    class Meta:
        ordering = ("filed_at", "pk")

    def __str__(self) -> str:
        return self.reference
