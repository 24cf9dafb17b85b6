"""What limits a line until it is put right, and who let that happen."""

from uuid import uuid4

from django.db import models
from django.db.models import Q

from tocsin.desks.subscribers.models.finding import Finding
from tocsin.rules.playbooks import Remedy


class Measure(models.Model):
    """One limit on one line.

    Purpose: to protect the subscriber and others until the line is clean. Basis: Regulation (EU)
    2015/2120 art. 3(3), the exception for the security of the network (unverified). Retention: as
    the finding, and with it.

    It is to be lifted once `lift_asked_at` is there, and is lifted when the network took that.
    Self-releases of a finding are its rows with `how` self. `last_error` says why an attempt
    failed; it is tried again at `next_attempt_at` by whoever has the lease.
    """

    class State(models.TextChoices):
        """Where it stands; what failed may be set all the same."""

        ASKED = "asked"
        SET = "set"
        FAILED = "failed"
        LIFTED = "lifted"

    class How(models.TextChoices):
        """By what it was lifted."""

        SELF = "self"
        ASSISTED = "assisted"
        AUTOMATIC = "automatic"
        CURED = "cured"
        NOT_SET = "not set"

    uid = models.UUIDField(default=uuid4, unique=True, editable=False)
    finding = models.ForeignKey(Finding, on_delete=models.CASCADE, related_name="measures")
    line = models.BigIntegerField()
    kind = models.CharField(max_length=20, choices=[(one.value, one.value) for one in Remedy])
    state = models.CharField(max_length=10, choices=State, default=State.ASKED)
    asked_at = models.DateTimeField()
    set_at = models.DateTimeField(null=True, blank=True)
    lift_asked_at = models.DateTimeField(null=True, blank=True)
    lifted_at = models.DateTimeField(null=True, blank=True)
    how = models.CharField(max_length=10, choices=How, blank=True)
    attempt = models.PositiveIntegerField(default=0)
    next_attempt_at = models.DateTimeField()
    lease_owner = models.CharField(max_length=100, blank=True)
    lease_until = models.DateTimeField(null=True, blank=True)
    last_error = models.CharField(max_length=500, blank=True)

    class Meta:
        ordering = ("asked_at", "pk")
        constraints = (
            models.UniqueConstraint(
                fields=("line", "kind"),
                condition=~Q(state="lifted"),
                name="subscribers_measure_once",
            ),
        )
        indexes = (models.Index(fields=("state", "next_attempt_at"), name="measure_due"),)

    def __str__(self) -> str:
        return f"{self.kind}, {self.state}"


class Adoption(models.Model):
    """A playbook with measures that two people let in at this node.

    Purpose: nobody alone can have lines limited. Basis: GDPR art. 32; the two are named as those
    who act in the register are. Retention: none, it says under which rule a line was limited.
    """

    playbook = models.CharField(max_length=60)
    version = models.PositiveIntegerField()
    proposed_by = models.CharField(max_length=100)
    proposed_at = models.DateTimeField()
    approved_by = models.CharField(max_length=100, blank=True)
    approved_at = models.DateTimeField(null=True, blank=True)
    withdrawn_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ("proposed_at", "pk")
        constraints = (
            models.UniqueConstraint(
                fields=("playbook", "version"),
                condition=Q(withdrawn_at=None),
                name="subscribers_adopted_once",
            ),
        )

    def __str__(self) -> str:
        return f"{self.playbook} version {self.version}"
