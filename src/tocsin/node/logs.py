"""Logs as JSON lines, without personal data: which route, what came of it, how long it took.

A line names the route's pattern and never the path, which may hold an address that somebody
looked up; no client address, no person, no query, no body. What a library logs is kept with its
logger, level and template; what would be filled in is left out.
"""

import json
import logging
import time
from collections.abc import Callable
from datetime import UTC, datetime
from uuid import uuid4

from django.http import HttpRequest, HttpResponse

_LOG = logging.getLogger("tocsin.request")
_OURS = "tocsin."


class AsJson(logging.Formatter):
    """One object a line: `at, level, logger, said`, with `fields` of our own lines beside them."""

    def format(self, record: logging.LogRecord) -> str:
        """What may be kept of a record."""
        said = record.getMessage() if record.name.startswith(_OURS) else str(record.msg)
        facts = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "said": said,
            **getattr(record, "fields", {}),
        }
        if record.exc_info and record.exc_info[0]:
            facts["error"] = record.exc_info[0].__name__
            facts["where"] = _where(record)
        return json.dumps(facts, ensure_ascii=False, default=str)


def _where(record: logging.LogRecord) -> list[str]:
    """File and line of every frame; never the values, nor the text of the error."""
    found = []
    frame = record.exc_info[2] if record.exc_info else None
    while frame is not None:
        code = frame.tb_frame.f_code
        found.append(f"{code.co_filename.rpartition('/src/')[2]}:{frame.tb_lineno} {code.co_name}")
        frame = frame.tb_next
    return found[-12:]


Next = Callable[[HttpRequest], HttpResponse]


def access_log(get_response: Next) -> Next:
    """One line a request, and an id for it that the answer carries too."""

    def middleware(request: HttpRequest) -> HttpResponse:
        started, number = time.perf_counter(), uuid4().hex
        response = get_response(request)
        response["X-Request-Id"] = number
        match = getattr(request, "resolver_match", None)
        _LOG.info(
            "answered",
            extra={
                "fields": {
                    "request": number,
                    "method": request.method if request.method in _METHODS else "other",
                    "route": match.route if match else "",
                    "status": response.status_code,
                    "ms": round((time.perf_counter() - started) * 1000, 1),
                }
            },
        )
        return response

    return middleware


_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"json": {"()": "tocsin.node.logs.AsJson"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "json"}},
    "root": {"handlers": ["stderr"], "level": "WARNING"},
    "loggers": {
        "tocsin": {"handlers": ["stderr"], "level": "INFO", "propagate": False},
        # A 404 or a refused form is no fault; what breaks is logged with its place.
        "django.request": {"handlers": ["stderr"], "level": "ERROR", "propagate": False},
        "django.security": {"handlers": ["stderr"], "level": "ERROR", "propagate": False},
    },
}
