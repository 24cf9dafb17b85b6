"""For anybody, without an account and without JavaScript: report, check, appeal, be warned."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponseBase, JsonResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_safe

from tocsin.desks.shield.actions.answering import appeal_text, outcome_of, outcome_text
from tocsin.desks.shield.actions.appealing import file_appeal
from tocsin.desks.shield.actions.receiving import LARGEST_FILE, Brought, receive_message
from tocsin.desks.shield.actions.references import tidy
from tocsin.desks.shield.forms import CheckName, FileAppeal, FindReference, ReportMessage
from tocsin.desks.shield.models import Appeal, Message
from tocsin.desks.shield.queries.grounds import public_grounds
from tocsin.desks.shield.queries.listings import Known, check
from tocsin.desks.shield.views.doors import (
    language,
    now,
    open_to_all,
    pseudonym,
    store_folder,
    too_often,
)
from tocsin.office import sentences
from tocsin.office.limits import may_try
from tocsin.words.errors import NotFound, TocsinError, Unreadable
from tocsin.words.moments import iso

_FORM = require_http_methods(["GET", "HEAD", "POST"])
PUBLIC = "public"


@open_to_all("shield-report")
@_FORM
def report(request: HttpRequest) -> HttpResponseBase:
    """Report a suspicious message; the answer is a reference, whatever was sent."""
    posted = request.method == "POST"
    form = ReportMessage(request.POST if posted else None, request.FILES if posted else None)
    if posted and form.is_valid():
        file, at = form.cleaned_data["file"], now()
        brought = Brought(
            text=form.cleaned_data["text"],
            data=file.read(LARGEST_FILE + 1) if file else b"",
            answer_to=form.cleaned_data["answer_to"],
            language=language(),
            reporter=pseudonym(request, at=at),
        )
        try:
            row = receive_message(brought, by=PUBLIC, at=at, store_folder=store_folder())
        except TocsinError as fault:
            form.add_error(None, sentences.said(str(fault)))
        else:
            return redirect("shield:outcome", reference=row.reference)
    status = 422 if form.errors else 200
    return render(request, "shield/report.html", {"form": form}, status=status)


@open_to_all("shield-outcome")
@require_safe
def outcome(request: HttpRequest, reference: str) -> HttpResponseBase:
    """What came of a report or an appeal; whoever has the reference may ask."""
    word = tidy(reference)
    message = Message.objects.filter(reference=word).first()
    appeal = None if message else Appeal.objects.filter(reference=word).first()
    if message is None and appeal is None:
        return render(request, "shield/outcome.html", {"reference": word}, status=404)
    said = {
        "reference": word,
        "message": message,
        "appeal": appeal,
        "rested_on": public_grounds(appeal.listing) if appeal else None,
        "text": outcome_text(outcome_of(message)) if message else appeal_text(appeal.state),  # type: ignore[union-attr]
    }
    return render(request, "shield/outcome.html", said)


@open_to_all("shield-find")
@_FORM
def find(request: HttpRequest) -> HttpResponseBase:
    """To what came of something, by its reference."""
    form = FindReference(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        return redirect("shield:outcome", reference=tidy(form.cleaned_data["reference"]))
    status = 422 if form.errors else 200
    return render(request, "shield/find.html", {"form": form}, status=status)


@open_to_all("shield-check")
@require_safe
def check_name(request: HttpRequest) -> HttpResponseBase:
    """Is it listed, why, since when; nothing of what is asked is kept."""
    asked = request.GET.get("name", "")
    found, problem = _checked(asked)
    form = CheckName({"name": asked} if asked else None)
    row = found.listing if found else None
    rested_on = public_grounds(row) if row else None
    said = {"form": form, "found": found, "problem": problem, "rested_on": rested_on}
    return render(request, "shield/check.html", said, status=400 if problem else 200)


@open_to_all("shield-check-call")
@require_safe
def check_call(request: HttpRequest) -> HttpResponseBase:
    """The same for programs, as JSON; an hour has so many calls."""
    if not may_try("shield-check-call", request, most=settings.SHIELD["rate"] * 60, at=now()):
        return too_often(request)
    asked = request.GET.get("name", "")
    found, problem = _checked(asked)
    if found is None:
        return JsonResponse({"detail": problem or "Possible: ?name=bank.example"}, status=400)
    row = found.listing
    facts: dict[str, Any] = {"asked": found.asked, "host": found.host, "listed": row is not None}
    if row is not None and row.listed_at and row.expires_at:
        facts |= {
            "reference": row.reference,
            "scope": row.scope,
            "value": row.value,
            "because": row.because,
            "reason": row.reason,
            "legal_basis": row.basis,
            "imitates": row.brand or None,
            "listed_at": iso(row.listed_at),
            "expires_at": iso(row.expires_at),
        }
    return JsonResponse(facts)


def _checked(asked: str) -> tuple[Known | None, str]:
    if not asked.strip():
        return None, ""
    try:
        return check(asked[:2000], at=now()), ""
    except Unreadable as fault:
        return None, sentences.said(str(fault))


@open_to_all("shield-appeal")
@_FORM
def appeal(request: HttpRequest) -> HttpResponseBase:
    """Say that a listing is wrong."""
    posted = request.method == "POST"
    initial = {
        "about": request.GET.get("name", "")[:2000],
        "is_cleaned": request.GET.get("cleaned") == "1",
    }
    form = FileAppeal(request.POST if posted else None, initial=initial)
    if posted and form.is_valid():
        try:
            row = file_appeal(**form.cleaned_data, language=language(), by=PUBLIC, at=now())
        except NotFound as fault:
            form.add_error("about", sentences.said(str(fault)))
        except TocsinError as fault:
            form.add_error(None, sentences.said(str(fault)))
        else:
            return redirect("shield:outcome", reference=row.reference)
    status = 422 if form.errors else 200
    return render(request, "shield/appeal.html", {"form": form}, status=status)
