"""The warning page and the help for owners: in 24 languages, without script, cookie or form."""

from urllib.parse import urlencode

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.templatetags.static import static
from django.urls import reverse
from django.utils.cache import patch_vary_headers
from django.views.decorators.http import require_safe

from tocsin.desks.shield.actions.visiting import count_visit
from tocsin.desks.shield.models import Listing
from tocsin.desks.shield.queries.listings import Known, check
from tocsin.desks.shield.queries.warning import Links, language_for, owner_page, warning_page
from tocsin.desks.shield.views.doors import now, open_to_all, store_folder
from tocsin.desks.shield.views.spoken import STYLE
from tocsin.office.limits import client_address
from tocsin.words.errors import Unreadable
from tocsin.words.languages import OFFICIAL


@open_to_all("shield-warning")
@require_safe
def warning(request: HttpRequest) -> HttpResponseBase:
    """What somebody sees who followed a listed address."""
    asked = request.GET.get("name", "")[:2000]
    found = _found(asked)
    row = found.listing if found else None
    code = _language(request)
    kind = settings.SHIELD["visits"]
    if kind and row is not None and request.method == "GET":
        count_visit(
            row,
            client_address(request.META, proxies=settings.PROXIES),
            kind=kind,
            at=now(),
            store_folder=store_folder(),
            overlay=settings.OVERLAY,
        )
    text = warning_page(
        code,
        links=_links(found, row, request.GET.get("lang", "")),
        style=static(STYLE),
        switch=_switch(asked),
        host=found.host if found else "",
        brand=row.brand if row else "",
        is_listed=row is not None,
        is_counted=bool(kind),
    )
    return _answer(text, code)


@open_to_all("shield-owner")
@require_safe
def owner(request: HttpRequest) -> HttpResponseBase:
    """What the owner of a site that was broken into can do."""
    asked = request.GET.get("name", "")[:2000]
    code = _language(request)
    again = {"cleaned": "1", **({"name": asked} if asked else {})}
    again |= {"lang": code} if request.GET.get("lang") == code else {}
    text = owner_page(
        code,
        recheck=_address("shield:appeal", **again),
        style=static(STYLE),
        switch=_switch(asked),
    )
    return _answer(text, code)


def _found(asked: str) -> Known | None:
    try:
        return check(asked, at=now()) if asked.strip() else None
    except Unreadable:
        return None


def _links(found: Known | None, row: Listing | None, chosen: str) -> Links:
    """In the language that was chosen; else each page goes by the browser, as this one did."""
    lang = {"lang": chosen} if chosen in OFFICIAL else {}
    name = ({"name": found.host} if found else {}) | lang
    reference = ({"name": row.reference} if row else name) | lang
    return Links(
        report=_address("shield:report", **lang),
        check=_address("shield:check", **name),
        appeal=_address("shield:appeal", **reference),
        owner=_address("shield:owner", **reference),
    )


def _address(route: str, **words: str) -> str:
    """With the node's own name: in the walled garden, the page stands under another's."""
    base: str = settings.NODE_URL
    return f"{base}{reverse(route)}{'?' + urlencode(words) if words else ''}"


def _switch(asked: str) -> str:
    words = urlencode({"name": asked}) + "&" if asked else ""
    return f"?{words}lang={{code}}"


def _language(request: HttpRequest) -> str:
    return language_for(request.GET.get("lang", ""), request.headers.get("Accept-Language", ""))


def _answer(text: str, code: str) -> HttpResponse:
    response = HttpResponse(text)
    response["Content-Language"] = code
    patch_vary_headers(response, ["Accept-Language"])
    return response
