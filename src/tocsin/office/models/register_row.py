"""What was done, by whom, when."""

from uuid import uuid4

from django.db import models


class RegisterRow(models.Model):
    """One action with its typed facts; written by `office.register.record`, never changed.

    Purpose: accountability towards those concerned, oversight and the public log. Basis:
    GDPR art. 5(2) and 30; TCO art. 7(2) and (3) for figures. Retention: 5 years; facts that
    name a person are erased on request while the row and its leaf stay (DESIGN section 3).
    """

    uid = models.UUIDField(default=uuid4, unique=True, editable=False)
    at = models.DateTimeField()
    actor = models.CharField(max_length=100)
    action = models.CharField(max_length=100)
    subject = models.UUIDField(null=True, blank=True)
    facts = models.JSONField(default=dict)

    class Meta:
        ordering = ("pk",)
        indexes = (
            models.Index(fields=("action", "at"), name="register_action"),
            models.Index(fields=("subject",), name="register_subject"),
        )

    def __str__(self) -> str:
        return f"{self.action} {self.uid}"
