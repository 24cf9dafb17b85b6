"""How many people were led away from a listed name: by hour and network, and nothing else."""

from django.db import models

from tocsin.desks.shield.models.listing import Listing


class Visit(models.Model):
    """So many came from one network in one hour.

    Purpose: to see whom a campaign reaches. Basis: none needed above the threshold, GDPR art.
    6(1)(e) below it (unverified). Retention: below the threshold until the hour is over, else 90
    days. `network` is an AS number or a country; never an address.
    """

    listing = models.ForeignKey(Listing, on_delete=models.CASCADE, related_name="visits")
    hour = models.DateTimeField()
    network = models.CharField(max_length=16)
    count = models.PositiveIntegerField(default=0)

    class Meta:
        ordering = ("-hour", "-count", "network")
        constraints = (
            models.UniqueConstraint(
                fields=("listing", "hour", "network"), name="shield_visits_once"
            ),
        )

    def __str__(self) -> str:
        return f"{self.hour:%Y-%m-%d %H} {self.network}"
