"""`/files/`: what is downloaded, by a ticket and never by a cookie (`office.tickets`)."""

from collections.abc import Callable
from pathlib import Path

from django.conf import settings
from django.http import FileResponse, HttpRequest, HttpResponse, HttpResponseBase
from django.views.decorators.http import require_safe

from tocsin.office.people.asking import open_to_all
from tocsin.office.tickets import delivery_of
from tocsin.words.errors import NotFound

FILES = "/files/"
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'; sandbox",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "private, no-store",
}


@require_safe
@open_to_all
def file(_request: HttpRequest, ticket: str) -> HttpResponseBase:
    """The file of a ticket, as an attachment."""
    path = Path(settings.STORE) / delivery_of(ticket).path
    try:
        opened = path.open("rb")
    except OSError:
        raise NotFound("the file is no more") from None
    return FileResponse(
        opened,
        as_attachment=True,
        filename=path.name,
        content_type="application/octet-stream",
        headers=_HEADERS,
    )


def cookieless(
    get_response: Callable[[HttpRequest], HttpResponse],
) -> Callable[[HttpRequest], HttpResponse]:
    """Nothing below `/files/` sees a cookie, and none is set there."""

    def middleware(request: HttpRequest) -> HttpResponse:
        if not request.path_info.startswith(FILES):
            return get_response(request)
        request.META.pop("HTTP_COOKIE", None)
        response = get_response(request)
        response.cookies.clear()
        response.headers.pop("Vary", None)  # on the cookie that nothing here sees
        return response

    return middleware
