"""The list as files: at an address that is public or that nobody guesses."""

import hmac

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseNotModified
from django.utils.http import parse_etags
from django.views.decorators.http import require_safe

from tocsin.desks.shield.queries.published import delta_file, file_of
from tocsin.desks.shield.views.doors import contact, now, open_to_all
from tocsin.words.errors import NotFound, Unusable

_LONGEST_SINCE = 10


@open_to_all("shield-list")
@require_safe
def list_file(request: HttpRequest, word: str, form: str) -> HttpResponseBase:
    """One form of the list, 304 where the caller has it; `json?since=` is what changed."""
    if not any(hmac.compare_digest(word, known) for known in settings.SHIELD["lists"]):
        raise NotFound("there is no list here")
    since = request.GET.get("since", "")
    if since and form == "json":
        file = delta_file(_since(since), contact=contact(request), at=now())
    else:
        file = file_of(form, contact=contact(request), at=now())
    known = (
        one.removeprefix("W/") for one in parse_etags(request.headers.get("If-None-Match", ""))
    )
    response: HttpResponseBase
    if file.etag in known:
        response = HttpResponseNotModified()
    else:
        response = HttpResponse(file.data, content_type=file.media_type)
    response["ETag"] = file.etag
    response["Cache-Control"] = "no-cache"
    response["X-Tocsin-Version"] = str(file.version)
    return response


def _since(text: str) -> int:
    if text.isascii() and text.isdigit() and len(text) <= _LONGEST_SINCE:
        return int(text)
    raise Unusable(f"since={text[:20]!r} is no version. Possible: the version of what you have")
