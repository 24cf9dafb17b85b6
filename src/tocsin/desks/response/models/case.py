"""What is followed to its remedy."""

from uuid import uuid4

from django.conf import settings
from django.db import models

from tocsin.office.models import Delivery, Party
from tocsin.rules.response import CASE


class Case(models.Model):
    """One problem of one kind in one network or domain, as one party was told of it.

    Purpose: to follow what a party was told to its remedy, and to tell the reporter. Basis: as for
    the delivery (NIS2 art. 11(3), GDPR art. 6(1)(f) with recital 49). Retention: 24 months after
    its last change; `sample` 90 days after it was last seen.

    `about` is what it is about (`AS64500`, `192.0.2.0/24`, a domain), `key` finds the case that
    takes what is seen again. `told_as` is how the event store marks the events that this case
    counts, `within` and `without` narrow them after a split. `sample` holds at most five rows
    (one of each report it was opened by) as the party got them and nothing else of an event; the
    list is read from the event store.
    `told_in` is the delivery that told of it last, whose clocks are the case's. `state` is a word
    of `rules.response.CASE`, which decides what may follow.
    """

    uid = models.UUIDField(default=uuid4, unique=True, editable=False)
    reference = models.CharField(max_length=14, unique=True)
    key = models.CharField(max_length=32, db_index=True)
    party = models.ForeignKey(Party, on_delete=models.PROTECT, related_name="cases")
    relation = models.CharField(max_length=20)
    side = models.CharField(max_length=12)
    kind = models.CharField(max_length=50)
    family = models.CharField(max_length=100, blank=True)
    about = models.CharField(max_length=253)
    about_kind = models.CharField(max_length=20)
    because = models.CharField(max_length=500, blank=True)
    told_as = models.CharField(max_length=100)
    within = models.CharField(max_length=253, blank=True)
    without = models.JSONField(default=list)
    events = models.BigIntegerField(default=0)
    first_at = models.DateTimeField(null=True, blank=True)
    last_at = models.DateTimeField(null=True, blank=True)
    seen_at = models.DateTimeField()
    severity = models.CharField(max_length=20, blank=True)
    tlp = models.CharField(max_length=20)
    sample = models.JSONField(default=list)
    state = models.CharField(max_length=20, default=CASE.start)
    reopened = models.PositiveIntegerField(default=0)
    assigned = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        related_name="+",
        null=True,
        blank=True,
    )
    told_in = models.ForeignKey(
        Delivery, on_delete=models.SET_NULL, related_name="+", null=True, blank=True
    )
    merged_into = models.ForeignKey(
        "self", on_delete=models.SET_NULL, related_name="merged", null=True, blank=True
    )
    split_from = models.ForeignKey(
        "self", on_delete=models.SET_NULL, related_name="parts", null=True, blank=True
    )
    opened_at = models.DateTimeField()
    told_at = models.DateTimeField(null=True, blank=True)
    answered_at = models.DateTimeField(null=True, blank=True)
    closed_at = models.DateTimeField(null=True, blank=True)
    changed_at = models.DateTimeField()

    class Meta:
        ordering = ("-changed_at", "-pk")
        indexes = (
            models.Index(fields=("party", "state", "changed_at"), name="case_party"),
            models.Index(fields=("state", "changed_at"), name="case_state"),
            # With these a page deep in the list, and the counts of all lists, read no row at all.
            models.Index(fields=("changed_at", "id", "state"), name="case_listed"),
            models.Index(fields=("state", "kind", "party"), name="case_sorts"),
        )

    def __str__(self) -> str:
        return self.reference

    @property
    def sample_rows(self) -> list[dict[str, object]]:
        """The rows of the sample, each with what it holds."""
        return [{k: v for k, v in row.items() if v is not None} for row in self.sample]


class Tag(models.Model):
    """A word that the desk puts on a case; the party does not see it.

    Purpose: to find what belongs together. Basis and retention: as for the case.
    """

    case = models.ForeignKey(Case, on_delete=models.CASCADE, related_name="tags")
    name = models.CharField(max_length=40)

    class Meta:
        ordering = ("name",)
        constraints = (models.UniqueConstraint(fields=("case", "name"), name="tag_once"),)
        indexes = (models.Index(fields=("name",), name="tag_name"),)

    def __str__(self) -> str:
        return self.name
