"""What every request passes: who looks, with a second factor, and what a browser may load."""

import secrets
from collections.abc import Callable
from datetime import UTC, datetime

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import resolve

from tocsin.office.people.viewer import viewer_of

Next = Callable[[HttpRequest], HttpResponse]

_POLICY = (
    "default-src 'none'; script-src 'nonce-{nonce}' 'strict-dynamic'; style-src 'self'; "
    "img-src 'self' data:; font-src 'self'; connect-src 'self'; manifest-src 'self'; "
    "form-action 'self'{providers}; base-uri 'none'; frame-ancestors 'none'"
)
# Routes that somebody without a second factor needs in order to get one, or to leave.
_BEFORE = ("mfa_", "account_logout", "account_reauthenticate", "set_language", "home_public")


def content_security_policy(get_response: Next) -> Next:
    """A policy with a nonce per answer: nothing but our own files, no inline script or style."""

    def middleware(request: HttpRequest) -> HttpResponse:
        request.csp_nonce = nonce = secrets.token_urlsafe(16)  # type: ignore[attr-defined]
        response = get_response(request)
        if "Content-Security-Policy" not in response.headers:
            policy = _POLICY.format(nonce=nonce, providers="")
            response.headers["Content-Security-Policy"] = policy
        response.headers.setdefault(
            "Permissions-Policy", "camera=(), geolocation=(), microphone=()"
        )
        return response

    return middleware


def second_factor(get_response: Next) -> Next:
    """Whoever signs in has a second factor, or is led to get one before anything else."""

    def middleware(request: HttpRequest) -> HttpResponse:
        if request.user.is_authenticated and not _has_factor(request):
            name = resolve(request.path_info).url_name or ""
            if not name.startswith(_BEFORE) and not request.path_info.startswith("/static/"):
                return redirect("mfa_index")
        return get_response(request)

    return middleware


def _has_factor(request: HttpRequest) -> bool:
    from allauth.mfa.utils import is_mfa_enabled

    return bool(is_mfa_enabled(request.user))


def viewer(get_response: Next) -> Next:
    """`request.viewer`: the person with the mandates that run now."""

    def middleware(request: HttpRequest) -> HttpResponse:
        person = request.user if request.user.is_authenticated else None
        request.viewer = viewer_of(person, at=datetime.now(UTC))  # type: ignore[attr-defined]
        return get_response(request)

    return middleware
