"""What came by mail: each message once, and how far a mailbox was read."""

from django.db import models


class Arrival(models.Model):
    """One mail that was taken in, or looked at and passed over.

    Purpose: to take nothing in twice, whatever is cut off or sent again. Basis: none needed; no
    personal data. Retention: 180 days. `key` is a SHA-256 of Message-ID and content.
    """

    key = models.CharField(max_length=64, unique=True)
    at = models.DateTimeField()

    class Meta:
        ordering = ("-at", "-pk")

    def __str__(self) -> str:
        return self.key[:12]


class Reading(models.Model):
    """How far a mailbox was read.

    Purpose: to ask for what is new alone. Basis: none needed; no personal data. Retention: as long
    as it is read. `place` is a SHA-256 of its name; `upto` is UIDVALIDITY and UID of the last one.
    """

    place = models.CharField(max_length=64, unique=True)
    upto = models.CharField(max_length=100, blank=True)
    changed_at = models.DateTimeField()

    class Meta:
        ordering = ("place",)

    def __str__(self) -> str:
        return f"{self.place[:12]}: {self.upto}"
