"""What a party answers for."""

from django.db import models

from tocsin.office.models.party import Party


class Remit(models.Model):
    """One row of who answers for what (`flow.remits.Remit` is the same row on its way down).

    Purpose: to decide whom an event concerns, and to say why. Basis: as for the party; a
    prefix or domain held by one person is personal data. Retention: until the party's
    source no longer names it.
    """

    party = models.ForeignKey(Party, on_delete=models.CASCADE, related_name="remits")
    kind = models.CharField(max_length=20)
    value = models.CharField(max_length=253)
    relation = models.CharField(max_length=20)
    shared = models.BooleanField(default=False)
    source = models.CharField(max_length=40, default="manual")
    as_of = models.DateField(null=True, blank=True)

    class Meta:
        ordering = ("kind", "value", "relation")
        constraints = (
            models.UniqueConstraint(
                fields=("party", "kind", "value", "relation", "source"), name="remit_once"
            ),
        )

    def __str__(self) -> str:
        return f"{self.relation} {self.kind} {self.value}"
