"""How accounts come to be: by invitation alone; a provider signs in whom it was told to."""

import hmac
import logging
import time
from base64 import b64decode, b64encode
from collections.abc import Callable
from datetime import UTC, datetime
from functools import wraps
from hashlib import sha256
from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.authentication import get_authentication_records
from allauth.core.exceptions import ImmediateHttpResponse
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from django.conf import settings
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse

from tocsin.node import second_factor
from tocsin.office.limits import client_address
from tocsin.office.people import actions, letters
from tocsin.office.people.models import Person, canonical
from tocsin.office.people.sealing import seal, unseal
from tocsin.office.people.viewer import running

FRESH = 300  # seconds for which a sign-in counts as proof of who it is
_SEALED = "second factor"
_LOG = logging.getLogger(__name__)
# What comes of a server that is away (OSError, of requests), or says no JSON, or other JSON.
_AWAY = (OSError, ValueError, LookupError, TypeError, AttributeError)


class Accounts(DefaultAccountAdapter):  # type: ignore[misc]
    """Nobody signs up: a party's administrator invites, the operator begins."""

    def is_open_for_signup(self, _request: HttpRequest) -> bool:
        """Never."""
        return False

    def clean_email(self, email: str) -> str:
        """One spelling of a sign-in name."""
        return canonical(email)

    def get_client_ip(self, request: HttpRequest) -> str:
        """The address a request came from; what proxies say only as far as settings trust them."""
        return client_address(request.META, proxies=settings.PROXIES)

    def _get_login_attempts_cache_key(self, _request: HttpRequest, **credentials: Any) -> str:
        """One counter per person: neither spelling nor the Host header makes another."""
        return canonical(credentials.get("email") or "")

    def is_reauthentication_required(self, **_words: Any) -> bool:
        """Not within five minutes of signing in."""
        records = get_authentication_records(self.request, self.request.user)
        newest = max((record["at"] for record in records), default=0)
        return bool(time.time() - newest >= FRESH)

    def get_reauthentication_methods(self, user: Any) -> list[dict[str, Any]]:
        """Without the password where the second factor itself is what is asked for."""
        methods: list[dict[str, Any]] = super().get_reauthentication_methods(user)
        if second_factor.was_shown(self.request) or not second_factor.has_one(user):
            return methods
        return [one for one in methods if one["id"] != "reauthenticate"]

    def get_login_stages(self) -> list[str]:
        """The second factor is asked for by a stage of our own."""
        ours = {"allauth.mfa.stages.AuthenticateStage": "tocsin.node.second_factor.Stage"}
        return [ours.get(one, one) for one in super().get_login_stages()]

    def get_reset_password_from_key_url(self, key: str) -> str:
        """Under the node's own name, whatever the request claimed."""
        path = reverse("account_reset_password_from_key", kwargs={"uidb36": "UID", "key": "KEY"})
        path = path.replace("UID-KEY", key)
        base: str = settings.NODE_URL
        return f"{base}{path}" if base else str(self.request.build_absolute_uri(path))

    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        """Into the letters: no page waits for a mail server."""
        words = {"request": self.request, "email": email, **context}
        mail = self.render_mail(template_prefix, email, words)
        # 0: the nobody of a password forgotten at an address that is not here (`account_forms`).
        is_ghost = getattr(context.get("user"), "pk", None) == 0
        to = "" if is_ghost else email
        letters.queue(to, subject=mail.subject, text=mail.body, at=datetime.now(UTC))

    def set_password(self, user: Person, password: str) -> None:
        """With a register row."""
        actions.set_password(user, password, by=user.actor, at=datetime.now(UTC))


class Providers(DefaultSocialAccountAdapter):  # type: ignore[misc]
    """OpenID Connect and SAML: signs in people who have an account here, and makes none.

    A party's server speaks for people who act for that party and for no other: whoever runs it
    could otherwise be anybody.
    """

    def is_open_for_signup(self, _request: HttpRequest, _sociallogin: Any) -> bool:
        """Never."""
        return False

    def pre_social_login(self, request: HttpRequest, sociallogin: Any) -> None:
        """Let in who may come in this way; join a first sign-in to the invited person."""
        provider = settings.SIGN_IN_PROVIDERS.get(sociallogin.account.provider)
        person = sociallogin.user if sociallogin.is_existing else _named(sociallogin)
        if provider is None or person is None or not _speaks_for(provider.party, person):
            raise ImmediateHttpResponse(redirect("socialaccount_login_error"))
        sociallogin.account.extra_data = {}  # who it is we know; the rest is none of our business
        if sociallogin.is_existing:
            sociallogin.account.save(update_fields=["extra_data"])
        else:
            sociallogin.connect(request, person)


def reached(view: Callable[..., HttpResponseBase]) -> Callable[..., HttpResponseBase]:
    """Where a party's server is away or says what it should not, the page says so (and the log)."""

    @wraps(view)
    def asked(request: HttpRequest, *args: Any, **words: Any) -> HttpResponseBase:
        try:
            return view(request, *args, **words)
        except _AWAY as fault:
            _LOG.warning("sign-in at a party's server failed: %s", type(fault).__name__)
            return redirect("socialaccount_login_error")

    return asked


def _named(sociallogin: Any) -> Person | None:
    """Whom a verified address names."""
    verified = [canonical(one.email) for one in sociallogin.email_addresses if one.verified is True]
    return Person.objects.filter(email__in=verified, is_active=True).first()


def _speaks_for(party: str, person: Person) -> bool:
    """Whether somebody acts for this party and for no other, and operates nothing."""
    slugs = running(datetime.now(UTC)).filter(person=person).values_list("party__slug", flat=True)
    return person.is_active and not person.is_operator and set(slugs) == {party}


class Factors(DefaultMFAAdapter):  # type: ignore[misc]
    """Second factors: what they share with an app lies sealed in the database."""

    def encrypt(self, text: str) -> str:
        """Sealed under the key of the store."""
        return b64encode(seal(text.encode(), purpose=_SEALED)).decode("ascii")

    def decrypt(self, encrypted_text: str) -> str:
        """Opened again."""
        return unseal(b64decode(encrypted_text), purpose=_SEALED).decode()


def limit_key(key: str, key_prefix: str, version: int) -> str:
    """How a counter is called in the database: nobody can be read out of it."""
    text = f"{key_prefix}:{version}:{key}"
    return hmac.new(settings.SECRET_KEY.encode(), text.encode(), sha256).hexdigest()
