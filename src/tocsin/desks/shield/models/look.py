"""Where an address of a group leads, as the isolated fetcher saw it."""

from uuid import uuid4

from django.conf import settings
from django.db import models

from tocsin.desks.shield.models.group import Group


class Look(models.Model):
    """One look at one address: asked for by a person, taken by a process of its own.

    Purpose: to see where an address leads before it is listed, and which groups lead to one place.
    Basis: GDPR art. 6(1)(e) (unverified). Retention: as for the group. No page is kept: `title` is
    what it calls itself, `digest` its SHA-256, `names` stand in its certificate, `hops` are the
    redirects. `place` is the group's key that the end of the chain has.
    """

    class State(models.TextChoices):
        """How far it is."""

        WAITING = "waiting"
        DONE = "done"
        FAILED = "failed"

    uid = models.UUIDField(default=uuid4, unique=True, editable=False)
    group = models.ForeignKey(Group, on_delete=models.CASCADE, related_name="looks")
    url = models.CharField(max_length=2000)
    state = models.CharField(max_length=10, choices=State, default=State.WAITING)
    asked_at = models.DateTimeField()
    asked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, related_name="+", null=True, blank=True
    )
    done_at = models.DateTimeField(null=True, blank=True)
    landing = models.CharField(max_length=2000, blank=True)
    place = models.CharField(max_length=2000, blank=True)
    place_digest = models.CharField(max_length=64, blank=True)
    status = models.PositiveIntegerField(default=0)
    title = models.CharField(max_length=200, blank=True)
    hops = models.JSONField(default=list)
    names = models.JSONField(default=list)
    digest = models.CharField(max_length=64, blank=True)
    size = models.PositiveIntegerField(default=0)
    fault = models.CharField(max_length=300, blank=True)

    class Meta:
        ordering = ("-asked_at", "-pk")
        indexes = (models.Index(fields=("place_digest",), name="shield_look_place"),)

    def __str__(self) -> str:
        return self.uid.hex
