"""Where it is known from who held an address: logs, what was read of them, what is kept."""

from uuid import uuid4

from django.db import models


class Source(models.Model):
    """A log of leases, sessions or translated ports.

    Purpose: to read it the same way each time, and to know how far its clock may be off.
    Basis and retention: none needed; a setting, no personal data.

    `slack` is the tolerance of its clock in seconds. `quiet` is how long a session may say
    nothing and still last (interim messages), null where none are sent. `realm` is the address
    space its addresses are of, `inside_realm` that of the inside addresses it names.
    """

    uid = models.UUIDField(default=uuid4, unique=True, editable=False)
    number = models.PositiveSmallIntegerField(unique=True)
    name = models.CharField(max_length=60, unique=True)
    log_format = models.CharField(max_length=40, blank=True)
    mapping = models.CharField(max_length=500, blank=True)
    subscriber = models.CharField(max_length=60, blank=True)
    realm = models.PositiveSmallIntegerField(default=0)
    inside_realm = models.PositiveSmallIntegerField(default=0)
    slack = models.PositiveIntegerField(default=30)
    quiet = models.PositiveIntegerField(null=True, blank=True)
    # The import whose files hold what goes on still, and how far its log reached.
    latest = models.UUIDField(null=True, blank=True)
    reaches_to = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ("name",)

    def __str__(self) -> str:
        return self.name


class LogImport(models.Model):
    """One file of a source that was read.

    Purpose: to read no file twice, and to say what came of it. Basis and retention: counts and a
    digest, no personal data; as long as its bindings.
    """

    uid = models.UUIDField(default=uuid4, unique=True, editable=False)
    source = models.ForeignKey(Source, on_delete=models.CASCADE, related_name="imports")
    digest = models.CharField(max_length=64)
    name = models.CharField(max_length=200)
    at = models.DateTimeField()
    by = models.CharField(max_length=100)
    messages = models.PositiveBigIntegerField(default=0)
    spans = models.PositiveBigIntegerField(default=0)
    refused = models.PositiveBigIntegerField(default=0)

    class Meta:
        ordering = ("-at",)
        constraints = (
            models.UniqueConstraint(fields=("source", "digest"), name="subscribers_log_read_once"),
        )

    def __str__(self) -> str:
        return self.name


class BindingRun(models.Model):
    """One sorted file of bindings in the store's folder `bindings`.

    Purpose: to find whose line it was. Basis and retention: as the bindings in it
    (`rules.retention`); pseudonymous, names stand in `Contact` alone.
    """

    uid = models.UUIDField(default=uuid4, unique=True, editable=False)
    made_at = models.DateTimeField()
    rows = models.PositiveBigIntegerField()
    since = models.DateTimeField()
    until = models.DateTimeField()

    class Meta:
        ordering = ("made_at", "pk")

    def __str__(self) -> str:
        return self.uid.hex
