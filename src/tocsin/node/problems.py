"""What went wrong, in the house's words: a page, with the error's own text and its number."""

from collections.abc import Callable
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from tocsin.office import sentences
from tocsin.words.errors import (
    Busy,
    NotFound,
    OutOfSpace,
    Refused,
    TocsinError,
    Unreadable,
    Unusable,
)

_PAGES: tuple[tuple[type[TocsinError], int, str], ...] = (
    (NotFound, 404, "404.html"),
    (Refused, 403, "403.html"),
    (Unusable, 400, "400.html"),
    (Unreadable, 400, "400.html"),
    (Busy, 503, "503.html"),
    (OutOfSpace, 507, "503.html"),
)


class spoken:  # noqa: N801 middleware, named as what it makes of errors
    """Turns an expected error of a view into a page; everything else stays what it is."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Pass on; what is only for buttons and was opened as an address gets a page too."""
        response = self._get_response(request)
        if response.status_code == 405 and not response.streaming and not response.content:
            page = render(request, "405.html", status=405)
            page["Allow"] = response.get("Allow", "")
            return page
        return response

    def process_exception(self, request: HttpRequest, fault: Exception) -> HttpResponse | None:
        """The page of an expected error."""
        if not isinstance(fault, TocsinError):
            return None
        status, page = page_of(fault)
        # Of what is not there nothing is said: what is hidden and what is not must look the same.
        said: dict[str, Any] = {} if status == 404 else {"problem": sentences.said(str(fault))}
        return render(request, page, said, status=status)


def page_of(fault: TocsinError) -> tuple[int, str]:
    """Status and template of an error."""
    for kind, status, page in _PAGES:
        if isinstance(fault, kind):
            return status, page
    return 500, "500.html"
