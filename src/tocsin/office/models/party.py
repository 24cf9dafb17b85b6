"""Who takes part."""

from uuid import uuid4

from django.db import models


class Party(models.Model):
    """An organisation that can be told something, member of the forum or not.

    Purpose: to know whom an event concerns and how to reach it. Basis: NIS2 art. 11(3) and
    23 for teams and operators; agreement for members; GDPR art. 6(1)(f) with recital 49 for
    abuse contacts taken from registries. Retention: while active; a retired party stays as
    long as a delivery, receipt or register row names it, then goes with them.

    `interval` says how often a channel that gathers (mail) may write: for each run, hourly or
    daily. `key` is an armoured OpenPGP public key, or empty. `runs_node` says that this node is
    theirs: their people handle the matters of all.

    `role`, `format` and `channel` are words of `words.roles` and of the catalogues; they are
    checked where rows are written (`office.parties`), so that a new word needs no migration.
    """

    uid = models.UUIDField(default=uuid4, unique=True, editable=False)
    slug = models.CharField(max_length=60, unique=True)
    name = models.CharField(max_length=200)
    role = models.CharField(max_length=40)
    country = models.CharField(max_length=2, blank=True)
    language = models.CharField(max_length=35, default="en")
    member = models.BooleanField(default=True)
    channel = models.CharField(max_length=40)
    channel_address = models.CharField(max_length=500, blank=True)
    format = models.CharField(max_length=40)
    interval = models.CharField(max_length=10, default="each")
    key = models.TextField(blank=True)
    runs_node = models.BooleanField(default=False)
    source = models.CharField(max_length=40, default="manual")
    as_of = models.DateField(null=True, blank=True)
    active = models.BooleanField(default=True)
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()

    class Meta:
        ordering = ("slug",)
        verbose_name_plural = "parties"

    def __str__(self) -> str:
        return self.slug
