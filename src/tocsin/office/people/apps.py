"""People as Django sees them."""

from django.apps import AppConfig


class People(AppConfig):
    """Persons, mandates, tokens."""

    name = "tocsin.office.people"
    label = "people"
    verbose_name = "People"
