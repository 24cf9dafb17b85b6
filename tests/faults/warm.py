"""Imported by the server that trials are forked from: everything that opens nothing.

Django is set up and asks no database; no table was touched, so no thread of Polars is lost.
"""

import importlib
import os

import django

MODULES = (
    "django.db.migrations.executor",
    "tocsin.channels.catalogue",
    "tocsin.desks.response.actions",
    "tocsin.flow.gather",
    "tocsin.formats.catalogue",
    "tocsin.node.channel_settings",
    "tocsin.node.commands.route",
    "tocsin.office.outbox",
)

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tocsin.node.settings")
django.setup()
for name in MODULES:
    importlib.import_module(name)
