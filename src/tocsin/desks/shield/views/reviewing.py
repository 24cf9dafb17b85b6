"""For those who decide: the queue, a group, a message, listings, appeals, names."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from tocsin.desks.shield.actions.appealing import step_appeal
from tocsin.desks.shield.actions.consulting import consult_message
from tocsin.desks.shield.actions.deciding import (
    approve,
    reject_group,
    step_listing,
)
from tocsin.desks.shield.actions.naming import CHANGE, add_names, remove_name
from tocsin.desks.shield.forms import AddNames, Approve, Reason
from tocsin.desks.shield.models import Group, Listing, Name
from tocsin.desks.shield.queries.appeals import REVIEW as APPEALS
from tocsin.desks.shield.queries.appeals import AppealFile, appeal_for, open_appeals
from tocsin.desks.shield.queries.choosing import choice_for
from tocsin.desks.shield.queries.covering import unnamed
from tocsin.desks.shield.queries.listings import (
    PROPOSE,
    READ,
    READ_OWN,
    REVIEW,
    ListingFile,
    list_listings,
    listing_for,
)
from tocsin.desks.shield.queries.listings import queue as waiting
from tocsin.desks.shield.queries.looked_up import lists_of
from tocsin.desks.shield.queries.looks import seen_of
from tocsin.desks.shield.queries.messages import inert, places_of
from tocsin.desks.shield.queries.visits import visits_of
from tocsin.desks.shield.views.doors import (
    now,
    page_number,
    store_folder,
)
from tocsin.flow.scope import Choice
from tocsin.office import sentences
from tocsin.office.people.asking import Asked, needs
from tocsin.rules.audiences import PUBLIC
from tocsin.rules.shield import CAMPAIGN
from tocsin.rules.starting_lists import STARTING
from tocsin.words.errors import NotFound, TocsinError

_STARTING = {kind: sorted(values) for kind, values in STARTING.items()}
MESSAGES = "shield:message:read"
PER_PAGE = 50
STEPS = {
    "confirm": gettext_lazy("Confirm: list it"),
    "decline": gettext_lazy("Decline the renewal"),
    "dismiss": gettext_lazy("Dismiss the appeal"),
    "override": gettext_lazy("Override the warnings"),
    "reject": gettext_lazy("Reject it"),
    "release": gettext_lazy("Give it back"),
    "renew": gettext_lazy("Renew it"),
    "take": gettext_lazy("Take it"),
    "uphold": gettext_lazy("Uphold the appeal: withdraw the listing"),
    "withdraw": gettext_lazy("Withdraw it"),
}
STATES = {
    "in_force": gettext_lazy("in force"),
    "pending": gettext_lazy("pending"),
    "all": gettext_lazy("all"),
}


@needs(MESSAGES)
@require_safe
def queue(request: Asked) -> HttpResponseBase:
    """Groups that wait, the most urgent first, each with its clock."""
    at = now()
    page = Paginator(waiting(), PER_PAGE).get_page(page_number(request))
    rows = [(group, clock(group, at)) for group in page]
    return render(request, "shield/queue.html", {"page": page, "rows": rows})


def clock(group: Group, at: Any) -> dict[str, Any]:
    """How long the campaign may still find victims, in hours; negative where it is over."""
    ends = group.first_at + CAMPAIGN
    left = (ends - at) / timedelta(hours=1)
    return {"ends_at": ends, "hours": int(left) if left > 0 else 0, "is_over": left <= 0}


@needs(MESSAGES)
@require_safe
def group(request: Asked, uid: UUID) -> HttpResponseBase:
    """One group: where it leads, what was sent in, what the software would list."""
    return _group_page(request, _group(uid))


@needs(PROPOSE)
@require_POST
def approve_group(request: Asked, uid: UUID) -> HttpResponseBase:
    """Approve what the software chose as the first of two."""
    found, form = _group_for(request, uid), Approve(request.POST)
    if form.is_valid():
        words = {**form.cleaned_data, "scope": form.cleaned_data["scope"] or None}
        words["tlp"] = words["tlp"] or PUBLIC.most.value
        try:
            row = approve(request.viewer, **words, group=uid, at=now())
        except NotFound:
            raise
        except TocsinError as fault:
            form.add_error(None, sentences.said(str(fault)))
        else:
            messages.success(request, _("Approved. Somebody else is to confirm it."))
            return redirect("shield:listing", uid=row.uid)
    return _group_page(request, found, form=form)


@needs(REVIEW)
@require_POST
def reject(request: Asked, uid: UUID) -> HttpResponseBase:
    """Nothing of a group is to be listed."""
    found, form = _group_for(request, uid), Reason(request.POST, step="reject", prefix="reject")
    if form.is_valid():
        try:
            reject_group(request.viewer, uid, reason=form.cleaned_data["text"], at=now())
        except NotFound:
            raise
        except TocsinError as fault:
            form.add_error(None, sentences.said(str(fault)))
        else:
            messages.success(request, _("Rejected. Its reporters are told."))
            return redirect("shield:queue")
    return _group_page(request, found, rejection=form)


def _group(uid: UUID) -> Group:
    row = Group.objects.filter(uid=uid).first()
    if row is None:
        raise NotFound(f"there is no group {uid}")
    return row


def _group_for(request: Asked, uid: UUID) -> Group:
    if not request.viewer.may(MESSAGES):
        raise NotFound(f"there is no group {uid}")
    return _group(uid)


def _group_page(
    request: Asked, found: Group, *, form: Approve | None = None, rejection: Reason | None = None
) -> HttpResponseBase:
    tried = form is not None or rejection is not None
    choice, problem = _choice(found.landing)
    related = Group.objects.filter(lure=found.lure).exclude(lure="").exclude(pk=found.pk)
    said = {
        "group": found,
        "clock": clock(found, now()),
        "places": places_of(found),
        "messages_": _messages(found),
        "listings": found.listings.all(),
        "choice": choice,
        "problem": problem,
        "related": related[:20],
        "seen": seen_of(found),
        "may_fetch": settings.SHIELD["fetcher"].is_on and request.viewer.may(REVIEW),
        "form": form or Approve(initial={"url": unnamed(found.landing)}),
        "rejection": rejection or Reason(step="reject", prefix="reject"),
        "may_approve": request.viewer.may(PROPOSE),
        "may_reject": request.viewer.may(REVIEW) and found.state in ("open", "waiting"),
        "crumbs": [(_("Queue"), reverse("shield:queue"))],
    }
    return render(request, "shield/group.html", said, status=422 if tried else 200)


def _messages(found: Group) -> list[Any]:
    seen = {one.message_id: one.message for one in found.sightings.select_related("message")[:200]}
    return list(seen.values())[:50]


def _choice(url: str) -> tuple[Choice | None, str]:
    if not url:
        return None, ""
    try:
        return choice_for(url, None), ""
    except TocsinError as fault:
        return None, sentences.said(str(fault))


@needs(MESSAGES)
@require_safe
def message(request: Asked, uid: UUID) -> HttpResponseBase:
    """What a citizen sent in, as plain text; that somebody looked is in the register."""
    row, shown = consult_message(request.viewer, uid, at=now(), store_folder=store_folder())
    groups = Group.objects.filter(sightings__message=row).distinct()
    crumbs = [(_("Queue"), reverse("shield:queue"))]
    said = {"row": row, "shown": shown, "groups": groups, "crumbs": crumbs}
    return render(request, "shield/message.html", said)


# ── listings ─────────────────────────────────────────────────────────────────────────────


@needs(READ, READ_OWN)
@require_safe
def listings(request: Asked) -> HttpResponseBase:
    """Those somebody may see."""
    state, text = request.GET.get("state", "in_force"), request.GET.get("text", "")[:300]
    page = list_listings(request.viewer, state=state, text=text, page=page_number(request))
    said = {"page": page, "state": state, "states": list(STATES.items()), "text": text}
    return render(request, "shield/listings.html", said)


@needs(READ, READ_OWN)
@require_safe
def listing(request: Asked, uid: UUID) -> HttpResponseBase:
    """One with its history and what may be done now."""
    return _listing_page(request, uid)


@needs(PROPOSE, REVIEW)
@require_POST
def listing_step(request: Asked, uid: UUID) -> HttpResponseBase:
    """Take the step of a button; what is refused is said in the words of the rules."""
    name = request.POST.get("step", "")[:20]
    form = Reason(request.POST, step=name)
    if form.is_valid():
        text = form.cleaned_data["text"]
        try:
            step_listing(request.viewer, uid, step=name, text=text, at=now())
        except NotFound:
            raise
        except TocsinError as fault:
            form.add_error(None, sentences.said(str(fault)))
        else:
            messages.success(request, _("It is written down."))
            return redirect("shield:listing", uid=uid)
    return _listing_page(request, uid, tried=(name, form))


def _listing_page(
    request: Asked, uid: UUID, *, tried: tuple[str, Reason] | None = None
) -> HttpResponseBase:
    file = listing_for(request.viewer, uid)
    crumbs = [(_("Listings"), reverse("shield:listings"))]
    said = {"file": file, "row": file.listing, "crumbs": crumbs}
    said["may_see_messages"] = request.viewer.may(MESSAGES)
    if request.viewer.may(REVIEW):
        least = settings.SHIELD["least"]
        said |= _grounds(file.listing) | {
            "rechecks": file.listing.rechecks.all(),
            "visits": visits_of(file.listing, least=least, at=now()),
        }
    said["shows_people"] = request.viewer.may(READ)  # not which of the node's people, to a partner
    said |= _steps(file, tried)
    return render(request, "shield/listing.html", said, status=422 if tried else 200)


def _grounds(row: Listing) -> dict[str, Any]:
    """What the newest decision rested on, its addresses as nothing that can be followed."""
    grounds = row.grounds.first()
    places = [inert(one) for one in grounds.facts["addresses"]] if grounds else []
    return {"grounds": grounds, "places": places}


def _steps(file: ListingFile | AppealFile, tried: tuple[str, Reason] | None) -> dict[str, Any]:
    """The forms of the steps; what was refused stands where it was tried."""
    names = [one.name for one in file.steps]
    name, form = tried or ("", None)
    rows = [(one, STEPS[one], form if one == name and form else Reason(step=one)) for one in names]
    refused = form.non_field_errors() if form is not None and name not in names else []
    withheld = [(STEPS[one], why) for one, why in file.withheld]
    opened = name or (names[0] if names else "")
    return {"steps": rows, "withheld": withheld, "open": opened, "refused": refused}


# ── appeals ──────────────────────────────────────────────────────────────────────────────


@needs(APPEALS)
@require_safe
def appeals(request: Asked) -> HttpResponseBase:
    """Those without a decision, the oldest first."""
    page = Paginator(open_appeals(), PER_PAGE).get_page(page_number(request))
    return render(request, "shield/appeals.html", {"page": page})


@needs(APPEALS)
@require_safe
def appeal(request: Asked, uid: UUID) -> HttpResponseBase:
    """One with the listing it is against and its history."""
    return _appeal_page(request, uid)


@needs(APPEALS)
@require_POST
def appeal_step(request: Asked, uid: UUID) -> HttpResponseBase:
    """Take, give back, uphold, dismiss."""
    name = request.POST.get("step", "")[:20]
    form = Reason(request.POST, step=name)
    if form.is_valid():
        text = form.cleaned_data["text"]
        try:
            step_appeal(request.viewer, uid, step=name, text=text, at=now())
        except NotFound:
            raise
        except TocsinError as fault:
            form.add_error(None, sentences.said(str(fault)))
        else:
            messages.success(request, _("It is written down."))
            return redirect("shield:appeal_file", uid=uid)
    return _appeal_page(request, uid, tried=(name, form))


def _appeal_page(
    request: Asked, uid: UUID, *, tried: tuple[str, Reason] | None = None
) -> HttpResponseBase:
    file = appeal_for(request.viewer, uid, at=now())
    crumbs = [(_("Appeals"), reverse("shield:appeals"))]
    said = {"file": file, "row": file.appeal, "listing": file.appeal.listing, "crumbs": crumbs}
    said |= _grounds(file.appeal.listing)
    said["shows_people"] = True
    said |= _steps(file, tried)
    return render(request, "shield/appeal_file.html", said, status=422 if tried else 200)


# ── names ────────────────────────────────────────────────────────────────────────────────


@needs(CHANGE)
@require_http_methods(["GET", "HEAD", "POST"])
def names(request: Asked) -> HttpResponseBase:
    """The lists that stop mistakes, and how to add to them."""
    form = AddNames(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        try:
            count = add_names(request.viewer, **form.cleaned_data, at=now())
        except TocsinError as fault:
            form.add_error(None, sentences.said(str(fault)))
        else:
            messages.success(request, _("%(count)s names are new.") % {"count": count})
            return redirect("shield:names")
    text = request.GET.get("text", "")[:253]
    rows = Name.objects.filter(value__icontains=text) if text else Name.objects.all()
    page = Paginator(rows, PER_PAGE).get_page(page_number(request))
    said = {"form": form, "page": page, "text": text, "lists": lists_of(), "starting": _STARTING}
    return render(request, "shield/names.html", said, status=422 if form.errors else 200)


@needs(CHANGE)
@require_POST
def forget_name(request: Asked, uid: UUID) -> HttpResponseBase:
    """Take a name off its list."""
    remove_name(request.viewer, uid, at=now())
    messages.success(request, _("The name is off its list."))
    return redirect("shield:names")
