"""Pages for anybody in the 24 official languages, without script: which, and how shown."""

from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.templatetags.static import static
from django.urls import reverse
from django.utils import translation
from django.utils.cache import patch_vary_headers

from tocsin.desks.shield.queries.warning import Words, around, language_for, words_in
from tocsin.office import sentences
from tocsin.words.languages import OFFICIAL, SOURCE

STYLE = "tocsin/warning.css"


def spoken(request: HttpRequest) -> Words:
    """In the language that was chosen for this page, or for the site, or that the browser asks for.

    Of the site it counts where somebody chose it: on file, or in the cookie of the menu.
    """
    chosen = request.GET.get("lang", "")
    if chosen not in OFFICIAL and _has_chosen(request):
        chosen = (translation.get_language() or SOURCE).partition("-")[0]
    return words_in(language_for(chosen, request.headers.get("Accept-Language", "")))


def _has_chosen(request: HttpRequest) -> bool:
    user = getattr(request, "user", None)
    return bool(getattr(user, "language", "")) or settings.LANGUAGE_COOKIE_NAME in request.COOKIES


def address_of(request: HttpRequest, route: str, **named: str) -> str:
    """The address of another of these pages, in the language that was chosen for this one."""
    return reverse(route, kwargs=named) + _asked(request)


def sentence_of(text: str, code: str) -> tuple[str, str]:
    """A sentence of the software and its language: English where it is not translated."""
    with translation.override(code):
        said = sentences.said(text)
    return said, SOURCE if said == text else code


def spoken_page(
    request: HttpRequest, template: str, said: dict[str, Any], *, status: int = 200
) -> HttpResponse:
    """A page; its menu of languages leads to itself, and links go on in the chosen language."""
    words = spoken(request)
    name = request.GET.get("name", "")[:2000]
    kept = urlencode({"name": name}) + "&" if name else ""
    shared = around(words, style=static(STYLE), switch=f"?{kept}lang={{code}}")
    chosen = {"chosen": _asked(request)}
    response = HttpResponse(
        render_to_string(template, shared | chosen | said, request=request), status=status
    )
    response["Content-Language"] = words.code
    patch_vary_headers(response, ["Accept-Language", "Cookie"])
    return response


def _asked(request: HttpRequest) -> str:
    code = request.GET.get("lang", "")
    return f"?lang={code}" if code in OFFICIAL else ""
