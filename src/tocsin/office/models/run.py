"""One pass of the main job."""

from uuid import uuid4

from django.db import models


class Run(models.Model):
    """One pass over one or more reports, from bytes to queued deliveries.

    Purpose: to tell what came of which report, and to skip on a replay what is already
    there. Basis: accountability, GDPR art. 5(2). Retention: 24 months; holds counts only,
    no personal data (`error` is one of our own sentences, never a row of a report).
    """

    class State(models.TextChoices):
        """How far a run has come."""

        RUNNING = "running"
        DONE = "done"
        FAILED = "failed"

    uid = models.UUIDField(default=uuid4, unique=True, editable=False)
    kind = models.CharField(max_length=40)
    state = models.CharField(max_length=10, choices=State, default=State.RUNNING)
    at = models.DateTimeField()
    started_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True, blank=True)
    counts = models.JSONField(default=dict)
    error = models.TextField(blank=True)

    class Meta:
        ordering = ("-started_at", "-pk")

    def __str__(self) -> str:
        return f"{self.kind} {self.uid}"
