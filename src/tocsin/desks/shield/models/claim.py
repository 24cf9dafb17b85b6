"""Somebody says that a name is stopped wrongly, and the public list does not have it."""

from uuid import uuid4

from django.db import models


class Claim(models.Model):
    """An appeal by a name that may stand on a list for some alone, or on none.

    It is answered at once, in the same words whatever is listed, and never again: no state of it
    tells what such a list holds. The worker makes an appeal of it where something in force covers
    the name; `taken_at` is when it has looked.

    Purpose: to mend mistakes. Basis: GDPR art. 5(1)(d), 6(1)(e) (unverified). Retention: the texts
    until the worker has looked, the address is never kept; the row, which names nobody, 180 days.
    """

    uid = models.UUIDField(default=uuid4, unique=True, editable=False)
    reference = models.CharField(max_length=14, unique=True)
    sealed = models.BinaryField(default=bytes)
    sealed_about = models.BinaryField(default=bytes)
    language = models.CharField(max_length=10, default="en")
    is_cleaned = models.BooleanField(default=False)
    filed_at = models.DateTimeField()
    taken_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ("filed_at", "pk")

    def __str__(self) -> str:
        return self.reference
