"""Deliveries: lists, one with its receipts and why, its file for whoever may read it."""

from datetime import UTC, datetime
from uuid import UUID

from django.http import HttpResponseBase, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from tocsin.desks.response.forms import Reason
from tocsin.desks.response.queries import deliveries as queries
from tocsin.desks.response.views.doors import (
    MOST_EXPORTED,
    crumbs,
    exported,
    page_number,
    query_without,
    store_folder,
)
from tocsin.office import register
from tocsin.office.people.asking import Asked, needs
from tocsin.office.tickets import ticket_for

MAY = ("response:delivery:read", "response:delivery:read_own")
HEADS = (
    "delivery",
    "party",
    "relation",
    "rows",
    "format",
    "channel",
    "tlp",
    "state",
    "created_at",
    "delivered_at",
    "attempt",
    "digest",
)


@needs(*MAY)
@require_safe
def list_deliveries(request: Asked) -> HttpResponseBase:
    """The deliveries there are, the newest first; as a table or as a file."""
    names = ("state", "party", "relation", "run")
    wanted = queries.Wanted(**{name: request.GET.get(name, "") for name in names})
    if (form := request.GET.get("as", "")) in ("csv", "json"):
        rows = queries.every_delivery(request.viewer, wanted)[:MOST_EXPORTED]
        cells = (
            [row.uid.hex, row.party.slug, *(getattr(row, name) for name in HEADS[2:])]
            for row in rows.iterator(chunk_size=1000)
        )
        return exported(form, "deliveries", HEADS, cells, at=datetime.now(UTC))
    said = {
        "page": queries.deliveries_for(request.viewer, wanted, page=page_number(request)),
        "counts": queries.delivery_counts(request.viewer),
        "wanted": wanted,
        "query": query_without(request, "page"),
        "crumbs": crumbs(),
    }
    return render(request, "response/deliveries.html", said)


@needs(*MAY)
@require_safe
def show_delivery(request: Asked, uid: UUID) -> HttpResponseBase:
    """One delivery: what was given and withheld field by field, what came back."""
    file = queries.delivery_for(request.viewer, uid, store_folder=store_folder())
    said = {
        "file": file,
        "delivery": file.delivery,
        "form": Reason(),
        "is_own": request.viewer.may(MAY[1], file.delivery.party),
        "crumbs": crumbs((_("Deliveries"), reverse("response:deliveries"))),
    }
    return render(request, "response/delivery.html", said)


@needs(*MAY)
@require_POST
def fetch_delivery(request: Asked, uid: UUID) -> HttpResponseBase:
    """The way to the file; whoever takes it says why, and the register keeps it."""
    file = queries.fetchable_for(request.viewer, uid, store_folder=store_folder())
    register.consult(
        noun="response:delivery",
        actor=request.viewer.name,
        at=datetime.now(UTC),
        why=request.POST.get("why", "")[:200],
        subject=file.delivery.uid,
        shown=file.delivery.rows,
    )
    return HttpResponseRedirect(reverse("file", args=[ticket_for(file.delivery)]))
