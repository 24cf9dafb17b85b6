"""Where sessions are kept: Django's own table, read with SQL that is ready (`office.prepared`)."""

from datetime import UTC, datetime

from django.contrib.sessions.backends.db import SessionStore as InDatabase
from django.contrib.sessions.models import Session

from tocsin.office.prepared import A_MOMENT, A_WORD, Prepared

_running = Prepared(
    lambda key, at: Session.objects.filter(session_key=key, expire_date__gt=at), A_WORD, A_MOMENT
)


class SessionStore(InDatabase):
    """Every page of somebody who signed in asks for theirs."""

    def _get_session_from_db(self) -> Session | None:
        found = _running(self.session_key or "", datetime.now(UTC))
        if not found:
            self._session_key = None
            return None
        return found[0]
