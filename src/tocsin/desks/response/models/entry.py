"""What was said and done in a case."""

from uuid import uuid4

from django.conf import settings
from django.db import models

from tocsin.desks.response.models.case import Case
from tocsin.office.models import Delivery, Party


class Entry(models.Model):
    """One line of a case's thread: a step, a comment, a note on what was done, a mail.

    Purpose: to know who said and did what, when. Basis: as for the case. Retention: with the case;
    `text` is what people wrote and may name a person: 24 months, erased on request.

    `by` names who, as the register does (`person:…`, `token:…`, a party's short name, a worker);
    `party` is whose word it is. What is for the desk (`audience`) the party never sees. Of a mail
    there are its Message-ID and its moment, and not its text.
    """

    class Kind(models.TextChoices):
        """What sort of line."""

        STEP = "step"
        COMMENT = "comment"
        MAIL = "mail"
        BOUNCE = "bounce"
        CHANGE = "change"  # assigned, tagged, merged, split

    class Audience(models.TextChoices):
        """Who may read it."""

        DESK = "desk"
        PARTY = "party"  # the desk and the party

    class Direction(models.TextChoices):
        """Which way a mail went."""

        IN = "in"
        OUT = "out"

    uid = models.UUIDField(default=uuid4, unique=True, editable=False)
    case = models.ForeignKey(Case, on_delete=models.CASCADE, related_name="entries")
    kind = models.CharField(max_length=10, choices=Kind)
    audience = models.CharField(max_length=10, choices=Audience, default=Audience.PARTY)
    at = models.DateTimeField()
    by = models.CharField(max_length=100)
    person = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, related_name="+", null=True, blank=True
    )
    party = models.ForeignKey(
        Party, on_delete=models.PROTECT, related_name="+", null=True, blank=True
    )
    step = models.CharField(max_length=20, blank=True)
    state = models.CharField(max_length=20, blank=True)
    text = models.TextField(blank=True)
    direction = models.CharField(max_length=3, choices=Direction, blank=True)
    message_id = models.CharField(max_length=300, blank=True)
    delivery = models.ForeignKey(
        Delivery, on_delete=models.SET_NULL, related_name="+", null=True, blank=True
    )

    class Meta:
        ordering = ("at", "pk")
        verbose_name_plural = "entries"
        indexes = (models.Index(fields=("case", "at"), name="entry_case"),)
        constraints = (
            models.UniqueConstraint(
                fields=("case", "direction", "message_id"),
                condition=~models.Q(message_id=""),
                name="entry_mail_once",
            ),
        )

    def __str__(self) -> str:
        return f"{self.kind} {self.step}".strip()
