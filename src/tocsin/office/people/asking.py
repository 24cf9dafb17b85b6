"""What a view asks before it shows or does anything: one decorator, read by a test over all routes.

    @needs("office:party:read", "office:party:read_own")
    def parties(request: Asked) -> HttpResponse: ...

Whoever has not signed in is led to do so; whoever has and may not is refused (403). Which rows of
which party somebody sees is asked of `request.viewer` again, in the query.
"""

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar, cast

from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponseBase
from django.utils.translation import gettext as _

from tocsin.office.people.viewer import Viewer
from tocsin.office.permissions import PERMISSIONS
from tocsin.words.errors import Refused

View = TypeVar("View", bound=Callable[..., HttpResponseBase])


class Asked(HttpRequest):
    """A request with who looks (`node.middleware.viewer`)."""

    viewer: Viewer


def needs(*permissions: str) -> Callable[[View], View]:
    """For a view that any one of these permissions opens."""
    unknown = [name for name in permissions if name not in PERMISSIONS]
    if unknown or not permissions:
        raise ValueError(f"{unknown or 'nothing'}: a view names permissions of the table")

    def decorate(view: View) -> View:
        @wraps(view)
        def asked(request: Asked, *args: Any, **words: Any) -> HttpResponseBase:
            viewer = request.viewer
            if viewer.person is None:
                return redirect_to_login(request.get_full_path())
            if not any(viewer.may(name) for name in permissions):
                raise Refused(_("Your mandate does not open this page, or it has ended."))
            response = view(request, *args, **words)
            response.setdefault("Cache-Control", "private, no-cache")
            return response

        asked.needs = permissions  # type: ignore[attr-defined]
        return cast(View, asked)

    return decorate


def dangerous(view: View) -> View:
    """For a view that asks who it is once more, where that was last shown a while ago."""
    view.is_dangerous = True  # type: ignore[attr-defined]
    return view


def open_to_all(view: View) -> View:
    """For a view that asks nobody anything: said, so that it is not forgotten."""
    view.needs = ()  # type: ignore[attr-defined]
    return view
