"""Who is told of a listing, and of its withdrawal."""

from uuid import uuid4

from django.db import models

from tocsin.desks.shield.models.listing import Listing
from tocsin.office.models import Delivery, Party


class Announcement(models.Model):
    """That the concerned are to be told what became of a listing: written with the step itself.

    Purpose: that nobody concerned is forgotten, and nobody told twice. Basis and retention: as for
    the listing. `problem` is one of our own sentences.
    """

    class Kind(models.TextChoices):
        """What they are told."""

        LISTED = "listed"
        WITHDRAWN = "withdrawn"

    uid = models.UUIDField(default=uuid4, unique=True, editable=False)
    listing = models.ForeignKey(Listing, on_delete=models.CASCADE, related_name="announcements")
    kind = models.CharField(max_length=10, choices=Kind)
    owed_at = models.DateTimeField()
    told_at = models.DateTimeField(null=True, blank=True)
    problem = models.CharField(max_length=300, blank=True)

    class Meta:
        ordering = ("owed_at", "pk")
        constraints = (
            models.UniqueConstraint(fields=("listing", "kind"), name="shield_announced_once"),
        )
        indexes = (
            models.Index(
                fields=("owed_at",),
                condition=models.Q(told_at__isnull=True),
                name="shield_announce_owed",
            ),
        )

    def __str__(self) -> str:
        return self.kind


class Notice(models.Model):
    """One party told, as one relation. Purpose, basis and retention: as for the listing.

    `because` is the sentence why it is concerned; it may hold an address or a name.
    """

    announcement = models.ForeignKey(Announcement, on_delete=models.CASCADE, related_name="notices")
    party = models.ForeignKey(
        Party, on_delete=models.SET_NULL, related_name="+", null=True, blank=True
    )
    delivery = models.ForeignKey(
        Delivery, on_delete=models.SET_NULL, related_name="+", null=True, blank=True
    )
    relation = models.CharField(max_length=20)
    because = models.CharField(max_length=500)
    at = models.DateTimeField()

    class Meta:
        ordering = ("at", "pk")

    def __str__(self) -> str:
        return f"{self.relation} {self.because}"
