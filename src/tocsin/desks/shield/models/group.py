"""What belongs together: one registrable domain, or one address where the host is everybody's."""

from uuid import uuid4

from django.db import models


class Group(models.Model):
    """Messages that lead to one place, as `flow.triage` groups them.

    Purpose: to decide once on what a thousand people sent in. Basis: GDPR art. 6(1)(e)
    (unverified). Retention: 24 months after the last change; counts and names of hosts, no person.

    `key` is a domain or a URL, "" where a message leads nowhere; `digest` its SHA-256. `lure` is
    the skeleton of the most frequent subject: groups that share it are one campaign. `first_at` is
    when it was first seen here: the clock of the campaign runs from there.
    """

    class State(models.TextChoices):
        """Where a decision stands."""

        OPEN = "open"
        WAITING = "waiting"  # somebody approved a listing, and somebody else is to confirm it
        LISTED = "listed"
        REJECTED = "rejected"

    uid = models.UUIDField(default=uuid4, unique=True, editable=False)
    reference = models.CharField(max_length=14, unique=True)
    key = models.CharField(max_length=2000, blank=True)
    digest = models.CharField(max_length=64, unique=True)
    landing = models.CharField(max_length=2000, blank=True)
    lure = models.CharField(max_length=200, blank=True)
    state = models.CharField(max_length=10, choices=State, default=State.OPEN)
    score = models.IntegerField(default=0)
    urgency = models.FloatField(default=0)
    reasons = models.JSONField(default=list)
    messages = models.PositiveIntegerField(default=0)
    reporters = models.PositiveIntegerField(default=0)
    first_at = models.DateTimeField()
    last_at = models.DateTimeField()
    changed_at = models.DateTimeField()

    class Meta:
        ordering = ("-urgency", "-score", "first_at", "pk")
        indexes = (
            models.Index(fields=("state", "-urgency"), name="shield_queue"),
            models.Index(fields=("lure",), name="shield_lure"),
        )

    def __str__(self) -> str:
        return self.reference
