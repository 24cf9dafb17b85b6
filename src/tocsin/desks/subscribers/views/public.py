"""For a subscriber, without an account: is this warning genuine, and: it is put right.

Also: the line is limited no more. All take a code and nothing else. That it is put right is
answered in the same words whatever the code was; whether a warning is genuine is what is asked, and
its day is all that is said.
"""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.templatetags.static import static
from django.utils.cache import patch_vary_headers
from django.utils.translation.trans_real import parse_accept_lang_header
from django.views.decorators.http import require_http_methods

from tocsin.desks.subscribers.actions.codes import say_clean, warned_on
from tocsin.desks.subscribers.actions.measures import Released, release_by_code
from tocsin.desks.subscribers.queries.wordings import day, language_of, languages, words_in
from tocsin.office.limits import may_try
from tocsin.words.languages import OFFICIAL, SOURCE

PUBLIC = "public"
_LONGEST = 100
_RELEASED = {
    Released.UNKNOWN: "page_no",
    Released.DONE: "garden_released",
    Released.USED_UP: "garden_used_up",
}


@require_http_methods(["GET", "HEAD", "POST"])
def check(request: HttpRequest) -> HttpResponseBase:
    """Whether a warning is ours, by its code.

    With `done` that what it says is done; with `release` that the line is limited no more.
    """
    at = datetime.now(UTC)
    if request.method != "POST":
        return _page(request, {})
    most = settings.SUBSCRIBERS["rate"]
    if not may_try("subscribers-check", request, most=most, at=at):
        response = _page(request, {"is_too_often": True}, status=429)
        response["Retry-After"] = "3600"
        return response
    code, folder = request.POST.get("code", "")[:_LONGEST], Path(settings.STORE)
    if "done" in request.POST:
        say_clean(code, by=PUBLIC, at=at, store_folder=folder)
        return _page(request, {"is_thanked": True})
    if "release" in request.POST:
        came = release_by_code(code, by=PUBLIC, at=at, store_folder=folder)
        return _page(request, {"is_released": True, "released": _RELEASED[came]})
    found = warned_on(code, at=at, store_folder=folder)
    return _page(request, {"is_asked": True, "day": day(found) if found else ""})


check.needs = ()  # type: ignore[attr-defined]  # said, so that it is not forgotten


def _page(request: HttpRequest, said: dict[str, Any], *, status: int = 200) -> HttpResponse:
    words = words_in(_language(request))
    text = words.texts
    known = {
        **said,
        "words": words,
        "text": text,
        "style": static("tocsin/warning.css"),
        "provider": settings.NODE_NAME,
        "limits": settings.SUBSCRIBERS["measures"] is not None,
        "is_limited": "limited" in request.GET,
        "outcome": text[said["released"]] if "released" in said else "",
        "yes": text["page_yes"].format(day=said.get("day", "")),
        "languages": [(code, OFFICIAL[code]) for code in languages()],
    }
    response = render(request, "subscribers/check.html", known, status=status)
    response["Content-Language"] = words.code
    response["Cache-Control"] = "no-store"
    patch_vary_headers(response, ["Accept-Language"])
    return response


def _language(request: HttpRequest) -> str:
    """The one that was chosen, the first the browser asks for that there is, or English."""
    chosen = request.GET.get("lang", "")[:8]
    if chosen in languages():
        return chosen
    for tag, _ in parse_accept_lang_header(
        request.headers.get("Accept-Language", "")[:500].lower()
    ):
        if tag.partition("-")[0] in languages():
            return language_of(tag)
    return SOURCE
