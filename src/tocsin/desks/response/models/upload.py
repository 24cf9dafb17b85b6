"""A report on its way in, in pieces."""

from uuid import uuid4

from django.db import models

from tocsin.desks.response.models.intake import Intake
from tocsin.office.models import Party


class Upload(models.Model):
    """An upload that may be cut off and taken up again, until it is whole.

    Purpose: to let a large report in over a line that breaks. Basis: as for the intake. Retention:
    a day after it was begun, then row and bytes go; once it is whole, its bytes are evidence.

    The bytes lie in the store's `spool/uploads`, under the id alone; how many there are is the
    file's size. `key` is the caller's Idempotency-Key as SHA-256, "" where it gave none.
    """

    uid = models.UUIDField(default=uuid4, unique=True, editable=False)
    party = models.ForeignKey(Party, on_delete=models.CASCADE, related_name="+")
    by = models.CharField(max_length=100)
    key = models.CharField(max_length=64, blank=True)
    name = models.CharField(max_length=255)
    format = models.CharField(max_length=40, blank=True)
    tlp = models.CharField(max_length=20)
    classification = models.CharField(max_length=60, blank=True)
    length = models.BigIntegerField(null=True, blank=True)
    digest = models.CharField(max_length=64, blank=True)
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    intake = models.ForeignKey(
        Intake, on_delete=models.CASCADE, related_name="+", null=True, blank=True
    )

    class Meta:
        ordering = ("-created_at", "-pk")
        constraints = (
            models.UniqueConstraint(
                fields=("party", "key"), condition=~models.Q(key=""), name="upload_once"
            ),
        )

    def __str__(self) -> str:
        return str(self.uid)
