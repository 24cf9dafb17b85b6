"""What every request passes: who looks, with a second factor, and what a browser may load."""

import re
import secrets
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import Resolver404, resolve, reverse
from django.utils import translation

from tocsin.office.people.viewer import viewer_of

Next = Callable[[HttpRequest], HttpResponse]

_POLICY = (
    "default-src 'none'; script-src 'nonce-{nonce}' 'strict-dynamic'; style-src 'self'; "
    "img-src 'self' data:; font-src 'self'; connect-src 'self'; manifest-src 'self'; "
    "form-action 'self'{providers}; base-uri 'none'; frame-ancestors 'none'"
)
# What opens to somebody who has no second factor yet, and to a session that has not shown it.
_SET_UP = (
    *("mfa_index", "mfa_activate_totp", "mfa_add_webauthn", "mfa_list_webauthn"),
    *("account_reauthenticate", "mfa_reauthenticate", "mfa_reauthenticate_webauthn"),
)
_SHOW = ("mfa_reauthenticate", "mfa_reauthenticate_webauthn")
_ALWAYS = ("account_logout", "set_language", "accessibility", "healthz", "readyz")
SEEN_EVERY = 300  # seconds: how exactly the list of sessions says when one was last used


def content_security_policy(get_response: Next) -> Next:
    """A policy with a nonce per answer: nothing but our own files, no inline script or style."""

    def middleware(request: HttpRequest) -> HttpResponse:
        request.csp_nonce = nonce = secrets.token_urlsafe(16)  # type: ignore[attr-defined]
        response = get_response(request)
        if response.status_code == 304:
            return (
                response  # what the browser has keeps the policy, and the nonce, that it came with
            )
        if "Content-Security-Policy" not in response.headers:
            policy = _POLICY.format(nonce=nonce, providers=_providers(request))
            response.headers["Content-Security-Policy"] = policy
        response.headers.setdefault(
            "Permissions-Policy", "camera=(), geolocation=(), microphone=()"
        )
        return response

    return middleware


# What turns the order in which a line is read (Unicode TR 9), and NUL, in UTF-8.
_TURNING = re.compile(rb"\xe2\x80[\x8e\x8f\xaa-\xae]|\xe2\x81[\xa6-\xa9]|\xd8\x9c|\x00")


def unturned(get_response: Next) -> Next:
    """No name and no word of a report turns the order in which a page is read (CVE-2021-42574).

    Whatever is shown passes here, so that no template has to think of it. No language of the
    pages needs these characters; each is shown as one that could not be shown.
    """

    def middleware(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        is_page = response.headers.get("Content-Type", "").startswith("text/html")
        if is_page and not response.streaming:
            response.content = _TURNING.sub("\ufffd".encode(), response.content)
        return response

    return middleware


def _providers(request: HttpRequest) -> str:
    """Where signing in by a party's own server leads, on the pages that begin it."""
    if not request.path_info.startswith("/account/"):
        return ""
    named = (one.form_origins() for one in settings.SIGN_IN_PROVIDERS.values())
    return "".join(f" {origin}" for origins in named for origin in origins)


def language(get_response: Next) -> Next:
    """Whoever signed in reads the language they chose; others what cookie or browser asks for."""

    def middleware(request: HttpRequest) -> HttpResponse:
        chosen = getattr(request.user, "language", "")
        if chosen in dict(settings.LANGUAGES):
            translation.activate(chosen)
            request.LANGUAGE_CODE = chosen
        return get_response(request)

    return middleware


def second_factor(get_response: Next) -> Next:
    """Whoever signs in has shown a second factor, or is led to it before anything else."""

    def middleware(request: HttpRequest) -> HttpResponse:
        if request.user.is_authenticated and (led := _led_to(request)):
            return led
        return get_response(request)

    return middleware


def _led_to(request: HttpRequest) -> HttpResponse | None:
    from tocsin.node import second_factor as factor

    has_one, was_shown = factor.has_one(request.user), factor.was_shown(request)
    if was_shown and (has_one or factor.is_vouched_session(request)):
        return None
    name = _name_of(request)
    if name in (*_ALWAYS, *(_SHOW if has_one else _SET_UP)):
        return None
    if not has_one:
        return redirect("mfa_index")
    after = urlencode({"next": request.get_full_path()}) if request.method == "GET" else ""
    return redirect(f"{reverse('mfa_reauthenticate')}?{after}")


def _name_of(request: HttpRequest) -> str:
    try:
        return resolve(request.path_info).url_name or ""
    except Resolver404:
        return ""


def proof(get_response: Next) -> Next:
    """Before what is dangerous, whoever signed in a while ago shows once more who it is."""

    def middleware(request: HttpRequest) -> HttpResponse:
        return get_response(request)

    def process_view(
        request: HttpRequest, view: Any, _args: Any, _words: Any
    ) -> HttpResponse | None:
        from allauth.account.adapter import get_adapter
        from allauth.account.internal.flows import reauthentication

        if not getattr(view, "is_dangerous", False) or not request.user.is_authenticated:
            return None
        if not reauthentication.is_reauthentication_required(request, app="tocsin"):
            return None
        ways = get_adapter().get_reauthentication_methods(request.user)
        led: HttpResponse = reauthentication.suspend_request(request, ways[0]["url"])
        return led

    middleware.process_view = process_view  # type: ignore[attr-defined]
    return middleware


def seen(get_response: Next) -> Next:
    """Keeps the list of sessions, with a write every few minutes and not at every page."""

    def middleware(request: HttpRequest) -> HttpResponse:
        if request.user.is_authenticated and request.session.session_key:
            at = int(time.time())
            if at - request.session.get("seen", 0) >= SEEN_EVERY:
                from allauth.usersessions.models import UserSession

                UserSession.objects.create_from_request(request)
                request.session["seen"] = at
        return get_response(request)

    return middleware


def viewer(get_response: Next) -> Next:
    """`request.viewer`: the person with the mandates that run now."""

    def middleware(request: HttpRequest) -> HttpResponse:
        person = request.user if request.user.is_authenticated else None
        request.viewer = viewer_of(person, at=datetime.now(UTC))  # type: ignore[attr-defined]
        return get_response(request)

    return middleware
