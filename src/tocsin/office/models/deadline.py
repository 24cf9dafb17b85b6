"""What somebody owes by a moment."""

from uuid import uuid4

from django.db import models

from tocsin.office.models.party import Party


class Deadline(models.Model):
    """One running clock: a row of a deadline table of `rules`, started by a matter.

    Purpose: to remind whoever owes it in time, and to tell the next in line when it passes.
    Basis: the article in the rule's row. Retention: with the matter it belongs to, at most 5
    years; names a rule, a matter's id and a party, no person.

    `due_at` is the safe date, `latest_at` the latest legal one. `next_attempt_at` is the moment of
    the next reminder or escalation, `told` how many there were; lease and attempt as on a
    delivery.
    """

    class State(models.TextChoices):
        """Where a clock stands."""

        READY = "ready"
        MET = "met"
        PASSED = "passed"
        WITHDRAWN = "withdrawn"

    uid = models.UUIDField(default=uuid4, unique=True, editable=False)
    rule = models.CharField(max_length=100)
    matter = models.UUIDField()
    party = models.ForeignKey(
        Party, on_delete=models.PROTECT, related_name="deadlines", null=True, blank=True
    )
    started_at = models.DateTimeField()
    due_at = models.DateTimeField()
    latest_at = models.DateTimeField()
    met_at = models.DateTimeField(null=True, blank=True)
    state = models.CharField(max_length=10, choices=State, default=State.READY)
    told = models.PositiveIntegerField(default=0)
    attempt = models.PositiveIntegerField(default=0)
    next_attempt_at = models.DateTimeField(null=True, blank=True)
    lease_owner = models.CharField(max_length=100, blank=True)
    lease_until = models.DateTimeField(null=True, blank=True)
    idempotency_key = models.CharField(max_length=150, unique=True)

    class Meta:
        ordering = ("due_at", "pk")
        indexes = (
            models.Index(fields=("state", "next_attempt_at"), name="deadline_claim"),
            models.Index(fields=("matter",), name="deadline_matter"),
        )

    def __str__(self) -> str:
        return f"{self.rule} {self.uid}"
