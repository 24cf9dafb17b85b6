"""Figures of a day, a week, a month."""

from datetime import UTC, datetime

from django.http import HttpResponseBase
from django.shortcuts import render
from django.views.decorators.http import require_safe

from tocsin.desks.response.queries.cases import SPANS
from tocsin.desks.response.queries.clean_up import clean_up_for
from tocsin.desks.response.queries.pictures import pictures_for
from tocsin.desks.response.views.doors import (
    crumbs,
)
from tocsin.office.people.asking import Asked, needs


@needs("response:case:read", "response:case:read_own")
@require_safe
def figures(request: Asked) -> HttpResponseBase:
    """Numbers, charts and the map."""
    picture = pictures_for(request.viewer, span=request.GET.get("span", "7d"), at=datetime.now(UTC))
    said = {
        "picture": picture,
        "spans": list(SPANS),
        "cleaning": clean_up_for(request.viewer, of=request.GET.get("of", "")),
        "crumbs": crumbs(),
    }
    return render(request, "response/figures.html", said)
