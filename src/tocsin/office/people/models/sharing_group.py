"""Who may be shared with."""

from uuid import uuid4

from django.db import models

from tocsin.office.models import Party


class SharingGroup(models.Model):
    """Parties among whom something may be shared. No member, ended or unknown: nobody.

    Purpose: to let the parties of one matter see what concerns them all, and nobody else. Basis:
    the agreement its purpose names. Retention: while it runs, and as long as a register row
    names it. Which parties are in it is not shown to its members.
    """

    uid = models.UUIDField(default=uuid4, unique=True, editable=False)
    name = models.CharField(max_length=100, unique=True)
    purpose = models.CharField(max_length=300)
    members = models.ManyToManyField(Party, related_name="sharing_groups", blank=True)
    created_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ("name",)

    def __str__(self) -> str:
        return self.name
