"""The response desk as Django sees it."""

from django.apps import AppConfig


class Response(AppConfig):
    """Reports in, the concerned told."""

    name = "tocsin.desks.response"
    label = "response"
    verbose_name = "Response"
