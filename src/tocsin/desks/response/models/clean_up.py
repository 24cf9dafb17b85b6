"""How fast a network's infections go away."""

from django.db import models

from tocsin.office.models import Party


class CleanUp(models.Model):
    """The figures of one network, or (`party` null) the middle half of all that have enough.

    Purpose: to show what warning and help achieve. Basis: public task of the team that runs the
    node (unverified). Retention: replaced at each count; none says anything of an address.

    `spells` are stretches of days on which an address was seen, `over` those of which the address
    has been out of sight for `quiet` days; `still` the share of spells still seen after so many
    days, as `[day, share, low, high]`, of peers `[day, median, lower, upper quartile]`.
    """

    party = models.OneToOneField(
        Party, null=True, blank=True, on_delete=models.CASCADE, related_name="+"
    )
    counted_at = models.DateTimeField()
    first = models.DateField()
    last = models.DateField()
    quiet = models.PositiveSmallIntegerField()
    spells = models.PositiveIntegerField()
    over = models.PositiveIntegerField()
    median = models.PositiveSmallIntegerField(null=True, blank=True)
    coming_back = models.FloatField(null=True, blank=True)
    half_life = models.FloatField(null=True, blank=True)
    still = models.JSONField(default=list)

    class Meta:
        ordering = ("-spells", "pk")

    def __str__(self) -> str:
        return f"{self.party or 'peers'}: {self.spells}"

    @property
    def half_life_days(self) -> int | None:
        """Whole days, at least one."""
        return max(1, round(self.half_life)) if self.half_life else None
