"""What opens a relation that is closed by default."""

from django.db import models

from tocsin.office.models.party import Party


class Agreement(models.Model):
    """The written ground on which law enforcement or a coordinator is told anything at all.

    Purpose: to disclose only what an agreement opens, while it runs. Basis: the one it
    states itself (`basis`). Retention: with the party, and after `until` as long as a
    register row refers to it; no personal data.
    """

    party = models.ForeignKey(Party, on_delete=models.CASCADE, related_name="agreements")
    relation = models.CharField(max_length=20)
    classes = models.JSONField(default=list)
    reference = models.CharField(max_length=200)
    basis = models.CharField(max_length=300)
    since = models.DateField()
    until = models.DateField(null=True, blank=True)

    class Meta:
        ordering = ("relation", "reference", "since")
        constraints = (
            models.UniqueConstraint(
                fields=("party", "relation", "reference", "since"), name="agreement_once"
            ),
        )

    def __str__(self) -> str:
        return f"{self.relation} {self.reference}"
