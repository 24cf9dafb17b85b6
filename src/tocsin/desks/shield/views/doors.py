"""What the pages of the shield share: what is open to all, how often strangers may write."""

from collections.abc import Callable
from datetime import UTC, datetime
from functools import wraps
from pathlib import Path
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponseBase
from django.http.request import split_domain_port
from django.urls import reverse

from tocsin.desks.shield.actions.receiving import pseudonym_of
from tocsin.desks.shield.views.spoken import spoken_page
from tocsin.office.limits import client_address, may_try

View = Callable[..., HttpResponseBase]


def open_to_all(name: str) -> Callable[[View], View]:
    """For anybody without an account; so many POSTs, or calls of a program, in an hour."""

    def door(view: View) -> View:
        @wraps(view)
        def opened(request: HttpRequest, *words: Any, **named: Any) -> HttpResponseBase:
            most = settings.SHIELD["rate"]
            if request.method == "POST" and not may_try(name, request, most=most, at=now()):
                return too_often(request)
            response = view(request, *words, **named)
            response.setdefault("Cache-Control", "no-store")
            return response

        opened.needs = ()  # type: ignore[attr-defined]  # said, so that it is not forgotten
        return opened

    return door


def too_often(request: HttpRequest) -> HttpResponseBase:
    """429, with when to come back."""
    response = spoken_page(request, "shield/too_often.html", {}, status=429)
    response["Retry-After"] = "3600"
    return response


def now() -> datetime:
    """The moment of a request."""
    return datetime.now(UTC)


def store_folder() -> Path:
    """Where this node keeps its files."""
    return Path(settings.STORE)


def contact(request: HttpRequest) -> str:
    """Where a mistake in the list is said: under the node's own name, whatever a request claimed.

    It stands in files that are signed and kept. Where the node has no name it is that of the
    request, without a port that anybody may write behind it; with it on this machine alone.
    """
    base: str = settings.NODE_URL
    if not base:
        host, _ = split_domain_port(request.get_host())
        named = request.get_host() if host in ("localhost", "127.0.0.1", "[::1]") else host
        base = f"{request.scheme}://{named}"
    return f"{base}{reverse('shield:appeal')}"


def pseudonym(request: HttpRequest, *, at: datetime) -> str:
    """Who reports, for one day: tells independent reports from repeated ones, and nobody who."""
    return pseudonym_of(client_address(request.META, proxies=settings.PROXIES), at=at)


def page_number(request: HttpRequest) -> int:
    """Out of `?page=`; anything else is the first."""
    text = request.GET.get("page", "1")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 9 else 1
