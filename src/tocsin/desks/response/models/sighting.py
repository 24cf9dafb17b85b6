"""What one report added to one case."""

from django.db import models

from tocsin.desks.response.models.case import Case
from tocsin.desks.response.models.report import Report
from tocsin.office.models import Delivery


class Sighting(models.Model):
    """Counts of one report's events in one case, and the delivery that told the party of them.

    Purpose: to tell the party what was told when, and the reporter what became of what it sent.
    Basis: as for the case. Retention: with the delivery row, 24 months; counts and moments only,
    no personal data.
    """

    case = models.ForeignKey(Case, on_delete=models.CASCADE, related_name="sightings")
    report = models.ForeignKey(Report, on_delete=models.CASCADE, related_name="sightings")
    delivery = models.ForeignKey(Delivery, on_delete=models.CASCADE, related_name="+")
    events = models.BigIntegerField()
    first_at = models.DateTimeField(null=True, blank=True)
    last_at = models.DateTimeField(null=True, blank=True)
    at = models.DateTimeField()

    class Meta:
        ordering = ("-at", "-pk")
        constraints = (
            models.UniqueConstraint(fields=("case", "report", "delivery"), name="sighting_once"),
        )

    def __str__(self) -> str:
        return f"{self.events} in {self.case_id}"
