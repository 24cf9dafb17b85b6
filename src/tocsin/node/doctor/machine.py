"""The machine: Python, libraries, extras, time zones."""

import os
import sqlite3
import sys
import zoneinfo
from collections.abc import Iterator
from importlib import metadata
from importlib.util import find_spec

from tocsin import __version__
from tocsin.node.doctor.finding import Case, Finding
from tocsin.node.doctor.words import named, ok, wrong

OLDEST_PYTHON = (3, 11)
OLDEST_SQLITE = (3, 31, 0)  # Django 5.2
SHOWN = ("django", "polars", "deltalake", "cryptography")
SOME_ZONES = ("Europe/Brussels", "Europe/Athens", "Atlantic/Azores")  # of members


def look_at_software(_case: Case) -> Iterator[Finding]:
    """Versions, and what a setting wants that is not installed."""
    area = "software"
    found = []
    if sys.version_info < OLDEST_PYTHON:
        found.append(wrong(area, f"Python {sys.version.split()[0]} is too old", "Python 3.11"))
    if sqlite3.sqlite_version_info < OLDEST_SQLITE:
        what = f"SQLite {sqlite3.sqlite_version} is too old"
        found.append(wrong(area, what, "SQLite 3.31 or later, or PostgreSQL"))
    missing = [name for name in SHOWN if _version(name) is None]
    if missing:
        found.append(wrong(area, f"not installed: {named(missing)}", "install Tocsin anew"))
    if os.environ.get("TOCSIN_DATABASE_URL") and find_spec("psycopg") is None:
        what = "TOCSIN_DATABASE_URL is set, and the driver of PostgreSQL is not installed"
        found.append(wrong(area, what, "pip install 'tocsin[postgres]'"))
    versions = ", ".join(f"{name} {_version(name)}" for name in SHOWN)
    python = f"Tocsin {__version__}, Python {sys.version.split()[0]}"
    yield from found or [ok(area, f"{python}, {versions}")]


def look_at_zones(_case: Case) -> Iterator[Finding]:
    """Deadlines are counted where they are to be kept."""
    area = "time zones"
    missing = []
    for name in SOME_ZONES:
        try:
            zoneinfo.ZoneInfo(name)
        except (zoneinfo.ZoneInfoNotFoundError, OSError, ValueError):
            missing.append(name)
    if missing:
        what = f"this machine does not know {named(missing)}, so no deadline can be counted there"
        yield wrong(area, what, "apt-get install tzdata, or pip install tzdata")
    else:
        yield ok(area, "known")


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None
