"""What a person may do, for whom, from when until when."""

from uuid import uuid4

from django.db import models

from tocsin.office.models import Party
from tocsin.office.people.models.person import Person


class Mandate(models.Model):
    """One person's competences at one party.

    Purpose: to decide what somebody may see and do, and to prove later that they might. Basis: as
    for the person. Retention: 5 years after it ended, as the register's rows that cite it.

    `competences` are words of `words.competences`; they are checked against the party's role
    where a mandate is written. `ended_at` ends it at once, whatever `until` says.
    """

    uid = models.UUIDField(default=uuid4, unique=True, editable=False)
    person = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="mandates")
    party = models.ForeignKey(Party, on_delete=models.PROTECT, related_name="mandates")
    competences = models.JSONField(default=list)
    since = models.DateTimeField()
    until = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)
    granted_by = models.CharField(max_length=100)

    class Meta:
        ordering = ("party__slug", "person__email", "pk")
        indexes = (models.Index(fields=("person", "ended_at"), name="mandate_person"),)

    def __str__(self) -> str:
        return f"{self.person_id} for {self.party_id}"
