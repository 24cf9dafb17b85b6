"""Quarantine: what could not be used, why, and the exact bytes for whoever gives a reason."""

from datetime import UTC, datetime

from django.http import HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from tocsin.desks.response.forms import Reason
from tocsin.desks.response.queries import set_aside
from tocsin.desks.response.views.doors import (
    crumbs,
    store_folder,
)
from tocsin.office import register
from tocsin.office.people.asking import Asked, needs

MAY = "response:report:read"


@needs(MAY)
@require_safe
def list_quarantine(request: Asked) -> HttpResponseBase:
    """How many records could not be used, by file and reason; no byte of them."""
    run = request.GET.get("run", "")
    rows = set_aside.reasons(store_folder() / "quarantine", run=run)
    said = {"rows": rows, "run": run, "form": Reason(), "crumbs": crumbs()}
    return render(request, "response/quarantine.html", said)


@needs(MAY)
@require_POST
def show_records(request: Asked) -> HttpResponseBase:
    """The exact bytes; who looked and why is in the register before anything is shown."""
    run, reason = request.POST.get("run", ""), request.POST.get("reason", "")
    rows = set_aside.records(store_folder() / "quarantine", run=run, reason=reason)
    register.consult(
        noun="office:quarantine",
        actor=request.viewer.name,
        at=datetime.now(UTC),
        why=request.POST.get("why", "")[:200],
        what=run,
        shown=len(rows),
    )
    way = crumbs((_("Quarantine"), reverse("response:quarantine")))
    said = {"rows": rows, "most": set_aside.MOST_RECORDS, "crumbs": way}
    return render(request, "response/records.html", said)
