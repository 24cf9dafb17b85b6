"""The office as Django sees it."""

from django.apps import AppConfig


class Office(AppConfig):
    """Parties, runs, evidence, deliveries, register."""

    name = "tocsin.office"
    label = "office"
    verbose_name = "Office"
