"""Django settings of the pages: accounts, sessions, templates, what a browser is told.

TOCSIN_HOSTS   names under which the node is reached, `tocsin.example, 192.0.2.7`; without it only
               this machine itself (localhost, 127.0.0.1, ::1)
TOCSIN_DEBUG   with any value: pages without TLS on this machine, errors shown; never in service
TOCSIN_UPLOAD_LIMIT  MiB of a report that is uploaded (default 256)
TOCSIN_API_RATE      calls of one token in a minute (default 600)
TOCSIN_OVERLAY       CSV of networks that wins over the routing snapshot, for look-ups and uploads
"""

import os
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured

from tocsin.node.translated import offered, read_figures
from tocsin.words.languages import SOURCE

_HERE = Path(__file__).parent
_LOCAL = ("localhost", "127.0.0.1", "[::1]")


def _whole(name: str, default: int, *, most: int) -> int:
    text = os.environ.get(name, "").strip() or str(default)
    if text.isascii() and text.isdigit() and 1 <= int(text) <= most:
        return int(text)
    raise ImproperlyConfigured(f"{name}={text!r} cannot be used. Possible: 1 to {most}")


DEBUG = bool(os.environ.get("TOCSIN_DEBUG"))
ALLOWED_HOSTS = [
    *(name.strip() for name in os.environ.get("TOCSIN_HOSTS", "").split(",") if name.strip()),
] or [*_LOCAL]
# On this machine alone a browser may come without TLS; everywhere else cookies ask for it.
IS_LOCAL = set(ALLOWED_HOSTS) <= set(_LOCAL)

ROOT_URLCONF = "tocsin.node.urls"
WSGI_APPLICATION = "tocsin.node.wsgi.application"

MIDDLEWARE = [
    "tocsin.node.logs.access_log",
    "tocsin.node.api.problems.problems_only",
    "tocsin.node.files.cookieless",
    "django.middleware.security.SecurityMiddleware",
    "tocsin.node.middleware.content_security_policy",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "tocsin.node.middleware.unturned",  # below CommonMiddleware, which says how long a page is
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "tocsin.node.middleware.language",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "tocsin.node.middleware.seen",
    "tocsin.node.middleware.second_factor",
    "tocsin.node.middleware.viewer",
    "tocsin.node.middleware.proof",
    "tocsin.node.problems.spoken",
]

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [_HERE / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "tocsin.node.context.page",
            ],
        },
    },
]

# ── files of the pages ───────────────────────────────────────────────────────────────────

STATIC_URL = "/static/"
STATICFILES_DIRS = [_HERE / "static"]
WHITENOISE_USE_FINDERS = True
WHITENOISE_AUTOREFRESH = DEBUG

# ── cookies and what a browser is told ───────────────────────────────────────────────────

SESSION_ENGINE = "tocsin.office.people.sessions"
SESSION_COOKIE_AGE = 12 * 3600
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = not IS_LOCAL
CSRF_COOKIE_HTTPONLY = True
CSRF_COOKIE_SAMESITE = "Lax"
SECURE_SSL_REDIRECT = not IS_LOCAL
SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$"]
SECURE_HSTS_SECONDS = 0 if IS_LOCAL else 365 * 24 * 3600
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
DATA_UPLOAD_MAX_MEMORY_SIZE = 1024 * 1024
FILE_UPLOAD_HANDLERS = ["tocsin.node.uploads.ToDisk"]  # to disk, not into memory, and no more

API_RATE: int = _whole("TOCSIN_API_RATE", 600, most=1_000_000)  # calls of a token in a minute
UPLOAD_LIMIT = _whole("TOCSIN_UPLOAD_LIMIT", 256, most=65536) * 1024 * 1024  # bytes
_NAMED = os.environ.get("TOCSIN_OVERLAY", "").strip()
NODE_NAME = os.environ.get("TOCSIN_NODE_NAME", "").strip() or "tocsin"  # on notices
OVERLAY = Path(_NAMED).absolute() if _NAMED else None

# ── languages: the official ones of the Union, those whose catalogue is complete ───────────

LOCALE_PATHS = [_HERE / "locale"]
LANGUAGE_CODE = SOURCE
TRANSLATIONS = read_figures(LOCALE_PATHS[0])
# In debug whoever translates sees what is not complete yet.
LANGUAGES = offered(TRANSLATIONS, unfinished=DEBUG)
LANGUAGE_COOKIE_AGE = 365 * 24 * 3600
LANGUAGE_COOKIE_SECURE = not IS_LOCAL
LANGUAGE_COOKIE_HTTPONLY = True
LANGUAGE_COOKIE_SAMESITE = "Lax"
MESSAGE_STORAGE = "django.contrib.messages.storage.session.SessionStorage"
