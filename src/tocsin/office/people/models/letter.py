"""Mail to people, on its way."""

from uuid import uuid4

from django.db import models


class Letter(models.Model):
    """One mail to one person: a link to sign in with, a notice of what was done to their account.

    Purpose: to tell people what concerns their account, whatever the mail server does at the time.
    Basis: as for the person. Retention: until it is handed over, at most 72 hours.

    `sealed` holds address, subject and text under a key of the store, so that a copy of the
    database opens nobody's account.
    """

    uid = models.UUIDField(default=uuid4, unique=True, editable=False)
    sealed = models.BinaryField()
    created_at = models.DateTimeField()
    attempt = models.PositiveIntegerField(default=0)
    next_attempt_at = models.DateTimeField()
    lease_owner = models.CharField(max_length=100, blank=True)
    lease_until = models.DateTimeField(null=True, blank=True)
    last_error = models.CharField(max_length=500, blank=True)

    class Meta:
        ordering = ("created_at", "pk")
        indexes = (models.Index(fields=("next_attempt_at",), name="letter_due"),)

    def __str__(self) -> str:
        return str(self.uid)
