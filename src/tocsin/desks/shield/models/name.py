"""What the node knows of names that are no fraud, or that are shared by many."""

from uuid import uuid4

from django.db import models

from tocsin.desks.shield.models.name_list import NameList


class Name(models.Model):
    """One name on one of the node's own lists.

    Purpose: to stop mistakes before they block anybody, and to know the brands that are imitated.
    Basis and retention: none needed; names of services, no personal data.

    `kind` is a caution of `rules/listing.py`, `shared_hosting` or `shortener`. `brand` is the
    brand's name where the kind is `brand_own`, `words` how people know it. `name_list` is the
    import that it came with; without one, somebody put it there by hand.
    """

    uid = models.UUIDField(default=uuid4, unique=True, editable=False)
    kind = models.CharField(max_length=20)
    value = models.CharField(max_length=253)
    brand = models.CharField(max_length=100, blank=True)
    words = models.CharField(max_length=200, blank=True)
    added_at = models.DateTimeField()
    added_by = models.CharField(max_length=100)
    name_list = models.ForeignKey(
        NameList, on_delete=models.CASCADE, related_name="names", null=True, blank=True
    )

    class Meta:
        ordering = ("kind", "value")
        constraints = (models.UniqueConstraint(fields=("kind", "value"), name="shield_name_once"),)

    def __str__(self) -> str:
        return self.value
