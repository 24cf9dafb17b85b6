"""Keys of programs."""

from uuid import uuid4

from django.db import models

from tocsin.office.people.models.mandate import Mandate


class Token(models.Model):
    """An API token: a mandate in the hands of a program, narrowed to scopes.

    Purpose: to let a party's systems report, fetch and answer. Basis: as for the mandate.
    Retention: 5 years after it ended. The token itself (256 bit) is shown once and kept as SHA-256;
    it opens nothing that the mandate does not, and ends with it.
    """

    uid = models.UUIDField(default=uuid4, unique=True, editable=False)
    mandate = models.ForeignKey(Mandate, on_delete=models.PROTECT, related_name="tokens")
    name = models.CharField(max_length=100)
    digest = models.CharField(max_length=64, unique=True)
    scopes = models.JSONField(default=list)
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    last_used_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ("-created_at", "pk")

    def __str__(self) -> str:
        return self.name
