"""Pages that belong to no desk: home, and what a load balancer asks."""

from datetime import UTC, datetime

from django.conf import settings
from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.views.decorators.http import require_safe
from django.views.i18n import set_language

from tocsin.desks.response.actions.owed import MAY as CALENDAR
from tocsin.office.front import cards_for
from tocsin.office.people import actions
from tocsin.office.people.viewer import NOBODY, Viewer


@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """What waits for whoever looks, desk by desk."""
    viewer: Viewer = getattr(request, "viewer", NOBODY)
    cards = cards_for(viewer, at=datetime.now(UTC)) if viewer.is_known else []
    is_run = "tocsin.desks.response" in settings.DESKS_RUN
    has_calendar = is_run and any(viewer.may(one) for one in CALENDAR)
    return render(request, "home.html", {"cards": cards, "has_calendar": has_calendar})


@require_safe
def accessibility(request: HttpRequest) -> HttpResponse:
    """How these pages can be used, and whom to tell where they cannot."""
    return render(request, "accessibility.html")


def choose_language(request: HttpRequest) -> HttpResponseBase:
    """A language from the menu: kept in a cookie, and on file of whoever signed in."""
    code = request.POST.get("language", "")
    if (
        request.method == "POST"
        and request.user.is_authenticated
        and code in dict(settings.LANGUAGES)
    ):
        actions.choose_language(request.user, code)
    return set_language(request)


@require_safe
def healthz(_request: HttpRequest) -> HttpResponse:
    """Whether the process answers."""
    return HttpResponse("ok\n", content_type="text/plain")


@require_safe
def readyz(_request: HttpRequest) -> HttpResponse:
    """Whether the database answers too."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    return HttpResponse("ok\n", content_type="text/plain")
