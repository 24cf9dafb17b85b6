"""What came back for a delivery."""

from django.db import models

from tocsin.office.models.delivery import Delivery


class Receipt(models.Model):
    """One answer of a party: received, acted, cured, or that it was wrong.

    Purpose: to follow a case to its remedy and to tell the reporter. Basis: as for the
    delivery. Retention: with the delivery row, 24 months; `detail` holds counts and codes,
    no address of a subscriber.
    """

    class Kind(models.TextChoices):
        """What the party says."""

        RECEIVED = "received"
        ACTED = "acted"
        CURED = "cured"
        NOT_OURS = "not_ours"
        FALSE_POSITIVE = "false_positive"
        BOUNCED = "bounced"

    delivery = models.ForeignKey(Delivery, on_delete=models.CASCADE, related_name="receipts")
    kind = models.CharField(max_length=20, choices=Kind)
    at = models.DateTimeField()
    by = models.CharField(max_length=100)
    detail = models.JSONField(default=dict)

    class Meta:
        ordering = ("at", "pk")

    def __str__(self) -> str:
        return f"{self.kind} {self.delivery_id}"
