"""How a party is reached by people."""

from django.db import models

from tocsin.office.models.party import Party


class Contact(models.Model):
    """One address of a party: a mailbox, a telephone, a web form.

    Purpose: to reach the right desk of a party in its language and hours. Basis: as for the
    party; a contact may be a person's own, so GDPR applies to it. Retention: while the party
    is active and its source still names it; `dead_at` marks one that bounced, with the reason.
    """

    party = models.ForeignKey(Party, on_delete=models.CASCADE, related_name="contacts")
    kind = models.CharField(max_length=20)
    value = models.CharField(max_length=320)
    purpose = models.CharField(max_length=40, blank=True)
    languages = models.JSONField(default=list)
    hours = models.CharField(max_length=100, blank=True)
    source = models.CharField(max_length=40, default="manual")
    as_of = models.DateField(null=True, blank=True)
    dead_at = models.DateTimeField(null=True, blank=True)
    dead_reason = models.CharField(max_length=500, blank=True)

    class Meta:
        ordering = ("kind", "value", "purpose")
        constraints = (
            models.UniqueConstraint(
                fields=("party", "kind", "value", "purpose", "source"), name="contact_once"
            ),
        )

    def __str__(self) -> str:
        return f"{self.kind}:{self.value}"
