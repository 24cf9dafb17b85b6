"""Django settings, from the environment; nothing here touches the disk but to read the key.

TOCSIN_STORE         the store folder (default ./tocsin-store); `node.store.open_store` makes it
TOCSIN_DATABASE_URL  postgres://user:password@host:port/name instead of SQLite in the store;
                     postgres://user@/name?host=/folder for a local socket;
                     ?sslmode=verify-full&sslrootcert=/file for one that proves who it is
"""

import os
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from django.core.exceptions import ImproperlyConfigured

from tocsin.node.account_settings import *  # noqa: F403 those of accounts
from tocsin.node.account_settings import PROVIDER_APPS
from tocsin.node.desks import DESKS, running
from tocsin.node.shield_settings import read_shield
from tocsin.node.subscriber_settings import read_subscribers
from tocsin.node.warning_settings import read_warning
from tocsin.node.web_settings import *  # noqa: F403 the pages' own, in a file of their own

STORE = Path(os.environ.get("TOCSIN_STORE", "tocsin-store")).absolute()

# A delivery that was marked delivered must still be so after a power cut: FULL, not NORMAL.
# secure_delete: an evidence key that is erased is overwritten, not merely unlinked.
SQLITE_START = "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA secure_delete=ON;"

KEPT_OPEN = 60  # seconds: to open the database anew for each page costs as much as its queries


def sqlite(store: Path) -> dict[str, Any]:
    """The embedded database of a store folder."""
    return {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": str(store / "tocsin.sqlite3"),
        "OPTIONS": {
            "init_command": SQLITE_START,
            # A reader that turns writer in mid-transaction cannot be made to wait; so every
            # transaction takes the write lock at its beginning.
            "transaction_mode": "IMMEDIATE",
            "timeout": 30,
        },
        "CONN_MAX_AGE": KEPT_OPEN,
    }


# libpq: TLS to the server. Without these it is taken where the server offers it, unchecked.
_SECURED = ("sslmode", "sslrootcert")


def postgres(url: str) -> dict[str, Any]:
    """`postgres://user:password@host:port/name` to Django's words."""
    parts = urlsplit(url)
    if parts.scheme not in ("postgres", "postgresql") or not parts.path.strip("/"):
        raise ImproperlyConfigured(
            "TOCSIN_DATABASE_URL cannot be used. "
            "Possible: postgres://user:password@host:port/name, or leave it out for SQLite"
        )
    asked = parse_qs(parts.query)
    if unknown := sorted({*asked} - {"host", *_SECURED}):
        # What was meant to secure the line must not be passed over in silence.
        raise ImproperlyConfigured(
            f"TOCSIN_DATABASE_URL asks for {', '.join(unknown)[:80]}, which nobody reads. "
            f"Possible: host, {', '.join(_SECURED)}"
        )
    return {
        "ENGINE": "tocsin.node.postgres",
        "NAME": unquote(parts.path.lstrip("/")),
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": parts.hostname or "".join(asked.get("host", [])),
        "PORT": str(parts.port or ""),
        "CONN_HEALTH_CHECKS": True,
        "CONN_MAX_AGE": KEPT_OPEN,
        "OPTIONS": {name: asked[name][-1] for name in _SECURED if name in asked},
    }


def secret_key(store: Path) -> str:
    """The key of this store; "" where there is none yet, which Django refuses to use."""
    path = store / "keys" / "django-secret"
    return path.read_text(encoding="ascii").strip() if path.is_file() else ""


_URL = os.environ.get("TOCSIN_DATABASE_URL", "")

DATABASES = {"default": postgres(_URL) if _URL else sqlite(STORE)}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "tocsin.office",
    "tocsin.office.people",
    *DESKS,
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.socialaccount",
    *PROVIDER_APPS,
    "allauth.usersessions",
]
SECRET_KEY = secret_key(STORE)
DESKS_RUN = running(os.environ.get("TOCSIN_DESKS", ""))
SHIELD = {**read_shield(), **read_warning()}
SUBSCRIBERS = read_subscribers()
USE_TZ = True
TIME_ZONE = "UTC"
USE_I18N = True
LANGUAGE_CODE = "en"
