"""Addresses of what has an id: Django is asked once for each route and not at each link."""

from functools import cache
from uuid import UUID

from django.urls import get_script_prefix, get_urlconf, reverse

_MARK = UUID("3f8a6c1e-9d47-4b02-8e55-70c1a2b9d6f4")  # no thing has it


def way(route: str, uid: UUID) -> str:
    """The address of a route whose one part is an id, as `reverse` gives it."""
    return _pattern(route, get_urlconf(), get_script_prefix()).replace(str(_MARK), str(uid))


@cache
def _pattern(route: str, urls: str | None, prefix: str) -> str:  # noqa: ARG001  of these it depends
    return reverse(route, args=[_MARK])
