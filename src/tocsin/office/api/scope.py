"""Who calls: a bearer token, never a cookie; and the scope that each call declares."""

from datetime import UTC, datetime, timedelta

from django.db.models import Q
from django.http import HttpRequest
from ninja.security import HttpBearer

from tocsin.office.models import Party
from tocsin.office.people.actions import digest_of
from tocsin.office.people.models import Token
from tocsin.office.people.viewer import Viewer, viewer_of_token
from tocsin.office.permissions import PERMISSIONS
from tocsin.words.errors import Refused

_NOTED = timedelta(minutes=1)  # how exactly `last_used_at` is kept


class Called(HttpRequest):
    """A request whose token was looked at: `viewer` is who calls, `at` the moment of the call."""

    viewer: Viewer
    at: datetime

    @property
    def party(self) -> Party:
        """The party of the token's mandate; a token has exactly one."""
        return self.viewer.mandates[0].party


class Scope(HttpBearer):
    """`auth=Scope("desk:noun:verb", …)`: a call that needs any one of these permissions.

    A session cookie opens nothing here, so no other site can make a browser call.
    """

    def __init__(self, *permissions: str) -> None:
        super().__init__()
        unknown = [name for name in permissions if name not in PERMISSIONS]
        if unknown or not permissions:
            raise ValueError(f"{unknown or 'no scope'}: a call names permissions of the table")
        self.permissions = permissions

    def authenticate(self, request: HttpRequest, token: str) -> Viewer | None:
        """The viewer, or None (401); raises `Refused` where token or mandate does not reach."""
        at = datetime.now(UTC)
        digest = digest_of(token)
        viewer = viewer_of_token(digest, at=at)
        if not viewer.is_known:
            return None
        request.viewer, request.at = viewer, at  # type: ignore[attr-defined]
        request.party = viewer.mandates[0].party  # type: ignore[attr-defined]
        _note_use(digest, at)
        if not any(viewer.may(name) for name in self.permissions):
            raise Refused(
                f"this call needs the scope {' or '.join(self.permissions)}, and the token or the "
                "mandate under it does not carry it. Possible: a token with that scope"
            )
        return viewer


def _note_use(digest: str, at: datetime) -> None:
    stale = Q(last_used_at=None) | Q(last_used_at__lt=at - _NOTED)
    if Token.objects.filter(stale, digest=digest).exists():
        Token.objects.filter(digest=digest).update(last_used_at=at)
