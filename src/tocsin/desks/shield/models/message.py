"""What somebody sent in, and where it leads."""

from uuid import uuid4

from django.db import models

from tocsin.desks.shield.models.group import Group
from tocsin.office.models import Party


class Message(models.Model):
    """A message, an address or a file that somebody reported, with or without an account.

    Purpose: to find out where it leads and to tell its reporter what came of it. Basis: GDPR art.
    6(1)(e), (a) for the address (unverified). Retention: what was written and the file until the
    decision; the address until the answer is written; the row, which then names nobody, 180 days.

    `reporter` is a pseudonym of one day, emptied with the decision: it tells independent reports
    from repeated ones. `sealed` is what was typed, `sealed_address` where the answer goes: both
    under a key of the store. A file is evidence of the class citizen-message. `sealed_letters` are
    the lines that a program read in its pictures, for as long as the file.
    """

    class State(models.TextChoices):
        """What came of it."""

        RECEIVED = "received"
        LISTED = "listed"
        REJECTED = "rejected"

    class Letters(models.TextChoices):
        """Whether letters in its pictures were read; nothing where there is no picture."""

        NONE = ""
        WAITING = "waiting"
        READ = "read"
        FAILED = "failed"
        ABSENT = "absent"  # this node has no program for it

    class Via(models.TextChoices):
        """The way in."""

        FORM = "form"
        API = "api"
        MAIL = "mail"

    uid = models.UUIDField(default=uuid4, unique=True, editable=False)
    reference = models.CharField(max_length=14, unique=True)
    via = models.CharField(max_length=10, choices=Via, default=Via.FORM)
    party = models.ForeignKey(
        Party, on_delete=models.SET_NULL, related_name="+", null=True, blank=True
    )
    reporter = models.CharField(max_length=32, blank=True)
    sealed = models.BinaryField(default=bytes)
    evidence = models.ForeignKey(
        "office.Evidence", on_delete=models.SET_NULL, related_name="+", null=True, blank=True
    )
    sealed_address = models.BinaryField(default=bytes)
    letters = models.CharField(max_length=10, choices=Letters, blank=True, default="")
    sealed_letters = models.BinaryField(default=bytes)
    language = models.CharField(max_length=10, default="en")
    state = models.CharField(max_length=10, choices=State, default=State.RECEIVED)
    outcome = models.CharField(max_length=500, blank=True)
    received_at = models.DateTimeField()
    answered_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ("-received_at", "-pk")

    def __str__(self) -> str:
        return self.reference


class Sighting(models.Model):
    """One address in one message. Purpose, basis and retention: as for the message.

    `url` is in one spelling, without user, password and fragment; mail addresses in it are blanked;
    `subject` goes with the decision. `is_uncertain`: a program read it in a picture, and may have
    mistaken a letter for another.
    """

    message = models.ForeignKey(Message, on_delete=models.CASCADE, related_name="sightings")
    group = models.ForeignKey(Group, on_delete=models.CASCADE, related_name="sightings")
    url = models.CharField(max_length=2000, blank=True)
    host = models.CharField(max_length=253, blank=True)
    subject = models.CharField(max_length=200, blank=True)
    is_uncertain = models.BooleanField(default=False)
    at = models.DateTimeField()

    class Meta:
        ordering = ("at", "pk")
        indexes = (models.Index(fields=("host",), name="shield_sighting_host"),)

    def __str__(self) -> str:
        return self.url
