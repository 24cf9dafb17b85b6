"""What a decision rested on, as it was when it was taken."""

from uuid import uuid4

from django.db import models

from tocsin.desks.shield.models.listing import Listing


class Grounds(models.Model):
    """The evidence of one confirmation, reduced: addresses, headers, digests, reasons, counts.

    Purpose: to answer an appeal when the messages themselves are erased. Basis: GDPR art. 5(2),
    6(1)(e) (unverified). Retention: as for the listing. `facts` never changes but by an erasure;
    `digest` is the SHA-256 of its canonical JSON and stands in the register.
    """

    uid = models.UUIDField(default=uuid4, unique=True, editable=False)
    listing = models.ForeignKey(Listing, on_delete=models.CASCADE, related_name="grounds")
    at = models.DateTimeField()
    digest = models.CharField(max_length=64)
    facts = models.JSONField(default=dict)

    class Meta:
        ordering = ("-at", "-pk")

    def __str__(self) -> str:
        return self.digest
