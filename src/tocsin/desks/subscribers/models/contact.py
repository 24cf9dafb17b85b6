"""Who a line is: the one table in which a subscriber has a name."""

from django.db import models


class Contact(models.Model):
    """One line's subscriber, as far as a warning needs it.

    Purpose: to warn the subscriber. Basis: the provider's contract and Regulation 2015/2120
    (unverified). Retention: until the provider's own list names the line no more.

    `line` is the pseudonym that all other tables know. `same_as` is another line's number where
    several names (a circuit, a user name, a hardware address) are one line.
    """

    line = models.BigIntegerField(unique=True)
    same_as = models.BigIntegerField(null=True, blank=True)
    name = models.CharField(max_length=200)
    email = models.CharField(max_length=254, blank=True)
    phone = models.CharField(max_length=40, blank=True)
    language = models.CharField(max_length=8, blank=True)
    segment = models.CharField(max_length=60, blank=True)
    is_essential = models.BooleanField(default=False)
    changed_at = models.DateTimeField()

    class Meta:
        ordering = ("line",)

    def __str__(self) -> str:
        return str(self.line)
