"""What goes wrong, as `application/problem+json` (RFC 9457), with our own sentence."""

import json
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseBase

from tocsin.words.errors import (
    Busy,
    NotFound,
    OutOfSpace,
    Refused,
    TocsinError,
    Undelivered,
    Unproven,
    Unreadable,
    Unusable,
)

MEDIA_TYPE = "application/problem+json"
PREFIX = "/api/"
STATUS: dict[type[TocsinError], HTTPStatus] = {
    Busy: HTTPStatus.SERVICE_UNAVAILABLE,
    NotFound: HTTPStatus.NOT_FOUND,
    OutOfSpace: HTTPStatus.INSUFFICIENT_STORAGE,
    Refused: HTTPStatus.FORBIDDEN,
    Undelivered: HTTPStatus.BAD_GATEWAY,
    Unproven: HTTPStatus.CONFLICT,
    Unreadable: HTTPStatus.BAD_REQUEST,
    Unusable: HTTPStatus.UNPROCESSABLE_ENTITY,
}
_AGAIN = 5  # seconds until a call that met a lock is worth repeating

Next = Callable[[HttpRequest], HttpResponseBase]


def problem(status: int, detail: str, *, kind: str = "about:blank", **more: Any) -> HttpResponse:
    """One answer: `type`, `title` and `status` as the RFC has them, `detail` for people."""
    known = HTTPStatus(status)
    body = {"type": kind, "title": known.phrase, "status": int(known), "detail": detail, **more}
    response = HttpResponse(json.dumps(body), status=known, content_type=MEDIA_TYPE)
    response.headers["Cache-Control"] = "no-store"
    return response


def of_error(fault: TocsinError) -> HttpResponse:
    """An expected error; its text is shown as it is, as everywhere."""
    status = next(STATUS[kind] for kind in type(fault).__mro__ if kind in STATUS)
    kind = getattr(fault, "problem_type", "about:blank")
    more = getattr(fault, "problem_facts", {})
    response = problem(getattr(fault, "problem_status", status), str(fault), kind=kind, **more)
    if response.status_code == HTTPStatus.SERVICE_UNAVAILABLE:
        response.headers["Retry-After"] = str(_AGAIN)
    return response


def problems_only(get_response: Next) -> Next:
    """Below /api/ every error is a problem, also those that Django answers by itself.

    And no cookie comes through: what a browser holds opens nothing there and changes nothing.
    """

    def middleware(request: HttpRequest) -> HttpResponseBase:
        if not request.path_info.startswith(PREFIX):
            return get_response(request)
        request.META.pop("HTTP_COOKIE", None)
        response = get_response(request)
        is_said = response.headers.get("Content-Type", "").startswith(MEDIA_TYPE)
        if response.status_code >= 400 and not is_said and isinstance(response, HttpResponse):
            made = problem(response.status_code, _SAID.get(response.status_code, _OTHER))
            response.content = made.content
            response.headers["Content-Type"] = MEDIA_TYPE
            response.headers["Content-Length"] = str(len(made.content))
            response.headers["Cache-Control"] = "no-store"
        return response

    return middleware


_OTHER = "This call could not be answered."
_SAID = {
    400: "The request cannot be read. Possible: what /api/v1/openapi.json describes.",
    404: "There is nothing at this address, or nothing for you.",
    405: "This method is not offered here. Possible: those that Allow names.",
    413: "The request is larger than this node takes.",
    500: "Something went wrong in the node; its operator sees what. It may be tried again.",
}
