"""The office as Django sees it."""

from django.apps import AppConfig


class Office(AppConfig):
    """Parties, runs, evidence, deliveries, register."""

    name = "tocsin.office"
    label = "office"
    verbose_name = "Office"
    # What `tocsin worker` does on a schedule; by name, as models are not there yet.
    recurring = "tocsin.office.recurring.recurring"
