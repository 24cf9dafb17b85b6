"""What was seen before, for the deduplication window."""

from django.db import models

from tocsin.office.models.run import Run


class WindowSegment(models.Model):
    """The keys of one run's events in one immutable file below `window/`.

    Purpose: to recognise a repeat within the window (24 hours by default) without keeping
    the event twice. Basis: as for the run. Retention: until `until`, then row and file go
    (`office.window.expire_window`); keys are hashes of events and no addresses, though whoever
    knows all other fields could try addresses out.
    """

    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="window_segments")
    path = models.CharField(max_length=500, unique=True)
    at = models.DateTimeField()
    until = models.DateTimeField()
    keys = models.BigIntegerField()

    class Meta:
        ordering = ("at", "pk")
        indexes = (models.Index(fields=("until",), name="window_until"),)

    def __str__(self) -> str:
        return self.path
