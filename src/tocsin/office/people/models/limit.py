"""How often something was tried, shared by all processes of a node."""

from django.db import models


class Limit(models.Model):
    """One row of Django's cache table, which holds the counters of the rate limits.

    Purpose: to slow down whoever guesses passwords and codes. Basis: GDPR art. 6(1)(f), recital
    49. Retention: until it expires, an hour at most. `cache_key` is an HMAC: it names nobody.
    """

    cache_key = models.CharField(max_length=255, primary_key=True)
    value = models.TextField()
    expires = models.DateTimeField(db_index=True)

    class Meta:
        db_table = "people_limit"

    def __str__(self) -> str:
        return self.cache_key
