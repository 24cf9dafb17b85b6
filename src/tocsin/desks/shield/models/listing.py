"""What is, was or may be listed, and every step that was taken with it."""

from uuid import uuid4

from django.conf import settings
from django.db import models

from tocsin.desks.shield.models.group import Group
from tocsin.office.models import Party
from tocsin.words.markings import Tlp


class Listing(models.Model):
    """A name or an address that two people list for a time; its lifecycle: `rules/shield.py`.

    Purpose: to protect people from fraud by name. Basis: the `basis` that whoever approved it
    names; GDPR art. 6(1)(e) (unverified). Retention: 24 months after the last change.

    `url` is the address it was chosen for, `because` why its scope is what it is, `reason` why it
    is fraud, in the words of who approved it. `warnings` are kinds of caution to sentences,
    `overridden` the kinds that a third person answered for. `party` proposed it. `address` is what
    the name resolved to, as reported: nobody looked it up here. `tlp` is how far it may be told.
    """

    uid = models.UUIDField(default=uuid4, unique=True, editable=False)
    reference = models.CharField(max_length=14, unique=True)
    group = models.ForeignKey(
        Group, on_delete=models.SET_NULL, related_name="listings", null=True, blank=True
    )
    party = models.ForeignKey(
        Party, on_delete=models.SET_NULL, related_name="+", null=True, blank=True
    )
    scope = models.CharField(max_length=10)
    value = models.CharField(max_length=2000)
    url = models.CharField(max_length=2000)
    over_https = models.BooleanField(default=False)
    address = models.GenericIPAddressField(null=True, blank=True)
    tlp = models.CharField(max_length=20, default=Tlp.CLEAR.value)
    brand = models.CharField(max_length=100, blank=True)
    because = models.CharField(max_length=500)
    reason = models.TextField()
    basis = models.CharField(max_length=300)
    state = models.CharField(max_length=10)
    warnings = models.JSONField(default=dict)
    overridden = models.JSONField(default=list)
    proposed_at = models.DateTimeField()
    listed_at = models.DateTimeField(null=True, blank=True)
    expires_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)
    changed_at = models.DateTimeField()

    class Meta:
        ordering = ("-changed_at", "-pk")
        indexes = (
            models.Index(fields=("state", "expires_at"), name="shield_listing_ends"),
            models.Index(fields=("value",), name="shield_listing_value"),
        )

    def __str__(self) -> str:
        return self.reference


class Act(models.Model):
    """One step of a listing, or of an appeal against it: who, when, what was said.

    Purpose: accountability for each block. Basis and retention: as for the listing; `text` may
    name a person and is scrubbed on request.
    """

    listing = models.ForeignKey(Listing, on_delete=models.CASCADE, related_name="acts")
    noun = models.CharField(max_length=10, default="listing")
    step = models.CharField(max_length=20)
    state = models.CharField(max_length=12)
    at = models.DateTimeField()
    by = models.CharField(max_length=100)
    person = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, related_name="+", null=True, blank=True
    )
    text = models.TextField(blank=True)

    class Meta:
        ordering = ("at", "pk")

    def __str__(self) -> str:
        return self.step
