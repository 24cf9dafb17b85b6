"""Re-checks: those that are due, and what somebody saw."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from tocsin.desks.shield.actions.rechecking import record_recheck
from tocsin.desks.shield.forms import RecordRecheck
from tocsin.desks.shield.queries.listings import REVIEW
from tocsin.desks.shield.queries.messages import inert
from tocsin.desks.shield.queries.rechecks import due_rechecks, find_recheck, hours_left
from tocsin.desks.shield.views.doors import now, page_number
from tocsin.office import sentences
from tocsin.office.people.asking import Asked, needs
from tocsin.words.errors import NotFound, TocsinError

PER_PAGE = 50


@needs(REVIEW)
@require_safe
def rechecks(request: Asked) -> HttpResponseBase:
    """Those whose date has come, the longest overdue first, each with its clock."""
    at = now()
    page = Paginator(due_rechecks(at=at), PER_PAGE).get_page(page_number(request))
    rows = [(row, _clock(hours_left(row, at=at))) for row in page]
    return render(request, "shield/rechecks.html", {"page": page, "rows": rows})


@needs(REVIEW)
@require_http_methods(["GET", "HEAD", "POST"])
def recheck(request: Asked, uid: UUID) -> HttpResponseBase:
    """One listing to be looked at again, with what it was listed for."""
    row = find_recheck(request.viewer, uid)
    form = RecordRecheck(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        try:
            record_recheck(request.viewer, uid, **form.cleaned_data, at=now())
        except NotFound:
            raise
        except TocsinError as fault:
            form.add_error(None, sentences.said(str(fault)))
        else:
            messages.success(request, _("It is written down."))
            return redirect("shield:listing", uid=row.listing.uid)
    grounds = row.listing.grounds.first()
    said = {
        "row": row,
        "listing": row.listing,
        "form": form,
        "clock": _clock(hours_left(row, at=now())),
        "is_due": row.done_at is None and row.due_at <= now(),
        "grounds": grounds,
        "places": [inert(one) for one in grounds.facts["addresses"]] if grounds else [],
        "crumbs": [(_("Re-checks"), reverse("shield:rechecks"))],
    }
    return render(request, "shield/recheck.html", said, status=422 if form.errors else 200)


def _clock(hours: int) -> dict[str, Any]:
    return {"hours": max(hours, 0), "is_missed": hours < 0, "late": -hours}
