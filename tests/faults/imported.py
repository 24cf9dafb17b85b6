# ruff: noqa: F401
"""What a worker imports, for a fork server: everything but what needs a store."""

import django.core.management.commands.migrate
import django.db.backends.postgresql.base
import django.db.backends.sqlite3.base
import django.db.migrations.executor
import django.forms
import django.template
import django.urls
import requests

import tocsin.channels.catalogue
import tocsin.flow.gather
import tocsin.formats.catalogue
import tocsin.node.cli
import tocsin.rules.acts
from tocsin.flow.domains import registrable_domain

registrable_domain("host.example")  # reads the list of public suffixes
