"""Leaves on their way into the public log."""

from django.db import models


class LogBatch(models.Model):
    """The leaves of one slot of the schedule, real ones and padding, in the order of the log.

    Purpose: the commit point of the public log; what was given a position here reaches the log's
    files whatever happens in between. Basis: accountability, GDPR art. 5(2). Retention: the row
    5 years; `leaves` (32 bytes each, no personal data) until they are in the log's files.
    """

    slot = models.BigIntegerField(unique=True)
    start = models.BigIntegerField(unique=True)
    count = models.BigIntegerField()
    leaves = models.BinaryField(default=b"")
    made_at = models.DateTimeField()
    published_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ("start",)
        verbose_name_plural = "log batches"

    def __str__(self) -> str:
        return f"{self.start}+{self.count}"
