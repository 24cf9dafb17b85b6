"""What was brought in and waits for the worker, or was worked."""

from uuid import uuid4

from django.db import models

from tocsin.office.models import Evidence, Party, Run


class Intake(models.Model):
    """One file that somebody brought in: to be routed, or only to see what routing would do.

    Purpose: to do the work of an upload where it keeps nobody waiting, and to show how far it is
    and what came of it. Basis: as for the evidence. Retention: with its run, 24 months; one that
    was only a preview, or failed, 30 days. `outcome` holds counts, names of parties and reasons;
    what a sentence of it quotes from a report may name a person.

    `mapping` is the text of a mapping file, for CSV of any kind. `answer` is what the desk answered
    whoever brought it in, last at `answered_at`; it goes with the row. Lease, attempt and
    `next_attempt_at` as on a delivery.
    """

    class Purpose(models.TextChoices):
        """What it was brought in for."""

        ROUTE = "route"
        PREVIEW = "preview"

    class State(models.TextChoices):
        """How far it is."""

        WAITING = "waiting"
        DONE = "done"
        FAILED = "failed"

    uid = models.UUIDField(default=uuid4, unique=True, editable=False)
    party = models.ForeignKey(Party, on_delete=models.PROTECT, related_name="+", null=True)
    evidence = models.ForeignKey(Evidence, on_delete=models.PROTECT, related_name="+")
    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="+", null=True, blank=True)
    name = models.CharField(max_length=255)
    format = models.CharField(max_length=40, blank=True)
    tlp = models.CharField(max_length=20)
    classification = models.CharField(max_length=60, blank=True)
    mapping = models.TextField(blank=True)
    purpose = models.CharField(max_length=10, choices=Purpose, default=Purpose.ROUTE)
    by = models.CharField(max_length=100)
    received_at = models.DateTimeField()
    state = models.CharField(max_length=10, choices=State, default=State.WAITING)
    stage = models.CharField(max_length=20, blank=True)
    rows = models.BigIntegerField(default=0)
    changed_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True, blank=True)
    outcome = models.JSONField(default=dict)
    error = models.TextField(blank=True)
    answer = models.TextField(blank=True)
    answered_at = models.DateTimeField(null=True, blank=True)
    attempt = models.PositiveIntegerField(default=0)
    next_attempt_at = models.DateTimeField()
    lease_owner = models.CharField(max_length=100, blank=True)
    lease_until = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ("-received_at", "-pk")
        indexes = (models.Index(fields=("state", "next_attempt_at"), name="intake_claim"),)

    def __str__(self) -> str:
        return self.name
