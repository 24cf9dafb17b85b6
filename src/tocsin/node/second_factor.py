"""The second factor: who has one, which session showed one, and what opens before that.

Having one is not enough: a session that was opened with the password alone, before its owner set
up a second factor elsewhere, has shown none.
"""

import time
from typing import Any

from allauth.account.authentication import get_authentication_records
from allauth.account.internal.flows.login import record_authentication
from allauth.mfa.models import Authenticator
from allauth.mfa.stages import AuthenticateStage
from allauth.mfa.totp.views import ActivateTOTPView
from allauth.mfa.webauthn.views import AddWebAuthnView
from django.conf import settings
from django.http import HttpRequest, HttpResponse

from tocsin.office.prepared import A_KEY, Prepared

# Recovery codes stand in for a factor; by themselves they are none.
FACTORS = [Authenticator.Type.TOTP, Authenticator.Type.WEBAUTHN]


def has_one(user: Any) -> bool:
    """Whether somebody set up a second factor."""
    return bool(_factors(user.pk))


_factors = Prepared(
    lambda person: (
        Authenticator.objects.filter(user=person, type__in=FACTORS).order_by().values_list("pk")[:1]
    ),
    A_KEY,
)


def was_shown(request: HttpRequest, user: Any = None) -> bool:
    """Whether this session showed a second factor, here or to a provider that vouches for it."""
    records = get_authentication_records(request, user or request.user)
    return any(record.get("method") == "mfa" or is_vouched(record) for record in records)


def is_vouched_session(request: HttpRequest) -> bool:
    """Whether a provider vouches for the whole session, so that none is needed here."""
    return any(is_vouched(one) for one in get_authentication_records(request, request.user))


def is_vouched(record: dict[str, Any]) -> bool:
    """Whether a sign-in came from a provider of which the operator says that it asks for one."""
    provider = settings.SIGN_IN_PROVIDERS.get(str(record.get("provider")))
    return record.get("method") == "socialaccount" and provider is not None and provider.vouches


class Stage(AuthenticateStage):  # type: ignore[misc]
    """Asks for the second factor on the way in, unless the provider has."""

    def _should_handle(self, request: HttpRequest) -> bool:
        records = get_authentication_records(request, self.login.user)
        return not any(is_vouched(one) for one in records) and super()._should_handle(request)


class SetUpApp(ActivateTOTPView):  # type: ignore[misc]
    """An app is set up by typing its code: this session has shown it."""

    def form_valid(self, form: Any) -> HttpResponse:
        """Set up, and shown."""
        response: HttpResponse = super().form_valid(form)
        _shown(self.request, Authenticator.Type.TOTP)
        return response


class SetUpPasskey(AddWebAuthnView):  # type: ignore[misc]
    """A passkey is set up by using it: this session has shown it."""

    def form_valid(self, form: Any) -> HttpResponse:
        """Set up, and shown."""
        response: HttpResponse = super().form_valid(form)
        _shown(self.request, Authenticator.Type.WEBAUTHN)
        return response


def _shown(request: HttpRequest, kind: str) -> None:
    record_authentication(request, request.user, "mfa", type=kind, at_set_up=int(time.time()))
