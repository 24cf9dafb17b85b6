"""How accounts come to be: by invitation alone; a provider signs in whom it was told to."""

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.core.exceptions import ImmediateHttpResponse
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from django.http import HttpRequest
from django.shortcuts import redirect

from tocsin.office.people.models import Person, canonical


class Accounts(DefaultAccountAdapter):  # type: ignore[misc]
    """Nobody signs up: a party's administrator invites, the operator begins."""

    def is_open_for_signup(self, _request: HttpRequest) -> bool:
        """Never."""
        return False

    def clean_email(self, email: str) -> str:
        """One spelling of a sign-in name."""
        return str(super().clean_email(canonical(email)))


class Providers(DefaultSocialAccountAdapter):  # type: ignore[misc]
    """OpenID Connect: signs in people who have an account here, and makes none."""

    def is_open_for_signup(self, _request: HttpRequest, _sociallogin: Any) -> bool:
        """Never."""
        return False

    def pre_social_login(self, request: HttpRequest, sociallogin: Any) -> None:
        """Join a first sign-in to the invited person of the same address, if it was verified."""
        if sociallogin.is_existing:
            return
        verified = [canonical(one.email) for one in sociallogin.email_addresses if one.verified]
        person = Person.objects.filter(email__in=verified, is_active=True).first()
        if person is None:
            raise ImmediateHttpResponse(redirect("account_login"))
        sociallogin.connect(request, person)
