"""Who works here."""

from django.db import models


class Worker(models.Model):
    """A running `tocsin worker`, and when it was last seen.

    Purpose: `tocsin doctor` says whether anybody hands deliveries over. Basis: none needed, no
    personal data (a host's name and a process number). Retention: 7 days after it was last seen.
    """

    owner = models.CharField(max_length=100, unique=True)
    version = models.CharField(max_length=20)
    started_at = models.DateTimeField()
    seen_at = models.DateTimeField()
    stopped_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ("-seen_at",)

    def __str__(self) -> str:
        return self.owner
