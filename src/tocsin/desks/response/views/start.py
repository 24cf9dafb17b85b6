"""The first screen of the desk: look something up, bring a report in, what waits for me."""

from datetime import UTC, datetime

from django.conf import settings
from django.http import HttpResponseBase
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from tocsin.desks.response.actions.owed import MAY, consult_deadlines
from tocsin.desks.response.forms import LookUp
from tocsin.desks.response.queries import front
from tocsin.desks.response.queries.cases import my_open_work
from tocsin.desks.response.views.rows import case_rows
from tocsin.office.attachments import attachment
from tocsin.office.documents import ical
from tocsin.office.people.asking import Asked, needs

MOST_CLOCKS = 10


@needs("response:case:read", "response:case:read_own", "response:report:add_own")
@require_safe
def start(request: Asked) -> HttpResponseBase:
    """Everything that waits, and the way to ask who would be told."""
    viewer, at = request.viewer, datetime.now(UTC)
    named = front.piles()
    return render(
        request,
        "response/start.html",
        {
            "form": LookUp() if viewer.may("response:preview:read") else None,
            "may_add": viewer.may("response:report:add") or viewer.may("response:report:add_own"),
            "cards": [card for card in front.cards(viewer, at=at) if card.count],
            "piles": [
                (named[pile.name], pile, case_rows(pile.rows))
                for pile in my_open_work(viewer, most=5)
            ],
            "clocks": front.clocks_for(viewer)[:MOST_CLOCKS],
            "now": at,
        },
    )


@needs(*MAY)
@require_safe
def deadlines(request: Asked) -> HttpResponseBase:
    """One's own deadlines as a file for a calendar; a feed of them is a call (docs: calendar)."""
    feed = consult_deadlines(
        request.viewer,
        known=(),
        where=request.build_absolute_uri,
        name=_("Deadlines at %(node)s") % {"node": settings.NODE_NAME},
        at=datetime.now(UTC),
    )
    return attachment(feed.data, name="deadlines.ics", media_type=ical.MEDIA_TYPE)
