"""The API itself: its routers, its answers, its description (OpenAPI 3.1)."""

import hashlib
from collections.abc import Iterator
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotModified
from django.utils.http import parse_etags, quote_etag
from ninja import NinjaAPI
from ninja.errors import AuthenticationError, HttpError, Throttled, ValidationError
from ninja.operation import Operation

from tocsin import __version__
from tocsin.node.api.problems import MEDIA_TYPE, of_error, problem
from tocsin.node.api.throttle import PerToken
from tocsin.office.api import Scope
from tocsin.words.errors import TocsinError

OFFICE = "tocsin.node.api.office"
_ABOUT = """\
Reports in, deliveries out, cases answered.

Every call carries a token, `Authorization: Bearer tocsin_…`; a cookie opens nothing here. What a
token opens are its scopes, each as far as the mandate under it goes. What is not there and what is
not yours get the same 404. Errors are problem details (RFC 9457). Lists come page by page, the
newest first: go on with `next`. Answers carry an ETag: send it as If-None-Match, and 304 says that
nothing changed."""
_PROBLEMS = {
    400: "words that cannot be read: no JSON, no form, no such page",
    401: "no token, or one that is wrong, old or ended",
    403: "the token's scopes do not reach",
    404: "not there, or not yours",
    422: "a value that cannot be used",
    429: "too many calls; Retry-After says when again",
}


# Of calls that take the bytes of a file.
_OF_FILES = {
    409: "another part is awaited, or nothing any more",
    411: "a body that does not say how long it is",
    413: "a body that is larger than this node takes",
    415: "a body of a kind that this call does not take",
}


class Api(NinjaAPI):
    """django-ninja with our answers: problems, ETags, scopes in the description."""

    def create_response(
        self,
        request: HttpRequest,
        data: Any,
        *,
        status: int | None = None,
        temporal_response: HttpResponse | None = None,
    ) -> HttpResponse:
        """JSON with an ETag of its bytes; 304 where the caller has them."""
        response = super().create_response(
            request, data, status=status, temporal_response=temporal_response
        )
        response.headers["Vary"] = "Authorization"
        response.headers["Cache-Control"] = "private, no-cache"
        if request.method not in ("GET", "HEAD") or response.status_code != 200:
            return response
        etag = quote_etag(hashlib.sha256(response.content).hexdigest()[:32])
        known = parse_etags(request.headers.get("If-None-Match", ""))
        if etag in (one.removeprefix("W/") for one in known) or "*" in known:
            unchanged = HttpResponseNotModified()
            unchanged.headers["Vary"] = "Authorization"
            unchanged.headers["Cache-Control"] = "private, no-cache"
            unchanged.headers["ETag"] = etag
            return unchanged
        response.headers["ETag"] = etag
        return response

    def get_openapi_schema(self, **words: Any) -> Any:
        """The description, with the scopes of every call and the problems it may answer."""
        schema = super().get_openapi_schema(**words)
        scopes = {(method, path): scope for method, path, scope in self.scopes()}
        for path, calls in schema["paths"].items():
            for method, call in calls.items():
                scope = scopes.get((method, path.removeprefix("/api/v1")))
                if scope is not None:
                    call["security"] = [{"token": list(scope.permissions)}]
                    call["x-scopes"] = list(scope.permissions)
                taken = call.get("requestBody", {}).get("content", {})
                problems = _PROBLEMS | (_OF_FILES if {*taken} - {"application/json"} else {})
                call["responses"] |= {str(code): _problem(said) for code, said in problems.items()}
        components = schema["components"]
        components["securitySchemes"] = {
            "token": {"type": "http", "scheme": "bearer", "description": "`tocsin_…`"}
        }
        components.setdefault("schemas", {})["Problem"] = _PROBLEM
        return schema

    def operations(self) -> Iterator[tuple[str, Operation]]:
        """Every call with its path below /api/v1."""
        for bound in self._get_bound_routers():
            for path, view in bound.path_operations.items():
                for operation in view.operations:
                    yield (
                        "/" + "/".join(p for p in (bound.prefix.strip("/"), path.strip("/")) if p),
                        operation,
                    )

    def scopes(self) -> Iterator[tuple[str, str, Scope | None]]:
        """Method, path and scope of every call; None where one has none, which no test lets by."""
        for path, operation in self.operations():
            found = [one for one in operation.auth_callbacks if isinstance(one, Scope)]
            for method in operation.methods:
                yield method.lower(), path, found[0] if found else None


_PROBLEM = {
    "title": "Problem",
    "type": "object",
    "description": "Problem details (RFC 9457)",
    "properties": {
        "type": {"type": "string", "format": "uri-reference"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "errors": {"type": "array", "items": {"type": "object"}},
    },
    "required": ["type", "title", "status", "detail"],
}


def _problem(said: str) -> dict[str, Any]:
    content = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return {"description": said, "content": content}


# ── what goes wrong ──────────────────────────────────────────────────────────────────────


def _on_error(_request: HttpRequest, fault: Any) -> HttpResponse:
    return of_error(fault)


def _on_nobody(_request: HttpRequest, _fault: Any) -> HttpResponse:
    said = problem(401, "This call needs a token: Authorization: Bearer tocsin_…")
    said.headers["WWW-Authenticate"] = 'Bearer realm="tocsin"'
    return said


def _on_throttled(_request: HttpRequest, fault: Any) -> HttpResponse:
    wait = max(1, int(fault.wait or 1))
    said = problem(429, f"Too many calls with this token. Possible: again in {wait} s")
    said.headers["Retry-After"] = str(wait)
    return said


def _on_invalid(_request: HttpRequest, fault: Any) -> HttpResponse:
    """Each value that cannot be used: where, and why; the value itself is not said again."""
    errors = [
        {"at": "/".join(str(part) for part in one["loc"]), "detail": one["msg"]}
        for one in fault.errors
    ]
    first = f"{errors[0]['at']}: {errors[0]['detail']}" if errors else "a value"
    return problem(422, f"A value cannot be used. {first}", errors=errors)


def _on_nothing(_request: HttpRequest, _fault: Any) -> HttpResponse:
    return problem(404, "There is nothing at this address, or nothing for you.")


def _on_http(_request: HttpRequest, fault: Any) -> HttpResponse:
    return problem(fault.status_code, str(fault))


def make_api() -> Api:
    """The API with the routers of the office and of every desk that has an `api.py`."""
    api = Api(
        title="Tocsin",
        version="1",
        description=_ABOUT,
        docs_url=None,
        throttle=[PerToken()],
        urls_namespace="api",
        openapi_extra={"info": {"x-tocsin-version": __version__}},
    )
    handlers = {
        TocsinError: _on_error,
        AuthenticationError: _on_nobody,
        Throttled: _on_throttled,
        ValidationError: _on_invalid,
        Http404: _on_nothing,
        HttpError: _on_http,
    }
    for kind, handler in handlers.items():
        api.add_exception_handler(kind, handler)
    for desk in (OFFICE, *(f"{desk}.api" for desk in settings.DESKS_RUN)):
        if find_spec(desk):
            api.add_router("", import_module(desk).router)
    return api


api = make_api()
