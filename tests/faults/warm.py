"""Imported by the server that trials are forked from: everything that opens nothing.

Django is set up and asks no database; no table was touched, so no thread of Polars is lost.
"""

import gc
import importlib
import os

import django
from django.db.migrations.loader import MigrationLoader

from tocsin.flow.domains import registrable_domain

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
MigrationLoader(None)  # reads every migration, and no database
registrable_domain("host.example")  # reads the list of public suffixes
gc.freeze()  # so that collecting in a trial copies no page of what they all share
