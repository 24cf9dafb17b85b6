"""Reports: brought in, on their way, and what came of them."""

import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.cache import get_conditional_response
from django.utils.http import quote_etag
from django.utils.translation import get_language, gettext_lazy
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from tocsin.desks.response.actions.moving import Post
from tocsin.desks.response.actions.owing import ANSWER, answer_reporter, is_owed
from tocsin.desks.response.actions.take_in import Brought, take_in
from tocsin.desks.response.forms import BringIn
from tocsin.desks.response.models import Intake
from tocsin.desks.response.queries import reports as queries
from tocsin.desks.response.views.doors import (
    crumbs,
    page_number,
    query_without,
    store_folder,
)
from tocsin.office import sentences
from tocsin.office.models import Deadline, Party
from tocsin.office.people.asking import Asked, needs
from tocsin.office.people.viewer import Viewer
from tocsin.words.errors import NotFound, TocsinError
from tocsin.words.markings import Tlp

READ = ("response:report:read", "response:report:read_own")
ADD, ADD_OWN, PREVIEW = "response:report:add", "response:report:add_own", "response:preview:read"
STAGES = {
    "": gettext_lazy("waits for the worker"),
    "read": gettext_lazy("reading and validating"),
    "judge": gettext_lazy("telling repeats apart"),
    "route": gettext_lazy("finding the concerned"),
}


@needs(*READ)
@require_safe
def list_reports(request: Asked) -> HttpResponseBase:
    """The reports there are, the newest first; uploads that wait or failed above them."""
    state = request.GET.get("state", "")
    page = queries.reports_for(request.viewer, state=state, page=page_number(request))
    said = {
        "page": page,
        "intakes": queries.intakes_for(request.viewer, state=state) if page.number == 1 else [],
        "state": state,
        "states": queries.STATES,
        "query": query_without(request, "page"),
        "may_add": request.viewer.may(ADD) or request.viewer.may(ADD_OWN),
        "crumbs": crumbs(),
    }
    return render(request, "response/reports.html", said)


@needs(*READ)
@require_safe
def show_report(request: Asked, uid: UUID) -> HttpResponseBase:
    """One report: what was read, what came of it."""
    file = queries.report_for(request.viewer, uid)
    said = {
        "file": file,
        **_answering(request, file.intake, file.clocks),
        "crumbs": crumbs((_("Reports"), reverse("response:reports"))),
    }
    return render(request, "response/report.html", said)


def _answering(request: Asked, intake: Intake | None, clocks: Sequence[Deadline]) -> dict[str, Any]:
    """What is shown of the answer to whoever brought something in; the clock is the desk's."""
    may = intake is not None and is_owed(intake) and request.viewer.may(ANSWER)
    clocks = clocks if request.viewer.may(READ[0]) else ()
    return {"brought": intake, "may_answer": may, "clocks": clocks, "now": datetime.now(UTC)}


@needs(ANSWER)
@require_POST
def answer(request: Asked, uid: UUID) -> HttpResponseBase:
    """Tell whoever brought a report in what became of it."""
    try:
        answer_reporter(
            request.viewer,
            uid,
            text=request.POST.get("text", ""),
            at=datetime.now(UTC),
            post=Post(store_folder(), settings.NODE_NAME),
        )
    except NotFound:
        raise
    except TocsinError as fault:
        messages.error(request, sentences.said(str(fault)))
    else:
        messages.success(request, _("The answer is on its way."))
    return redirect("response:intake", uid=uid)


@needs(ADD, ADD_OWN)
@require_http_methods(["GET", "HEAD", "POST"])
def add_report(request: Asked) -> HttpResponseBase:
    """Bring a report in; the worker does the rest."""
    form = BringIn(*((request.POST, request.FILES) if request.method == "POST" else ()))
    if getattr(request, "upload_refused", False):
        limit = settings.UPLOAD_LIMIT // (1024 * 1024)
        form.add_error("file", _("It is larger than %(limit)s MiB.") % {"limit": limit})
    if request.method == "POST" and form.is_valid():
        intake = _taken(request, form)
        if intake is not None:
            return redirect("response:intake", uid=intake.uid)
    said = {
        "form": form,
        "may_preview": request.viewer.may(PREVIEW),
        "limit": settings.UPLOAD_LIMIT // (1024 * 1024),
        "crumbs": crumbs((_("Reports"), reverse("response:reports"))),
    }
    return render(request, "response/add_report.html", said, status=400 if form.errors else 200)


def _taken(request: Asked, form: BringIn) -> Intake | None:
    words = form.cleaned_data
    is_preview = request.POST.get("purpose") == "preview" and request.viewer.may(PREVIEW)
    brought = Brought(
        tlp=Tlp(words["tlp"]),
        format=words["format"],
        classification=words["classification"],
        purpose="preview" if is_preview else "route",
        mapping=words["mapping"],
    )
    try:
        return take_in(
            Path(words["file"].temporary_file_path()),
            name=words["file"].name,
            brought=brought,
            party=_party(request.viewer),
            by=request.viewer.name,
            at=datetime.now(UTC),
            store_folder=store_folder(),
        )
    except TocsinError as fault:
        form.add_error("file", sentences.said(str(fault)))
        return None


def _party(viewer: Viewer) -> Party | None:
    """For whom somebody brings it in."""
    held = viewer.parties_where(ADD) | viewer.parties_where(ADD_OWN)
    return next((party for party in viewer.parties if party.pk in held), None)


@needs(*READ)
@require_safe
def show_intake(request: Asked, uid: UUID) -> HttpResponseBase:
    """How far an upload is, and what came of it; 304 where nothing changed since."""
    intake = queries.intake_for(request.viewer, uid)
    is_part = request.headers.get("HX-Request") == "true"
    clocks = queries.answer_clocks(intake.uid)
    tag = _tag(intake, request, clocks, is_part=is_part)
    response: HttpResponse | None = get_conditional_response(request, etag=tag)
    if response is None:
        page = "response/parts/intake.html" if is_part else "response/intake.html"
        response = render(
            request, page, {**_said(request, intake), **_answering(request, intake, clocks)}
        )
        response["ETag"] = tag
    response["Vary"] = "HX-Request, Cookie, Accept-Language"
    return response


def _tag(intake: Intake, request: Asked, clocks: list[Deadline], *, is_part: bool) -> str:
    """Changes with whatever the page shows; a page with messages is never the same."""
    facts = (intake.uid, intake.state, intake.stage, intake.rows, intake.error, intake.attempt)
    answered = (intake.answered_at, [(row.pk, row.state, row.met_at) for row in clocks])
    words = (request.viewer.name, get_language(), is_part, len(messages.get_messages(request)))
    return quote_etag(hashlib.sha256(repr((facts, answered, words)).encode()).hexdigest()[:32])


def _said(request: Asked, intake: Intake) -> dict[str, Any]:
    desk = request.viewer.may("response:report:read")
    outcome = intake.outcome
    is_routed = intake.state == Intake.State.DONE and intake.run is not None
    return {
        "intake": intake,
        "is_waiting": intake.state == Intake.State.WAITING,
        "stage": STAGES.get(intake.stage, intake.stage),
        "outcome": outcome,
        "told": outcome.get("told", []) if desk else [],
        "relations": queries.relations_told(queries.told_of(intake)) if is_routed else [],
        "is_desk": desk,
        "crumbs": crumbs((_("Reports"), reverse("response:reports"))),
    }
