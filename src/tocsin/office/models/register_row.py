"""What was done, by whom, when."""

from uuid import uuid4

from django.db import models


class RegisterRow(models.Model):
    """One action with its typed facts; written by `office.register.record`, never changed.

    Purpose: accountability towards those concerned, oversight and the public log. Basis:
    GDPR art. 5(2) and 30; TCO art. 7(2) and (3) for figures. Retention: 5 years; facts that
    name a person are erased on request while the row and its leaf stay (DESIGN section 3).

    `leaf` is HMAC-SHA256 of the canonical row under `leaf_key`, 32 bytes each; the key dies with
    the facts it seals (`erased_at`). `position` is the leaf's index in the public log, once it has
    one. `period` names the closed period in whose aggregates the row was counted.
    """

    uid = models.UUIDField(default=uuid4, unique=True, editable=False)
    at = models.DateTimeField()
    actor = models.CharField(max_length=100)
    action = models.CharField(max_length=100)
    subject = models.UUIDField(null=True, blank=True)
    facts = models.JSONField(default=dict)
    leaf_key = models.BinaryField(max_length=32, default=b"")
    leaf = models.BinaryField(max_length=32, default=b"")
    position = models.BigIntegerField(null=True, blank=True, unique=True)
    period = models.CharField(max_length=20, blank=True)
    erased_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ("pk",)
        indexes = (
            models.Index(fields=("action", "at"), name="register_action"),
            models.Index(fields=("subject",), name="register_subject"),
            models.Index(
                fields=("id",), condition=models.Q(position=None), name="register_unlogged"
            ),
            models.Index(fields=("at",), condition=models.Q(period=""), name="register_open"),
        )

    def __str__(self) -> str:
        return f"{self.action} {self.uid}"
