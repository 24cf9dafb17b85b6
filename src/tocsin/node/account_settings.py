"""Django settings of accounts: who signs in, how, how often, and how they are written to.

TOCSIN_PROXIES     proxies before this node, 0 to 9 (default 0): how many entries at the end of
                   X-Forwarded-For are their own, and whether X-Forwarded-Proto is believed at all
TOCSIN_OIDC_FILE   file that names the parties' own sign-in servers (OpenID Connect)
TOCSIN_SAML_FILE   the same for servers that speak SAML 2.0
"""

import os

from django.core.exceptions import ImproperlyConfigured

from tocsin.node.provider_settings import Provider, read_providers
from tocsin.node.saml_settings import IS_INSTALLED, SamlProvider, read_saml_providers
from tocsin.node.web_settings import ALLOWED_HOSTS, IS_LOCAL

# Where mails say that the pages are; "" on this machine alone, where the request says it.
NODE_URL = "" if IS_LOCAL else f"https://{ALLOWED_HOSTS[0].lstrip('.')}"

_PROXIES = os.environ.get("TOCSIN_PROXIES", "").strip() or "0"
if len(_PROXIES) != 1 or _PROXIES not in "0123456789":
    raise ImproperlyConfigured(f"TOCSIN_PROXIES={_PROXIES!r} cannot be used. Possible: 0 to 9")
PROXIES = int(_PROXIES)
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if PROXIES else None

AUTH_USER_MODEL = "people.Person"
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
AUTH_PASSWORD_VALIDATORS = [
    {
        "NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator",
        "OPTIONS": {"user_attributes": ("email", "name")},
    },
    {
        "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
        "OPTIONS": {"min_length": 12},
    },
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.ScryptPasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
PASSWORD_RESET_TIMEOUT = 4 * 3600
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "home"

# ── allauth ──────────────────────────────────────────────────────────────────────────────

ACCOUNT_LOGOUT_REDIRECT_URL = "home"
ACCOUNT_ADAPTER = "tocsin.node.accounts.Accounts"
ACCOUNT_FORMS = {
    "login": "tocsin.node.account_forms.SignIn",
    "reset_password": "tocsin.node.account_forms.ForgotPassword",
}
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*", "password2*"]
ACCOUNT_EMAIL_VERIFICATION = "none"  # whoever has an account was invited at this address
ACCOUNT_EMAIL_UNKNOWN_ACCOUNTS = False  # nobody is written to who has no account
ACCOUNT_EMAIL_NOTIFICATIONS = True
ACCOUNT_EMAIL_SUBJECT_PREFIX = ""
ACCOUNT_PREVENT_ENUMERATION = True
ACCOUNT_PASSWORD_RESET_TOKEN_GENERATOR = "django.contrib.auth.tokens.PasswordResetTokenGenerator"  # noqa: S105 a name
ACCOUNT_SESSION_REMEMBER = False
ACCOUNT_REAUTHENTICATION_REQUIRED = True
ACCOUNT_REAUTHENTICATION_TIMEOUT = 900
ACCOUNT_RATE_LIMITS = {
    "login": "30/m/ip",
    "login_failed": "10/m/ip,5/5m/key",
    "reset_password": "20/m/ip,5/5m/key",
}
SOCIALACCOUNT_ADAPTER = "tocsin.node.accounts.Providers"
SOCIALACCOUNT_ONLY = False
SOCIALACCOUNT_AUTO_SIGNUP = False
SOCIALACCOUNT_STORE_TOKENS = False
MFA_ADAPTER = "tocsin.node.accounts.Factors"
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_ALLOW_UNVERIFIED_EMAIL = True  # as above
MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN = IS_LOCAL
MFA_TOTP_ISSUER = "Tocsin"

# ── the parties' own sign-in servers ─────────────────────────────────────────────────────

_OIDC = read_providers(os.environ.get("TOCSIN_OIDC_FILE", "").strip())
_SAML = read_saml_providers(os.environ.get("TOCSIN_SAML_FILE", "").strip())
if _both := sorted(_OIDC.keys() & _SAML.keys()):
    raise ImproperlyConfigured(
        f"TOCSIN_SAML_FILE: {_both[0]} is the id of a server in TOCSIN_OIDC_FILE. "
        "Possible: another id"
    )
SIGN_IN_PROVIDERS: dict[str, Provider | SamlProvider] = {**_OIDC, **_SAML}
SOCIALACCOUNT_PROVIDERS = {
    "openid_connect": {"APPS": [one.as_app() for one in _OIDC.values()]},
    "saml": {"APPS": [one.as_app() for one in _SAML.values()]},
}
PROVIDER_APPS = [
    "allauth.socialaccount.providers.openid_connect",
    *(["allauth.socialaccount.providers.saml"] if IS_INSTALLED else []),
]

# ── counters and mail ────────────────────────────────────────────────────────────────────

CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.db.DatabaseCache",
        "LOCATION": "people_limit",
        "KEY_FUNCTION": "tocsin.node.accounts.limit_key",
        # Django drops a third of the rows where there are more: nobody may wash a counter away.
        "OPTIONS": {"MAX_ENTRIES": 1_000_000},
    }
}
EMAIL_BACKEND = "tocsin.node.mail_backend.NodeMail"
