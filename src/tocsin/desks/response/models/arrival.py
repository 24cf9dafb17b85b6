"""What came by itself: each thing once, and how far a way in has read."""

from django.db import models

from tocsin.desks.response.models.intake import Intake


class Arrival(models.Model):
    """One thing that a way in brought: a file, a message, a report of a feed, a call.

    Purpose: to take nothing in twice, whatever is cut off or said again. Basis: as for the intake.
    Retention: 24 months. `key` is a SHA-256 of what the way in calls it (a Message-ID, a name, an
    id): it names nobody. Without an `intake` it was looked at and is none of our reports.
    """

    class Source(models.TextChoices):
        """The ways in."""

        API = "api"
        FOLDER = "folder"
        MAILBOX = "mailbox"
        SHADOWSERVER = "shadowserver"

    source = models.CharField(max_length=20, choices=Source)
    key = models.CharField(max_length=64)
    digest = models.CharField(max_length=64)
    intake = models.ForeignKey(
        Intake, on_delete=models.CASCADE, related_name="arrivals", null=True, blank=True
    )
    at = models.DateTimeField()

    class Meta:
        ordering = ("-at", "-pk")
        constraints = (models.UniqueConstraint(fields=("source", "key"), name="arrival_once"),)

    def __str__(self) -> str:
        return f"{self.source} {self.key[:12]}"


class Reading(models.Model):
    """How far a way in has read a place: a folder of a mailbox, a feed.

    Purpose: to ask for what is new alone. Basis: none needed, no personal data. Retention: as long
    as the place is read. `place` is a SHA-256 of its address; `upto` is the way in's own word.
    """

    source = models.CharField(max_length=20, choices=Arrival.Source)
    place = models.CharField(max_length=64)
    upto = models.CharField(max_length=100, blank=True)
    changed_at = models.DateTimeField()

    class Meta:
        ordering = ("source", "place")
        constraints = (models.UniqueConstraint(fields=("source", "place"), name="reading_once"),)

    def __str__(self) -> str:
        return f"{self.source} {self.place[:12]}: {self.upto}"
