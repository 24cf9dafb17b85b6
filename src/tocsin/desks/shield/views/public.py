"""For anybody, without an account and without JavaScript: report, check, appeal, be warned."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponseBase, JsonResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_http_methods, require_safe

from tocsin.desks.shield.actions.answering import appeal_text, outcome_of, outcome_text
from tocsin.desks.shield.actions.claiming import appeal_by
from tocsin.desks.shield.actions.receiving import LARGEST_FILE, Brought, receive_message
from tocsin.desks.shield.actions.references import tidy
from tocsin.desks.shield.forms import FileAppeal, FindReference, ReportMessage
from tocsin.desks.shield.models import Appeal, Claim, Listing, Message
from tocsin.desks.shield.queries.grounds import public_grounds
from tocsin.desks.shield.queries.listings import Known, check
from tocsin.desks.shield.views.doors import (
    now,
    open_to_all,
    pseudonym,
    store_folder,
    too_often,
)
from tocsin.desks.shield.views.spoken import address_of, sentence_of, spoken, spoken_page
from tocsin.office import sentences
from tocsin.office.limits import may_try
from tocsin.office.templatetags.words import moment
from tocsin.words.errors import NotFound, TocsinError, Unreadable
from tocsin.words.moments import iso

_FORM = require_http_methods(["GET", "HEAD", "POST"])
PUBLIC = "public"


@open_to_all("shield-report")
@_FORM
def report(request: HttpRequest) -> HttpResponseBase:
    """Report a suspicious message; the answer is a reference, whatever was sent."""
    posted, words = request.method == "POST", spoken(request)
    given = (request.POST, request.FILES) if posted else ()
    form = ReportMessage(*given, text=words.texts)
    if posted and form.is_valid():
        file, at = form.cleaned_data["file"], now()
        brought = Brought(
            text=form.cleaned_data["text"],
            data=file.read(LARGEST_FILE + 1) if file else b"",
            answer_to=form.cleaned_data["answer_to"],
            language=words.code,
            reporter=pseudonym(request, at=at),
        )
        try:
            row = receive_message(brought, by=PUBLIC, at=at, store_folder=store_folder())
        except TocsinError as fault:
            form.add_error(None, sentences.said(str(fault)))
        else:
            return redirect(address_of(request, "shield:outcome", reference=row.reference))
    status = 422 if form.errors else 200
    return spoken_page(request, "shield/report.html", {"form": form}, status=status)


@open_to_all("shield-outcome")
@require_safe
def outcome(request: HttpRequest, reference: str) -> HttpResponseBase:
    """What came of a report or an appeal; whoever has the reference may ask."""
    word, words = tidy(reference), spoken(request)
    code = words.code
    message = Message.objects.filter(reference=word).first()
    appeal = None if message else Appeal.objects.filter(reference=word).first()
    if message is None and appeal is None:
        return _claimed(request, word)
    said: dict[str, Any] = {"reference": word, "message": message, "appeal": appeal}
    if message is not None:
        said["outcome"] = outcome_text(outcome_of(message), language=code)
        received_at = message.received_at
    elif appeal is not None:
        said["outcome"] = appeal_text(appeal.state, language=code)
        said |= _grounds(request, appeal.listing)
        received_at = appeal.filed_at
    said["received"] = words.texts["received_at"].format(at=moment(received_at))
    return spoken_page(request, "shield/outcome.html", said)


def _claimed(request: HttpRequest, word: str) -> HttpResponseBase:
    """The one answer to whoever appealed by a name that the public list does not have."""
    row, words = Claim.objects.filter(reference=word).first(), spoken(request)
    said: dict[str, Any] = {"reference": word, "appeal": row}
    if row is not None:
        said["outcome"] = appeal_text("unlisted", language=words.code)
        said["received"] = words.texts["received_at"].format(at=moment(row.filed_at))
    return spoken_page(request, "shield/outcome.html", said, status=200 if row else 404)


@open_to_all("shield-find")
@_FORM
def find(request: HttpRequest) -> HttpResponseBase:
    """To what came of something, by its reference."""
    given = request.POST if request.method == "POST" else None
    form = FindReference(given, text=spoken(request).texts)
    if request.method == "POST" and form.is_valid():
        reference = tidy(form.cleaned_data["reference"])
        return redirect(address_of(request, "shield:outcome", reference=reference))
    status = 422 if form.errors else 200
    return spoken_page(request, "shield/find.html", {"form": form}, status=status)


@open_to_all("shield-check")
@require_safe
def check_name(request: HttpRequest) -> HttpResponseBase:
    """Is it listed, why, since when; nothing of what is asked is kept."""
    asked = request.GET.get("name", "")
    found, problem = _checked(asked)
    row = found.listing if found else None
    said = {"asked": asked[:2000], "found": found, "is_unreadable": bool(problem)}
    if found:
        key = "check_listed" if row else "check_not"
        said["answer"] = spoken(request).texts[key].format(host=found.host)
    said |= _grounds(request, row) if row else {}
    return spoken_page(request, "shield/check.html", said, status=400 if problem else 200)


def _grounds(request: HttpRequest, row: Listing) -> dict[str, Any]:
    """What it rests on; sentences of the software in the page's language where it knows them."""
    rested_on, words = public_grounds(row), spoken(request)
    code, counts = words.code, ""
    if rested_on and rested_on.messages:
        counts = words.texts["rested_count"].format(
            reports=rested_on.messages, people=rested_on.reporters
        )
    return {
        "rested_counts": counts,
        "because": sentence_of(row.because, code),
        "reasons": [sentence_of(one, code) for one in rested_on.reasons] if rested_on else [],
        "rested_on": rested_on,
    }


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
    posted, words = request.method == "POST", spoken(request)
    initial = {
        "about": request.GET.get("name", "")[:2000],
        "is_cleaned": request.GET.get("cleaned") == "1",
    }
    form = FileAppeal(request.POST if posted else None, initial=initial, text=words.texts)
    if posted and form.is_valid():
        try:
            word = appeal_by(**form.cleaned_data, language=words.code, by=PUBLIC, at=now())
        except NotFound:
            form.add_error("about", words.texts["wrong_listing"])
        except TocsinError as fault:
            form.add_error(None, sentences.said(str(fault)))
        else:
            return redirect(address_of(request, "shield:outcome", reference=word))
    status = 422 if form.errors else 200
    return spoken_page(request, "shield/appeal.html", {"form": form}, status=status)
