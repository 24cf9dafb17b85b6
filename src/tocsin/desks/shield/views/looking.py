"""A reviewer has an address looked at, where the operator turned that on."""

from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.http import HttpResponseBase
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from tocsin.desks.shield.actions.looking import ask_for_look
from tocsin.desks.shield.queries.listings import REVIEW
from tocsin.desks.shield.views.doors import now
from tocsin.office import sentences
from tocsin.office.people.asking import Asked, needs
from tocsin.words.errors import NotFound, TocsinError


@needs(REVIEW)
@require_POST
def fetch_group(request: Asked, uid: UUID) -> HttpResponseBase:
    """It waits for the fetcher; the page of the group says what came of it."""
    try:
        ask_for_look(request.viewer, uid, fetcher=settings.SHIELD["fetcher"], at=now())
    except NotFound:
        raise
    except TocsinError as fault:
        messages.error(request, sentences.said(str(fault)))
    else:
        messages.success(request, _("It waits for the fetcher. Look here again in a moment."))
    return redirect("shield:group", uid=uid)
