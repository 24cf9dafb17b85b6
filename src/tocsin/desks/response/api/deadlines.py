"""One's deadlines as a feed that calendar programs fetch."""

from django.conf import settings
from django.http import HttpResponse, HttpResponseNotModified
from django.utils.http import parse_etags
from django.utils.translation import gettext as _
from ninja import Router

from tocsin.desks.response.actions.owed import MAY, consult_deadlines
from tocsin.office.api import Called, Scope
from tocsin.office.attachments import attachment
from tocsin.office.documents import ical

router = Router(tags=["deadlines"])
_CALENDAR = {"content": {"text/calendar": {"schema": {"type": "string"}}}}


@router.get(
    "/deadlines.ics",
    auth=Scope(*MAY),
    summary="One's deadlines, as iCalendar",
    openapi_extra={"responses": {200: {"description": "The calendar (RFC 5545)", **_CALENDAR}}},
)
def deadlines(request: Called) -> HttpResponse:
    """What runs and is not met, the soonest first; of the matters themselves nothing."""
    feed = consult_deadlines(
        request.viewer,
        known={one.removeprefix("W/") for one in parse_etags(_asked(request))},
        where=request.build_absolute_uri,
        name=_("Deadlines at %(node)s") % {"node": settings.NODE_NAME},
        at=request.at,
    )
    response: HttpResponse = HttpResponseNotModified()
    if not feed.is_known:
        response = attachment(feed.data, name="deadlines.ics", media_type=ical.MEDIA_TYPE)
    response["Cache-Control"], response["ETag"] = "private, no-cache", feed.etag
    response["Vary"] = "Authorization"
    return response


def _asked(request: Called) -> str:
    return request.headers.get("If-None-Match", "")
