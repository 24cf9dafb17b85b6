"""What was found on a line, what its subscriber was told, and how it went on."""

from uuid import uuid4

from django.db import models

from tocsin.office.models import Run


class LookUp(models.Model):
    """One run of reports whose events were looked up in the bindings.

    Purpose: to look no event up twice, and to say what came of a report. Basis and retention:
    counts, no personal data; with its run.

    `said` is the receipt that was given for the run's deliveries to this network ("" for none);
    `digests` are those of the files that the run read, by which whoever sent one knows it again,
    and `told_up` what whoever runs the node above was told last.
    """

    run = models.OneToOneField(Run, on_delete=models.CASCADE, related_name="+")
    at = models.DateTimeField()
    events = models.PositiveBigIntegerField(default=0)
    exact = models.PositiveBigIntegerField(default=0)
    ambiguous = models.PositiveBigIntegerField(default=0)
    nobody = models.PositiveBigIntegerField(default=0)
    not_attributable = models.PositiveBigIntegerField(default=0)
    digests = models.JSONField(default=list)
    said = models.CharField(max_length=20, blank=True)
    told_up = models.CharField(max_length=20, blank=True)

    class Meta:
        ordering = ("-at", "-pk")

    def __str__(self) -> str:
        return f"{self.events} events"


class Finding(models.Model):
    """One problem (class and family) on one line, or of no line.

    Purpose: to warn the subscriber and to see whether it is over. Basis: the provider's contract;
    GDPR art. 6(1)(f) with recital 49 (unverified). Retention: 180 days after the last change.

    `line` is a pseudonym; 0 where no one line can be said, with `fate` saying why, and then there
    are counts alone. `taken` counts the steps of the playbook since it was seen (again).
    `returned` counts how often it came back after it was over.
    """

    class Fate(models.TextChoices):
        """What can be said of whose it was."""

        ONE = "one line"
        AMBIGUOUS = "ambiguous"
        NOBODY = "none"
        NOT_ATTRIBUTABLE = "not attributable"

    class State(models.TextChoices):
        """Where it stands."""

        SEEN = "seen"
        WARNED = "warned"
        CURED = "cured"

    class Cure(models.TextChoices):
        """How it is known to be over."""

        NOT_SEEN = "not seen again"
        SAID = "the subscriber says so"

    uid = models.UUIDField(default=uuid4, unique=True, editable=False)
    line = models.BigIntegerField(default=0)
    fate = models.CharField(max_length=20, choices=Fate, default=Fate.ONE)
    kind = models.CharField(max_length=50)
    family = models.CharField(max_length=100, blank=True)
    device = models.CharField(max_length=60, blank=True)
    events = models.PositiveBigIntegerField(default=0)
    first_at = models.DateTimeField()
    last_at = models.DateTimeField()
    state = models.CharField(max_length=10, choices=State, default=State.SEEN)
    playbook = models.CharField(max_length=60, blank=True)
    taken = models.PositiveIntegerField(default=0)
    warned_at = models.DateTimeField(null=True, blank=True)
    cured_at = models.DateTimeField(null=True, blank=True)
    cure = models.CharField(max_length=30, choices=Cure, blank=True)
    returned = models.PositiveIntegerField(default=0)
    changed_at = models.DateTimeField()
    look_ups = models.ManyToManyField(LookUp, related_name="findings")

    class Meta:
        ordering = ("-last_at", "-pk")
        constraints = (
            models.UniqueConstraint(
                fields=("line", "fate", "kind", "family"), name="subscribers_finding_once"
            ),
        )
        indexes = (models.Index(fields=("state", "last_at"), name="finding_state"),)

    def __str__(self) -> str:
        return f"{self.kind} {self.family}".strip()


class Warned(models.Model):
    """One warning that was written to a subscriber.

    Purpose: to answer whether a warning is genuine, and to see what a warning did. Basis and
    retention: as for the finding, and with it.

    `code` is an HMAC of the code in the warning: who reads this table cannot write one.
    `failed_at` says that no way took it: nobody was warned by it.
    """

    uid = models.UUIDField(default=uuid4, unique=True, editable=False)
    finding = models.ForeignKey(Finding, on_delete=models.CASCADE, related_name="warnings")
    code = models.CharField(max_length=64, unique=True)
    step = models.PositiveIntegerField()
    playbook = models.CharField(max_length=60)
    version = models.PositiveIntegerField()
    way = models.CharField(max_length=20)
    language = models.CharField(max_length=8)
    at = models.DateTimeField()
    asked_at = models.DateTimeField(null=True, blank=True)
    failed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ("at", "pk")
        verbose_name_plural = "warnings"

    def __str__(self) -> str:
        return f"{self.playbook} step {self.step}"
