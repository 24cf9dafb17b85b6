"""Work that comes back on a schedule."""

from django.db import models


class Job(models.Model):
    """One recurring job of this node (`office.jobs`): when it is next due and who is at it.

    Purpose: publishing the log, closing periods, reminders, each once whatever the number of
    workers. Basis: none needed, no personal data. Retention: as long as the job exists.
    """

    name = models.CharField(max_length=60, unique=True)
    next_attempt_at = models.DateTimeField()
    attempt = models.PositiveIntegerField(default=0)
    lease_owner = models.CharField(max_length=100, blank=True)
    lease_until = models.DateTimeField(null=True, blank=True)
    done_at = models.DateTimeField(null=True, blank=True)
    last_error = models.TextField(blank=True)

    class Meta:
        ordering = ("name",)

    def __str__(self) -> str:
        return self.name
