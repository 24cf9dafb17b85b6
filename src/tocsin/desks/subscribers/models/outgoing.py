"""Warnings on their way, by all ways but mail (which the office's letters carry)."""

from uuid import uuid4

from django.db import models

from tocsin.desks.subscribers.models.finding import Warned


class Outgoing(models.Model):
    """One warning that is still to be handed over.

    Purpose: to warn the subscriber, whatever a gateway does at the time. Basis: as for the finding.
    Retention: until it is handed over, at most 72 hours.

    `sealed` holds the words under a key of the store; name and telephone are read from the list of
    subscribers when it goes out. `uid` is the key by which a gateway knows a repeat.
    """

    uid = models.UUIDField(default=uuid4, unique=True, editable=False)
    warning = models.OneToOneField(Warned, on_delete=models.CASCADE, related_name="outgoing")
    sealed = models.BinaryField()
    created_at = models.DateTimeField()
    attempt = models.PositiveIntegerField(default=0)
    next_attempt_at = models.DateTimeField()
    lease_owner = models.CharField(max_length=100, blank=True)
    lease_until = models.DateTimeField(null=True, blank=True)
    last_error = models.CharField(max_length=500, blank=True)

    class Meta:
        ordering = ("created_at", "pk")
        verbose_name_plural = "outgoing"
        indexes = (models.Index(fields=("next_attempt_at",), name="outgoing_due"),)

    def __str__(self) -> str:
        return str(self.uid)
