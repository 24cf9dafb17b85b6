"""What came in, read."""

from uuid import uuid4

from django.db import models

from tocsin.office.models import Party


class Report(models.Model):
    """One file that came in, and what became of its rows.

    Purpose: to tell the reporter what came of a report, and to find the evidence again.
    Basis: as for the evidence (GDPR art. 6(1)(f), recital 49; NIS2 art. 11). Retention: 24
    months; counts and digests only, no personal data (notes name columns, never values).

    `reporter` is the party whose report it is, where one is known: what became of it flows back
    there. `via` is the way it came in, `added_by` who brought it, as the register names people.
    """

    class State(models.TextChoices):
        """How far reading got."""

        READ = "read"
        UNREADABLE = "unreadable"

    class Via(models.TextChoices):
        """The way in."""

        COMMAND = "command"
        UPLOAD = "upload"
        API = "api"
        FOLDER = "folder"
        MAILBOX = "mailbox"
        SHADOWSERVER = "shadowserver"

    uid = models.UUIDField(default=uuid4, unique=True, editable=False)
    run = models.ForeignKey("office.Run", on_delete=models.CASCADE, related_name="reports")
    evidence = models.ForeignKey("office.Evidence", on_delete=models.PROTECT, related_name="+")
    reporter = models.ForeignKey(
        Party, on_delete=models.SET_NULL, related_name="+", null=True, blank=True
    )
    via = models.CharField(max_length=20, choices=Via, default=Via.COMMAND)
    added_by = models.CharField(max_length=100, blank=True)
    name = models.CharField(max_length=255)
    format = models.CharField(max_length=40, blank=True)
    tlp = models.CharField(max_length=20)
    state = models.CharField(max_length=12, choices=State, default=State.READ)
    reason = models.TextField(blank=True)
    rows = models.BigIntegerField(default=0)
    quarantined = models.BigIntegerField(default=0)
    duplicates = models.BigIntegerField(default=0)
    events = models.BigIntegerField(default=0)
    notes = models.JSONField(default=list)
    received_at = models.DateTimeField()

    class Meta:
        ordering = ("-received_at", "pk")

    def __str__(self) -> str:
        return self.name
