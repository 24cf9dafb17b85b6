"""The lists as files: at an address that is public, that nobody guesses, or with a token."""

import hmac
from http import HTTPStatus

from django.conf import settings
from django.http import (
    HttpRequest,
    HttpResponse,
    HttpResponseBase,
    HttpResponseNotModified,
    JsonResponse,
)
from django.utils.http import parse_etags
from django.views.decorators.http import require_safe

from tocsin.desks.shield.queries.audiences import audience_for
from tocsin.desks.shield.queries.published import (
    FORMS,
    File,
    VersionGone,
    delta_file,
    file_of,
)
from tocsin.desks.shield.queries.signed import SIGNATURE, signature_of
from tocsin.desks.shield.views.doors import contact, now, open_to_all, store_folder, too_often
from tocsin.office import sentences
from tocsin.office.limits import may_try
from tocsin.words.errors import NotFound, TocsinError, Unusable

DELTA_FORM = "json"
_LONGEST_SINCE = 10
_BEARER = "Bearer "


@open_to_all("shield-list")
@require_safe
def list_file(request: HttpRequest, word: str, form: str) -> HttpResponseBase:
    """One form of a list, 304 where the caller has it; `json?since=` is what changed.

    With `.sig` behind the form, its signature. Whoever may not have a list is told what is told
    of one that there is not.
    """
    audience = _audience(request, word)
    most = settings.SHIELD["rate"] * 60
    if request.GET.get("since") and not may_try("shield-since", request, most=most, at=now()):
        return too_often(request)
    name = form.removesuffix(SIGNATURE)
    try:
        file = _file(request, name, audience)
    except VersionGone as fault:
        return _problem(410, fault)
    except Unusable as fault:
        return _problem(400, fault)
    if form != name:
        file = signature_of(file, audience, name, store_folder=store_folder())
    known = (
        one.removeprefix("W/") for one in parse_etags(request.headers.get("If-None-Match", ""))
    )
    response: HttpResponseBase
    if file.etag in known:
        response = HttpResponseNotModified()
    else:
        response = HttpResponse(file.data, content_type=file.media_type)
    response["ETag"] = file.etag
    response["Cache-Control"] = "no-cache" if audience == "public" else "private, no-cache"
    response["Vary"] = "Authorization"
    response["X-Tocsin-Version"] = str(file.version)
    return response


def _audience(request: HttpRequest, word: str) -> str:
    """By a word of the settings, or by the token of a party that is of the audience."""
    for known, audience in settings.SHIELD["lists"].items():
        if hmac.compare_digest(word.encode(), known.encode()):
            return str(audience)
    said = request.headers.get("Authorization", "")
    token = said.removeprefix(_BEARER) if said.startswith(_BEARER) else ""
    if token and audience_for(token, word, at=now()):
        return word
    raise NotFound("there is no list here")


def _file(request: HttpRequest, form: str, audience: str) -> File:
    since = request.GET.get("since")
    if since is None or form not in FORMS:
        return file_of(form, audience, contact=contact(request), at=now())
    if form != DELTA_FORM:
        raise Unusable(f"{form!r} has no since=. Possible: without it, or {DELTA_FORM}?since=")
    return delta_file(_since(since), audience, contact=contact(request), at=now())


def _problem(status: int, fault: TocsinError) -> HttpResponse:
    """For programs (RFC 9457): a version that is gone is told from a list that is not theirs."""
    known = HTTPStatus(status)
    body = {
        "type": "about:blank",
        "title": known.phrase,
        "status": status,
        "detail": sentences.said(str(fault)),
    }
    return JsonResponse(body, status=status, content_type="application/problem+json")


def _since(text: str) -> int:
    if text.isascii() and text.isdigit() and len(text) <= _LONGEST_SINCE:
        return int(text)
    raise Unusable(f"since={text[:20]!r} is no version. Possible: the version of what you have")
