"""Who was asked to join, by whom, to do what."""

from uuid import uuid4

from django.db import models

from tocsin.office.models import Party
from tocsin.office.people.models.person import Person


class Invitation(models.Model):
    """A mandate that is offered to somebody at a mail address, until it is taken up or runs out.

    Purpose: to let a party's administrator bring in colleagues without ever knowing a password of
    theirs. Basis: as for the mandate. Retention: 30 days after it was taken up, withdrawn or ran
    out.

    The link is mailed once; only its SHA-256 is kept. Nothing is made of it before it is accepted,
    so that it says nothing about whether the address has an account. `until` is the mandate's.
    """

    uid = models.UUIDField(default=uuid4, unique=True, editable=False)
    party = models.ForeignKey(Party, on_delete=models.CASCADE, related_name="invitations")
    email = models.EmailField(max_length=254)
    name = models.CharField(max_length=200)
    language = models.CharField(max_length=35, default="en")
    competences = models.JSONField(default=list)
    until = models.DateTimeField(null=True, blank=True)
    invited_by = models.ForeignKey(
        Person, on_delete=models.SET_NULL, null=True, blank=True, related_name="invitations"
    )
    digest = models.CharField(max_length=64, unique=True)
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    accepted_at = models.DateTimeField(null=True, blank=True)
    withdrawn_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ("-created_at", "pk")

    def __str__(self) -> str:
        return f"{self.email} for {self.party_id}"
