"""A list as somebody likes to see it."""

from uuid import uuid4

from django.conf import settings
from django.db import models


class SavedFilter(models.Model):
    """The filters of a list of cases under a name, one person's own.

    Purpose: to come back to the same list. Basis: as for the person. Retention: with the person.
    `filters` are words of `queries.Filters`; what they show is decided when they are used.
    """

    uid = models.UUIDField(default=uuid4, unique=True, editable=False)
    person = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    name = models.CharField(max_length=60)
    filters = models.JSONField(default=dict)
    saved_at = models.DateTimeField()

    class Meta:
        ordering = ("name", "pk")
        constraints = (models.UniqueConstraint(fields=("person", "name"), name="filter_once"),)

    def __str__(self) -> str:
        return self.name
