"""Who wants to hear what became of its reports."""

from django.db import models

from tocsin.office.models import Party


class Feedback(models.Model):
    """A party's wish to get a notice when cases of its reports are answered, and how far it got.

    Purpose: to tell a reporter what became of what it sent. Basis: the party asked for it.
    Retention: while the party is active; counts and moments only, no personal data.
    """

    party = models.OneToOneField(Party, on_delete=models.CASCADE, related_name="+")
    wanted = models.BooleanField(default=False)
    told_until = models.DateTimeField()

    class Meta:
        ordering = ("party__slug",)
        verbose_name_plural = "feedback"

    def __str__(self) -> str:
        return f"feedback to {self.party_id}"
