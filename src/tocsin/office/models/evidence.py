"""The exact bytes that came in, or what may be kept of them."""

from django.db import models


class Evidence(models.Model):
    """One file as it was received, once, sealed under a key of its own (`office.evidence`).

    Purpose: to prove what a party was told and to repeat a run. Basis: GDPR art. 6(1)(f)
    with recital 49, NIS2 art. 11; citizens' messages by their consent. Retention: by class:
    machine-report 90 days by default, citizen-message until the decision, prohibited never
    stored (digest and size alone). A legal hold stands above retention and erasure.

    `key` is 32 random bytes and is all that opens the file; erased with it.
    """

    class Class(models.TextChoices):
        """What kind of material; decides storage and retention."""

        MACHINE_REPORT = "machine-report"
        CITIZEN_MESSAGE = "citizen-message"
        PROHIBITED = "prohibited"

    digest = models.CharField(max_length=64, unique=True)
    evidence_class = models.CharField(max_length=20, choices=Class)
    size = models.BigIntegerField()
    stored_size = models.BigIntegerField(default=0)
    key = models.BinaryField(max_length=32, default=b"")
    media_type = models.CharField(max_length=100)
    received_at = models.DateTimeField()
    keep_until = models.DateTimeField()
    erased_at = models.DateTimeField(null=True, blank=True)
    hold_authority = models.CharField(max_length=200, blank=True)
    hold_reference = models.CharField(max_length=200, blank=True)
    hold_until = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ("-received_at", "digest")
        verbose_name_plural = "evidence"
        indexes = (models.Index(fields=("keep_until",), name="evidence_keep_until"),)

    def __str__(self) -> str:
        return f"sha256:{self.digest}"
