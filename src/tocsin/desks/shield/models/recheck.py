"""Looking again, on the dates that the scope sets."""

from uuid import uuid4

from django.conf import settings
from django.db import models

from tocsin.desks.shield.models.listing import Listing


class Recheck(models.Model):
    """One date on which somebody looks whether a listing is still what it was listed for.

    Purpose: accuracy of what is blocked. Basis: GDPR art. 5(1)(d), 6(1)(e) (unverified).
    Retention: as for the listing; `text` may name a person and is scrubbed on request.
    """

    class Found(models.TextChoices):
        """What somebody saw."""

        STILL_FRAUD = "still_fraud"
        CLEANED = "cleaned"  # withdrawn with it
        GONE = "gone"  # nothing answers; it may come back, and stays listed until its end

    uid = models.UUIDField(default=uuid4, unique=True, editable=False)
    listing = models.ForeignKey(Listing, on_delete=models.CASCADE, related_name="rechecks")
    due_at = models.DateTimeField()
    found = models.CharField(max_length=12, choices=Found, blank=True)
    done_at = models.DateTimeField(null=True, blank=True)
    by = models.CharField(max_length=100, blank=True)
    person = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, related_name="+", null=True, blank=True
    )
    text = models.TextField(blank=True)

    class Meta:
        ordering = ("due_at", "pk")
        indexes = (models.Index(fields=("done_at", "due_at"), name="shield_recheck_due"),)

    def __str__(self) -> str:
        return f"{self.due_at:%Y-%m-%d}"
