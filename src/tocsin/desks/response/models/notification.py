"""Incidents that an entity notifies."""

from uuid import uuid4

from django.conf import settings
from django.db import models

from tocsin.desks.response.models.case import Case
from tocsin.office.models import Party


class Notification(models.Model):
    """One incident of an entity, notified under NIS2 art. 23 or voluntarily under art. 30.

    Purpose: to receive what an entity owes its CSIRT or authority, in time. Basis: NIS2 art. 23
    and 30, as the state has enacted them (unverified). Retention: 24 months after its last step.

    `lifecycle` says which table of `rules.nis2` its states are of. Its clocks start at `aware_at`.
    `case` is the case of the entity's own that it was notified from, where there was one.
    """

    class Lifecycle(models.TextChoices):
        """Owed or voluntary."""

        INCIDENT = "incident"
        VOLUNTARY = "voluntary"

    uid = models.UUIDField(default=uuid4, unique=True, editable=False)
    reference = models.CharField(max_length=14, unique=True)
    lifecycle = models.CharField(max_length=10, choices=Lifecycle)
    party = models.ForeignKey(Party, on_delete=models.PROTECT, related_name="notifications")
    case = models.ForeignKey(
        Case, on_delete=models.SET_NULL, related_name="notifications", null=True, blank=True
    )
    subject = models.CharField(max_length=200)
    state = models.CharField(max_length=20)
    aware_at = models.DateTimeField()
    made_at = models.DateTimeField()
    changed_at = models.DateTimeField()

    class Meta:
        ordering = ("-changed_at", "-pk")

    def __str__(self) -> str:
        return self.reference


class Submission(models.Model):
    """One step of a notification with the text that was submitted or asked.

    Purpose, basis and retention: as for the notification; the text may name a person and is
    erased on request where the law does not keep it.
    """

    uid = models.UUIDField(default=uuid4, unique=True, editable=False)
    notification = models.ForeignKey(
        Notification, on_delete=models.CASCADE, related_name="submissions"
    )
    step = models.CharField(max_length=20)
    state = models.CharField(max_length=20)
    text = models.TextField(blank=True)
    at = models.DateTimeField()
    by = models.CharField(max_length=100)
    person = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, related_name="+", null=True, blank=True
    )
    party = models.ForeignKey(
        Party, on_delete=models.PROTECT, related_name="+", null=True, blank=True
    )

    class Meta:
        ordering = ("at", "pk")

    def __str__(self) -> str:
        return self.step
