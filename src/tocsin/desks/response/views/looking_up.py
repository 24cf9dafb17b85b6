"""Who would be told of an address, a network, a domain or a URL, which fields, and why."""

from datetime import UTC, datetime
from typing import Any

from django.conf import settings
from django.http import HttpResponseBase
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from tocsin.desks.response import queries
from tocsin.desks.response.forms import LookUp
from tocsin.desks.response.views.doors import (
    crumbs,
    store_folder,
)
from tocsin.flow.networks import load_networks, snapshot_in
from tocsin.office import sentences
from tocsin.office.people.asking import Asked, needs
from tocsin.rules.concern import ACTING
from tocsin.words.errors import TocsinError
from tocsin.words.markings import Tlp

MAY = "response:preview:read"


@needs(MAY)
@require_safe
def look_up(request: Asked) -> HttpResponseBase:
    """The form, and the answer where something was asked."""
    asked = "target" in request.GET
    form = LookUp(request.GET if asked else None)
    found = _found(form) if asked and form.is_valid() else None
    told = found.told if found else ()
    return render(
        request,
        "response/look_up.html",
        {
            "form": form,
            "found": found,
            "facts": found.facts.items() if found else (),
            "told": [(one, _fields(one)) for one in told],
            "is_routed": any(one.relation in ACTING for one in told),
            "crumbs": crumbs(),
            "title": _("Who would be told?"),
        },
        status=400 if form.is_bound and form.errors else 200,
    )


def _found(form: LookUp) -> Any:
    words = form.cleaned_data
    port = words["port"]
    try:
        return queries.look_up(
            words["target"],
            kind=words["kind"],
            fields={} if port is None else {"source.port": str(port)},
            tlp=Tlp(words["tlp"]),
            networks=load_networks(snapshot_in(store_folder() / "networks"), settings.OVERLAY),
            at=datetime.now(UTC),
        )
    except TocsinError as fault:
        form.add_error("target", sentences.said(str(fault)))
        return None


def _fields(told: Any) -> dict[str, list[Any]]:
    """What leaves, and what stays here."""
    given = [row for row in told.fields if row.act not in ("drop", "never")]
    kept = [row for row in told.fields if row.act in ("drop", "never")]
    return {"given": given, "kept": kept, "bases": list(dict.fromkeys(r.basis for r in given))}
