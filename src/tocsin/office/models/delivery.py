"""What is on its way to a party."""

from uuid import uuid4

from django.db import models

from tocsin.office.models.party import Party
from tocsin.office.models.run import Run


class Delivery(models.Model):
    """Released rows for one party in one file, with its manifest, until it is handed over.

    Purpose: to tell each party exactly what it may see, once in effect, and to prove it.
    Basis: the disclosure rows the manifest cites. Retention: the file 90 days after it was
    delivered; this row 24 months (counts, digests and party only).

    `path` and `manifest_path` are relative to the store; their base names are the names the
    recipient sees, so they are unique per delivery. `attempt` counts tries begun, and together
    with `lease_owner` it says whether a worker that comes back late may still speak. `parcel` and
    `ticket` are set when a channel that gathers (mail) first takes the delivery up: what travels
    in one message stays in that message, however often it is repeated. Without a `run` it is a
    notice of the node itself: a reminder, an escalation.
    """

    class State(models.TextChoices):
        """Where a delivery stands."""

        READY = "ready"
        DELIVERED = "delivered"
        PARKED = "parked"
        WITHDRAWN = "withdrawn"

    uid = models.UUIDField(default=uuid4, unique=True, editable=False)
    run = models.ForeignKey(
        Run, on_delete=models.PROTECT, related_name="deliveries", null=True, blank=True
    )
    party = models.ForeignKey(Party, on_delete=models.PROTECT, related_name="deliveries")
    relation = models.CharField(max_length=20)
    format = models.CharField(max_length=40)
    channel = models.CharField(max_length=40)
    path = models.CharField(max_length=500)
    digest = models.CharField(max_length=64)
    size = models.BigIntegerField()
    rows = models.BigIntegerField()
    first_at = models.DateTimeField(null=True, blank=True)
    last_at = models.DateTimeField(null=True, blank=True)
    manifest_path = models.CharField(max_length=500)
    manifest_digest = models.CharField(max_length=64)
    tlp = models.CharField(max_length=20)
    state = models.CharField(max_length=10, choices=State, default=State.READY)
    attempt = models.PositiveIntegerField(default=0)
    next_attempt_at = models.DateTimeField()
    lease_owner = models.CharField(max_length=100, blank=True)
    lease_until = models.DateTimeField(null=True, blank=True)
    idempotency_key = models.CharField(max_length=100, unique=True)
    delivered_at = models.DateTimeField(null=True, blank=True)
    delivered_to = models.CharField(max_length=1000, blank=True)
    last_error = models.TextField(blank=True)
    parcel = models.CharField(max_length=32, blank=True, db_index=True)
    ticket = models.CharField(max_length=20, blank=True, db_index=True)
    created_at = models.DateTimeField()

    class Meta:
        ordering = ("created_at", "pk")
        verbose_name_plural = "deliveries"
        indexes = (
            models.Index(fields=("state", "next_attempt_at"), name="delivery_claim"),
            # The few that somebody holds just now, out of all that wait (`office.turns`).
            models.Index(
                fields=("lease_until",),
                condition=models.Q(lease_until__isnull=False),
                name="delivery_held",
            ),
        )

    def __str__(self) -> str:
        return str(self.uid)
